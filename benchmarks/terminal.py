"""A program in a pseudo-terminal: its output as text with arrival times, and keys sent to it."""

from __future__ import annotations

import codecs
import contextlib
import fcntl
import os
import pty
import re
import select
import struct
import termios
import threading
import time
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from processes import BenchmarkError, Children

_STYLE = r"\x1b\[[0-9;:]*m"
_ESCAPE = r"\x1b(?:\[[0-?]*[ -/]*[@-~]|[\]PX^_][^\x07\x1b]*(?:\x07|\x1b\\)|[ -/]*[0-OQ-WYZ\\`-~])"
_KEPT = 1 << 20  # characters of output to keep
_UNWANTED = ("COLUMNS", "LINES", "NO_COLOR", "TEXTUAL", "TEXTUAL_DRIVER", "PYTHONUNBUFFERED")  # they change the screen


class Reader:
    """A converter from terminal output to visible text; escape sequences other than styles become line breaks."""

    def __init__(self) -> None:
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._rest = ""  # an incomplete escape sequence

    def feed(self, data: bytes) -> str:
        """Return the text in `data`."""
        text = self._rest + self._decoder.decode(data)
        text = re.sub(_ESCAPE, "\n", re.sub(_STYLE, "", text))
        text, mark, rest = text.partition("\x1b")
        self._rest = (mark + rest)[-4096:]
        return text


@dataclass(frozen=True)
class Seen:
    """A match in the output: when it arrived, the match, and its end as an offset into all output."""

    time: float  # time.monotonic() at which its last byte was read
    match: re.Match[str]
    end: int


class Terminal:
    """A program started in its own terminal, whose output a thread reads continuously."""

    def __init__(
        self, children: Children, command: Sequence[str], columns: int, rows: int, environment: Mapping[str, str]
    ) -> None:
        self._master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
        named = {"TERM": "xterm-256color", "COLORTERM": "truecolor", **dict.fromkeys(_UNWANTED), **environment}
        self._children = children
        self.started = time.monotonic()
        try:
            self.process = children.start(command, named, stdin=slave, stdout=slave, stderr=slave)
        finally:
            os.close(slave)
        self._news = threading.Condition()
        self._text, self._before = "", 0  # the text kept, and how many characters were dropped before it
        self._pieces: list[tuple[int, float]] = []  # end offset and arrival time of each piece
        self._ended = self._closing = False
        self.bytes = 0
        self._thread = threading.Thread(target=self._drain, name="terminal", daemon=True)
        self._thread.start()

    def _drain(self) -> None:
        reader = Reader()
        while not self._closing:
            if not select.select([self._master], [], [], 0.2)[0]:
                continue
            try:
                data = os.read(self._master, 1 << 16)
            except OSError:  # on Linux: the other side is closed
                data = b""
            now = time.monotonic()
            with self._news:
                self._ended = not data
                self.bytes += len(data)
                self._text += reader.feed(data)
                self._pieces.append((self._before + len(self._text), now))
                if len(self._text) > 2 * _KEPT:
                    self._before += len(self._text) - _KEPT
                    self._text = self._text[-_KEPT:]
                    self._pieces = [piece for piece in self._pieces if piece[0] > self._before]
                self._news.notify_all()
            if self._ended:
                return

    @property
    def end(self) -> int:
        """The length of all output so far, in characters."""
        with self._news:
            return self._before + len(self._text)

    def find_last(self, pattern: str) -> re.Match[str] | None:
        """Return the last match of `pattern` in the kept text, or None."""
        with self._news:
            return next(iter(deque(re.finditer(pattern, self._text), maxlen=1)), None)

    def wait_for(self, pattern: str, timeout: float, since: int = 0) -> Seen | None:
        """Wait for the first match after offset `since`; return None after `timeout` seconds.

        Raises BenchmarkError if the program exits first.
        """
        until = time.monotonic() + timeout
        compiled = re.compile(pattern)
        with self._news:
            while True:
                found = compiled.search(self._text, max(0, since - self._before))
                if found:
                    end = self._before + found.end()
                    return Seen(next(when for place, when in self._pieces if place >= end), found, end)
                if self._ended:
                    raise BenchmarkError(f"the program exited early: {self.last_words()}")
                left = until - time.monotonic()
                if left <= 0:
                    return None
                self._news.wait(left)

    def last_words(self) -> str:
        """Return the last non-empty line of output."""
        lines = [line for line in self._text.splitlines() if line.strip()]
        return lines[-1].strip() if lines else "no output"

    def send(self, keys: bytes) -> float:
        """Send keys; return the time.monotonic() at which they were sent."""
        now = time.monotonic()
        os.write(self._master, keys)
        return now

    def close(self) -> None:
        """Quit with ctrl+c, as a user would; terminate the program if it does not exit."""
        with contextlib.suppress(OSError):
            os.write(self._master, b"\x03")
        until = time.monotonic() + 5
        while self.process.poll() is None and time.monotonic() < until:
            time.sleep(0.02)
        self._children.end(self.process)
        self._closing = True
        self._thread.join()
        os.close(self._master)

    def __enter__(self) -> Terminal:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
