"""The equations of a transformer for pairs: of its encoder, which sees all symbols, and of its decoder."""

from typing import Any

import numpy as np
import pytest
from seqcore.cellwork.unrolled import unrolled
from seqcore.cellwork.work import Cellwork
from seqcore.config import ModelConfig
from seqcore.errors import SeqError
from seqcore.serial import serial_model

from tests.core import twin, twin_pair_transformer
from tests.core.test_cellwork import check_back, check_facts, names_of, near
from tests.core.test_pair_transformer import CONFIGS, config_of, said, weighted
from tests.core.test_pair_transformer_serial import SCORE, WRITTEN, S, U, twin_of
from tests.core.twin import F64, Named

pytestmark = pytest.mark.usefixtures("kernels")

T = S + U
NAMES = ["x_t", "m_t", "q_t", "k_s", "v_s", "s_ts", "y_t", "x'_t"]
OVER = ["m'_t", "q'_t", "k'_s", "v'_s", "e_ts", "y'_t", "x″_t", "m″_t", "u_t", "x‴_t"]


def opened(config: ModelConfig) -> Cellwork:
    model, targets = serial_model(config, weighted(config)), np.full(T, -1, np.int32)
    targets[S:] = WRITTEN
    return Cellwork(model, model.look(SCORE), SCORE, targets, names_of(T))


def truth_of(config: ModelConfig) -> tuple[Named, F64]:
    """The gradients of all losses: of the parameters, and of the embedded symbols (T, C)."""
    p, done = twin_of(config)
    dlogits = twin.cross_entropy_backward(done.logits, np.array(WRITTEN, np.int32), 1.0)
    named, source, target = twin_pair_transformer.pair_backward(p, config, done, dlogits)
    return named, np.concatenate([source, target])


@pytest.mark.parametrize("config", CONFIGS, ids=said)
def test_terms_sum_to_what_the_kernels_computed(config: ModelConfig) -> None:
    work = opened(config)
    for layer in range(config.layers):
        last = ["n_t"] if layer + 1 == config.layers else []
        for t in (0, S - 1, S, S + 2, T - 1):
            facts = work.forward(t, layer, 7)
            check_facts(facts)
            decodes = t >= S
            assert (facts.part, facts.cell) == (("decoder", "decoder block") if decodes else ("encoder", "attention"))
            assert (facts.end is not None) == decodes
            assert [one.name for one in facts.quantities] == NAMES + (
                OVER if decodes else ["m'_t", "u_t", "x″_t"]
            ) + last
            assert facts.attention is not None
            assert sorted(choice.number for choice in facts.attention.choices) == list(range(S)), "all of the source"
            if decodes:
                over, s = work.look.work.cross, facts.position  # type: ignore[attr-defined]
                assert facts.quantity("q'_t").value == over.q[layer, t - S, 7]
                assert facts.quantity("k'_s").value == over.kv[layer, s, 7]
                assert facts.quantity("v'_s").value == over.kv[layer, s, config.hidden + 7]
            below = {t} if t < S else {t} | {facts.position}
            assert {term.at for term in facts.quantity("q_t").terms if term.source == "m"} <= below


@pytest.mark.parametrize("config", CONFIGS, ids=said)
def test_factors_multiply_to_the_gradient_of_the_twin(config: ModelConfig) -> None:
    work, (truth, embedded), unit = opened(config), truth_of(config), 5
    scale = float(np.abs(embedded).max())
    for layer in range(config.layers):
        for t in range(T):
            back = work.backward(t, layer, unit)
            check_back(back, scale)
            assert back.state == ("x‴_t" if t >= S else "x″_t")
            if layer == 0:
                near(back.gradient("dL/dx").computed, embedded[t, unit], f"t {t}", scale, 5e-5)
        parts = [("layers", range(S), "encoder", 2), ("decoder", range(S, T), "decoder", 3)]
        for prefix, times, part, branches in parts:
            normed = getattr(work.look.work, part).normed.astype(np.float64)  # type: ignore[attr-defined]
            backs = [work.backward(t, layer, unit) for t in times]
            for place, name in enumerate("qkv"):
                found = _summed(normed[branches * layer], backs, f"dL/d{name}_t")
                _same(found, truth[f"{prefix}.{layer}.W_qkv"][:, place * config.hidden + unit])


