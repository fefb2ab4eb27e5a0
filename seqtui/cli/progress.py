"""Progress of training without the screen: live on a terminal, plain lines elsewhere, nothing if quiet."""

import time
from dataclasses import dataclass
from typing import Protocol

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text
from seqcore.records import CompileProgress

from seqtui.cli.kernels import compile_line
from seqtui.cli.terminal import duration, facts, shown

_FRAME = 0.25  # seconds between redraws; one costs training about 2 ms
_LINE = 1.0  # seconds between lines without a terminal


@dataclass
class Standing:
    """The state of training, as the progress shows it."""

    unit: str  # of tokens, in the singular: "character"
    step: int = 0
    last_step: int | None = None  # None: a time ends the run
    share: float = 0.0  # completed share of the run, 0..1
    train_loss: float | None = None  # nats per token, mean since the last reading
    validation: str = ""  # the loss and measures of the last validation
    per_second: float | None = None  # tokens
    left: float | None = None  # seconds
    sample: str = ""  # raw

    def parts(self) -> list[str]:
        """Return the numbers with their names, as one line."""
        step = f"step {self.step:,}"
        said = [f"{step} of {self.last_step:,}" if self.last_step is not None else step]
        if self.train_loss is not None:
            said.append(f"train {self.train_loss:.3f}")
        if self.validation:
            said.append(f"validation {self.validation}")
        if self.per_second is not None:
            said.append(f"{self.per_second:,.0f} {self.unit}s/s")
        if self.left is not None:
            said.append(f"{duration(self.left)} left")
        return said


class Progress(Protocol):
    """Receives events and shows some of them."""

    samples: bool  # whether it shows samples

    def introduce(self, rows: list[tuple[str, str]]) -> None: ...
    def say(self, line: str) -> None: ...  # a permanent line
    def compiling(self, progress: CompileProgress) -> None: ...
    def due(self) -> bool: ...  # whether the next update is due
    def show(self, standing: Standing, event: bool = False) -> None: ...  # `event`: a validation, or the end
    def close(self) -> None: ...


class Lines:
    """Plain lines, about one per second at most, and one per validation."""

    samples = False

    def __init__(self, console: Console) -> None:
        self._console, self._due = console, 0.0

    def introduce(self, rows: list[tuple[str, str]]) -> None:
        for name, value in rows:
            self.say(f"{name}: {value}")

    def say(self, line: str) -> None:
        self._console.print(shown(line), soft_wrap=True)

    def compiling(self, progress: CompileProgress) -> None:
        if not progress.done:  # one line for all kernels
            self.say(f"compiling {progress.total} kernels, once on this machine")

    def due(self) -> bool:
        return time.monotonic() >= self._due

    def show(self, standing: Standing, event: bool = False) -> None:
        self._due = time.monotonic() + _LINE
        self.say(" · ".join(standing.parts()))

    def close(self) -> None: ...


class LivePicture:
    """A bar, the numbers and a generated line, redrawn in place; validations stay as lines above."""

    samples = True

    def __init__(self, console: Console) -> None:
        self._console, self._due = console, 0.0
        # no Rich thread: training uses the cores, so redraw between steps
        self._live = Live(console=console, auto_refresh=False, transient=True, redirect_stdout=False)
        self._live.start()

    def introduce(self, rows: list[tuple[str, str]]) -> None:
        facts(self._console, rows)

    def say(self, line: str) -> None:
        self._console.print(shown(line))

    def compiling(self, progress: CompileProgress) -> None:
        self._live.update(shown(compile_line(progress), "dim"), refresh=True)

    def due(self) -> bool:
        return time.monotonic() >= self._due

    def show(self, standing: Standing, event: bool = False) -> None:
        now = time.monotonic()
        if event:
            self._console.print(_numbers(standing, left=False))
        self._live.update(_picture(standing), refresh=True)
        self._due = now + max(_FRAME, 40 * (time.monotonic() - now))  # a slow terminal must not slow the training

    def close(self) -> None:
        self._live.stop()


class Quiet:
    """Shows nothing."""

    samples = False

    def introduce(self, rows: list[tuple[str, str]]) -> None: ...
    def say(self, line: str) -> None: ...
    def compiling(self, progress: CompileProgress) -> None: ...

    def due(self) -> bool:
        return False

    def show(self, standing: Standing, event: bool = False) -> None: ...
    def close(self) -> None: ...


def _numbers(standing: Standing, left: bool) -> Text:
    line = Text(no_wrap=True, overflow="ellipsis")
    for n, part in enumerate(standing.parts()):
        if part.endswith(" left") and not left:
            continue
        line.append("   " if n else "")
        name, space, number = part.partition(" ")
        if name in ("train", "validation", "step"):
            line.append(name + space, "dim").append(number, "bold" if name != "step" else "")
        else:
            line.append(part)
    return line


def _picture(standing: Standing) -> RenderableType:
    grid = Table.grid(expand=True, padding=(0, 1, 0, 0))
    grid.add_column(ratio=1)
    grid.add_column(justify="right", no_wrap=True)
    grid.add_row(ProgressBar(total=1.0, completed=standing.share), f"{100 * standing.share:3.0f}%")
    sample = shown(" ".join(standing.sample.split()), "italic dim")
    sample.no_wrap, sample.overflow = True, "ellipsis"
    return Group(grid, _numbers(standing, left=True), sample)
