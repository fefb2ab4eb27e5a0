"""Child processes, each in its own session, all terminated when the benchmark exits for any reason.

Also a worker: a child that answers JSON lines and blocks on its pipe in between, so that no two compute concurrently.
Uses only the standard library, because a worker may run under another interpreter.
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
GRACE = 5.0  # seconds between SIGTERM and SIGKILL


class BenchmarkError(Exception):
    """A one-line error message for the user of the benchmark."""


class Children:
    """A context manager that terminates on exit every process started through it."""

    def __init__(self) -> None:
        self._running: list[subprocess.Popen[bytes]] = []

    def start(
        self, command: Sequence[str], environment: Environment | None = None, **pipes: Any
    ) -> subprocess.Popen[bytes]:
        """Start `command` with `pipes` as for Popen; `environment` extends this process's (None removes a variable).

        Raises BenchmarkError if it cannot be started.
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
        """Terminate the process and its children, and kill them after `grace` seconds."""
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
        """Run to completion; return the wall-clock seconds and the standard output.

        Raises BenchmarkError if it fails or exceeds `timeout` seconds.
        """
        start = time.perf_counter()
        process = self.start(
            command, environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
        try:
            output, complaint = process.communicate(timeout=timeout)
        except subprocess.TimeoutExpired:
            raise BenchmarkError(f"{_called(command)} did not finish within {timeout:g} s") from None
        finally:
            spent = time.perf_counter() - start
            self.end(process)
        if process.returncode:
            raise BenchmarkError(f"{_called(command)} exited with status {process.returncode}: {_last_line(complaint)}")
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
    return lines[-1] if lines else "no error output"


class Worker:
    """A child that serves requests; while idle it blocks on its pipe and uses no CPU."""

    def __init__(self, children: Children, name: str, command: Sequence[str]) -> None:
        self.name, self._children = name, children
        self._process = children.start(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def ask(self, timeout: float, **request: Any) -> dict[str, Any]:
        """Send a request and return the answer.

        Raises BenchmarkError if the worker exits, fails, or does not answer within `timeout` seconds.
        """
        self.send(**request)
        return self.answer(timeout)

    def send(self, **request: Any) -> None:
        """Send a request; the worker computes until its answer is taken. Raises BenchmarkError if it has exited."""
        inward = self._process.stdin
        assert inward is not None  # a pipe
        try:
            inward.write(json.dumps(request).encode() + b"\n")
            inward.flush()
        except BrokenPipeError:
            raise BenchmarkError(f"{self.name} has exited") from None

    def answer(self, timeout: float) -> dict[str, Any]:
        """Return the answer to the last request. Raises BenchmarkError, see `ask`."""
        outward = self._process.stdout
        assert outward is not None
        if not select.select([outward], [], [], timeout)[0]:
            raise BenchmarkError(f"{self.name} did not answer within {timeout:g} s")
        line = outward.readline()  # an answer is a single write that fits into the pipe buffer
        if not line:
            raise BenchmarkError(f"{self.name} exited without an answer")
        answer: dict[str, Any] = json.loads(line)
        if "error" in answer:
            raise BenchmarkError(f"{self.name}: {answer['error']}")
        return answer


def serve(answer: Callable[[dict[str, Any]], dict[str, Any]]) -> None:
    """Serve as a worker: one line in, one line out, until the pipe is closed."""
    replies = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # keep output of libraries out of the answers
    for line in sys.stdin:
        try:
            reply = answer(json.loads(line))
        except Exception as error:  # the parent reports it in one line
            reply = {"error": f"{type(error).__name__}: {error}"}
        replies.write(json.dumps(reply) + "\n")
        replies.flush()
