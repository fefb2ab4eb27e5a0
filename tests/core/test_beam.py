"""Decoding on a small decoder with random weights: greedy, by beam, and compared with every sequence there is."""

import itertools
import math
from typing import Any

import numpy as np
import pytest
from seqcore.beam import MOST_WIDTH, Decoded, decoded
from seqcore.config import ModelConfig
from seqcore.errors import SeqError
from seqcore.models.pairs import shapes
from seqcore.models.pairs_serial import SerialPairs
from seqcore.parameters import Parameters
from seqcore.records import path_to

pytestmark = pytest.mark.usefixtures("kernels")

V, K, END, MOST = 6, 4, 3, 4
SOURCE = np.array([2, 0, 5], np.int32)
WIDE = MOST_WIDTH  # 3^3 = 27 beginnings of the last depth but one, and no more, can go on
PENALTIES = (0.0, 0.6, 1.0)


def small(
    seed: int, attention: str = "general", end_bias: float = 0.0, scale: float = 1.2, fed: bool = False
) -> SerialPairs:
    """A decoder of K symbols whose predictions are far from uniform; `end_bias` makes the end symbol likelier."""
    bidirectional = attention == "general"
    config = ModelConfig(
        V, family="gru", hidden=8, layers=1, embedding=5, outputs=K, decodes=True, cross_attention=attention,
        bidirectional=bidirectional, input_feeding=fed,
    )  # fmt: skip
    draw, parameters = np.random.default_rng(seed), Parameters(shapes(config))
    parameters.flat[:] = scale * draw.standard_normal(parameters.flat.size)
    parameters["head.b_y"][END] += end_bias
    return SerialPairs(config, parameters)


def search(model: SerialPairs, width: int, penalty: float = 0.0, most: int = MOST) -> Decoded:
    return decoded(model, model.begin(SOURCE), END, most, width, penalty)


def log_p(model: SerialPairs, symbols: Any) -> float:
    """The log probability of symbols, the end symbol included if there is one, read all at once by `look`."""
    read = np.array([END, *symbols[:-1]])
    logits = model.look(np.concatenate([SOURCE, V + read]).astype(np.int32)).logits[len(SOURCE) :].astype(np.float64)
    logits = logits - logits.max(axis=1, keepdims=True)
    shares = logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))
    return float(shares[np.arange(len(symbols)), list(symbols)].sum())


def scored(model: SerialPairs, symbols: Any, penalty: float) -> float:
    return log_p(model, symbols) / ((5 + len(symbols)) / 6) ** penalty


def everything(model: SerialPairs, penalty: float, most: int = MOST) -> list[tuple[float, list[int]]]:
    """Every sequence of at most `most` symbols, the end symbol last, with its score, best first."""
    bodies = (body for n in range(most) for body in itertools.product(range(END), repeat=n))
    return sorted(((scored(model, [*body, END], penalty), [*body]) for body in bodies), reverse=True)


@pytest.mark.parametrize("penalty", PENALTIES)
@pytest.mark.parametrize(("attention", "fed"), [("none", False), ("general", False), ("general", True)])
def test_a_beam_that_is_wide_enough_is_an_exhaustive_search(attention: str, fed: bool, penalty: float) -> None:
    for seed in range(4):
        model = small(seed, attention, fed=fed)
        found, expected = search(model, WIDE, penalty), everything(model, penalty)
        assert found.ended
        assert found.symbols() == expected[0][1], seed
        assert found.scores[0] == pytest.approx(expected[0][0], rel=1e-4)
        assert len(found.finished) == len(expected) == 1 + 3 + 9 + 27
        assert [found.symbols(rank) for rank in range(3)] == [symbols for _, symbols in expected[:3]]


def test_the_penalty_decides_between_a_short_and_a_long_result() -> None:
    lengths = []
    for seed in range(12):
        model = small(seed, scale=0.7)
        lengths.append([len(search(model, WIDE, penalty).symbols()) for penalty in (0.0, 1.0, 10.0)])
    assert all(short <= middle <= long for short, middle, long in lengths)
    assert any(short < long for short, _, long in lengths)


def test_a_narrow_beam_can_miss_the_best_result_and_never_beats_it() -> None:
    missed = 0
    for seed in range(12):
        model = small(seed, scale=0.7)
        best = everything(model, 0.0)[0][0]
        greedy = search(model, 1)
        if greedy.ended:
            assert greedy.scores[0] <= best + 1e-4
            missed += greedy.scores[0] < best - 1e-3
    assert missed


