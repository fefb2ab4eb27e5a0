"""Saturation, dead units, singular values, the entropy of heads, and all of them of a stored model."""

import numpy as np
import pytest
from seqcore.config import ModelConfig
from seqcore.health.examine import examine
from seqcore.health.saturation import Counted, Range, of_probe, saturation
from seqcore.health.sentences import GOOD
from seqcore.health.weights import head_entropy, largest_singular, singular_values
from seqcore.history import HistoryLog
from seqcore.model import initial
from seqcore.neurons.recording import Unit, chunks
from seqcore.probe import probe
from seqcore.records import History
from seqcore.serial import serial_model

from tests.core.neurons.passages import model_of, passage_of, written

pytestmark = pytest.mark.usefixtures("kernels")


def test_saturation_is_the_share_of_timesteps_below_and_above() -> None:
    values = np.array([[0.05, 0.95], [0.5, 0.99], [0.01, 0.2], [0.95, np.nan]], np.float32)
    found = saturation("forget", 2, values)
    assert found.left.tolist() == [0.5, 0]
    assert found.right.tolist() == [0.25, 0.5]
    assert found.extreme == (0, 0)
    assert saturation("forget", 2, np.full((3, 4), 0.95, np.float32)).extreme == (0, 1)


def test_gates_of_a_probe_and_of_a_passage_agree() -> None:
    passage = passage_of(written(300))
    model = serial_model(config := model_of(passage, layers=2), initial(config, 2))
    seen = of_probe(probe(model, passage.vocabulary, passage.inputs, 0))
    assert [(one.gate, one.layer) for one in seen] == [
        (gate, layer) for layer in (0, 1) for gate in ("input", "forget", "output")
    ]
    counted = Counted("forget")
    for _, (values,) in chunks(model, passage, ("forget",)):
        counted.add(values)
    assert len(counted.found()) == 2
    for one in counted.found():
        (other,) = [found for found in seen if (found.gate, found.layer) == ("forget", one.layer)]
        assert one.left == pytest.approx(other.left, abs=0.01)
        assert one.right == pytest.approx(other.right, abs=0.01)


def test_parts_add_up_to_the_whole() -> None:
    values = np.random.default_rng(3).uniform(size=(500, 2, 5)).astype(np.float32)
    counted = Counted("forget")
    for part in (values[:1], values[1:300], values[300:]):
        counted.add(part)
    for layer, one in enumerate(counted.found()):
        whole = saturation("forget", layer, values[:, layer])
        assert one.left.tolist() == whole.left.tolist()
        assert one.right.tolist() == whole.right.tolist()


def test_a_unit_that_never_changes_is_dead() -> None:
    values = np.random.default_rng(1).normal(size=(500, 2, 5)).astype(np.float32)
    values[:, 1, 1], values[:, 1, 3] = 0.7, -np.abs(values[:, 1, 3])
    seen = Range()
    for part in (values[:7], values[7:]):
        seen.add(part)
    assert seen.units == 10
    assert seen.dead() == (Unit(1, 1),)
    assert seen.dead(rectified=True) == (Unit(1, 1), Unit(1, 3))


@pytest.mark.parametrize("shape", [(1, 1), (7, 5), (40, 40), (30, 90)])
def test_the_largest_singular_value_is_that_of_numpy(shape: tuple[int, int]) -> None:
    for seed in range(3):
        W = np.random.default_rng(seed).normal(size=shape).astype(np.float32)
        assert largest_singular(W) == pytest.approx(np.linalg.svd(W, compute_uv=False)[0], rel=2e-3)
    assert largest_singular(np.zeros(shape, np.float32)) == 0
    assert np.isnan(largest_singular(np.full(shape, np.inf, np.float32)))


def test_each_gate_has_a_matrix_of_its_own() -> None:
    config = ModelConfig(9, "lstm", hidden=6, layers=2, embedding=4)
    parameters = initial(config, 1)
    found = singular_values(config, parameters)
    assert [one.gate for one in found] == ["input", "forget", "cell", "output"] * 2
    assert [one.edge for one in found[:4]] == [4, 4, 1, 4]
    block = parameters["layers.1.W_hh"][:, 6:12]
    assert found[5].name == "layers.1.W_hh"
    assert found[5].value == pytest.approx(np.linalg.svd(block, compute_uv=False)[0], rel=2e-3)
    heads = ModelConfig(9, "attention", hidden=8, heads=2, context=4)
    assert singular_values(heads, initial(heads, 1)) == ()
    identity = ModelConfig(9, "rnn", hidden=6, embedding=4, init="identity")
    (one,) = singular_values(identity, initial(identity, 1))
    assert (one.gate, one.value, one.edge) == ("", pytest.approx(1), 1)


def test_the_entropy_of_a_head_is_0_if_it_looks_at_one_position_and_1_if_at_all() -> None:
    T = 6
    attention = np.full((1, 3, T, T), np.nan, np.float32)
    for t in range(T):
        attention[0, 0, t, : t + 1] = 1 / (t + 1)
        attention[0, 1, t, : t + 1] = np.eye(t + 1)[0]
        attention[0, 2, t, : t + 1] = 1 / 2 if t == 1 else np.eye(t + 1)[t]
    assert head_entropy(attention)[0] == pytest.approx([1, 0, 1 / (T - 1)], abs=1e-6)
    assert np.isnan(head_entropy(attention[:, :, :1, :1])).all()


@pytest.mark.parametrize(
    "more",
    [
        {"family": "lstm"},
        {"family": "gru"},
        {"family": "rnn", "activation": "relu"},
        {"family": "attention", "heads": 2, "context": 50, "embedding": 0},
        {"family": "feedforward", "context": 3},
    ],
    ids=lambda more: str(more["family"]),
)
def test_a_model_is_examined(more: dict[str, object]) -> None:
    passage = passage_of(written(600))
    config = model_of(passage, **more)  # type: ignore[arg-type]
    model = serial_model(config, initial(config, 1))
    empty = HistoryLog().updates()
    seen: list[int] = []
    found = examine(model, passage, History.empty(), empty, progress=lambda done, total: seen.append(total - done))
    assert found is not None
    assert seen[-1] == 0
    gates = {"lstm": 3, "gru": 2}.get(config.family, 0)
    assert len(found.saturation) == gates
    assert len(found.singular) == {"lstm": 4, "gru": 3, "rnn": 1}.get(config.family, 0)
    assert (found.entropy is not None) == (config.family == "attention")
    assert found.units == {"attention": 64}.get(config.family, 16)
    assert [remark.kind for remark in found.remarks] == ["early"]
    assert examine(model, passage, History.empty(), empty, stop=lambda: True) is None
    bare = examine(model, None, History.empty(), empty)
    assert bare is not None
    assert (bare.timesteps, bare.saturation, bare.units, bare.entropy) == (0, (), 0, None)
    assert len(bare.singular) == len(found.singular)


def test_every_measure_has_one_sentence() -> None:
    assert set(GOOD) == {"saturation", "singular", "dead", "entropy", "updates", "gradients", "loss"}
    for sentence in GOOD.values():
        assert sentence.startswith("Good is ")
        assert sentence.count(".") - sentence.count("0.") == 1
