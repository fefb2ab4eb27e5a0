"""Exported weights load strictly in PyTorch, give the engine's logits there, and are read back byte for byte.

Recorded by tests/core/recorded/record_exported.py; if torch is installed, it is also compared directly.
"""

import functools
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from seqcore import jit
from seqcore.config import RECURRENT
from seqcore.exchange.contents import Contents
from seqcore.exchange.npz import npz_bytes, read_npz
from seqcore.exchange.torch_file import read_torch, torch_bytes
from seqcore.exchange.torch_layout import from_torch, to_torch, torch_shapes
from seqcore.exchange.torch_source import source
from seqcore.model import shapes
from seqcore.parameters import Parameters
from seqcore.records import F32, Inputs
from seqcore.serial import serial_model

from tests.core.compare import assert_close
from tests.core.recorded import record_exported as record
from tests.core.recorded.record_exported import CASES

TOLERANCE = 1e-5
every_case = pytest.mark.parametrize("label", CASES)


@functools.cache
def recording(label: str) -> dict[str, Any]:
    """The recorded arrays of one case."""
    with np.load(record.PATH, allow_pickle=False) as archive:
        return {name.removeprefix(f"{label}/"): archive[name] for name in archive.files if name.startswith(f"{label}/")}


def said(contents: Contents, inputs: Inputs) -> F32:
    """The engine's logits or values (T, B, K) for inputs (T, B) or (T, B, D), every sequence from the initial state."""
    jit.compile_kernels(jit.kernel_groups(contents.config.family, "look"))
    parameters = Parameters(shapes(contents.config))
    for name, view in parameters.items():
        view[:] = contents.arrays[name]
    model = serial_model(contents.config, parameters)
    return np.stack(
        [model.look(np.ascontiguousarray(column)).logits.copy() for column in inputs.swapaxes(0, 1)], axis=1
    )


def assert_same(back: Contents, sent: Contents) -> None:
    """Assert that both are the same model, byte for byte."""
    assert back.described == sent.described
    assert back.arrays.keys() == sent.arrays.keys()
    for name, array in sent.arrays.items():
        assert back.arrays[name].dtype == np.float32
        assert back.arrays[name].shape == array.shape
        assert back.arrays[name].tobytes() == array.tobytes(), name


def written(path: Path, data: bytes) -> Path:
    path.write_bytes(data)
    return path


@every_case
def test_what_is_exported_is_what_pytorch_took(label: str) -> None:
    told, case = recording(label), CASES[label]
    state = to_torch(case.config, case.contents.arrays)
    assert {f"state/{name}" for name in state} == {name for name in told if name.startswith("state/")}
    for name, array in state.items():
        assert array.flags.c_contiguous
        np.testing.assert_array_equal(array, told[f"state/{name}"], err_msg=name)
    assert {name: array.shape for name, array in state.items()} == torch_shapes(case.config, shapes(case.config))
    assert source(case.contents.described, record.FILE) == str(told["source"])


@every_case
def test_the_engine_says_what_the_printed_module_said(label: str) -> None:
    assert_close(said(CASES[label].contents, record.inputs(CASES[label].config)), recording(label)["logits"], TOLERANCE)


@every_case
def test_weights_come_back_byte_for_byte(label: str, tmp_path: Path) -> None:
    sent = CASES[label].contents
    for array in sent.arrays.values():
        array.reshape(-1)[:2] = -0.0, 1e-42  # negative zero, and a subnormal
    assert_same(read_torch(written(tmp_path / "weights.safetensors", torch_bytes(sent))), sent)
    assert_same(read_npz(written(tmp_path / "weights.npz", npz_bytes(sent))), sent)


@every_case
def test_numpy_alone_reads_an_npz(label: str, tmp_path: Path) -> None:
    sent = CASES[label].contents
    with np.load(written(tmp_path / "weights.npz", npz_bytes(sent)), allow_pickle=False) as archive:
        assert set(archive.files) == {*sent.arrays, "format", "model", "vocabulary", "tokens_by", "task"}
        for name, array in sent.arrays.items():
            np.testing.assert_array_equal(archive[name], array)


@every_case
def test_the_printed_source_is_short_and_plain(label: str) -> None:
    text = source(CASES[label].contents.described, 'it\'s "here"/w\n\u00e4.safetensors')
    compile(text, "printed", "exec")
    assert text.isascii()
    assert max(map(len, text.splitlines())) <= 120
    assert len(text.splitlines()) < 90


@pytest.mark.parametrize("label", [label for label, case in CASES.items() if case.config.family in RECURRENT])
def test_both_biases_of_pytorch_become_one(label: str) -> None:
    config = CASES[label].config
    state, draw, H = to_torch(config, CASES[label].contents.arrays), np.random.default_rng(0), config.hidden
    for name in state:
        if "bias_" in name:
            state[name] = draw.standard_normal(state[name].shape).astype(np.float32)
    arrays = from_torch(config, state)
    for n in range(config.layers):
        b_ih, b_hh = (state[f"{config.family}.bias_{part}_l{n}"] for part in ("ih", "hh"))
        if config.family != "gru":
            np.testing.assert_array_equal(arrays[f"layers.{n}.b"], b_ih + b_hh)
            continue
        np.testing.assert_array_equal(arrays[f"layers.{n}.b"][: 2 * H], (b_ih + b_hh)[: 2 * H])
        np.testing.assert_array_equal(arrays[f"layers.{n}.b"][2 * H :], b_ih[2 * H :])
        np.testing.assert_array_equal(arrays[f"layers.{n}.b_hn"], b_hh[2 * H :])


def test_the_recording_is_small_and_plain() -> None:
    assert record.PATH.stat().st_size < 200_000
    assert {value.dtype.kind for label in CASES for value in recording(label).values()} == {"f", "U"}


@every_case
def test_pytorch_loads_it_strictly_and_says_the_same_today(label: str, tmp_path: Path) -> None:
    pytest.importorskip("torch")
    case = CASES[label]
    file = written(tmp_path / record.FILE, torch_bytes(case.contents))
    model = record.module(case.contents.described, file)
    assert not model.training
    assert_close(
        record.logits(model, record.inputs(CASES[label].config)),
        said(case.contents, record.inputs(CASES[label].config)),
        TOLERANCE,
    )
    for name, value in record.record(case).items():
        if name != "source":
            np.testing.assert_allclose(value, recording(label)[name], rtol=1e-5, atol=1e-6, err_msg=name)


@every_case
def test_what_pytorch_saved_comes_back_with_the_help_of_the_run(label: str, tmp_path: Path) -> None:
    torch = pytest.importorskip("torch")
    from safetensors.torch import save_file

    case = CASES[label]
    model = record.module(case.contents.described, written(tmp_path / record.FILE, torch_bytes(case.contents)))
    save_file(model.state_dict(), tmp_path / "saved.safetensors")
    back = read_torch(tmp_path / "saved.safetensors", case.contents.described)
    assert_same(back, case.contents)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter += 0.1 * torch.randn_like(parameter)
    save_file(model.state_dict(), tmp_path / "trained.safetensors")
    trained = read_torch(tmp_path / "trained.safetensors", case.contents.described)
    assert_close(
        said(trained, record.inputs(CASES[label].config)),
        record.logits(model, record.inputs(CASES[label].config)),
        TOLERANCE,
    )
