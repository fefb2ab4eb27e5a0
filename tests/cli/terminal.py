"""A process on a pseudo-terminal of its own, as its session's controlling terminal."""

import contextlib
import fcntl
import os
import pty
import re
import select
import signal
import struct
import subprocess
import termios
import time

PATIENCE = 120  # seconds


def _in_a_terminal() -> None:
    """Take the terminal, and the signals as a shell in it would: tests may run with some of them ignored."""
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)
    for number in (signal.SIGHUP, signal.SIGINT, signal.SIGQUIT):
        signal.signal(number, signal.SIG_DFL)


class Terminal:
    """Starts `words` there. `text` is everything that was read so far."""

    def __init__(self, words: list[str], size: tuple[int, int] = (90, 30), **environment: str) -> None:
        self._master, slave = pty.openpty()
        columns, rows = size
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
        kept = {key: value for key, value in os.environ.items() if key not in ("NO_COLOR", "COLORTERM")}
        env = kept | {"TERM": "xterm-256color", "COLUMNS": str(columns), "LINES": str(rows)} | environment
        self.process = subprocess.Popen(
            words,
            stdin=slave,
            stdout=slave,
            stderr=slave,
            env=env,
            start_new_session=True,
            preexec_fn=_in_a_terminal,
        )
        os.close(slave)
        self.text = ""

    def until(self, pattern: str) -> None:
        """Read on until `pattern` was written."""
        end = time.monotonic() + PATIENCE
        while not re.search(pattern, self.text):
            assert time.monotonic() < end, self.text
            if not self._read():
                break
        assert re.search(pattern, self.text), self.text

    def watch(self, seconds: float) -> None:
        """Read for so long."""
        end = time.monotonic() + seconds
        while time.monotonic() < end and self._read(0.05):
            pass

    def type(self, keys: str) -> None:
        """Press keys."""
        os.write(self._master, keys.encode())

    def _read(self, seconds: float = 1.0) -> bool:
        if not select.select([self._master], [], [], seconds)[0]:
            return True
        try:
            data = os.read(self._master, 65536)
        except OSError:  # the other side is closed
            return False
        self.text += data.decode("utf-8", "replace")
        return bool(data)

    def close(self) -> int:
        """Close the window, and return the exit code."""
        os.close(self._master)
        return self.process.wait(PATIENCE)

    def end(self) -> int:
        """Read all output, and return the exit code."""
        while self._read():
            pass
        return self.close()

    def __enter__(self) -> "Terminal":
        return self

    def __exit__(self, *_: object) -> None:
        with contextlib.suppress(OSError):
            os.close(self._master)
        self.process.kill()
        self.process.wait()
