"""A program in a pseudo-terminal: what it shows as text, with the time at which each piece came, and keys for it."""

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
_KEPT = 1 << 20  # characters of the past
_UNWANTED = ("COLUMNS", "LINES", "NO_COLOR", "TEXTUAL", "TEXTUAL_DRIVER", "PYTHONUNBUFFERED")  # they change the screen


class Reader:
    """Bytes of a terminal to the text that is seen; what moves the cursor becomes a line end."""

    def __init__(self) -> None:
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._rest = ""  # an escape sequence of which the end has not come yet

    def feed(self, data: bytes) -> str:
        """The text in `data`."""
        text = self._rest + self._decoder.decode(data)
        text = re.sub(_ESCAPE, "\n", re.sub(_STYLE, "", text))
        text, mark, rest = text.partition("\x1b")
        self._rest = (mark + rest)[-4096:]
        return text


@dataclass(frozen=True)
class Seen:
    """A piece of text that was shown: when, what, and where in the stream of all text it ends."""

    time: float  # time.monotonic() at which its last byte was read
    match: re.Match[str]
    end: int


class Terminal:
    """A program started in a terminal of its own. Its output is read at once, always, by a thread."""

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
        self._text, self._before = "", 0  # the text kept, and how much was let go before it
        self._pieces: list[tuple[int, float]] = []  # where each piece ends, and when it came
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
            except OSError:  # Linux's way to say that the other side is closed
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
        """The length of all text so far."""
        with self._news:
            return self._before + len(self._text)

    def find_last(self, pattern: str) -> re.Match[str] | None:
        """The newest place in the text kept where `pattern` matches."""
        with self._news:
            return next(iter(deque(re.finditer(pattern, self._text), maxlen=1)), None)

    def wait_for(self, pattern: str, timeout: float, since: int = 0) -> Seen | None:
        """The first match after `since`, as soon as it is there; None after `timeout` s. Raises BenchmarkError."""
        until = time.monotonic() + timeout
        compiled = re.compile(pattern)
        with self._news:
            while True:
                found = compiled.search(self._text, max(0, since - self._before))
                if found:
                    end = self._before + found.end()
                    return Seen(next(when for place, when in self._pieces if place >= end), found, end)
                if self._ended:
                    raise BenchmarkError(f"the screen ended early: {self.last_words()}")
                left = until - time.monotonic()
                if left <= 0:
                    return None
                self._news.wait(left)

    def last_words(self) -> str:
        """The last line that was shown."""
        lines = [line for line in self._text.splitlines() if line.strip()]
        return lines[-1].strip() if lines else "it showed nothing"

    def send(self, keys: bytes) -> float:
        """Press keys; when they were pressed, in time.monotonic()."""
        now = time.monotonic()
        os.write(self._master, keys)
        return now

    def close(self) -> None:
        """Leave as a person does, by ctrl+c; a program that stays is ended."""
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
