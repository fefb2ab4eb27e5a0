"""Which checkpoints are kept as a run goes on."""

import numpy as np
import pytest
from seqcore.retention import MOST, NEWEST, room, surplus


def kept_after(steps: int, every: int, count: int) -> list[int]:
    """What is left after a run that has saved every so many steps, and thinned out after each."""
    kept: list[int] = []
    for step in range(0, steps + 1, every):
        kept.append(step)
        for old in surplus(kept, count):
            kept.remove(old)
    return kept


@pytest.mark.parametrize("count", [8, 15, 40, 200])
def test_late_ones_are_dense_early_ones_sparse_and_the_first_and_last_are_there(count: int) -> None:
    kept = kept_after(100_000, 100, count)
    assert len(kept) == count
    assert kept[0] == 0
    assert kept[-NEWEST:] == [99_800, 99_900, 100_000]
    ages = 100_000 - np.array(kept[:-1])[::-1]
    factors = ages[1:] / ages[:-1]
    assert factors[NEWEST:].max() < 4 * max(factors[NEWEST:].min(), 1.0001), "no hole far larger than the others"
    gaps = np.diff(kept)
    assert gaps[: count // 4].mean() > 1.5 * gaps[-count // 4 :].mean()


def test_nothing_goes_while_there_is_room_and_the_newest_never() -> None:
    assert surplus([0, 10, 20, 30], 4) == []
    assert surplus([30, 0, 20, 10], 3) == [0]
    assert kept_after(1000, 10, 0) == [980, 990, 1000]
    assert surplus([5], 0) == []


def test_the_budget_says_how_many() -> None:
    assert room(100 << 20, 7 << 20) == 14
    assert room(0, 7 << 20) == NEWEST
    assert room(1 << 40, 1000) == MOST
    assert room(1 << 20, 0) == MOST
