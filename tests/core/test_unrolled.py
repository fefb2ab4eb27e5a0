"""A network unrolled over a sequence: its states, its losses, and the gradients of truncated backpropagation."""

import math
from typing import Any

import numpy as np
import pytest
from seqcore.cellwork.unrolled import unrolled
from seqcore.cellwork.work import Cellwork
from seqcore.config import ModelConfig
from seqcore.serial import serial_model

from tests.core import twin, twin_families
from tests.core.cases import CELLS, EVERY
from tests.core.families import drawn, named, parameters
from tests.core.test_cellwork import T, names_of, opened, opened_pair
from tests.core.test_pairs import CONFIGS

pytestmark = pytest.mark.usefixtures("kernels")


def work_of(config: ModelConfig, keep: slice = slice(None), steps: int = T) -> tuple[Cellwork, Any]:
    """The equations of a model whose targets are known within `keep` only, and the targets of all timesteps."""
    given, (inputs, targets) = parameters(config, 3), drawn(config, steps, 1, 0.0, 3)
    model, own = serial_model(config, given), targets[:, 0].copy()
    masked = np.full_like(own, -1)
    masked[keep] = own[keep]
    read = inputs[:, 0].copy()
    return Cellwork(model, model.look(read), read, masked, names_of(steps)), own


@pytest.mark.parametrize("label", EVERY)
def test_states_outputs_and_the_way_back_are_those_of_the_model(label: str) -> None:
    config = EVERY[label]
    work, *_ = opened(config, masked=0.3)
    net = unrolled(work)
    assert [strand.layer for strand in net.strands] == list(range(config.layers))
    for strand in net.strands:
        assert strand.states.tobytes() == np.ascontiguousarray(work.states(0, strand.layer)).tobytes()
        back = work.backward(0, strand.layer, 0)
        for step, other in zip(strand.steps, back.path, strict=True):
            assert step[2:5] == pytest.approx(other[2:5], nan_ok=True)
        assert strand.recurs == (config.family in ("rnn", "gru", "lstm"))
    for t in range(T):
        said, end = net.outputs[t], work.forward(t, 0, 0).end
        assert said is not None
        assert end is not None
        assert said.loss == pytest.approx(end.loss, rel=1e-5, abs=1e-7, nan_ok=True)
        if end.softmax is not None:
            assert said.share == pytest.approx(end.softmax.choices[0].share, rel=1e-4)
            assert said.guess == end.softmax.choices[0].name
        assert said.right == end.target_name
    assert net.total == pytest.approx(
        math.fsum(one.loss for one in net.outputs if one is not None and not math.isnan(one.loss))
    )
    shapes = {one.name: one.values.shape for one in net.matrices}
    assert shapes == {name: shape for name, shape in work.parameters.shapes.items() if len(shape) == 2}


@pytest.mark.parametrize("label", CELLS)
def test_a_cut_leaves_to_each_state_the_losses_of_its_own_window(label: str) -> None:
    config, cut = CELLS[label], 3
    whole = unrolled(work_of(config)[0], cut=cut)
    assert whole.cuts == (3, 6)
    for first in range(0, T, cut):
        alone = unrolled(work_of(config, slice(first, first + cut))[0])  # only these losses, not cut
        for strand, other in zip(whole.strands, alone.strands, strict=True):
            for t in range(first, min(T, first + cut)):
                assert strand.steps[t].gradient == pytest.approx(other.steps[t].gradient, rel=1e-4), (label, t)
        if first:
            reached = [other.steps[first - 1].gradient for other in alone.strands]
            assert min(reached) > 0, "without a cut the gradient goes on"


@pytest.mark.parametrize("label", CELLS)
def test_what_a_timestep_adds_to_the_gradient_of_the_recurrent_matrix(label: str) -> None:
    config = CELLS[label]
    work, _ = work_of(config, steps=2)  # h_0 is zero: the whole gradient of W_hh comes from the second timestep
    given, (inputs, targets) = parameters(config, 3), drawn(config, 2, 1, 0.0, 3)
    p, read = named(given), inputs.astype(np.float64) if config.inputs else inputs
    done = twin_families.forward(config, p, read, targets)
    truth = twin_families.backward(config, p, done, read, twin.losses_backward(done.logits, targets, 1.0))
    for strand in unrolled(work).strands:
        expected = float(np.linalg.norm(truth.parameters[f"layers.{strand.layer}.W_hh"]))
        assert strand.steps[0].weights == 0
        assert strand.steps[1].weights == pytest.approx(expected, rel=1e-4)


def test_one_loss_goes_back_alone() -> None:
    config = EVERY[next(iter(CELLS))]
    net = unrolled(work_of(config)[0], loss=4)
    assert "timestep 4" in net.losses
    for strand in net.strands:
        sizes = [step.gradient for step in strand.steps]
        assert sizes[5:] == [0.0] * (T - 5)
        assert min(sizes[:5]) > 0


@pytest.mark.parametrize("config", CONFIGS, ids=str)
def test_a_pair_has_a_strand_for_each_part_and_direction(config: ModelConfig) -> None:
    work = opened_pair(config)
    net, bar = unrolled(work), next(t for t in range(work.timesteps) if work.predicts(t))
    parts = ["encoder"] * config.layers + ["encoder ←"] * config.layers * config.bidirectional
    assert [strand.part for strand in net.strands] == parts + ["decoder"] * config.layers
    assert [one is None for one in net.outputs] == [t < bar for t in range(work.timesteps)]
    for second in (False, True):
        here = net.at(0, second)
        assert [strand.second for strand in here] == [second and config.bidirectional] * config.layers
        for strand in here:
            for t in (0, bar - 1):
                facts = work.forward(t, strand.layer, 1, second=strand.second)
                name = "h_t"
                assert float(strand.states[t, 1]) == pytest.approx(facts.quantity(name).value, abs=1e-6)
    assert all(not strand.second for strand in net.at(bar, True))
