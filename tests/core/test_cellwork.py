"""The equations of a unit sum to the numbers that the kernels computed, and its chain rule to the true gradient."""

import dataclasses
from typing import Any

import numpy as np
import pytest
from seqcore.cellwork.cells import EQUATIONS
from seqcore.cellwork.records import CellBack, CellFacts, totals
from seqcore.cellwork.terms import Names
from seqcore.cellwork.work import Cellwork
from seqcore.config import RECURRENT, ModelConfig
from seqcore.errors import SeqError
from seqcore.models.stack import CELLS as CELL_CLASSES
from seqcore.serial import serial_model

from tests.core import twin, twin_families, twin_pairs
from tests.core.cases import ATTENTION, CELLS, EVERY
from tests.core.families import drawn, named, parameters
from tests.core.test_pairs import CONFIGS, FED, said, weighted
from tests.core.test_pairs_serial import ANSWER, SOURCE, K, V, score

pytestmark = pytest.mark.usefixtures("kernels")

T = 8


def names_of(T: int) -> Names:
    return Names(tuple(f"s{t}" for t in range(T)), (), lambda k: f"<{k}>")


def opened(config: ModelConfig, masked: float = 0.3, seed: int = 3) -> tuple[Cellwork, Any, Any, Any]:
    """The equations of a model with the twin's weights, and (parameters, inputs, targets) in float64, with a batch."""
    given, (inputs, targets) = parameters(config, seed), drawn(config, T, 1, masked, seed)
    model = serial_model(config, given)
    look = model.look(inputs[:, 0].copy())
    work = Cellwork(model, look, inputs[:, 0].copy(), targets[:, 0].copy(), names_of(T))
    return work, named(given), inputs, targets


def opened_pair(config: ModelConfig) -> Cellwork:
    model, read = serial_model(config, weighted(config)), score()
    targets = np.full(len(read), -1, np.int32)
    targets[len(SOURCE) :] = [*ANSWER, K - 1]
    return Cellwork(model, model.look(read), read, targets, names_of(len(read)))


def near(actual: float, expected: float, name: str, terms: float = 1.0, tolerance: float = 1e-5) -> None:
    assert abs(actual - expected) <= tolerance * max(terms, abs(expected)), f"{name}: {actual}, not {expected}"


def check_facts(facts: CellFacts) -> None:
    """Every quantity follows from its terms, which are sorted and have names; shares add up."""
    for one in (*facts.quantities, *(facts.end.outputs if facts.end else ())):
        near(one.computed, one.value, one.name, max(1.0, *(abs(term.product) for term in one.terms), 0.0))
        sizes = [abs(term.product) for term in one.terms]
        assert sizes == sorted(sizes, reverse=True)
        assert sum(totals(one.terms).values()) == pytest.approx(one.before, rel=1e-9, abs=1e-9)
        assert one.formula.startswith(one.name)
        assert all(term.name for term in one.terms)
    for softmax in (facts.attention, facts.end.softmax if facts.end else None):
        if softmax is not None:
            for choice in softmax.choices:
                near(float(np.exp(choice.score - softmax.log_total)), choice.share, softmax.name)
    if facts.attention is not None:
        assert sum(choice.share for choice in facts.attention.choices) == pytest.approx(1, abs=1e-5)


def check_back(back: CellBack, scale: float) -> None:
    """Every gradient is the product of its factors or the sum of its terms."""
    for one in back.gradients:
        assert bool(one.factors) != bool(one.terms) or one.value == 0, one.name
        largest = max((abs(term.product) for term in one.terms), default=0.0)
        near(one.computed, one.value, one.name, max(largest, 1e-3 * scale))


def places(config: ModelConfig) -> list[tuple[int, int, int]]:
    draw = np.random.default_rng(0)
    units = draw.integers(0, config.hidden, 2).tolist()
    return [(t, layer, unit) for t in (0, 3, T - 1) for layer in range(config.layers) for unit in units]


@pytest.mark.parametrize("label", EVERY)
def test_terms_sum_to_what_the_kernels_computed(label: str) -> None:
    work, *_ = opened(EVERY[label])
    for t, layer, unit in places(EVERY[label]):
        facts = work.forward(t, layer, unit)
        assert (facts.t, facts.layer, facts.unit, facts.symbol, facts.part) == (t, layer, unit, f"s{t}", "")
        check_facts(facts)


