"""`seqtui bench`: how fast training is, how much of the machine that is, and where the time goes."""

import importlib.util
import json
import os
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from seqcore.bench import StepTime

# (hidden, batch, length): a small, a middling and a large model
SIZES = ((64, 16, 64), (128, 32, 64), (256, 32, 64), (512, 32, 64))
_VOCABULARY = 65


@click.command(
    "bench",
    epilog="""\b
Examples:
  seqtui bench                             four sizes, about half a minute
  seqtui bench --hidden 256 --batch 64 --length 128
  seqtui bench --json""",
)
@click.option("--hidden", type=click.IntRange(1, 8192), metavar="N", help="Measure this one size alone.")
@click.option("--batch", type=click.IntRange(1, 4096), default=32, metavar="N", help="With --hidden.  [default: 32]")
@click.option("--length", type=click.IntRange(1, 8192), default=64, metavar="N", help="With --hidden.  [default: 64]")
@click.option("--layers", type=click.IntRange(1, 4), default=1, metavar="N", help="Layers of every size.  [default: 1]")
@click.option("--seconds", type=click.FloatRange(0.05, 600), default=2.0, metavar="X", help="For each.  [default: 2]")
@click.option("--threads", type=int, metavar="N", help="Threads to train with.  [default: all cores]")
@click.option("--torch/--no-torch", "torch", default=True, help="Measure PyTorch beside, where it is installed.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")
def command(hidden: int | None, batch: int, length: int, layers: int, seconds: float, threads: int | None,
            torch: bool, as_json: bool) -> None:  # fmt: skip
    """Time the training step of an LSTM: milliseconds, tokens a second, share of the machine's measured peak.

    The peak is what this machine's cores reach in the matrix product alone. Nothing else should run meanwhile.
    """
    from seqtui.cli.kernels import Status, compile_with, use_threads

    use_threads(threads)
    sizes = SIZES if hidden is None else ((hidden, batch, length),)
    beside = torch and importlib.util.find_spec("torch") is not None
    with Status() as status:
        compile_with(status.compiling)
        rows = []
        for row in _measure(sizes, layers, seconds, beside, status):
            rows.append(row)
            if as_json:
                status.close()
                click.echo(json.dumps(row))
    if not as_json:
        _print(rows, beside)


def _measure(sizes: Any, layers: int, seconds: float, beside: bool, status: Any) -> Iterator[dict[str, Any]]:
    from seqcore.bench import measure_peak, time_training
    from seqcore.config import ModelConfig, TrainingConfig

    peak = measure_peak(0.3)
    for hidden, batch, length in sizes:
        status.say(f"measuring lstm {layers}×{hidden}, {batch} × {length}")
        config = ModelConfig(_VOCABULARY, hidden=hidden, layers=layers)
        row = _row(time_training(config, TrainingConfig(batch=batch, length=length), seconds, peak), peak)
        if beside:
            status.say(f"measuring PyTorch, {layers}×{hidden}, {batch} × {length}")
            from seqtui.cli.bench_torch import torch_step_seconds

            row["torch_step_ms"] = 1000 * torch_step_seconds(config, batch, length, seconds)
            row["times_faster"] = row["torch_step_ms"] / row["step_ms"]
        yield row


def _row(timed: "StepTime", peak: float) -> dict[str, Any]:
    from seqcore import jit

    return {
        "model": timed.config.family,
        "layers": timed.config.layers,
        "hidden": timed.config.hidden,
        "batch": timed.training.batch,
        "length": timed.training.length,
        "threads": int(jit.TEAM[1]),
        "step_ms": 1000 * timed.seconds,
        "tokens_per_second": timed.tokens_per_second,
        "peak_share": timed.peak_share,
        "peak_gflops": peak / 1e9,
        "phases_ms": {name: 1000 * spent for name, spent in timed.phases.items()},
    }


def _print(rows: list[dict[str, Any]], beside: bool) -> None:
    from seqtui.cli.terminal import console, print_table, table

    screen = console()
    names = ["model", "batch", "step", "tokens/s", "of the peak", *(["PyTorch", "faster"] if beside else [])]
    made = table(*names, right=names[2:])
    for row in rows:
        cells = [
            f"{row['model']} {row['layers']}×{row['hidden']}",
            f"{row['batch']} × {row['length']}",
            f"{row['step_ms']:.2f} ms",
            f"{row['tokens_per_second']:,.0f}",
            f"{row['peak_share']:.0%}",
        ]
        if beside:
            cells += [f"{row['torch_step_ms']:.2f} ms", f"{row['times_faster']:.1f}×"]
        made.add_row(*cells)
    print_table(made)
    phases = table("of the step", *(f"{row['layers']}×{row['hidden']}" for row in rows),
                   right=[f"{row['layers']}×{row['hidden']}" for row in rows])  # fmt: skip
    for phase in rows[0]["phases_ms"]:
        phases.add_row(phase, *(f"{row['phases_ms'][phase] / row['step_ms']:.0%}" for row in rows))
    screen.print()
    print_table(phases)
    cores = os.cpu_count() or 1
    peak = f"{rows[0]['peak_gflops']:,.0f} GFLOP/s with {rows[0]['threads']} of {cores} cores"
    screen.print(f"\npeak of the matrix product: {peak}", soft_wrap=True)
    if not beside:
        screen.print("PyTorch is not measured: pip install torch puts it beside", style="dim", soft_wrap=True)
