"""The screen loses no work when its process is asked to end, or its terminal goes away."""

import os
import re
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from seqcore.checkpoint import checkpoint_steps

from tests.cli.conftest import command
from tests.cli.terminal import PATIENCE, Terminal

pytestmark = pytest.mark.long

SIGNALS = {signal.SIGHUP: 129, signal.SIGINT: 130, signal.SIGTERM: 143}
SCREEN = command("brackets", "--hidden", "16")
MODES = ("1000", "1003", "1049", "2004")  # mouse, all mouse events, alternate screen, bracketed paste


@pytest.fixture
def screen(warm: None, runs_dir: Path) -> Iterator[Terminal]:
    """The Lab, training."""
    with Terminal(SCREEN) as terminal:
        terminal.until("● training")
        terminal.watch(1.0)
        yield terminal


def last_step(runs_dir: Path) -> int:
    return checkpoint_steps(runs_dir / "brackets-lstm16-1")[0]


def restored(terminal: Terminal, runs_dir: Path) -> None:
    """The terminal is as it was before, and the last line says how to reopen what is on the disk."""
    for mode in MODES:
        assert terminal.text.rindex(f"\x1b[?{mode}l") > terminal.text.rindex(f"\x1b[?{mode}h"), mode
    assert terminal.text.rindex("\x1b[?25h") > terminal.text.rindex("\x1b[?25l"), "the cursor"
    step = last_step(runs_dir)
    said = f"Run brackets-lstm16-1 is saved at step {step:,}. Reopen it: seqtui --run brackets-lstm16-1\r\n"
    assert re.sub(r"\x1b\[[?<][0-9]*[a-z]", "", terminal.text).endswith(said), terminal.text[-300:]


@pytest.mark.parametrize("number", SIGNALS, ids=lambda number: number.name)
def test_a_signal_saves_restores_the_terminal_and_says_how_to_reopen(
    screen: Terminal, runs_dir: Path, number: signal.Signals
) -> None:
    os.kill(screen.process.pid, number)
    assert screen.end() == SIGNALS[number]
    assert last_step(runs_dir) > 0
    restored(screen, runs_dir)


@pytest.mark.parametrize("key", "cme?\x10")
def test_it_does_so_under_a_dialog(screen: Terminal, runs_dir: Path, key: str) -> None:
    screen.type(key)
    screen.watch(0.5)
    os.kill(screen.process.pid, signal.SIGTERM)
    assert screen.end() == 143
    assert last_step(runs_dir) > 0
    restored(screen, runs_dir)


def test_a_closed_window_saves(screen: Terminal, runs_dir: Path) -> None:
    assert screen.close() == 129
    assert last_step(runs_dir) > 0


def test_a_closed_window_saves_under_a_dialog(screen: Terminal, runs_dir: Path) -> None:
    screen.type("m")
    screen.watch(0.5)
    assert screen.close() == 129
    assert last_step(runs_dir) > 0


@pytest.mark.parametrize("number", [signal.SIGTERM, None], ids=["SIGTERM", "closed window"])
def test_it_leaves_while_kernels_compile(runs_dir: Path, tmp_path: Path, number: signal.Signals | None) -> None:
    with Terminal(SCREEN, SEQTUI_CACHE_DIR=str(tmp_path / "cache")) as terminal:
        terminal.until("compiling")
        if number is None:
            assert terminal.close() == 129
        else:
            os.kill(terminal.process.pid, number)
            assert terminal.end() == 143
            restored(terminal, runs_dir)
    assert last_step(runs_dir) == 0


def test_a_terminal_that_takes_no_output_cannot_keep_it_from_saving(warm: None, runs_dir: Path) -> None:
    with Terminal(SCREEN, (200, 50), COLORTERM="truecolor") as terminal:
        terminal.until("● training")
        time.sleep(5)  # the screen fills what the terminal holds, and then waits for a reader
        os.kill(terminal.process.pid, signal.SIGTERM)
        assert terminal.process.wait(PATIENCE) == 143
    assert last_step(runs_dir) > 0


def test_a_second_signal_ends_it_immediately(screen: Terminal) -> None:
    os.kill(screen.process.pid, signal.SIGSTOP)  # both come before the first is handled
    os.kill(screen.process.pid, signal.SIGTERM)
    os.kill(screen.process.pid, signal.SIGINT)
    os.kill(screen.process.pid, signal.SIGCONT)
    assert screen.end() in (143, 130)