@pytest.mark.parametrize("label", EVERY)
@pytest.mark.parametrize("only", [None, 5])
def test_factors_multiply_to_the_gradient_of_the_twin(label: str, only: int | None) -> None:
    config = EVERY[label]
    work, p, inputs, targets = opened(config, masked=0.0 if only else 0.3)
    given = inputs.astype(np.float64) if config.inputs else inputs
    done = twin_families.forward(config, p, given, targets)
    dlogits = twin.losses_backward(done.logits, targets, 1.0)
    if only is not None:
        dlogits[np.arange(T) != only] = 0
    truth = twin_families.backward(config, p, done, given, dlogits)
    scale = max(float(np.abs(hidden).max()) for hidden in truth.hidden)
    top = "dL/dx″" if config.family == "attention" else "dL/dh_t"
    for t, layer, unit in places(config):
        back = work.backward(t, layer, unit, loss=only)
        check_back(back, scale)
        near(back.gradient(top).computed, truth.hidden[layer][t, 0, unit], f"{label} {t} {layer}", scale)
        sizes = np.linalg.norm(truth.hidden[layer][:, 0], axis=1)
        np.testing.assert_allclose([step.gradient for step in back.path], sizes, rtol=1e-4, atol=2e-5 * scale)
        assert [step.unit for step in back.path] == pytest.approx(
            truth.hidden[layer][:, 0, unit].tolist(), rel=1e-4, abs=2e-5 * scale
        )
        if config.family == "attention" and layer == 0 and not config.inputs:
            near(back.gradient("dL/dx").computed, truth.x[t, 0, unit], label, scale)


BEFORE = {"rnn": ("dL/dz_t",), "gru": ("dL/dz_r", "dL/dz_z", "dL/dz_n"), "lstm": tuple(f"dL/dz_{g}" for g in "ifgo")}


@pytest.mark.parametrize("label", [label for label in EVERY if EVERY[label].family in RECURRENT])
def test_the_products_of_factors_add_up_to_the_gradient_of_the_bias(label: str) -> None:
    config = EVERY[label]
    work, p, inputs, targets = opened(config)
    given = inputs.astype(np.float64) if config.inputs else inputs
    done = twin_families.forward(config, p, given, targets)
    truth = twin_families.backward(config, p, done, given, twin.losses_backward(done.logits, targets, 1.0)).parameters
    for layer in range(config.layers):
        for unit in (0, config.hidden - 1):
            backs = [work.backward(t, layer, unit) for t in range(T)]
            for block, name in enumerate(BEFORE[config.family]):
                expected = truth[f"layers.{layer}.b"][block * config.hidden + unit]
                near(sum(back.gradient(name).computed for back in backs), expected, name)
            if config.family == "gru":
                expected = truth[f"layers.{layer}.b_hn"][unit]
                near(sum(back.gradient("dL/dq_t").computed for back in backs), expected, "q")


@pytest.mark.parametrize("label", ATTENTION)
def test_the_gradients_inside_a_block_make_those_of_its_matrices(label: str) -> None:
    config = ATTENTION[label]
    work, p, inputs, targets = opened(config)
    done = twin_families.forward(config, p, inputs, targets)
    truth = twin_families.backward(config, p, done, inputs, twin.losses_backward(done.logits, targets, 1.0)).parameters
    normed, C = work.look.work.normed.astype(np.float64), config.hidden  # type: ignore[attr-defined]
    for layer in range(config.layers):
        for unit in (1, C - 1):
            backs = [work.backward(t, layer, unit) for t in range(T)]
            for place, part in enumerate("qkv"):
                found = sum(
                    normed[2 * layer, t] * back.gradient(f"dL/d{part}_t").computed for t, back in enumerate(backs)
                )
                expected = truth[f"layers.{layer}.W_qkv"][:, place * C + unit]
                np.testing.assert_allclose(found, expected, rtol=2e-4, atol=2e-5 * max(1, np.abs(expected).max()))