def to_the_end(model: SerialPairs, width: int, penalty: float, most: int) -> tuple[float, list[int]]:
    """The best result of a beam search that always goes on to `most` symbols."""
    beam: list[tuple[float, list[int]]] = [(0.0, [])]
    ended: list[tuple[float, list[int]]] = []
    for _ in range(most):
        longer = [[*body, symbol] for _, body in beam for symbol in range(K)]
        ranked = sorted(((log_p(model, body), body) for body in longer), key=lambda one: -one[0])[: 2 * width]
        ended += [(scored(model, body, penalty), body[:-1]) for _, body in ranked if body[-1] == END]
        beam = [one for one in ranked if one[1][-1] != END][:width]
    return max(ended)


@pytest.mark.parametrize("penalty", [0.0, 0.6, 3.0])
def test_stopping_early_loses_nothing(penalty: float) -> None:
    stopped = 0
    for seed in range(10):
        model = small(seed, scale=0.7, end_bias=0.5)
        found, (score, symbols) = search(model, 3, penalty, 8), to_the_end(model, 3, penalty, 8)
        assert found.symbols() == symbols, seed
        assert found.scores[0] == pytest.approx(score, rel=1e-4)
        stopped += max(node.depth for node in found.nodes) < 8
    assert stopped or penalty


@pytest.mark.parametrize("attention", ["none", "general"])
def test_width_1_takes_the_likeliest_symbol_each_time(attention: str) -> None:
    for seed in range(4):
        model = small(seed, attention)
        found, state, symbol, expected = search(model, 1, most=9), model.begin(SOURCE), END, []
        while len(expected) < 9:
            symbol = int(np.argmax(model.read(symbol, state)))
            expected.append(symbol)
            if symbol == END:
                break
        assert [found.nodes[number].symbol for number in path_to(found.nodes, found.finished[0])] == expected
        assert found.ended is (expected[-1] == END)
        assert len(found.nodes) == len(expected)


@pytest.mark.parametrize("width", [1, 2, 3, 7])
@pytest.mark.parametrize("penalty", PENALTIES)
def test_scores_are_sums_of_log_probabilities_and_results_are_sorted(width: int, penalty: float) -> None:
    for seed in range(3):
        model = small(seed, end_bias=1.0)
        found = search(model, width, penalty, 6)
        assert found.scores == sorted(found.scores, reverse=True)
        assert len(found.scores) == len(found.finished) == len(set(found.finished))
        for rank, score in enumerate(found.scores):
            symbols = found.symbols(rank) + [END] * found.ended
            assert score == pytest.approx(scored(model, symbols, penalty), rel=1e-4)
        if found.ended:
            assert {found.nodes[number].symbol for number in found.finished} == {END}


def test_beginnings_form_a_tree_with_shares_that_multiply() -> None:
    model = small(1)
    found = search(model, 3, 0.6, 5)
    assert found.nodes
    parents = set()
    for number, node in enumerate(found.nodes):
        assert -1 <= node.parent < number
        before = found.nodes[node.parent] if node.parent >= 0 else None
        assert node.depth == (before.depth + 1 if before else 1)
        assert node.total == pytest.approx((before.total if before else 0.0) + math.log(node.share))
        assert before is None or (before.kept and before.symbol != END)
        assert node.weights.shape == (3,)
        assert node.weights.sum() == pytest.approx(1, abs=1e-5)
        parents.add(node.parent)
    assert all(found.nodes[number].kept for number in found.finished)
    beginnings = [
        tuple(found.nodes[n].symbol for n in path_to(found.nodes, number)) for number in range(len(found.nodes))
    ]
    assert len(set(beginnings)) == len(beginnings)
    for depth in range(1, 6):
        assert sum(node.kept and node.symbol != END for node in found.nodes if node.depth == depth) <= 3


def test_attention_weights_of_a_beginning_are_those_that_look_computes() -> None:
    model = small(2)
    found = search(model, 3)
    for number in range(len(found.nodes)):
        symbols = [found.nodes[n].symbol for n in path_to(found.nodes, number)]
        look = model.look(np.concatenate([SOURCE, V + np.array([END, *symbols[:-1]])]).astype(np.int32))
        assert look.attention is not None
        np.testing.assert_allclose(found.nodes[number].weights, look.attention[0, 0, -1, :3], rtol=1e-3, atol=1e-5)


@pytest.mark.parametrize("width", [1, 2])  # a wider beam of 4 symbols has room for the end symbol, however unlikely
def test_without_an_end_symbol_in_time_the_result_is_unfinished(width: int) -> None:
    model = small(0, end_bias=-60.0)
    found = search(model, width, 0.6)
    assert not found.ended
    assert [len(found.symbols(rank)) for rank in range(len(found.finished))] == [MOST] * width
    assert found.scores == sorted(found.scores, reverse=True)
    for rank, score in enumerate(found.scores):
        assert score == pytest.approx(scored(model, found.symbols(rank), 0.6), rel=1e-4)


