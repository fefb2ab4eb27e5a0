"""Fixtures of the command-line tests: a folder for runs, small corpora and models, and two ways to call it."""

import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from click.testing import CliRunner

from seqtui.cli.main import cli

TINY = ["--hidden", "8", "--embedding", "4", "--batch", "4", "--length", "8", "--log-every", "2", "--eval-every", "4"]


@dataclass(frozen=True)
class Answer:
    """The result of a call."""

    code: int
    out: str
    err: str

    @property
    def line(self) -> str:
        """Standard error, which must be one line of ours without a traceback."""
        lines = self.err.splitlines()
        assert len(lines) == 1, self.err
        assert lines[0].startswith("seqtui: ")
        assert "Traceback" not in self.err
        return lines[0]


Call = Callable[..., Answer]


@pytest.fixture(autouse=True)
def runs_dir(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give each test its own folder of runs."""
    monkeypatch.setenv("SEQTUI_RUNS_DIR", str(tmp_path / "runs"))
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.delenv("FORCE_COLOR", raising=False)
    return tmp_path / "runs"


@pytest.fixture(scope="session")
def warm() -> None:
    """Compile the kernels once, so that no output mentions compiling."""
    from seqtui.cli.kernels import compile_with

    compile_with(lambda progress: None)


@pytest.fixture
def call(warm: None) -> Call:
    """Call the command line in this process."""

    def invoke(*words: str, stdin: str | bytes | None = None) -> Answer:
        result = CliRunner().invoke(cli, list(words), input=stdin, catch_exceptions=False)
        return Answer(result.exit_code, result.stdout, result.stderr)

    return invoke


@pytest.fixture
def spawn(warm: None) -> Call:
    """Call the command line in a separate process."""

    def invoke(*words: str, stdin: bytes = b"", **named: object) -> Answer:
        done = subprocess.run(command(*words), input=stdin, capture_output=True, timeout=300, **named)  # type: ignore[call-overload]  # arguments of subprocess.run
        return Answer(done.returncode, done.stdout.decode(), done.stderr.decode())

    return invoke


def command(*words: str) -> list[str]:
    """Return the argument vector of a seqtui process."""
    return [sys.executable, "-m", "seqtui", *words]


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    """A short text, in a folder whose name has a space and an umlaut."""
    folder = tmp_path / "meine Bücher"
    folder.mkdir()
    path = folder / "short.txt"
    lines = [f"{n} birds sat on a wall, {n * 7 % 13} flew away.\n" for n in range(60)]
    path.write_text("".join(lines), encoding="utf-8")
    return path


@pytest.fixture
def run(call: Call, corpus: Path, runs_dir: Path) -> Path:
    """Train a small run of 12 steps with three checkpoints; return its folder."""
    answer = call("train", str(corpus), *TINY, "--steps", "12", "--checkpoint-every", "4")
    assert answer.code == 0, answer.err
    (folder,) = runs_dir.iterdir()
    return folder


def without_permission() -> bool:
    """Return whether file permissions have no effect here, as for root."""
    return hasattr(os, "geteuid") and os.geteuid() == 0