@pytest.mark.parametrize("config", CONFIGS, ids=said)
def test_a_pair_is_explained_on_both_sides_of_the_bar(config: ModelConfig) -> None:
    work, S = opened_pair(config), len(SOURCE)
    seconds = (False, True) if config.bidirectional else (False,)
    for layer in range(config.layers):
        for t in (0, 2, S - 1):
            for second in seconds:
                facts = work.forward(t, layer, 3, second)
                assert facts.part == ("encoder ←" if second else "encoder")
                assert facts.end is None
                check_facts(facts)
                check_back(work.backward(t, layer, 3, second), 1.0)
        for t in (S, S + 2, S + len(ANSWER)):
            facts = work.forward(t, layer, 5)
            check_facts(facts)
            check_back(work.backward(t, layer, 5), 1.0)
            assert facts.part == "decoder"
            attends = config.cross_attention != "none" and layer + 1 == config.layers
            assert (facts.attention is not None) == attends
            assert ("h_0" in [one.name for one in facts.quantities]) == (config.bidirectional and t == S)
            if attends:
                shown = work.forward(t, layer, 5, position=1)
                assert shown.position == 1
                assert shown.quantity("e_ts").value == next(
                    choice.score
                    for choice in facts.attention.choices
                    if choice.number == 1  # type: ignore[union-attr]
                )


def twin_gradients(config: ModelConfig) -> Any:
    """The gradients of all losses of the pair of `opened_pair`."""
    p = {name: view.astype(np.float64) for name, view in weighted(config).items()}
    done = twin_pairs.pair(p, config, SOURCE, (score() - V)[len(SOURCE) :])  # type: ignore[arg-type]
    dlogits = twin.cross_entropy_backward(done.logits, np.array([*ANSWER, K - 1], np.int32), 1.0)
    return twin_pairs.pair_backward(p, config, done, dlogits)  # type: ignore[arg-type]


@pytest.mark.parametrize("config", CONFIGS, ids=said)
def test_the_gradients_of_a_pair_are_those_of_the_twin(config: ModelConfig) -> None:
    work, S, unit, truth = opened_pair(config), len(SOURCE), 4, twin_gradients(config)
    parts = [("layers", range(S), False), ("decoder", range(S, work.timesteps), False)]
    parts += [("back", range(S), True)] if config.bidirectional else []
    for prefix, times, second in parts:
        for layer in range(config.layers):
            backs = [work.backward(t, layer, unit, second) for t in times]
            for block, name in enumerate(BEFORE[config.family]):
                expected = truth[f"{prefix}.{layer}.b"]
                found = sum(back.gradient(name).computed for back in backs)
                near(found, expected[block * config.hidden + unit], f"{prefix} {name}", np.abs(expected).max(), 5e-5)


@pytest.mark.parametrize("config", FED, ids=said)
def test_what_attention_found_is_fed_to_the_lowest_layer_of_the_next_timestep(config: ModelConfig) -> None:
    work, S, truth = opened_pair(config), len(SOURCE), twin_gradients(config)["decoder.0.W_feed"]
    y = work.look.buffers.y  # type: ignore[attr-defined]
    unit, found = 5, {name: np.zeros(config.hidden) for name in BEFORE[config.family]}
    for t in range(S, work.timesteps):
        facts, back = work.forward(t, 0, unit), work.backward(t, 0, unit)
        assert facts.cell == f"{config.family}, fed"
        for one in facts.quantities:
            fed = {term.number: term for term in one.terms if term.source == "y"}
            if fed:
                assert [fed[n].value for n in range(config.hidden)] == y[t - S - 1].tolist()
                assert {(term.at, term.by[:6]) for term in fed.values()} == {(t - 1, "W_feed")}
                assert "W_feed" in one.formula
        read = [one.name for one in facts.quantities if any(term.source == "y" for term in one.terms)]
        assert len(read) == (len(found) if t > S else 0), read
        for name, total in found.items():
            total += back.gradient(name).computed * (y[t - S - 1] if t > S else 0)
        top = work.backward(t, config.layers - 1, unit).gradient("dL/dh̃_t")
        assert (totals(top.terms).keys() == {"head", "next"}) == (t + 1 < work.timesteps)
        assert config.layers == 1 or work.forward(t, 1, unit).cell == config.family
    for block, total in enumerate(found.values()):
        expected = truth[:, block * config.hidden + unit]
        assert np.abs(total - expected).max() <= 5e-5 * max(1.0, np.abs(expected).max())


