"""Child processes: each in a session of its own, and all of them ended when the benchmark ends, however it ends.

Also a worker: a child that answers JSON lines and otherwise waits on its pipe, so that two never compute at once.
Needs the standard library alone: a worker may run under another interpreter.
"""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

Environment = Mapping[str, "str | None"]
GRACE = 5.0  # seconds between asking a process to end and ending it


class BenchmarkError(Exception):
    """What went wrong, in one line for the person who runs the benchmark."""


class Children:
    """A context: what was started in it is ended with it."""

    def __init__(self) -> None:
        self._running: list[subprocess.Popen[bytes]] = []

    def start(
        self, command: Sequence[str], environment: Environment | None = None, **pipes: Any
    ) -> subprocess.Popen[bytes]:
        """Start `command`; `environment` is added to this process's, or taken off where None; `pipes` as for Popen.

        Raises BenchmarkError.
        """
        changed = dict(os.environ) | dict(environment or {})
        kept = {name: value for name, value in changed.items() if value is not None}
        try:
            process = subprocess.Popen(list(command), env=kept, start_new_session=True, **pipes)
        except OSError as error:
            raise BenchmarkError(f"{command[0]} cannot be started: {error.strerror}") from None
        self._running.append(process)
        return process

    def end(self, process: subprocess.Popen[bytes], grace: float = GRACE) -> None:
        """Ask the process and its own children to end, and after `grace` seconds make them."""
        for number, patience in ((signal.SIGTERM, grace), (signal.SIGKILL, GRACE)):
            if process.poll() is not None:
                break
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, number)
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(patience)
        if process in self._running:
            self._running.remove(process)

    def run(
        self, command: Sequence[str], timeout: float, environment: Environment | None = None
    ) -> tuple[float, bytes]:
        """Run to the end: seconds of the whole process, and its standard output. Raises BenchmarkError."""
        start = time.perf_counter()
        process = self.start(
            command, environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
        try:
            output, complaint = process.communicate(timeout=timeout)
        except subprocess.TimeoutExpired:
            raise BenchmarkError(f"{_called(command)} was not done after {timeout:g} s") from None
        finally:
            spent = time.perf_counter() - start
            self.end(process)
        if process.returncode:
            raise BenchmarkError(f"{_called(command)} ended with {process.returncode}: {_last_line(complaint)}")
        return spent, output

    def __enter__(self) -> Children:
        return self

    def __exit__(self, *_: object) -> None:
        before = signal.signal(signal.SIGINT, signal.SIG_IGN)  # a second Ctrl+C must not leave children behind
        try:
            for process in list(self._running):
                self.end(process, 1.0)
        finally:
            signal.signal(signal.SIGINT, before)


def _called(command: Sequence[str]) -> str:
    return " ".join(command[1:4])


def _last_line(output: bytes) -> str:
    lines = output.decode("utf-8", "replace").strip().splitlines()
    return lines[-1] if lines else "it said nothing"


class Worker:
    """A child that serves requests; idle it is blocked on its pipe and uses no core."""

    def __init__(self, children: Children, name: str, command: Sequence[str]) -> None:
        self.name, self._children = name, children
        self._process = children.start(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def ask(self, timeout: float, **request: Any) -> dict[str, Any]:
        """What the worker answers within `timeout` seconds. Raises BenchmarkError."""
        inward, outward = self._process.stdin, self._process.stdout
        assert inward is not None  # both are pipes
        assert outward is not None
        try:
            inward.write(json.dumps(request).encode() + b"\n")
            inward.flush()
        except BrokenPipeError:
            raise BenchmarkError(f"{self.name} has ended") from None
        if not select.select([outward], [], [], timeout)[0]:
            raise BenchmarkError(f"{self.name} gave no answer within {timeout:g} s")
        line = outward.readline()  # an answer is one write of less than a pipe holds
        if not line:
            raise BenchmarkError(f"{self.name} ended before it answered")
        answer: dict[str, Any] = json.loads(line)
        if "error" in answer:
            raise BenchmarkError(f"{self.name}: {answer['error']}")
        return answer


def serve(answer: Callable[[dict[str, Any]], dict[str, Any]]) -> None:
    """The worker's side: one line in, one line out, until the pipe is closed."""
    replies = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # what a library prints must not get between the answers
    for line in sys.stdin:
        try:
            reply = answer(json.loads(line))
        except Exception as error:  # told by whoever asked, in a line
            reply = {"error": f"{type(error).__name__}: {error}"}
        replies.write(json.dumps(reply) + "\n")
        replies.flush()
