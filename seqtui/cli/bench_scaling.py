"""`seqtui bench --scaling`: the training step by number of threads, and what more threads are expected to gain."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from seqtui.cli.bench import PEAK_SECONDS, Case

if TYPE_CHECKING:
    from rich.table import Table

    from seqtui.cli.kernels import Status

Row = dict[str, Any]


def measure_scaling(cases: Sequence[Case], seconds: float, most: int, status: "Status") -> tuple[list[Row], list[Row]]:
    """Return a row per case and number of threads from 1 to `most`, and what is expected of more.

    The highest peaks seen bound what is expected: threads that share a core gain less than cores. More threads are
    expected on as many more cores of the same kind.
    """
    from seqcore.bench import StepTime, measure_peak, time_training
    from seqcore.scaling import beyond, counts
    from seqcore.team import set_threads

    peaks, found = dict.fromkeys(counts(most), 0.0), []
    for each in cases:
        timed: dict[int, StepTime] = {}
        for threads in peaks:
            status.say(f"measuring {each} with {threads} of {most} threads")
            set_threads(threads)
            peaks[threads] = max(peaks[threads], measure_peak(PEAK_SECONDS))
            timed[threads] = time_training(each.model, each.training, seconds)
        found.append(timed)
    ceilings = {threads: peak / peaks[1] for threads, peak in peaks.items()}
    further = {threads: threads / most * ceilings[most] for threads in beyond(most)}
    rows = [_row(timed, threads, ceilings[threads]) for timed in found for threads in timed]
    return rows, [_ahead(timed[1], threads, ceiling) for timed in found for threads, ceiling in further.items()]


def _row(timed: Mapping[int, Any], threads: int, ceiling: float) -> Row:
    from seqcore.scaling import expected

    speed_up = timed[1].seconds / timed[threads].seconds
    return {
        "model": timed[1].config.family,
        "threads": threads,
        "step_ms": 1000 * timed[threads].seconds,
        "speed_up": speed_up,
        "efficiency": speed_up / threads,
        "expected_ms": 1000 * expected(timed[1], threads, ceiling),
    }


def _ahead(one: Any, threads: int, ceiling: float) -> Row:
    from seqcore.scaling import expected

    seconds = expected(one, threads, ceiling)
    speed_up = one.seconds / seconds
    return {
        "model": one.config.family,
        "threads": threads,
        "expected_ms": 1000 * seconds,
        "speed_up": speed_up,
        "efficiency": speed_up / threads,
    }


def print_scaling(rows: Sequence[Row], ahead: Sequence[Row], names: Mapping[str, str]) -> None:
    """Print what was measured and, below it, what is expected; `names` says how a model is described."""
    from seqtui.cli.terminal import console, print_table

    screen = console()
    print_table(_table("training", rows, names, ("step_ms", "speed_up", "efficiency", "expected_ms")))
    if ahead:
        screen.print()
        print_table(_table("expected of more", ahead, names, ("expected_ms", "speed_up", "efficiency")))
    screen.print()
    told = "expected: from the phases with one thread, by their work, barriers and caches"
    screen.print(f"{told}; of more, on as many more cores of this kind" if ahead else told, soft_wrap=True)


_COLUMNS = {
    "step_ms": ("step", "{:.2f} ms"),
    "speed_up": ("speed-up", "{:.2f}×"),
    "efficiency": ("efficiency", "{:.0%}"),
    "expected_ms": ("expected", "{:.2f} ms"),
}


def _table(title: str, rows: Sequence[Row], names: Mapping[str, str], keys: Sequence[str]) -> "Table":
    from seqtui.cli.terminal import table

    heads = ["threads", *(_COLUMNS[key][0] for key in keys)]
    made = table(title, *heads, right=heads)
    before = ""
    for row in rows:
        name = names[row["model"]]
        cells = [_COLUMNS[key][1].format(row[key]) for key in keys]
        made.add_row("" if name == before else name, str(row["threads"]), *cells)
        before = name
    return made