def test_names_say_where_each_term_comes_from() -> None:
    config = ModelConfig(13, "lstm", hidden=7, layers=2, embedding=0)
    work, *_ = opened(config)
    first = work.forward(3, 0, 2).quantity("f_t")
    x = [term for term in first.terms if term.source == "x"]
    assert [(term.name, term.by, term.value, term.at) for term in x] == [("s3", "W_xf", 1.0, 3)]
    h = {term.number: term for term in first.terms if term.source == "h"}
    assert h.keys() == set(range(7))
    assert (h[5].name, h[5].by, h[5].at) == ("unit 5", "W_hf", 2)
    assert h[5].value == work.look.layers[0].h[3, 0, 5]  # type: ignore[attr-defined]
    assert [term.name for term in first.terms if term.source == "b"] == ["b_f"]
    above = work.forward(3, 1, 2).quantity("f_t")
    x = [term for term in above.terms if term.source == "x"]
    assert {term.value for term in x} == set(work.look.layers[0].h[4, 0].tolist())  # type: ignore[attr-defined]
    assert not [term for term in work.forward(0, 0, 2).quantity("f_t").terms if term.source == "h"], "a zero state"
    c = work.forward(3, 1, 2).quantity("c_t")
    assert {(term.by, term.name) for term in c.terms} == {("f_t", "c_{t-1}"), ("i_t", "g_t")}
    back = work.backward(3, 0, 2)
    sources = totals(back.gradient("dL/dh_t").terms)
    assert sources.keys() == {"above", "next"}
    assert totals(work.backward(T - 1, 1, 2).gradient("dL/dh_t").terms).keys() <= {"head"}
    assert back.keep == "f_t"
    assert [factor.name for factor in back.gradient("dL/dz_f").factors] == ["dL/dc_t", "c_{t-1}", "f_t (1 - f_t)"]


def test_the_second_direction_remembers_the_timestep_after() -> None:
    config = next(one for one in CONFIGS if one.bidirectional and one.family == "lstm")
    work = opened_pair(config)
    facts, back = work.forward(2, 0, 3, second=True), work.backward(2, 0, 3, second=True)
    assert facts.quantity("f_t").formula == "f_t = σ(W_xf x_t + W_hf h_{t+1} + b_f)"
    assert facts.quantity("c_t").formula == "c_t = f_t · c_{t+1} + i_t · g_t"
    assert {term.at for term in facts.quantity("f_t").terms if term.source == "h"} == {3}
    assert {term.at for term in back.gradient("dL/dh_t").terms if term.source == "next"} == {1}
    assert [factor.name for factor in back.gradient("dL/dz_f").factors] == ["dL/dc_t", "c_{t+1}", "f_t (1 - f_t)"]
    assert [step.t for step in back.path] == list(range(len(SOURCE)))
    assert back.path[0].product == 1, "the last timestep that it reads"
    last = work.forward(len(SOURCE) - 1, 0, 3, second=True).quantity("f_t")
    assert not [term for term in last.terms if term.source == "h"]


def test_the_outputs_are_the_likeliest_symbols_and_the_target() -> None:
    work, _, _, targets = opened(EVERY["gru"], masked=0.0)
    for t in range(T):
        end, logits = work.forward(t, 1, 0).end, work.look.logits[t].astype(np.float64)
        assert end is not None
        assert end.softmax is not None
        right = int(targets[t, 0])
        best = np.argsort(-logits, kind="stable")[:5].tolist()
        assert [choice.number for choice in end.softmax.choices] == best + [right] * (right not in best)
        assert (end.target, end.target_name) == (right, f"<{right}>")
        assert end.loss == pytest.approx(float(np.log(np.exp(logits).sum()) - logits[right]), rel=1e-6)
        assert [one.label for one in end.outputs] == [choice.name for choice in end.softmax.choices]


def test_the_path_shows_where_the_gradient_dies() -> None:
    config = ModelConfig(13, "lstm", hidden=7, embedding=5)
    given = parameters(config, 3)
    given["layers.0.b"][7:14] = 9  # forget gates that keep
    inputs, targets = drawn(config, 30, 1, 0.0)
    inputs, targets = inputs[:, 0].copy(), targets[:, 0].copy()

    def path(forget: float) -> CellBack:
        given["layers.0.b"][7:14] = forget
        given["layers.0.W_hh"][:] *= 0 if forget < 0 else 1
        model = serial_model(config, given)
        return Cellwork(model, model.look(inputs), inputs, targets, names_of(30)).backward(3, 0, 2, loss=29)

    kept, lost = path(9.0), path(-9.0)
    assert [step.t for step in kept.path] == list(range(30))
    assert kept.path[29].product == 1
    assert kept.path[3].product == pytest.approx(np.prod([step.keep for step in kept.path[4:]]))
    assert kept.path[3].product > 0.5
    assert lost.path[3].product < 1e-20
    assert lost.dies_at == 28
    assert kept.dies_at is None
    assert kept.path[29].entering == pytest.approx(kept.path[29].gradient)
    assert kept.path[5].entering == 0
    assert "at timestep 29" in kept.losses


