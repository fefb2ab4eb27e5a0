"""A training run that logs its progress with timestamps to a file as JSON lines, in its own process.

python watched.py screen LOG [WORD...]   the real `seqtui WORD...`, in the current terminal
python watched.py session LOG HIDDEN CORPUS   the same training without a screen
python watched.py loop LOG HIDDEN CORPUS      the same run in a bare loop: no second thread, no snapshots
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import signal
import sys
import termios
import threading
import time
from types import FrameType
from typing import TYPE_CHECKING, Any, TextIO

if TYPE_CHECKING:
    from seqtui.live.session import LiveSession

BEFORE, AFTER = 0.005, 0.02  # polling interval in seconds, before and after the first step
LINE_EVERY = 0.1  # seconds, in the bare loop: the rate at which a session publishes


class Log:
    """A log file with one line per observed step."""

    def __init__(self, path: str) -> None:
        self._file: TextIO = open(path, "w", encoding="utf-8")  # noqa: SIM115  # open for the life of the process
        self._step = -1

    def add(self, step: int, seconds: float, tokens: int) -> None:
        """Log a new step: its number, the training time so far in seconds, and the tokens per step."""
        if step != self._step:
            self._step = step
            line = {"time": time.monotonic(), "step": step, "seconds": seconds, "tokens": step * tokens}
            self._file.write(json.dumps(line) + "\n")
            self._file.flush()


def watch(session: LiveSession, log: Log) -> None:
    """Poll the session's snapshots in a thread for the life of the process."""

    def look() -> None:
        while True:
            now = session.snapshot()
            log.add(now.step, now.seconds, now.model.batch * now.model.length)
            time.sleep(AFTER if now.step else BEFORE)

    threading.Thread(target=look, name="watch", daemon=True).start()


def screen(log: Log, words: list[str]) -> None:
    """Run the real program, watching its sessions from their start."""
    with contextlib.suppress(OSError):
        fcntl.ioctl(0, termios.TIOCSCTTY, 0)  # so that the program ends with its terminal
    from seqtui.live import session

    begin = session.LiveSession.start

    def start(one: LiveSession) -> None:
        watch(one, log)
        begin(one)

    session.LiveSession.start = start  # type: ignore[assignment,method-assign]  # the only change is the watching thread
    from seqtui.cli.main import main

    sys.argv = ["seqtui", *words]
    main()


def session(log: Log, hidden: int, corpus: str) -> None:
    """Train with both threads of a session until asked to end."""
    from seqtui.live.session import LiveSession
    from seqtui.live.snapshot import ModelChoice, Phase

    live = LiveSession(corpus, choice=ModelChoice(hidden=hidden))
    live.start()
    watch(live, log)
    try:
        while not _asked_to_end.wait(0.1):
            now = live.snapshot()
            if now.phase is Phase.FAILED:
                sys.exit(now.message)
    finally:
        live.close(5.0)


def loop(log: Log, hidden: int, corpus: str) -> None:
    """Train the run that a session would train, without the session, until asked to end."""
    from seqcore import jit, team
    from seqcore.folder import RunFolder
    from seqcore.run import Run

    run = Run.resume(RunFolder.find(_begun(hidden, corpus)))
    jit.compile_kernels()
    team.set_threads(None)
    size, due = run.config.training.batch * run.config.training.length, 0.0
    while not _asked_to_end.is_set():
        run.advance(_asked_to_end.is_set)
        if time.monotonic() >= due:
            due = time.monotonic() + LINE_EVERY
            log.add(run.trainer.steps, run.trainer.seconds, size)


def _begun(hidden: int, corpus: str) -> str:
    """Let a session create a run with its default settings, stop it at step 0, and return the run's name."""
    from seqtui.live.session import LiveSession
    from seqtui.live.snapshot import ModelChoice, Phase

    live = LiveSession(corpus, choice=ModelChoice(hidden=hidden), paused=True)
    live.start()
    while live.snapshot().phase not in (Phase.PAUSED, Phase.FAILED) and not _asked_to_end.wait(0.05):
        pass
    now = live.snapshot()
    live.close(60.0)
    if now.phase is not Phase.PAUSED:
        sys.exit(now.message)
    return now.run


_asked_to_end = threading.Event()


def _end_with_the_benchmark() -> None:
    """Wait for the end of standard input, a pipe from the benchmark that closes when the benchmark ends."""
    sys.stdin.buffer.read()
    _asked_to_end.set()


def _end(number: int, frame: FrameType | None) -> None:
    _asked_to_end.set()


def main() -> None:
    role, path, *words = sys.argv[1:]
    log = Log(path)
    if role == "screen":
        screen(log, words)
        return
    signal.signal(signal.SIGTERM, _end)
    threading.Thread(target=_end_with_the_benchmark, daemon=True).start()
    roles: dict[str, Any] = {"session": session, "loop": loop}
    roles[role](log, int(words[0]), words[1])
    os._exit(0)  # the watching thread is still running


if __name__ == "__main__":
    main()
