"""How a scan is shared out: all rows and units have a place, memory suffices, and the choice follows the cost model."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from seqcore.config import ModelConfig, TrainingConfig
from seqcore.gemm import NR, padded
from seqcore.layers import plan
from seqcore.layers.plan import ROWS, Plan, cache_bytes, planned, plans
from seqcore.layers.scan import LINE
from seqcore.models.stack import CELLS
from seqcore.presets import PRESETS

SIZES = st.integers(1, 300), st.integers(1, 700), st.sampled_from([1, 3, 4]), st.integers(1, 24)


@given(*SIZES)
def test_plans_cover_all_rows_and_units_once(B: int, H: int, products: int, threads: int) -> None:
    found = plans(B, H, products, threads)
    assert found
    assert len(set(found)) == len(found)
    assert [p.groups for p in found] == sorted(p.groups for p in found), "fewest groups first"
    for p in found:
        assert (p.B, p.H, p.products, p.threads) == (B, H, products, threads)
        assert (p.groups - 1) * p.rows < B <= p.groups * p.rows
        assert (p.blocks - 1) * p.units < H <= p.blocks * p.units
        assert p.rows % ROWS == 0 or p.rows == B, "whole tiles, but for the last"
        assert p.units % NR == 0
        assert p.shape == (p.rows, p.units, p.steps)
        assert 1 <= p.lanes <= min(threads, p.groups * p.blocks)
        assert 4 * p.rows * p.units * products <= plan.Z_BYTES or p.units == NR
    assert any(p.groups == 1 for p in found)


@given(*SIZES, st.integers(1, 40))
def test_flags_and_scratch_are_as_large_as_used(B: int, H: int, products: int, threads: int, T: int) -> None:
    p = planned(B, H, products, threads)
    assert p.scratch == threads * p.rows * products * p.units, "z of a block for each worker"
    last = ((T - 1) // p.steps * p.groups + p.groups - 1) * p.blocks + p.blocks - 1  # the last item
    assert p.flags(T) == (last + 1) * LINE
    flags, scratch = p.memory(T)
    assert (flags.itemsize, scratch.itemsize) == (8, 4)
    assert (flags.size, scratch.size) == (p.flags(T), p.scratch)
    assert flags.nbytes + scratch.nbytes == p.bytes_needed(T)


def test_memory_is_kept_and_grows() -> None:
    small, large = Plan(8, NR, 1, 1, 8, NR), Plan(64, 4 * NR, 4, 3, 8, NR)
    flags, scratch = large.memory(50)
    again = small.memory(2)
    assert np.shares_memory(flags, again[0])
    assert np.shares_memory(scratch, again[1])


@settings(max_examples=200)
@given(*SIZES)
def test_the_chosen_plan_is_the_one_expected_to_be_fastest(B: int, H: int, products: int, threads: int) -> None:
    chosen = planned(B, H, products, threads)
    found = plans(B, H, products, threads)
    assert chosen in found
    assert chosen.seconds == min(p.seconds for p in found)
    assert chosen.groups == max(p.groups for p in found if p.seconds == chosen.seconds)


@given(st.integers(1, 300), st.integers(1, 700), st.sampled_from([1, 3, 4]), st.integers(1, 24))
def test_it_is_never_expected_slower_than_rows_alone(B: int, H: int, products: int, threads: int) -> None:
    """Rows of 8 for each thread, all units together; for so many units that z fits its scratch memory."""
    rows = Plan(B, H, products, threads, min(B, ROWS), padded(H))
    if 4 * rows.rows * rows.units * products <= plan.Z_BYTES and rows.groups <= 4 * threads:
        assert planned(B, H, products, threads).seconds <= rows.seconds


def _sizes() -> list[tuple[int, int, int]]:
    """Rows, units and products of the default sizes and the presets."""
    shapes = [(TrainingConfig().batch, ModelConfig(65).hidden, cell.products) for cell in CELLS.values()]
    for preset in PRESETS:
        if (family := preset.model.get("family", "lstm")) in CELLS:
            batch, hidden = preset.training.get("batch", 32), preset.model.get("hidden", 256)
            shapes.append((batch, hidden, CELLS[family].products))
    return list(dict.fromkeys(shapes))


@pytest.mark.parametrize("size", [*_sizes(), (33, 130, 3), (64, 128, 4), (1, 512, 4)], ids=str)
def test_more_threads_are_never_expected_to_be_slower(size: tuple[int, int, int]) -> None:
    """But by what one more of them takes to meet, where the blocks cannot be shared out better."""
    seconds = [planned(*size, threads).seconds for threads in range(1, 65)]
    for threads in range(2, 65):
        assert seconds[threads - 1] <= min(seconds[: threads - 1]) + 1.01 * plan.MEETING[1], f"{threads} threads"


def test_rows_are_cut_before_columns() -> None:
    """Groups do not wait for each other: two threads with rows enough need no barrier."""
    chosen = planned(64, 4 * NR, 1, 2)
    assert chosen.groups % 2 == 0
    assert planned(1, 512, 4, 2).blocks > 1, "one row can only be shared by columns"


@pytest.fixture
def cache_size(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(plan, "CACHE", tmp_path / "size")
    return tmp_path / "size"


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ("2048K\n", 2 << 20), ("512K", 512 << 10), ("1280K\n", 1280 << 10), ("", 1 << 20), ("K", 1 << 20),
        ("2M", 1 << 20), ("many K", 1 << 20), ("-1K", 1 << 20), (None, 1 << 20),
    ],
)  # fmt: skip
def test_the_size_of_the_cache_is_read_or_else_one_mebibyte(
    cache_size: Path, content: str | None, expected: int
) -> None:
    if content is not None:
        cache_size.write_text(content)
    cache_bytes.cache_clear()
    try:
        assert cache_bytes() == expected
    finally:
        cache_bytes.cache_clear()