def test_the_norm_along_the_path_is_the_product_of_the_stretches() -> None:
    """With one loss and one layer, nothing else enters on the way."""
    for label in ("rnn relu one-hot", "gru one-hot"):
        work, *_ = opened(CELLS[label], masked=0.0)
        path = work.backward(0, 0, 1, loss=T - 1).path
        size = path[-1].gradient
        for step in path[::-1]:
            assert step.gradient == pytest.approx(size, rel=1e-4)
            size *= step.stretch


def test_without_a_unit_the_one_that_varies_most_is_shown() -> None:
    work, *_ = opened(EVERY["lstm"])
    spread = work.look.layers[1].h[1:, 0].std(axis=0)  # type: ignore[attr-defined]
    assert work.forward(2, 1).unit == work.backward(2, 1).unit == int(np.argmax(spread))


@pytest.mark.parametrize(
    ("words", "line"),
    [
        ({"t": T, "layer": 0}, f"timestep {T}: the sequence has timesteps 0 to {T - 1}"),
        ({"t": -1, "layer": 0}, "timestep -1"),
        ({"t": 0, "layer": 2}, "layer 2: this model has layers 0 to 1"),
        ({"t": 0, "layer": 0, "unit": 7}, "unit 7: this model has units 0 to 6"),
        ({"t": 0, "layer": 0, "second": True}, "reads in one direction"),
        ({"t": 0, "layer": 0, "loss": T}, "loss 8: the sequence has timesteps 0 to 7"),
    ],
)
def test_a_place_that_does_not_exist_is_refused(words: Any, line: str) -> None:
    work, *_ = opened(EVERY["lstm"])
    with pytest.raises(SeqError, match=line):
        work.backward(**words)


def test_a_position_after_the_timestep_is_refused() -> None:
    work, *_ = opened(EVERY["attention learned tied"])
    assert work.forward(3, 0, 1, position=3).position == 3
    with pytest.raises(SeqError, match="position 4: timestep 3 attends to timesteps 0 to 3"):
        work.forward(3, 0, 1, position=4)


def test_nothing_is_predicted_up_to_the_bar() -> None:
    work = opened_pair(CONFIGS[0])
    with pytest.raises(SeqError, match="loss 2: nothing is predicted"):
        work.backward(1, 0, 1, loss=2)


@pytest.mark.parametrize("label", ["rnn tanh", "gru", "lstm", "attention learned tied", "feedforward"])
def test_a_diverged_model_is_shown_as_it_is(label: str) -> None:
    given, (inputs, targets) = parameters(EVERY[label]), drawn(EVERY[label], T, 1)
    given.flat[:] = np.nan
    model = serial_model(EVERY[label], given)
    work = Cellwork(model, model.look(inputs[:, 0].copy()), inputs[:, 0].copy(), targets[:, 0], names_of(T))
    assert np.isnan(work.forward(2, 0).quantities[-1].value)
    work.backward(2, 0)


def test_every_cell_has_equations() -> None:
    assert EQUATIONS.keys() == CELL_CLASSES.keys()
    for family, one in EQUATIONS.items():
        assert len(one.blocks) == CELL_CLASSES[family].products


def test_unknown_targets_ask_for_the_likeliest_symbol_at_the_end() -> None:
    work, *_ = opened(EVERY["lstm classes"])
    blind = Cellwork(*_parts(work), np.full(T, -1, np.int32), work.names)
    guess = int(np.argmax(work.look.logits[-1]))
    sure = np.full(T, -1, np.int32)
    sure[-1] = guess
    told = Cellwork(*_parts(work), sure, work.names)
    assert "likeliest symbol at timestep 7" in blind.backward(0, 0, 1).losses
    assert dataclasses.replace(blind.backward(0, 0, 1), losses="") == dataclasses.replace(
        told.backward(0, 0, 1), losses=""
    )


def _parts(work: Cellwork) -> Any:
    inner: Any = work._work
    return inner.model, work.look, inner.inputs
