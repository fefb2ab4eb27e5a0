"""Weight files are untrusted: mismatched, damaged or inconsistent files are refused with a one-line error."""

import io
import json
import struct
import tracemalloc
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from safetensors.numpy import save
from seqcore.data.vocabulary import Vocabulary
from seqcore.errors import SeqError
from seqcore.exchange.contents import told
from seqcore.exchange.importing import read_weights
from seqcore.exchange.npz import npz_bytes
from seqcore.exchange.torch_file import torch_bytes
from seqcore.exchange.torch_layout import to_torch

from tests.core.recorded.record_exported import CASES

CONTENTS = CASES["gru"].contents
STATE = to_torch(CONTENTS.config, CONTENTS.arrays)
TOLD = told(CONTENTS)
LIKE = CONTENTS.described

State = dict[str, Any]


def torch_file(tmp_path: Path, state: State = STATE, texts: dict[str, str] | None = TOLD) -> Path:
    """A safetensors file with that state dict and metadata."""
    path = tmp_path / "weights.safetensors"
    path.write_bytes(save(state, metadata=texts))
    return path


def npz_file(tmp_path: Path, **changed: Any) -> Path:
    """An exported .npz with some arrays replaced, or omitted if None."""
    arrays = {**CONTENTS.arrays, **{name: np.array(text) for name, text in TOLD.items()}, **changed}
    path = tmp_path / "weights.npz"
    np.savez(path, **{name: array for name, array in arrays.items() if array is not None})
    return path


def refused(path: Path, *words: str, like: Any = None) -> None:
    """Assert that reading the file raises a one-line error that contains these words."""
    with pytest.raises(SeqError) as caught:
        read_weights(path, like)
    line = str(caught.value)
    assert "\n" not in line
    for word in words:
        assert word in line, line


def without(name: str) -> State:
    return {key: value for key, value in STATE.items() if key != name}


@pytest.mark.parametrize(
    ("state", "words"),
    [
        (without("gru.weight_hh_l0"), ("has no 'gru.weight_hh_l0'", "gru 1×6")),
        (STATE | {"gru.weight_ih_l1": STATE["head.bias"]}, ("'gru.weight_ih_l1'", "unexpected tensors")),
        (STATE | {"x\x1b[31m": STATE["head.bias"]}, (r"'x\x1b[31m'",)),
        (STATE | {"head.weight": np.zeros((6, 11), np.float32)}, ("'head.weight'", "(6, 11)", "(11, 6)")),
        (STATE | {"head.bias": np.zeros(11, np.int32)}, ("'head.bias'", "I32", "F32")),
        (STATE | {"head.bias": np.full(11, np.nan, np.float32)}, ("'head.bias'", "not finite")),
        (STATE | {"head.bias": np.full(11, 1e300)}, ("'head.bias'", "not finite in float32")),
    ],
    ids=["missing", "strange", "strange and loud", "shape", "integers", "nan", "too large for float32"],
)
def test_a_state_dict_that_does_not_fit_is_refused(tmp_path: Path, state: State, words: tuple[str, ...]) -> None:
    refused(torch_file(tmp_path, state), *words)
    refused(torch_file(tmp_path, state, None), *words, like=LIKE)


@pytest.mark.parametrize("kind", [np.float16, np.float64])
def test_other_precisions_are_converted(tmp_path: Path, kind: Any) -> None:
    state = {name: array.astype(kind) for name, array in STATE.items()}
    back = read_weights(torch_file(tmp_path, state)).arrays
    arrays = {name: array.astype(kind) for name, array in CONTENTS.arrays.items()}
    again = read_weights(npz_file(tmp_path, **arrays)).arrays
    for name, array in arrays.items():
        np.testing.assert_array_equal(back[name], array.astype(np.float32))
        np.testing.assert_array_equal(again[name], array.astype(np.float32))


def test_bfloat16_is_converted(tmp_path: Path) -> None:
    halves = {name: (array.view(np.uint32) >> 16).astype(np.uint16) for name, array in STATE.items()}
    header: State = {"__metadata__": TOLD}
    at = 0
    for name, array in halves.items():
        header[name] = {"dtype": "BF16", "shape": array.shape, "data_offsets": [at, at + array.nbytes]}
        at += array.nbytes
    text = json.dumps(header).encode()
    path = tmp_path / "weights.safetensors"
    path.write_bytes(struct.pack("<Q", len(text)) + text + b"".join(array.tobytes() for array in halves.values()))
    back = to_torch(CONTENTS.config, read_weights(path).arrays)
    for name, array in halves.items():
        if "bias" not in name:
            np.testing.assert_array_equal(back[name].view(np.uint32), array.astype(np.uint32) << 16)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"format": "other"}, ("not written by seqtui",)),
        ({"model": "{"}, ("not valid JSON",)),
        ({"model": "[" * 100_000}, ("not valid JSON",)),
        ({"model": "[]"}, ("not a JSON object",)),
        ({"model": '{"family": ["gru"], "vocabulary_size": 11}'}, ("damaged",)),
        ({"model": '{"vocabulary_size": 11, "colour": 1}'}, ("colour",)),
        ({"model": '{"vocabulary_size": 12, "family": "gru", "hidden": 6, "embedding": 5}'}, ("11 symbols for 12",)),
        ({"vocabulary": "7"}, ("vocabulary is damaged",)),
        ({"vocabulary": '{"kind": "char", "symbols": ["a", "a"]}'}, ("twice",)),
    ],
)
def test_a_file_that_tells_nonsense_is_refused(tmp_path: Path, changes: State, words: tuple[str, ...]) -> None:
    refused(torch_file(tmp_path, texts=TOLD | changes), *words)
    refused(npz_file(tmp_path, **{name: np.array(text) for name, text in changes.items()}), *words)


