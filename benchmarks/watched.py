"""A training under watch, as a process of its own: how far it is, and when, goes to a file as JSON lines.

python watched.py screen LOG [WORD...]   the real `seqtui WORD...`, on the terminal it was started in
python watched.py session LOG HIDDEN CORPUS   the same training without a screen
python watched.py loop LOG HIDDEN CORPUS      the same run, advanced in a bare loop: no second thread, nothing published
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
    from seqtui.session import LiveSession

BEFORE, AFTER = 0.005, 0.02  # seconds between looks, before the first step and after it
LINE_EVERY = 0.1  # seconds, in the bare loop: as often as a session publishes


class Log:
    """One line for every step that is seen."""

    def __init__(self, path: str) -> None:
        self._file: TextIO = open(path, "w", encoding="utf-8")  # noqa: SIM115  # open as long as the process
        self._step = -1

    def add(self, step: int, seconds: float, tokens: int) -> None:
        """A step, the training time so far, and how many tokens a step has."""
        if step != self._step:
            self._step = step
            line = {"time": time.monotonic(), "step": step, "seconds": seconds, "tokens": step * tokens}
            self._file.write(json.dumps(line) + "\n")
            self._file.flush()


def watch(session: LiveSession, log: Log) -> None:
    """Look at the session's snapshots, in a thread, as long as the process lives."""

    def look() -> None:
        while True:
            now = session.snapshot()
            log.add(now.step, now.seconds, now.model.batch * now.model.length)
            time.sleep(AFTER if now.step else BEFORE)

    threading.Thread(target=look, name="watch", daemon=True).start()


def screen(log: Log, words: list[str]) -> None:
    """The program itself, whose sessions are watched from their start on."""
    with contextlib.suppress(OSError):
        fcntl.ioctl(0, termios.TIOCSCTTY, 0)  # so that the program ends when its terminal is gone
    from seqtui import session

    begin = session.LiveSession.start

    def start(one: LiveSession) -> None:
        watch(one, log)
        begin(one)

    session.LiveSession.start = start  # type: ignore[assignment,method-assign]  # all that is added is watching
    from seqtui.cli.main import main

    sys.argv = ["seqtui", *words]
    main()


def session(log: Log, hidden: int, corpus: str) -> None:
    """Train with both threads of a session until it is asked to end."""
    from seqtui.session import LiveSession
    from seqtui.snapshot import ModelChoice, Phase

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
    """Train the run that a session would, without the session, until it is asked to end."""
    from seqcore import jit
    from seqcore.folder import RunFolder
    from seqcore.run import Run

    run = Run.resume(RunFolder.find(_begun(hidden, corpus)))
    jit.compile_kernels()
    jit.set_threads(None)
    size, due = run.config.training.batch * run.config.training.length, 0.0
    while not _asked_to_end.is_set():
        run.advance(_asked_to_end.is_set)
        if time.monotonic() >= due:
            due = time.monotonic() + LINE_EVERY
            log.add(run.trainer.steps, run.trainer.seconds, size)


def _begun(hidden: int, corpus: str) -> str:
    """The name of a run that a session has begun, with its own settings, and left at step 0."""
    from seqtui.session import LiveSession
    from seqtui.snapshot import ModelChoice, Phase

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
    """Standard input is a pipe that the benchmark holds and never writes to: it ends when the benchmark does."""
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
    os._exit(0)  # the watching thread still looks


if __name__ == "__main__":
    main()
