"""The results of `seqtui bench` as tables."""

import os
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.table import Table

Row = dict[str, Any]


def print_rows(rows: Sequence[Row], missing: str) -> None:
    """Print all tables, then `missing`: why there is no comparison with PyTorch, if one was asked for."""
    from seqtui.cli.terminal import console, print_table

    screen = console()
    for made in (training_table(rows), phase_table(rows), writing_table(rows)):
        print_table(made)
        screen.print()
    cores = os.cpu_count() or 1
    peak = f"{max(row['peak_gflops'] for row in rows):,.0f} GFLOP/s with {rows[0]['threads']} of {cores} cores"
    screen.print(f"matrix product peak: {peak}; percentages are shares of it", soft_wrap=True)
    if missing:
        screen.print(missing, style="dim", soft_wrap=True)


def training_table(rows: Sequence[Row]) -> "Table":
    """Return the step time of each model, and that of PyTorch where it was measured."""
    from seqtui.cli.terminal import table

    beside = any("torch_step_ms" in row for row in rows)
    names = ["training", "batch", "step", "tokens/s", "of peak", *(["PyTorch", "faster"] if beside else [])]
    made = table(*names, right=names[2:])
    for row in rows:
        cells = [f"{row['step_ms']:.2f} ms", f"{row['tokens_per_second']:,.0f}", f"{row['peak_share']:.0%}"]
        if beside:
            cells += [f"{row['torch_step_ms']:.2f} ms", f"{row['times_faster']:.1f}×"]
        made.add_row(row["described"], f"{row['batch']} × {row['length']}", *cells)
    return made


def phase_table(rows: Sequence[Row]) -> "Table":
    """Return the time of a step by phase, with the share of the peak for phases that multiply matrices."""
    from seqtui.cli.terminal import table

    models = [row["model"] for row in rows]
    made = table("ms per step", *models, right=models)
    for phase in _phases(rows):
        made.add_row(phase, *(_phase_cell(row, phase) for row in rows))
    return made


def _phases(rows: Sequence[Row]) -> Iterator[str]:
    """Yield the phases of all models in the order of a step."""
    from seqcore.models.clocked import PHASES

    return (phase for phase in PHASES if any(phase in row["phases_ms"] for row in rows))


def _phase_cell(row: Row, phase: str) -> str:
    spent, share = row["phases_ms"].get(phase), row["phases_peak_share"].get(phase)
    if spent is None:
        return ""
    digits = 2 if spent < 100 else 1
    return f"{spent:.{digits}f} " + ("    " if share is None else f"{share:4.0%}")


def writing_table(rows: Sequence[Row]) -> "Table":
    """Return the generation speed of each model: one stream of sampled characters."""
    from seqtui.cli.terminal import table

    beside = any("torch_written_per_second" in row for row in rows)
    names = ["generation", "characters/s", *(["PyTorch", "faster"] if beside else [])]
    made = table(*names, right=names[1:])
    for row in rows:
        cells = [f"{row['written_per_second']:,.0f}"]
        if beside:
            cells += [f"{row['torch_written_per_second']:,.0f}", f"{row['times_faster_writing']:.1f}×"]
        made.add_row(row["described"], *cells)
    return made