@pytest.mark.parametrize("config", CONFIGS, ids=said)
def test_the_gradients_of_attention_over_the_source_make_those_of_its_matrices(config: ModelConfig) -> None:
    work, (truth, _), unit, C = opened(config), truth_of(config), 5, config.hidden
    results = work.look.work  # type: ignore[attr-defined]
    normed, memory = results.decoder.normed.astype(np.float64), results.encoder.normed[-1].astype(np.float64)
    for layer in range(config.layers):
        backs = [work.backward(t, layer, unit) for t in range(S, T)]
        _same(_summed(normed[3 * layer + 1], backs, "dL/dq'_t"), truth[f"decoder.{layer}.cross.W_q"][:, unit])
        backs = [work.backward(S, layer, unit, position=s) for s in range(S)]
        for place, name in enumerate("kv"):
            expected = truth[f"decoder.{layer}.cross.W_kv"][:, place * C + unit]
            _same(_summed(memory, backs, f"dL/d{name}'_s"), expected)
    if config.bias:
        found = sum(work.backward(s, config.layers - 1, unit).gradient("dL/dn").computed for s in range(S))
        near(found, float(truth["norm.b"][unit]), "memory", float(np.abs(truth["norm.b"]).max()), 5e-5)


def _summed(read: Any, backs: Any, name: str) -> Any:
    """The gradient of a column of a matrix: the sum over rows of what it reads times the gradient of what it makes."""
    return sum(row * back.gradient(name).computed for row, back in zip(read, backs, strict=True))


def _same(found: Any, expected: Any) -> None:
    np.testing.assert_allclose(found, expected, rtol=2e-4, atol=5e-5 * max(1e-3, np.abs(expected).max()))


def test_a_position_says_which_attention_is_meant() -> None:
    work = opened(config_of())
    over, own = work.forward(S + 2, 0, 3, position=1), work.forward(S + 2, 0, 3, position=S + 1)
    assert (over.position, own.position) == (1, S + 1)
    assert over.attention is not None
    assert own.attention is not None
    assert (over.attention.of, own.attention.of) == ("e_ts", "s_ts")
    assert over.quantity("k'_s").label == "key of t=1"
    assert own.quantity("k_s").label == f"key of t={S + 1}"
    scores = {choice.number: choice.score for choice in own.attention.choices}
    assert scores.keys() == {S, S + 1, S + 2}
    assert own.quantity("s_ts").value == scores[S + 1]
    assert work.forward(0, 0, 3, position=4).position == 4, "the encoder looks ahead"
    with pytest.raises(SeqError, match=f"position {S + 3}: timestep {S + 2} attends to timesteps {S} to {S + 2}"):
        work.forward(S + 2, 0, 3, position=S + 3)
    with pytest.raises(SeqError, match=f"position {S}: timestep 0 attends to timesteps 0 to {S - 1}"):
        work.forward(0, 0, 3, position=S)


def test_one_loss_does_not_reach_later_timesteps() -> None:
    work = opened(config_of())
    first, last = work.backward(T - 1, 0, 3, loss=S), work.backward(S, 0, 3, loss=S)
    assert [step.gradient for step in first.path if step.t > S] == [0.0] * (U - 1)
    assert last.path[0].gradient > 0
    assert all(step.gradient > 0 for step in work.backward(0, 1, 3, loss=S).path), "the whole source"


def test_an_empty_source_is_shown() -> None:
    config = config_of(bias=True)
    model, score = serial_model(config, weighted(config)), SCORE[S:]
    work = Cellwork(model, model.look(score), score, np.array(WRITTEN, np.int32), names_of(U))
    for layer in range(config.layers):
        facts = work.forward(2, layer, 3)
        check_facts(facts)
        assert "e_ts" not in [one.name for one in facts.quantities]
        assert facts.quantity("y'_t").value == 0
        check_back(work.backward(2, layer, 3), 1.0)


def test_unrolled_it_has_a_strand_for_each_block_of_both_parts() -> None:
    net = unrolled(opened(config_of()))
    assert [(one.part, one.layer, one.state) for one in net.strands] == [
        ("encoder", 0, "x″_t"), ("encoder", 1, "x″_t"), ("decoder", 0, "x‴_t"), ("decoder", 1, "x‴_t")
    ]  # fmt: skip
    assert not any(one.recurs for one in net.strands)
    assert [one.first for one in net.strands] == [0, 0, S, S]
    assert [one is None for one in net.outputs] == [True] * S + [False] * U
