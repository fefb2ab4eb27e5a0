"""Real processes: Ctrl+C, SIGTERM, a closed pipe, and what a terminal sees."""

import json
import os
import re
import signal
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from safetensors.numpy import load_file
from seqcore.checkpoint import checkpoint_path, checkpoint_steps
from seqcore.folder import RunFolder
from seqcore.records import CompileProgress
from seqcore.trainer import Trainer

from seqtui.cli import kernels
from seqtui.cli.stopping import Stopping
from tests.cli.conftest import TINY, Call, command
from tests.cli.terminal import PATIENCE, Terminal

LONG = [*TINY, "--steps", "1000000", "--checkpoint-every", "0", "--eval-every", "0"]


def _wait_for_lines(process: "subprocess.Popen[bytes]", count: int) -> None:
    assert process.stdout is not None
    for _ in range(count):
        assert process.stdout.readline()


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_saves_and_says_how_to_go_on(
    warm: None, call: Call, corpus: Path, tmp_path: Path, number: int, code: int
) -> None:
    out = tmp_path / "a run"
    words = command("train", str(corpus), *LONG, "--out", str(out), "--json")
    process = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    _wait_for_lines(process, 3)
    os.kill(process.pid, number)
    _, err = process.communicate(timeout=PATIENCE)
    assert process.returncode == code
    last = err.decode().splitlines()[-1]
    assert f"seqtui train --resume --out '{out}'" in last
    path, first = (checkpoint_path(out, step) for step in checkpoint_steps(out))
    step = int(path.stem.rpartition("-")[2])
    assert first.name == "checkpoint-0.safetensors"
    assert f"step {step:,}" in last

    whole = tmp_path / "whole"
    assert call("train", str(corpus), *LONG, "--steps", str(step), "--out", str(whole)).code == 0
    one, other = load_file(path), load_file(whole / path.name)
    assert all(one[name].tobytes() == other[name].tobytes() for name in one)


def test_the_second_signal_ends_it_at_once() -> None:
    before = signal.getsignal(signal.SIGINT)
    with Stopping() as stopping:
        assert not stopping()
        os.kill(os.getpid(), signal.SIGTERM)
        assert stopping()
        with pytest.raises(KeyboardInterrupt):
            os.kill(os.getpid(), signal.SIGINT)
        assert stopping.code == 143
    assert signal.getsignal(signal.SIGINT) is before


