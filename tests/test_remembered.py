"""The file of what was open: written as a whole, and never trusted."""

import json
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seqtui.remembered import NAME, Memory, Remembered, remembered
from seqtui.views import LAB, VIEWS

FULL = Remembered("light", "cell", {"lab": "loss", "cell": "terms"}, {"cell": True, "lab": False}, True)


def test_what_is_written_is_read_again(tmp_path: Path) -> None:
    memory = Memory(tmp_path / "not" / "there")
    assert memory.read() == Remembered()
    memory.write(FULL)
    assert memory.read() == FULL
    assert Memory(tmp_path / "not" / "there").read() == FULL
    assert os.listdir(tmp_path / "not" / "there") == [NAME], "no other file is left"


@pytest.mark.parametrize(
    "content",
    [b"", b"{", b"null", b"[]", b"\xff\xfe", b"{}" * 3, b'{"view": []}', b"[" * 60000, b'{"panes": ' + b"1" * 70000],
    ids=lambda content: content[:12].decode("latin-1"),
)  # fmt: skip
def test_a_damaged_file_is_ignored_and_replaced(content: bytes, tmp_path: Path) -> None:
    (tmp_path / NAME).write_bytes(content)
    assert Memory(tmp_path).read() == Remembered()
    Memory(tmp_path).write(FULL)
    assert Memory(tmp_path).read() == FULL


def test_a_field_that_makes_no_sense_is_left_out_and_the_others_kept() -> None:
    found = remembered(
        {"theme": 3, "view": "of-another-version", "panes": {"lab": "loss", "gone": "x", "cell": 2}, "hinted": "yes",
         "zoomed": {"lab": 1, "cell": True}, "more": {}}
    )  # fmt: skip
    assert found == Remembered("", LAB, {"lab": "loss"}, {"cell": True}, False)


NAMES = [*VIEWS, "view", "panes", "zoomed", "theme", "hinted"]
json_values = st.recursive(
    st.none() | st.booleans() | st.floats() | st.text(max_size=5) | st.sampled_from(sorted(VIEWS)),
    lambda inside: st.lists(inside, max_size=3) | st.dictionaries(st.sampled_from(NAMES), inside, max_size=4),
)  # fmt: skip


@given(json_values)
def test_any_json_is_read_as_something_that_the_screen_can_begin_with(content: object) -> None:
    found = remembered(json.loads(json.dumps(content)))
    assert found.view in VIEWS
    assert isinstance(found.theme, str)
    assert all(isinstance(pane, str) for pane in found.panes.values())


def test_a_folder_that_cannot_be_written_is_no_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    memory = Memory(tmp_path / "file")
    memory.write(FULL)
    assert memory.read() == Remembered()
    (tmp_path / "folder" / NAME).mkdir(parents=True)
    Memory(tmp_path / "folder").write(FULL)
    assert os.listdir(tmp_path / "folder") == [NAME]


def test_without_a_folder_it_is_that_of_the_variable(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("SEQTUI_STATE_DIR", str(tmp_path))
    Memory().write(FULL)
    assert (tmp_path / NAME).is_file()
