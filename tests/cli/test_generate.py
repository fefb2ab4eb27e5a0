"""generate: prompts from files, and bytes that are not text."""

import re
import subprocess
from pathlib import Path

import pytest

from seqtui.visible import escaped
from tests.cli.conftest import TINY, Call, command
from tests.cli.terminal import Terminal

BYTES = bytes(range(256)) * 12


@pytest.fixture
def by_byte(call: Call, tmp_path: Path) -> Path:
    """A run on all bytes, which generates any of them."""
    path, out = tmp_path / "all.bin", tmp_path / "run"
    path.write_bytes(BYTES)
    answer = call("train", str(path), *TINY, "--steps", "4", "--tokens-by", "byte", "--out", str(out))
    assert answer.code == 0, answer.err
    return out


def test_bytes_are_raw_in_a_pipe(spawn: Call, by_byte: Path, tmp_path: Path) -> None:
    out = tmp_path / "written"
    with out.open("wb") as file:
        words = command("generate", str(by_byte), "--length", "3000", "--temperature", "5")
        assert subprocess.run(words, stdout=file, timeout=120, check=False).returncode == 0
    data = out.read_bytes()
    assert len(data) == 3001
    assert len(set(data)) > 200, "every kind of byte"
    with pytest.raises(UnicodeDecodeError):
        data.decode()


def test_bytes_that_are_not_text_are_escapes_on_a_terminal(warm: None, by_byte: Path, tmp_path: Path) -> None:
    words = command("generate", str(by_byte), "--length", "3000", "--temperature", "5")
    with Terminal(words) as terminal:
        assert terminal.end() == 0
        text = terminal.text
    assert re.search(r"\\x[89a-f][0-9a-f]", text), "half a character"
    assert re.search(r"\\x0[0-8]", text), "a control character"
    assert "�" not in text
    assert not re.search(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u2400-\u243f]", text)
    # What is shown is what a pipe gets: each escape is a byte.
    shown = re.sub(rb"\\x([0-9a-f]{2})", lambda m: bytes.fromhex(m[1].decode()), text.replace("\r\n", "\n").encode())
    out = tmp_path / "piped"
    with out.open("wb") as file:
        subprocess.run(words, stdout=file, timeout=120, check=True)
    piped = out.read_bytes()
    assert shown == piped


@pytest.mark.parametrize(
    ("text", "seen"),
    [
        ("plain é漢\n\t", "plain é漢\n\t"),
        ("\x1b[31m\x07\x7f", r"\x1b[31m\x07\x7f"),
        ("\x85\u202e\ufffe", r"\xc2\x85\xe2\x80\xae\xef\xbf\xbe"),
    ],
)
def test_escapes_are_the_bytes_of_what_is_not_printable(text: str, seen: str) -> None:
    assert escaped(text, keep="\n\t") == seen


def test_a_prompt_comes_from_a_file_with_its_line_breaks(call: Call, run: Path, tmp_path: Path) -> None:
    path = tmp_path / "opening.txt"
    path.write_bytes(b"\xef\xbb\xbf3 birds sat\r\non a wall\n")
    words = ["generate", str(run), "--length", "20"]
    answer = call(*words, "--prompt-file", str(path))
    assert answer.code == 0
    assert answer.out.startswith("3 birds sat\non a wall\n")
    assert answer.out == call(*words, "--prompt", "3 birds sat\non a wall\n").out
    assert answer.out == call(*words, "--prompt-file", "-", stdin=path.read_bytes()).out
    path.write_text("3 birds", encoding="utf-16")
    assert call(*words, "--prompt-file", str(path)).out.startswith("3 birds")


def test_a_prompt_of_bytes_goes_in_and_out_as_it_is(warm: None, by_byte: Path, tmp_path: Path) -> None:
    path = tmp_path / "prompt.bin"
    path.write_bytes(b"\xff\x00\xfe\r\n")
    words = command("generate", str(by_byte), "--length", "5", "--prompt-file", str(path))
    done = subprocess.run(words, capture_output=True, timeout=120, check=True)
    assert done.stdout.startswith(b"\xff\x00\xfe\r\n")
    assert len(done.stdout) == 5 + 5 + 1


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (None, "cannot be read: no such file"),
        (b"", "is empty: there is no prompt in it"),
        (b"\xff\xe9 oh", "is not utf-8"),
        ("ΩΩ".encode(), "nothing is left of the text"),
    ],
)
def test_a_bad_prompt_file_is_one_line(call: Call, run: Path, tmp_path: Path, content: bytes | None, said: str) -> None:
    path = tmp_path / "opening.txt"
    if content is not None:
        path.write_bytes(content)
    answer = call("generate", str(run), "--prompt-file", str(path))
    assert answer.code == 1
    assert said in answer.line
    assert answer.out == ""