def test_a_file_that_does_not_tell_its_model_asks_for_one_like_it(tmp_path: Path) -> None:
    path = torch_file(tmp_path, texts=None)
    refused(path, "--like RUN")
    assert read_weights(path, LIKE).config == CONTENTS.config
    refused(path, "has no 'rnn.weight_ih_l0'", like=LIKE._replace(config=CASES["rnn"].config))


def test_like_a_run_with_other_tokens_is_refused(tmp_path: Path) -> None:
    other = Vocabulary("char", tuple("klmnopqrstu"))
    for path in (torch_file(tmp_path), npz_file(tmp_path)):
        refused(path, "a different vocabulary", like=LIKE._replace(vocabulary=other))


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"head.b_y": None}, ("has no 'head.b_y'",)),
        ({"head.b_y": np.zeros(12, np.float32)}, ("'head.b_y'", "(12,)", "(11,)")),
        ({"head.b_y": np.zeros(11, np.int64)}, ("'head.b_y'", "int64")),
        ({"head.b_y": np.zeros(11, np.longdouble)}, ("'head.b_y'", "use float32")),
        ({"head.b_y": np.full(11, np.inf, np.float32)}, ("'head.b_y'", "not finite")),
        ({"more": np.zeros(1, np.float32)}, ("'more'",)),
        ({"head.b_y": np.array([{}] * 11, dtype=object)}, ("'head.b_y'", "object")),
        ({"model": np.array({}, dtype=object)}, ("'model.npy'", "not a string")),
        ({"model": np.zeros(3, np.uint8)}, ("'model.npy'", "not a string")),
        ({"vocabulary": None}, ("not written by seqtui",)),
    ],
)
def test_an_npz_that_does_not_fit_is_refused(tmp_path: Path, changes: State, words: tuple[str, ...]) -> None:
    refused(npz_file(tmp_path, **changes), *words)


class Pickled:
    """Leaves a file behind if it is ever unpickled."""

    opened = False

    def __reduce__(self) -> tuple[Any, ...]:
        return (setattr, (Pickled, "opened", True))


def test_nothing_is_unpickled(tmp_path: Path) -> None:
    boxes = np.array([Pickled()] * 11, dtype=object)
    refused(npz_file(tmp_path, **{"head.b_y": boxes}), "object")
    refused(npz_file(tmp_path, model=np.array(Pickled(), dtype=object)), "not a string")
    path = tmp_path / "model.pt"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("archive/data.pkl", b"\x80\x02]q\x00.")
    refused(path, "safetensors.torch.save_file")
    assert not Pickled.opened


def npy(shape: tuple[int, ...], kind: str) -> bytes:
    """An array's header followed by 10,000 zero bytes."""
    file = io.BytesIO()
    np.lib.format.write_array_header_1_0(file, {"descr": kind, "fortran_order": False, "shape": shape})
    return file.getvalue() + bytes(10_000)


@pytest.mark.parametrize(
    ("entry", "content"),
    [("head.b_y", npy((1 << 33,), "<f4")), ("model", npy((), f"<U{1 << 28}")), ("vocabulary", npy((1 << 30,), "<U4"))],
)
def test_a_small_file_cannot_ask_for_much_memory(tmp_path: Path, entry: str, content: bytes) -> None:
    path = npz_file(tmp_path, **{entry: None})
    with zipfile.ZipFile(path, "a", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(f"{entry}.npy", content)
    tracemalloc.start()
    try:
        refused(path)
        assert tracemalloc.get_traced_memory()[1] < 20_000_000
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("make", [torch_bytes, npz_bytes])
@settings(deadline=None, max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_damage_anywhere_is_told_in_one_line(make: Callable[..., bytes], tmp_path: Path, data: Any) -> None:
    whole = make(CONTENTS)
    damaged = bytearray(whole)
    if data.draw(st.booleans()):
        del damaged[data.draw(st.integers(0, len(whole) - 1)) :]
    else:
        damaged[data.draw(st.integers(0, len(whole) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    path = tmp_path / "weights"
    path.write_bytes(damaged)
    try:
        arrays = read_weights(path).arrays
    except SeqError as error:
        assert "\n" not in str(error)
    else:
        assert {name: array.shape for name, array in arrays.items()} == {
            name: array.shape for name, array in CONTENTS.arrays.items()
        }


def test_what_is_no_file_is_refused(tmp_path: Path) -> None:
    refused(tmp_path / "nowhere.npz", "cannot be read")
    refused(tmp_path, "is not a regular file")
    refused(tmp_path / "nul\0", "invalid file name")
    (tmp_path / "empty").write_bytes(b"")
    refused(tmp_path / "empty", "not a valid safetensors file")
