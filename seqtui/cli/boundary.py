"""The only place where an exception becomes a line on standard error and an exit code."""

import contextlib
import errno
import os
import sys
from collections.abc import Callable

import click
from seqcore.errors import SeqError

DONE, FAILED, MISUSED, DIVERGED, INTERRUPTED = 0, 1, 2, 3, 130
BROKEN_PIPE = 141  # 128 + SIGPIPE, as shells report it
DEBUG = "SEQTUI_DEBUG"


class Exit(Exception):  # noqa: N818  # also used for success
    """End the program with `code`; print `line`, if given, to standard error."""

    def __init__(self, code: int, line: str = "") -> None:
        super().__init__(line)
        self.code, self.line = code, line


def guarded(action: Callable[[], object]) -> int:
    """Run `action` and return the exit code. An error is one line on standard error, never a traceback."""
    try:
        action()
        sys.stdout.flush()
        return DONE
    except click.exceptions.Exit as error:
        return int(error.exit_code)
    except Exit as error:
        if error.line:
            complain(error.line)
        return error.code
    except (KeyboardInterrupt, click.Abort):
        complain("interrupted")
        return INTERRUPTED
    except BrokenPipeError:
        return _pipe_is_gone()
    except Exception as error:
        if os.environ.get(DEBUG):
            raise
        code, line = _told(error)
        complain(line)
        return code


def complain(line: str) -> None:
    """Print one line on standard error, with control characters escaped; nothing if there is no standard error."""
    from seqtui.visible import visible

    try:
        print(f"seqtui: {visible(' '.join(line.split()))}", file=sys.stderr, flush=True)
    except (OSError, ValueError):
        return


def _told(error: Exception) -> tuple[int, str]:
    """Return the exit code and the line for an exception."""
    if isinstance(error, click.UsageError):
        return MISUSED, _misuse(error)
    if isinstance(error, SeqError):
        return FAILED, str(error)
    if isinstance(error, click.ClickException):
        return FAILED, error.format_message()
    if isinstance(error, OSError):
        return FAILED, _refused(error)
    if isinstance(error, MemoryError):
        return FAILED, "there is not enough memory: take a smaller --hidden, --batch or --length"
    return FAILED, f"{type(error).__name__}: {error} (this is a defect; {DEBUG}=1 shows the traceback)"


def _misuse(error: click.UsageError) -> str:
    """Return the line for an invalid call; click's own messages lack the pointer to --help, which is added."""
    line = error.format_message().rstrip()
    if type(error) is click.UsageError or error.ctx is None:
        return line
    command = error.ctx.command_path.removesuffix("(screen)").strip()
    return f"{line} ({command} --help lists the options)"


def _refused(error: OSError) -> str:
    reason = error.strerror or str(error) or type(error).__name__
    if error.errno == errno.ENOSPC:
        reason = "no space is left on the disk: free some"
    return f"{error.filename}: {reason}" if error.filename else reason


def _pipe_is_gone() -> int:
    """The reader of the output is gone: stay silent, and discard what the interpreter flushes at exit."""
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except BrokenPipeError:
            with contextlib.suppress(OSError, ValueError):
                os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
        except (AttributeError, OSError, ValueError):
            continue  # missing or closed
    return BROKEN_PIPE
