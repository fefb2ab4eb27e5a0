"""The LSTM's scans match the float64 twin: any size, any carried state, any number of threads."""

from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from seqcore.gemm import padded
from seqcore.layers.cell import CellWorkspace
from seqcore.layers.lstm import LSTM
from seqcore.records import F32, I32

from tests.core import twin
from tests.core.compare import assert_close, normal, pack, threads

pytestmark = pytest.mark.usefixtures("kernels")


@dataclass
class Case:
    """One layer with random weights, inputs and carried state."""

    layer: LSTM
    x: F32
    inputs: F32
    index: I32
    work: CellWorkspace
    above: F32

    @classmethod
    def of(cls, T: int, B: int, inputs: int, H: int, seed: int = 0) -> "Case":
        draw = np.random.default_rng(seed)
        W_hh = normal(draw, H, 4 * H) / np.float32(np.sqrt(H))
        weights = {"W_xh": normal(draw, inputs, 4 * H), "W_hh": W_hh, "b": normal(draw, 4 * H)}
        layer = LSTM(weights, {name: np.full_like(w, np.nan) for name, w in weights.items()})
        pack(layer, layer.input)
        x, work = normal(draw, T * B, inputs), LSTM.workspace(T, B, H)
        for array in (work.gates, work.c, work.h, work.dh, work.direct):
            array[:] = np.nan  # reading anything not yet written gives NaN
        work.h[0], work.c[0] = normal(draw, B, H), 2 * normal(draw, B, H)
        above = normal(draw, T, B, H)
        work.dh[:] = 0
        work.dh[:, :, :H] = above
        z = np.zeros((T * B, padded(4 * H)), np.float32)
        layer.input.forward(x, z)
        return cls(layer, x, z, np.arange(T * B, dtype=np.int32), work, above)

    def twin(self) -> tuple[twin.LSTMTrace, twin.LSTMGradient]:
        (T, B, _), layer = self.above.shape, self.layer
        x, W_xh, W_hh, b, h0, c0, above = (
            a.astype(np.float64)
            for a in (self.x, layer.input.W, layer.W_hh, layer.input.b, self.work.h[0], self.work.c[0], self.above)
        )
        trace = twin.lstm(x.reshape(T, B, -1), W_xh, W_hh, b, h0, c0)
        return trace, twin.lstm_backward(trace, W_xh, W_hh, above)


def check(case: Case) -> None:
    """Compare gates, states and every gradient with the twin; tolerances grow with the number of timesteps."""
    work, H = case.work, case.layer.hidden
    trace, gradient = case.twin()
    case.layer.forward(case.inputs, case.index, work)
    gates = np.concatenate((trace.i, trace.f, trace.g, trace.o), axis=2)
    assert_close(work.gates[:, :, : 4 * H], gates, 1e-5, "gates")
    assert_close(work.c, trace.c, 1e-5, "c")
    assert_close(work.h, trace.h, 1e-5, "h")
    case.layer.backward(work)
    terms = 0.05 * float(np.abs(gradient.h).max(initial=0))  # in 1 - f, a saturated gate has few digits left
    assert_close(work.gates[:, :, : 4 * H], gradient.z, 2e-5, "dz", terms)
    assert_close(case.layer.dW_hh, gradient.W_hh, 2e-5, "dW_hh", terms)
    assert_close(work.direct[0], gradient.c0, 2e-5, "dc_0")
    assert not work.gates[:, :, 4 * H :].any(), "what pads dz is zero"


@pytest.mark.parametrize("T", [1, 2, 17])
@pytest.mark.parametrize("B", [1, 3, 8, 9, 33])
@pytest.mark.parametrize("H", [1, 2, 7, 8, 31, 64])
def test_forward_and_backward_through_time(T: int, B: int, H: int) -> None:
    check(Case.of(T, B, 5, H))


@settings(deadline=None, max_examples=40)
@given(st.integers(1, 24), st.integers(1, 40), st.integers(1, 40), st.integers(1, 70))
def test_forward_and_backward_of_any_size(T: int, B: int, inputs: int, H: int) -> None:
    check(Case.of(T, B, inputs, H, T * 31 + B))


def test_a_row_of_inputs_may_serve_many_places() -> None:
    case = Case.of(6, 5, 3, 7)
    shared = np.random.default_rng(1).integers(0, 4, 30).astype(np.int32)
    case.x = case.x[:4][shared]  # thirty positions share four rows of the table
    case.inputs, case.index = np.ascontiguousarray(case.inputs[:4]), shared
    check(case)


def test_two_threads_and_the_serial_scan_give_the_bytes_of_one_thread() -> None:
    results = []
    for count in (1, 2):
        case = Case.of(9, 29, 5, 33)
        with threads(count):
            case.layer.forward(case.inputs, case.index, case.work)
            forward = case.work.gates.tobytes() + case.work.c.tobytes() + case.work.h.tobytes()
            case.layer.backward(case.work)
        results.append((forward, case.work.gates.tobytes(), case.work.direct.tobytes(), case.layer.dW_hh.tobytes()))
    assert results[0] == results[1]
    case = Case.of(9, 29, 5, 33)
    work = case.work
    case.layer.forward(case.inputs, case.index, work, parallel=False)
    assert work.gates.tobytes() + work.c.tobytes() + work.h.tobytes() == results[0][0]


def test_a_row_of_the_batch_has_the_same_bits_in_a_batch_of_one() -> None:
    whole = Case.of(5, 11, 4, 13)
    whole.layer.forward(whole.inputs, whole.index, whole.work)
    for row in range(11):
        alone = LSTM.workspace(5, 1, 13)
        alone.h[0, 0], alone.c[0, 0] = whole.work.h[0, row], whole.work.c[0, row]
        whole.layer.forward(whole.inputs, np.ascontiguousarray(whole.index.reshape(5, 11)[:, row]), alone)
        assert alone.h[:, 0].tobytes() == whole.work.h[:, row].tobytes()
        assert alone.c[:, 0].tobytes() == whole.work.c[:, row].tobytes()


def test_nan_stays_in_its_row_of_the_batch_and_goes_through_all_of_its_future() -> None:
    case = Case.of(6, 10, 4, 9)
    case.inputs[2 * 10 + 3] = np.nan  # timestep 2 of row 3
    case.layer.forward(case.inputs, case.index, case.work)
    bad = np.isnan(case.work.h.sum(axis=2))
    assert bad[3:, 3].all()
    bad[3:, 3] = False
    assert not bad.any()
    case.layer.backward(case.work)
    assert np.isnan(case.work.gates[2:, 3, :36]).all()
    assert np.isnan(case.layer.dW_hh).all(), "the weights' gradient sums over rows"


def test_saturated_gates_stay_finite() -> None:
    case = Case.of(8, 3, 2, 5)
    case.inputs *= np.float32(1e4)
    case.layer.forward(case.inputs, case.index, case.work)
    case.layer.backward(case.work)
    for name, array in (("c", case.work.c), ("h", case.work.h), ("dz", case.work.gates), ("dW", case.layer.dW_hh)):
        assert np.isfinite(array).all(), name
    assert np.abs(case.work.h[1:]).max() <= 1


@settings(max_examples=40)
@given(st.integers(1, 9), st.integers(1, 9), st.integers(1, 70), st.booleans())
def test_the_workspace_takes_the_bytes_it_announces(T: int, B: int, H: int, backward: bool) -> None:
    work = LSTM.workspace(T, B, H, backward)
    total = sum(array.nbytes for array in (work.gates, work.c, work.h, work.dh, work.direct))
    assert LSTM.bytes_needed(T, B, H, backward) == total
