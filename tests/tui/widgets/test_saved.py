"""Named arrays, and the files that they and a pane are saved as."""

import csv
import io
from collections import namedtuple

import numpy as np
import pytest

from seqtui.tui.widgets.arrays import flat
from seqtui.tui.widgets.tables import csv_bytes, npz_bytes

Pair = namedtuple("Pair", "low values")


def table(arrays: dict[str, np.ndarray]) -> list[list[str]]:
    return list(csv.reader(io.StringIO(csv_bytes(arrays).decode(), newline="")))


def test_records_become_arrays_under_the_names_of_their_fields() -> None:
    found = flat(
        {
            "one": Pair(3, np.arange(2)),
            "many": (Pair(1, np.zeros(2)), Pair(2, np.ones(2))),
            "unlike": (Pair(1, np.zeros(2)), Pair(2, np.zeros(3))),
            "words": ("über", "a\x1b[31m\n"),
            "guesses": ((), ("a", "b")),
            "none": None,
            "empty": (),
        }
    )
    shapes = {name: array.shape for name, array in found.items()}
    assert shapes == {
        "one.low": (), "one.values": (2,), "many.low": (2,), "many.values": (2, 2), "unlike.low": (2,),
        "unlike.0.values": (2,), "unlike.1.values": (3,), "words": (2,), "guesses": (2, 2),
    }  # fmt: skip
    assert found["words"].tolist() == ["über", "a␛[31m␊"]
    assert found["guesses"].tolist() == [["", ""], ["a", "b"]]
    with pytest.raises(TypeError, match="object"):
        flat({"x": object()})


def test_arrays_of_one_length_are_columns_with_every_digit() -> None:
    value = np.array([[0.1, 1 / 3], [np.nan, 1e-30]], np.float32)
    header, *rows = table({"step": np.array(7), "symbol": np.array(['a,"b', "ü"]), "h": value})
    assert header == ["step", "symbol", "h[0]", "h[1]"]
    assert [row[:2] for row in rows] == [["7", 'a,"b'], ["7", "ü"]]
    again = np.array([[np.float32(cell) for cell in row[2:]] for row in rows])
    assert np.array_equal(again, value, equal_nan=True)


def test_arrays_of_different_lengths_stand_below_each_other() -> None:
    header, *rows = table({"n": np.array(4), "a": np.array([[1.5, 2.5]]), "b": np.array(["x", "y", "z"])})
    assert header == ["name", "index", "value"]
    assert rows == [
        ["n", "", "4"], ["a", "[0,0]", "1.5"], ["a", "[0,1]", "2.5"], ["b", "[0]", "x"], ["b", "[1]", "y"],
        ["b", "[2]", "z"],
    ]  # fmt: skip


def test_an_archive_holds_every_array_and_no_pickle() -> None:
    arrays = {"file": np.arange(3), "class a/b": np.array(["ü", "b"]), "one": np.array(2.5)}
    with np.load(io.BytesIO(npz_bytes(arrays)), allow_pickle=False) as found:
        assert set(found) == {"file_", "class a-b", "one"}
        assert found["class a-b"].tolist() == ["ü", "b"]
        assert found["one"] == 2.5