def test_an_end_symbol_at_once_is_an_empty_result() -> None:
    for width in (1, 3):
        found = search(small(0, end_bias=60.0), width)
        assert (found.ended, found.symbols()) == (True, [])
        assert found.scores[0] == pytest.approx(0, abs=1e-6)


@pytest.mark.parametrize("width", [1, 4])
def test_weights_that_are_not_finite_are_named(width: int) -> None:
    model = small(0)
    broken = Parameters(shapes(model.config))
    broken.flat[:] = model.parameters.flat
    broken["head.b_y"][1] = np.nan
    with pytest.raises(SeqError, match="predictions are not finite: it has diverged; use an earlier checkpoint"):
        search(SerialPairs(model.config, broken), width)


@pytest.mark.parametrize(
    ("width", "penalty", "words"),
    [
        (0, 0.0, "beam 0: must be a number from 1 to 64"),
        (-3, 0.0, "beam -3: must be"),
        (65, 0.0, "beam 65: must be a number from 1 to 64"),
        (2, -0.5, "length penalty -0.5: must be a number from 0 to 10"),
        (2, 10.5, "length penalty 10.5: must be"),
        (2, math.nan, "length penalty nan: must be"),
    ],
)
def test_a_width_or_a_penalty_out_of_range_is_refused(width: int, penalty: float, words: str) -> None:
    with pytest.raises(SeqError, match=words):
        search(small(0), width, penalty)


def test_a_search_repeats_and_leaves_the_model_as_it_was() -> None:
    model = small(3)
    first = search(model, 3, 0.6)
    search(model, 1)
    again = search(model, 3, 0.6)
    assert (first.finished, first.scores) == (again.finished, again.scores)
    assert [node[:5] for node in first.nodes] == [node[:5] for node in again.nodes]


@pytest.mark.parametrize("width", [1, 3])
@pytest.mark.parametrize("begun", [(1,), (2, 0), (0, 0, 0)])
def test_it_goes_on_after_symbols_that_are_given(width: int, begun: tuple[int, ...]) -> None:
    model = small(3)
    found = decoded(model, model.begin(SOURCE), END, 7, width, begun=begun)
    for rank in range(len(found.finished)):
        symbols = found.symbols(rank)
        assert tuple(symbols[: len(begun)]) == begun
        ended = [*symbols, END] if found.nodes[found.finished[rank]].symbol == END else symbols
        assert found.nodes[found.finished[rank]].total == pytest.approx(log_p(model, ended), abs=1e-4)
    if width == 1:  # what follows is greedy
        state = model.begin(SOURCE)
        for symbol in (END, *begun):
            logits = model.read(symbol, state)
        assert [*found.symbols(), END][len(begun)] == int(np.argmax(logits))


@pytest.mark.parametrize("begun", [(), (1,), (2, 0)])
def test_all_symbols_can_be_offered_at_each_place(begun: tuple[int, ...]) -> None:
    model = small(3)
    found = decoded(model, model.begin(SOURCE), END, 7, 1, begun=begun, offered=K)
    parent = -1
    for depth in range(1, len(begun) + 2):
        there = [node for node in found.nodes if node.parent == parent]
        assert sorted(node.symbol for node in there) == list(range(K))
        assert sum(node.share for node in there) == pytest.approx(1, abs=1e-5)
        assert sum(node.kept for node in there) == 1
        for node in there:
            path = [found.nodes[number].symbol for number in path_to(found.nodes, found.nodes.index(node))]
            assert node.total == pytest.approx(log_p(model, path), abs=1e-4)
        parent = next(n for n, node in enumerate(found.nodes) if node.parent == parent and node.kept)
        assert depth > len(begun) or found.nodes[parent].symbol == begun[depth - 1]


def test_nothing_given_and_nothing_offered_is_the_usual_search() -> None:
    model = small(5)
    usual, other = search(model, 3), decoded(model, model.begin(SOURCE), END, MOST, 3, begun=(), offered=0)
    assert [node[:5] for node in usual.nodes] == [node[:5] for node in other.nodes]
    assert usual.finished == other.finished


def test_symbols_that_are_given_may_end_the_sequence_or_be_too_many() -> None:
    model = small(3)
    ended = decoded(model, model.begin(SOURCE), END, MOST, 2, begun=(1, END))
    assert ended.ended
    assert ended.symbols() == [1]
    long = decoded(model, model.begin(SOURCE), END, MOST, 2, begun=(1,) * (MOST + 2))
    assert long.symbols() == [1] * (MOST + 2)
    with pytest.raises(SeqError, match="symbol 9: must be a number from 0 to 3"):
        decoded(model, model.begin(SOURCE), END, MOST, 2, begun=(9,))
