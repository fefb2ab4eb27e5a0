"""SIGINT, SIGTERM and SIGHUP while something runs that must be saved first."""

import contextlib
import os
import signal
import sys
import threading
from types import FrameType
from typing import Any, Protocol, Self

_ASKING = [number for name in ("SIGINT", "SIGTERM", "SIGHUP") if (number := getattr(signal, name, None))]


class Signals:
    """While entered, `asked` becomes the number of the first signal; `first` and `again` say what then happens."""

    def __init__(self) -> None:
        self.asked = 0
        self._before: dict[int, Any] = {}

    def first(self) -> None:
        """Handle the first signal, in the main thread."""

    def again(self) -> None:
        """Handle every further signal, in the main thread."""

    def _note(self, number: int, frame: FrameType | None) -> None:
        again, self.asked = bool(self.asked), self.asked or number
        if again:
            self.again()
        else:
            self.first()

    def __enter__(self) -> Self:
        for number in _ASKING:
            if signal.getsignal(number) is not signal.SIG_IGN:  # nohup: an ignored signal stays ignored
                self._before[number] = signal.signal(number, self._note)
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    @property
    def code(self) -> int:
        """The exit code: 128 plus the number of the signal; 130 for Ctrl+C."""
        return 128 + (self.asked or signal.SIGINT)


class Stopping(Signals):
    """Asks a training to stop after its step; the second signal raises KeyboardInterrupt."""

    def __call__(self) -> bool:
        """Return whether a signal came."""
        return bool(self.asked)

    def again(self) -> None:
        """Stop immediately."""
        raise KeyboardInterrupt


class Leavable(Protocol):
    """A screen that can be asked to save and leave, from any thread."""

    def leave(self) -> None:
        """Ask the screen to save and leave; returns immediately."""

    def finish(self) -> str:
        """Save, and return the line to print when the terminal is restored."""


# What Textual switches on, off: bracketed paste, mouse reports, focus reports, keyboard protocol, alternate screen.
_RESTORE = b"\x1b[?2004l\x1b[?7h\x1b[?1000l\x1b[?1003l\x1b[?1015l\x1b[?1006l\x1b[<u\x1b[?1049l\x1b[?25h\x1b[?1004l"
PATIENCE = 3.0  # seconds that a screen may take to leave once everything is saved


class Leaving(Signals):
    """Makes a screen save and leave. A second signal ends the process immediately.

    A terminal that takes no output holds the screen up for good. So saving does not wait for the screen, and a screen
    that does not leave is given up.
    """

    def __init__(self, screen: Leavable) -> None:
        super().__init__()
        self._screen = screen
        self._left = threading.Event()
        self._attributes = _terminal_attributes()

    def first(self) -> None:
        """Ask the screen to leave, and see to it that it does."""
        self._screen.leave()
        threading.Thread(target=self._watch, name="seqtui-leaving", daemon=True).start()

    def again(self) -> None:
        """End the process."""
        self._end("")

    def __exit__(self, *_: object) -> None:
        self._left.set()
        super().__exit__(*_)

    def _watch(self) -> None:
        line = self._screen.finish()
        if not self._left.wait(PATIENCE):
            self._end(line)

    def _end(self, line: str) -> None:
        """Restore the terminal as far as possible, and end the process without waiting for any thread."""
        with contextlib.suppress(OSError, ValueError):
            os.set_blocking(1, False)
            os.write(1, _RESTORE + line.encode() + b"\r\n")
        if self._attributes is not None:
            import termios

            with contextlib.suppress(termios.error):
                termios.tcsetattr(0, termios.TCSANOW, self._attributes)
        os._exit(self.code)


def _terminal_attributes() -> list[Any] | None:
    """The settings of the terminal on standard input; None if there is none."""
    try:
        import termios
    except ImportError:  # Windows
        return None
    try:
        return termios.tcgetattr(0)
    except termios.error:
        return None


def discard_output() -> None:
    """Let all further output go nowhere: the terminal is gone, and each write would fail."""
    nowhere = os.open(os.devnull, os.O_RDWR)
    for stream in (sys.stdin, sys.stdout, sys.stderr):
        with contextlib.suppress(OSError, ValueError, AttributeError):
            os.dup2(nowhere, stream.fileno())