def test_ctrl_c_while_kernels_compile_saves_too(
    call: Call, corpus: Path, runs_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def compile_and_be_interrupted(
        tell: Callable[[CompileProgress], None], groups: Sequence[str], stop: Callable[[], bool]
    ) -> int:
        tell(CompileProgress(0, 1, ("lstm forward",)))
        assert not stop()
        os.kill(os.getpid(), signal.SIGINT)
        assert stop()
        return 1

    with monkeypatch.context() as patched:
        patched.setattr(kernels, "compile_with", compile_and_be_interrupted)
        answer = call("train", str(corpus), *TINY, "--steps", "4")
        assert answer.code == 130
        assert "seqtui train --resume --out short-lstm8-1" in answer.line
        assert call("train", "--resume", "--out", "short-lstm8-1").code == 130
    assert call("train", "--resume", "--out", "short-lstm8-1").code == 0
    assert (runs_dir / "short-lstm8-1" / "checkpoint-4.safetensors").exists()


@pytest.mark.parametrize("steps", [4, 7])  # a validation in the middle of the run, and the one at its end
def test_a_signal_during_a_validation_leaves_it_to_the_resumed_run(
    call: Call, corpus: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, steps: int
) -> None:
    words = ["train", str(corpus), *TINY, "--steps", "7", "--log-every", "3"]
    whole, parts = str(tmp_path / "whole"), str(tmp_path / "parts")
    resume = ["train", "--resume", "--out", parts]
    assert call(*words, "--out", whole).code == 0
    real = Trainer.validate

    def interrupted(trainer: Trainer, stop: Callable[[], bool]) -> float:
        if trainer.steps == steps:
            os.kill(os.getpid(), signal.SIGINT)
        return real(trainer, stop)

    with monkeypatch.context() as patched:
        patched.setattr(Trainer, "validate", interrupted)
        for again in (words, resume):
            answer = call(*again, *(["--out", parts] if again is words else []))
            assert answer.code == 130
            assert f"stopped at step {steps}, checkpoint written: resume with seqtui train --resume" in answer.line
    answer = call(*resume, "--json")
    assert answer.code == 0
    assert json.loads(answer.out.splitlines()[0])["step"] == steps
    losses = [
        {line["step"]: line["validation_loss"] for line in RunFolder(Path(run)).metrics() if "validation_loss" in line}
        for run in (whole, parts)
    ]
    assert losses[0] == losses[1]
    assert list(losses[0]) == [4, 7]
    assert "is the end of this run" in call(*resume).out


def test_a_reader_that_goes_away_is_no_error(warm: None, corpus: Path, tmp_path: Path) -> None:
    words = command("train", str(corpus), *LONG, "--out", str(tmp_path / "run"), "--json", "--quiet")
    process = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    _wait_for_lines(process, 2)
    assert process.stdout is not None
    assert process.stderr is not None
    process.stdout.close()
    assert process.wait(PATIENCE) == 141
    assert process.stderr.read() == b""
    process.stderr.close()
    assert checkpoint_steps(tmp_path / "run")[0] > 0  # nothing is lost


@pytest.mark.parametrize("where", ["stdout", "stderr"])
def test_lines_that_nobody_reads_any_more_end_it_with_all_saved(
    warm: None, corpus: Path, tmp_path: Path, where: str
) -> None:
    words = command("train", str(corpus), *LONG, "--out", str(tmp_path / "run"))
    words += ["--json"] if where == "stderr" else []
    out, err = (subprocess.PIPE if name == where else subprocess.DEVNULL for name in ("stdout", "stderr"))
    process = subprocess.Popen(words, stdout=out, stderr=err)
    reader = process.stdout or process.stderr
    assert reader is not None
    while not reader.readline().startswith(b"step "):
        pass
    reader.close()
    assert process.wait(PATIENCE) == 141
    assert checkpoint_steps(tmp_path / "run")[0] > 0  # what was trained, not only the first weights


def test_a_terminal_sees_a_living_picture_and_ctrl_c_restores_it(warm: None, corpus: Path, tmp_path: Path) -> None:
    terminal = Terminal(command("train", str(corpus), *LONG, "--eval-every", "50", "--out", str(tmp_path / "run")))
    terminal.until("validation")
    terminal.until(r"characters/s.* left")
    os.kill(terminal.process.pid, signal.SIGINT)
    assert terminal.end() == 130
    assert "━" in terminal.text
    assert "\x1b[?25l" in terminal.text
    assert terminal.text.rindex("\x1b[?25h") > terminal.text.rindex("\x1b[?25l")  # the cursor is back
    assert "seqtui train --resume --out" in terminal.text


def test_a_terminal_never_gets_what_the_corpus_commands(warm: None, tmp_path: Path) -> None:
    path = tmp_path / "evil.txt"
    path.write_text("\x1b]0;owned\x07 \x1b[2J\x9b2J " * 80)
    out = str(tmp_path / "run")
    terminal = Terminal(command("train", str(path), *TINY, "--steps", "400", "--eval-every", "100", "--out", out))
    assert terminal.end() == 0, terminal.text
    writing = Terminal(command("generate", out, "--length", "300"))
    assert writing.end() == 0, writing.text
    for text in (terminal.text, writing.text):
        assert "\x1b]0;" not in text
        assert "\x07" not in text
        assert "\x9b" not in text
    assert "\x1b" not in writing.text
    assert "␛" in writing.text


def test_no_color_is_honoured(warm: None, corpus: Path, tmp_path: Path) -> None:
    words = command("train", str(corpus), *TINY, "--steps", "20", "--out", str(tmp_path / "run"))
    terminal = Terminal(words, NO_COLOR="1")
    assert terminal.end() == 0
    assert not re.search(r"\x1b\[[0-9;]*3[0-9]", terminal.text)
