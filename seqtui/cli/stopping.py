"""Ctrl+C and SIGTERM while a training runs: the first asks it to end after its step, the second ends it at once."""

import signal
from types import FrameType
from typing import Any

_ASKING = [number for name in ("SIGINT", "SIGTERM", "SIGHUP") if (number := getattr(signal, name, None))]


class Stopping:
    """While entered, `asked` becomes the number of the first signal; a second one raises KeyboardInterrupt."""

    def __init__(self) -> None:
        self.asked = 0
        self._before: dict[int, Any] = {}

    def _note(self, number: int, frame: FrameType | None) -> None:
        again, self.asked = bool(self.asked), self.asked or number
        if again:
            raise KeyboardInterrupt

    def __call__(self) -> bool:
        """Whether a signal came."""
        return bool(self.asked)

    def __enter__(self) -> "Stopping":
        for number in _ASKING:
            if signal.getsignal(number) is not signal.SIG_IGN:  # nohup: what is ignored stays so
                self._before[number] = signal.signal(number, self._note)
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    @property
    def code(self) -> int:
        """The exit code: 128 and the signal's number; 130 for Ctrl+C."""
        return 128 + (self.asked or signal.SIGINT)
