"""Textual's terminal driver for Linux and macOS, made to survive the loss of the terminal.

Textual writes to the terminal in a thread that ends at the first error; its queue then fills up, and the next write
blocks the event loop forever. Here a failed write is reported once, and all further output is dropped.
"""

from collections.abc import Callable
from typing import IO, Any

from textual.drivers.linux_driver import LinuxDriver


class _Output:
    """The terminal as a file; `gone` is called once, when a write fails."""

    def __init__(self, file: IO[str], gone: Callable[[], None]) -> None:
        self._file, self._gone, self._works = file, gone, True

    def write(self, text: str) -> None:
        self._attempt(lambda: self._file.write(text))

    def flush(self) -> None:
        self._attempt(self._file.flush)

    def fileno(self) -> int:
        return self._file.fileno()

    def _attempt(self, act: Callable[[], object]) -> None:
        if self._works:
            try:
                act()
            except (OSError, ValueError):  # ValueError: the file is closed
                self._works = False
                self._gone()


class LastingDriver(LinuxDriver):
    """Call the app's `terminal_gone`, from another thread, when the terminal can no longer be written or read."""

    def __init__(self, app: Any, **settings: Any) -> None:
        super().__init__(app, **settings)
        self._terminal_gone = app.terminal_gone
        self._file: Any = _Output(self._file, self._lost)

    def _lost(self) -> None:
        self.exit_event.set()  # else the input thread busy-loops on a dead terminal
        self._terminal_gone()

    def run_input_thread(self) -> None:
        """Read keys until the app exits or the terminal is gone."""
        try:
            super().run_input_thread()
        except OSError:
            self._lost()
