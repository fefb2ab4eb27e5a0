"""Batches of pairs: every symbol stands where the encoder-decoder reads it, and all else is masked."""

import numpy as np
import pytest
from seqcore.data.pair_examples import ROUND, PairExamples
from seqcore.records import I32

END = 9


def numbers(*values: int) -> I32:
    return np.array(values, np.int32)


PAIRS = [(numbers(1, 2), numbers(3, 4, 5)), (numbers(6), numbers(7)), (numbers(0, 1, 2, 3, 4), numbers(8))]


def some_pairs(count: int, longest: int, seed: int = 0) -> list[tuple[I32, I32]]:
    chance = np.random.default_rng(seed)
    return [
        (chance.integers(0, 9, n, np.int32), chance.integers(0, 9, m, np.int32))
        for n, m in chance.integers(0, longest + 1, (count, 2))
    ]


def test_the_layout_of_a_batch() -> None:
    batch = PairExamples.of(PAIRS, END).batch(np.array([0, 1]), 3)
    assert batch.inputs.T.tolist() == [
        [-1, -1, 1, 2, 9, 3, 4, 5],
        [-1, -1, -1, 6, 9, 7, 9, 9],
        [-1, -1, -1, -1, 9, 9, 9, 9],
    ]
    assert batch.targets.T.tolist() == [
        [-1, -1, -1, -1, 3, 4, 5, 9],
        [-1, -1, -1, -1, 7, 9, -1, -1],
        [-1, -1, -1, -1, -1, -1, -1, -1],
    ]
    assert batch.inputs.dtype == batch.targets.dtype == np.int32
    assert batch.fresh
    assert batch.which.tolist() == [0, 1]


def test_a_reversed_source_stands_before_the_bar_too() -> None:
    batch = PairExamples.of(PAIRS, END, 0, True).batch(np.array([2, 0]), 2)
    assert batch.inputs[:8].T.tolist() == [[-1, -1, -1, 4, 3, 2, 1, 0], [-1, -1, -1, -1, -1, -1, 2, 1]]
    plain = PairExamples.of(PAIRS, END).batch(np.array([2, 0]), 2)
    assert np.array_equal(batch.targets, plain.targets)
    assert np.array_equal(batch.inputs[8:], plain.inputs[8:])


@pytest.mark.parametrize("reverse", [False, True])
def test_batches_hold_their_pairs(reverse: bool) -> None:
    pairs = some_pairs(60, 11)
    examples = PairExamples.of(pairs, END, 0, reverse)
    for which in np.array_split(np.random.default_rng(1).permutation(60), 9):
        inputs, targets = examples.batch(which, 8)[:2]
        S, U = (
            max(ROUND, -(-longest // ROUND) * ROUND)
            for longest in (max(len(pairs[i][0]) for i in which), max(len(pairs[i][1]) for i in which) + 1)
        )
        assert inputs.shape == targets.shape == (S + U, 8)
        assert len(inputs) in examples.batch_lengths
        for row in range(8):
            source, target = pairs[which[row]] if row < len(which) else (numbers(), numbers())
            assert inputs[:S, row].tolist() == [-1] * (S - len(source)) + source[:: -1 if reverse else 1].tolist()
            read = [END, *target]
            assert inputs[S:, row].tolist() == read + [END] * (U - len(read))
            wanted = [*target, END] if row < len(which) else []
            assert targets[:, row].tolist() == [-1] * S + wanted + [-1] * (U - len(wanted))


def test_pairs_and_lengths() -> None:
    examples = PairExamples.of(PAIRS, END, 0, True)
    assert examples.count == 3
    assert examples.source_lengths.tolist() == [2, 1, 5]
    assert examples.target_lengths.tolist() == [3, 1, 1]
    assert examples.lengths.tolist() == [6, 3, 7], "the end symbol counts"
    assert examples.source(2).tolist() == [0, 1, 2, 3, 4], "as given, although batches have it backwards"
    assert examples.target(0).tolist() == [3, 4, 5]
    some = examples.some([2, 0])
    assert (some.count, some.end, some.reverse) == (2, END, True)
    assert [some.source(1).tolist(), some.target(0).tolist()] == [[1, 2], [8]]


def test_the_order_puts_similar_pairs_next_to_each_other() -> None:
    examples = PairExamples.of(some_pairs(200, 12), END)
    assert examples.order.dtype == np.int64
    at = np.argsort(examples.order, kind="stable")
    lengths = list(zip(examples.source_lengths[at], examples.target_lengths[at], strict=True))
    assert lengths == sorted(lengths)


def test_totals_are_those_that_batches_can_have() -> None:
    examples = PairExamples.of(PAIRS, END)
    assert examples.batch_lengths == (8, 12)
    assert PairExamples.of([], END).batch_lengths == ()
    assert PairExamples.of([], END).count == 0
    assert PairExamples.of([], END).order.size == 0
    wide = PairExamples.of([(numbers(*[0] * 9), numbers(1)), (numbers(1), numbers(*[0] * 8))], END)
    assert len(wide.batch(np.array([0, 1]), 2).inputs) == 24 == wide.batch_lengths[-1], "longer than either pair alone"
    assert wide.batch_lengths[0] == 16
