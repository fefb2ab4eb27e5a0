"""One scan for all cells: the same bytes however rows and units are shared out, on any number of threads."""

import subprocess
import sys
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from seqcore.gemm import NR, padded
from seqcore.layers.cell import Cell, CellWorkspace
from seqcore.layers.plan import Plan, plans
from seqcore.layers.scan import place
from seqcore.models.stack import CELLS
from seqcore.records import F32, I32

from tests.core.compare import normal, pack, threads

THREADS = [1, 2, 3, 5, 16]
KINDS = {"rnn tanh": ("rnn", "tanh"), "rnn relu": ("rnn", "relu"), "gru": ("gru", "tanh"), "lstm": ("lstm", "tanh")}
SIZES = [(1, 33, 33), (12, 1, 130), (7, 7, 5), (9, 33, 5), (5, 7, 33), (12, 33, 100), (7, 7, 130), (10, 33, 130)]


@dataclass
class Case:
    """A layer with random weights, inputs, state carried in and gradient from above."""

    layer: Cell
    inputs: F32
    index: I32
    start: list[F32]
    above: F32

    @classmethod
    def of(cls, kind: str, T: int, B: int, H: int) -> "Case":
        draw, (family, activation) = np.random.default_rng(T * 1000 + B + H), KINDS[kind]
        cell = CELLS[family]
        weights = {name: normal(draw, *shape) for name, shape in cell.shapes(3, H).items()}
        weights["W_hh"] /= np.float32(np.sqrt(H))
        layer = cell(weights, {name: np.zeros_like(w) for name, w in weights.items()}, activation)
        pack(layer)
        inputs = normal(draw, 2 * B, padded(cell.products * H))  # every row serves several places
        index = draw.integers(0, len(inputs), T * B).astype(np.int32)
        above = np.zeros((T, B, padded(H)), np.float32)
        above[:, :, :H] = normal(draw, T, B, H)
        return cls(layer, inputs, index, [normal(draw, B, H) for _ in range(2)], above)

    def workspace(self) -> CellWorkspace:
        """Arrays where reading anything not yet written gives NaN."""
        T, B, _ = self.above.shape
        work = self.layer.workspace(T, B, self.layer.hidden)
        for array in (work.gates, work.c, work.h, work.direct):
            array[:] = np.nan
        work.dh[:] = self.above
        work.h[0] = self.start[0]
        if self.layer.carries_c:
            work.c[0] = self.start[1]
        return work

    def results(self, plan: Plan, monkeypatch: pytest.MonkeyPatch) -> dict[str, bytes]:
        """Scan forward and back as planned."""
        work, T = self.workspace(), len(self.above)
        monkeypatch.setattr(self.layer, "plan", lambda B: plan)
        flags, scratch = plan.memory(T)
        with threads(plan.threads):
            flags[:], scratch[:] = 1, np.nan
            self.layer.forward(self.inputs, self.index, work)
            forward = states(work)
            flags[:] = 1
            self.layer.backward(work)
        arrays = {"gates": work.gates, "dh": work.dh, "direct": work.direct}
        return forward | {f"{name} back": array.tobytes() for name, array in arrays.items()}

    def plan(self, rows: int, units: int, number: int) -> Plan:
        B, layer = self.above.shape[1], self.layer
        return Plan(B, layer.hidden, layer.products, number, rows, units)

    def expected(self, monkeypatch: pytest.MonkeyPatch) -> dict[str, bytes]:
        """The results of one group of one block, on one thread; all of them are there."""
        found = self.results(self.plan(self.above.shape[1], padded(self.layer.hidden), 1), monkeypatch)
        assert found["gates back"] != found["gates"]
        for name in ("c", "h", "gates back", "dh back", "direct back"):
            assert np.isfinite(np.frombuffer(found[name], np.float32)).all(), name
        return found


def states(work: CellWorkspace) -> dict[str, bytes]:
    return {name: getattr(work, name).tobytes() for name in ("gates", "c", "h")}


def differing(found: dict[str, bytes], expected: dict[str, bytes]) -> list[str]:
    """The names of arrays that differ; comparing the dictionaries would print them."""
    return [name for name in found if found[name] != expected[name]]


