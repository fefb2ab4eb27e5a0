"""Compile kernels before anything runs, with progress: seconds once per machine, then loaded from the cache."""

from collections.abc import Callable, Sequence

import click
from seqcore.errors import SeqError
from seqcore.records import CompileProgress

Report = Callable[[CompileProgress], None]


def register() -> None:
    """Import every module with kernels, so that the list of kernels is complete."""
    import seqcore.generate
    import seqcore.probe
    import seqcore.run  # noqa: F401  # imported for the kernels


def compile_with(tell: Report, groups: Sequence[str] | None = None, stop: Callable[[], bool] = lambda: False) -> int:
    """Compile or load the kernels of `groups` (None: all), and return their number. `tell` is called if any compiles.

    The rest is left where `stop` says so.
    """
    register()
    from seqcore import jit

    known = jit.cached(groups)

    def report(progress: CompileProgress) -> None:
        if progress.current and not known:
            tell(progress)

    return jit.compile_kernels(groups, report, stop=stop)


def compile_line(progress: CompileProgress) -> str:
    """Return the line for the kernel that is being compiled."""
    return f"compiling {progress.current}, {progress.done + 1} of {progress.total}, once on this machine"


def use_threads(count: int | None) -> int:
    """Set the number of threads (None: all cores), and return it. Raises UsageError."""
    from seqcore.team import set_threads

    try:
        return set_threads(count)
    except SeqError as error:
        raise click.UsageError(str(error)) from None


class Status:
    """A line on standard error that is overwritten in place, on terminals only."""

    def __init__(self) -> None:
        from seqtui.cli.terminal import console, on_terminal

        self._console = console(stderr=True)
        self._living = on_terminal(self._console)
        self._shown = False

    def say(self, line: str) -> None:
        """Replace the line."""
        if self._living:
            self._console.print(f"\r\x1b[2K{line}"[: self._console.width], end="", soft_wrap=True)
            self._shown = True

    def compiling(self, progress: CompileProgress) -> None:
        """Show the kernel; without a terminal, one line for all."""
        if self._living:
            self.say(compile_line(progress))
        elif not progress.done:
            self._console.print(f"compiling {progress.total} kernels, once on this machine", soft_wrap=True)

    def close(self) -> None:
        """Clear the line."""
        if self._shown:
            self._console.print("\r\x1b[2K", end="", soft_wrap=True)
            self._shown = False

    def __enter__(self) -> "Status":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
