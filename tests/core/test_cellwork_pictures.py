"""The equations of a model that reads pictures: of its layer over the patches, and of the decoder that looks at it."""

from typing import Any

import numpy as np
import pytest
from seqcore.cellwork.unrolled import unrolled
from seqcore.cellwork.work import Cellwork
from seqcore.errors import SeqError
from seqcore.models.pairs_serial import SerialPairs

from tests.core import twin, twin_pictures
from tests.core.test_cellwork import BEFORE, check_back, check_facts, names_of, near
from tests.core.test_patches import ANSWERS, TWINS, engine, score, weighted

pytestmark = pytest.mark.usefixtures("kernels")


def opened(label: str) -> tuple[Cellwork, Any]:
    """The equations of a model for one picture and its caption, and the gradients of the twin."""
    config, parameters = TWINS[label], weighted(TWINS[label])
    inputs, targets = twin_pictures.drawn(config, ANSWERS, 1)
    P, model, read = config.patches, SerialPairs(engine(config), parameters), score(inputs)
    p = {name: view.astype(np.float64) for name, view in parameters.items()}
    done = twin_pictures.seen(p, config, inputs[:P, 2, :-1], inputs[P:, 2, -1].astype(int))
    dlogits = twin.cross_entropy_backward(done.logits, targets[P:, 2], 1.0)
    work = Cellwork(model, model.look(read), read, targets[:, 2].copy(), names_of(len(read)))
    return work, twin_pictures.seen_backward(p, config, done, dlogits)[0]


@pytest.mark.parametrize("label", TWINS)
def test_terms_sum_to_what_the_kernels_computed(label: str) -> None:
    (work, _), P, config = opened(label), TWINS[label].patches, TWINS[label]
    notes = work.look.reading.notes  # type: ignore[attr-defined]
    for t in range(P):
        for unit in range(config.hidden):
            facts = work.forward(t, 0, unit)
            assert (facts.part, facts.cell, facts.symbol, facts.end) == ("encoder", "patches", f"s{t}", None)
            assert facts.quantity("a_t").value == notes[t, unit]
            assert [term.source for term in facts.quantities[0].terms].count("x") == config.inputs
            check_facts(facts)
    for layer in range(config.layers):
        for t in (P, P + 2, work.timesteps - 1):
            facts = work.forward(t, layer, 1)
            assert (facts.part, facts.cell) == ("decoder", config.family)
            check_facts(facts)
            names = [one.name for one in facts.quantities]
            assert ("ā" in names, "h_0" in names) == (t == P, t == P)


@pytest.mark.parametrize("label", TWINS)
def test_factors_multiply_to_the_gradient_of_the_twin(label: str) -> None:
    (work, truth), P, config = opened(label), TWINS[label].patches, TWINS[label]
    scale = float(np.abs(truth["patches.position"]).max())
    for t in range(P):
        for unit in range(config.hidden):
            back = work.backward(t, 0, unit)
            check_back(back, scale)
            near(back.gradient("dL/dz_t").computed, truth["patches.position"][t, unit], f"{t} {unit}", scale)
            assert back.state == "a_t"
            assert back.path[t].unit == pytest.approx(back.gradient("dL/da_t").value)
    for layer in range(config.layers):
        backs = [work.backward(t, layer, 2) for t in range(P, work.timesteps)]
        for block, name in enumerate(BEFORE[config.family]):
            expected = truth[f"decoder.{layer}.b"]
            found = sum(back.gradient(name).computed for back in backs)
            near(found, expected[block * config.hidden + 2], name, np.abs(expected).max(), 5e-5)


def test_what_a_picture_does_not_have_is_refused() -> None:
    work, _ = opened("lstm general 2")
    with pytest.raises(SeqError, match="layer 1: the encoder has layer 0 only"):
        work.forward(0, 1, 0)
    with pytest.raises(SeqError, match="reads in one direction only"):
        work.forward(0, 0, 0, second=True)
    assert work.forward(4, 1, 0).layer == 1


def test_a_picture_has_one_strand_and_the_decoder_one_for_each_layer() -> None:
    work, _ = opened("gru additive 2")
    net, P = unrolled(work), TWINS["gru additive 2"].patches
    assert [(one.part, one.layer, one.state) for one in net.strands] == [
        ("encoder", 0, "a_t"), ("decoder", 0, "h_t"), ("decoder", 1, "h_t")
    ]  # fmt: skip
    assert [one.recurs for one in net.strands] == [False, True, True]
    assert len(net.strands[0].steps) == P
    assert net.at(0) == net.strands[:1]