@pytest.mark.usefixtures("kernels")
@pytest.mark.parametrize("size", SIZES, ids=str)
@pytest.mark.parametrize("kind", KINDS)
def test_every_plan_gives_the_same_bytes(
    kind: str, size: tuple[int, int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    case, (_, B, H) = Case.of(kind, *size), size
    expected = case.expected(monkeypatch)
    for number in THREADS:
        made = [case.plan(rows, units, number) for rows in {1, min(B, 5), B} for units in (NR, 2 * NR)]
        for plan in (*plans(B, H, case.layer.products, number), *made):
            found = case.results(plan, monkeypatch)
            assert not differing(found, expected), plan


@pytest.mark.usefixtures("kernels")
@pytest.mark.parametrize("kind", KINDS)
def test_many_timesteps_in_small_blocks(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    case = Case.of(kind, 150, 9, 4 * NR + 2)
    expected = case.expected(monkeypatch)
    for number in (2, 3, 5):
        for rows in (9, 5):
            found = case.results(case.plan(rows, NR, number), monkeypatch)
            assert not differing(found, expected), (number, rows)


@pytest.mark.usefixtures("kernels")
@pytest.mark.parametrize("size", SIZES, ids=str)
@pytest.mark.parametrize("kind", KINDS)
def test_the_serial_scan_gives_the_bytes_of_the_shared_one(
    kind: str, size: tuple[int, int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    case = Case.of(kind, *size)
    expected = case.results(case.plan(min(8, size[1]), NR, 3), monkeypatch)
    work = case.workspace()
    case.layer.forward(case.inputs, case.index, work, parallel=False)
    assert not differing(states(work), expected)


@pytest.mark.usefixtures("kernels")
@pytest.mark.parametrize("kind", KINDS)
def test_the_results_are_those_of_a_row_alone(kind: str) -> None:
    """One group of all rows is no more than its rows, one by one."""
    T, B, H = 6, 7, 33
    case = Case.of(kind, T, B, H)
    whole = case.workspace()
    case.layer.forward(case.inputs, case.index, whole)
    for row in range(B):
        index: I32 = np.ascontiguousarray(case.index.reshape(T, B)[:, row])
        start = [state[row : row + 1] for state in case.start]
        alone = Case(case.layer, case.inputs, index, start, case.above[:, row : row + 1])
        work = alone.workspace()
        case.layer.forward(case.inputs, alone.index, work)
        assert work.h[:, 0].tobytes() == whole.h[:, row].tobytes()


def placed(lanes: int, groups: int, blocks: int) -> list[tuple[int, int]]:
    compiled: Any = place
    found = [compiled.py_func(lane, lanes, groups, blocks) for lane in range(lanes)]
    return [(int(group), int(block)) for group, block in found]


@given(st.integers(1, 40), st.integers(1, 20), st.integers(1, 20))
def test_every_lane_begins_at_a_group_and_a_block_that_exist(lanes: int, groups: int, blocks: int) -> None:
    lanes = min(lanes, groups * blocks)
    found = placed(lanes, groups, blocks)
    assert all(0 <= group < groups and 0 <= block < blocks for group, block in found)
    met = [group for group, _ in found]
    assert len(set(met)) == min(lanes, groups), "no group has two lanes while another has none"
    assert max(map(met.count, met)) <= -(-lanes // groups)


@given(st.integers(1, 20), st.integers(1, 20))
def test_with_as_many_lanes_as_places_each_has_its_own(groups: int, blocks: int) -> None:
    found = placed(groups * blocks, groups, blocks)
    assert sorted(found) == [(group, block) for group in range(groups) for block in range(blocks)]


@given(st.integers(1, 40), st.integers(1, 20), st.integers(1, 20))
def test_no_two_lanes_begin_at_one_place(lanes: int, groups: int, blocks: int) -> None:
    found = placed(min(lanes, groups * blocks), groups, blocks)
    assert len(set(found)) == len(found)


MANY = """
import numpy as np
from seqcore import jit
from seqcore.layers import plan
from seqcore.layers.rnn import RNN
from seqcore.team import TEAM
from tests.core.compare import normal, pack

jit.compile_kernels(["train", "train-rnn"])
T, B, H = 6, 64, 8
draw = np.random.default_rng(0)
weights = {"W_xh": normal(draw, 3, H), "W_hh": normal(draw, H, H), "b": normal(draw, H)}
layer, work = RNN(weights, {name: w.copy() for name, w in weights.items()}), RNN.workspace(T, B, H)
pack(layer)
inputs, index = normal(draw, 5, 32), np.zeros(T * B, np.int32)
shared_out = plan.Plan(B, H, 1, 6, 2, 32)
object.__setattr__(shared_out, "steps", 1)
layer.plan = lambda rows: shared_out
TEAM.use(6)
for _ in range(5_000):
    layer.forward(inputs, index, work)
print("done")
"""


def test_thousands_of_scans_with_threads_that_are_stopped_anywhere_all_end() -> None:
    """More threads than cores: the system stops some of them between any two instructions."""
    ended = subprocess.run([sys.executable, "-c", MANY], capture_output=True, text=True, timeout=300, check=False)
    assert ended.stdout == "done\n", ended.stderr
