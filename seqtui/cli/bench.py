"""`seqtui bench`: speed of training and generation, share of the machine's peak, time by phase."""

import importlib
import importlib.util
import json
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from types import ModuleType
from typing import TYPE_CHECKING, Any

import click
from seqcore.config import FAMILIES, ModelConfig, TrainingConfig
from seqcore.naming import described
from seqcore.presets import with_defaults

from seqtui.cli.settings import flags_named

if TYPE_CHECKING:
    from seqtui.cli.kernels import Status

_VOCABULARY = 65
_OF_MODEL = ("hidden", "layers")
PEAK_SECONDS = 0.2  # each time


def _size(name: str, told: str) -> Callable[[Any], Any]:
    """An option that sets one of the sizes; the configuration validates it."""
    return click.option(f"--{name}", type=int, metavar="N", help=told)


@click.command(
    "bench",
    epilog="""\b
Examples:
  seqtui bench                             every family as it trains by default, half a minute
  seqtui bench --model gru --hidden 512 --batch 64
  seqtui bench --scaling --model lstm      with 1, 2, 4, ... threads, and what more are expected to gain
  seqtui bench --json""",
)
@click.option("--model", "families", type=click.Choice(FAMILIES), multiple=True,
              help="Model family; can be repeated.  [default: all]")  # fmt: skip
@_size("hidden", "Units of a layer; attention: width of the residual stream.  [default: the family's]")
@_size("layers", "Layers; attention: blocks.  [default: the family's]")
@_size("batch", "Sequences a step.  [default: the family's]")
@_size("length", "Timesteps a step.  [default: 64]")
@click.option("--seconds", type=click.FloatRange(0.05, 600), default=2.0, metavar="X",
              help="Time per measurement.  [default: 2]")  # fmt: skip
@click.option("--threads", type=int, metavar="N", help="Number of threads.  [default: all cores]")
@click.option("--torch/--no-torch", "beside", default=None, help="Compare with PyTorch if it is installed.")
@click.option("--scaling", is_flag=True, help="Measure the training step with 1, 2, 4, ... threads, up to --threads.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON, one object per line.")
def command(families: tuple[str, ...], seconds: float, threads: int | None, beside: bool | None, scaling: bool,
            as_json: bool, **sizes: int | None) -> None:  # fmt: skip
    """Measure training and generation: ms per step, tokens/s, share of the machine's measured peak.

    The peak is what this machine's cores reach in the matrix product alone. Nothing else should run meanwhile.
    Where PyTorch is installed, the same models are measured in it: the better of one thread and all cores.
    With --scaling the training step alone is measured, by number of threads, beside what a model of the cost expects.
    """
    from seqcore import jit
    from seqcore.cores import most_threads
    from seqcore.memory import check_memory

    from seqtui.cli.bench_scaling import measure_scaling, print_scaling
    from seqtui.cli.bench_tables import print_rows
    from seqtui.cli.kernels import Status, compile_with, use_threads

    if scaling and beside:
        raise click.UsageError("--scaling --torch: it measures ours alone; benchmarks/scaling.py compares with PyTorch")
    families = tuple(dict.fromkeys(families)) or FAMILIES
    cases = [case(family, {key: value for key, value in sizes.items() if value is not None}) for family in families]
    for each in cases:
        check_memory(each.model, each.training)
    most = use_threads(threads or most_threads())
    torch, missing = (None, "") if scaling or beside is False else pytorch()
    with Status() as status:
        groups = [group for family in families for group in jit.kernel_groups(family, "train", "look")]
        compile_with(status.compiling, groups)
        if scaling:
            rows, ahead = measure_scaling(cases, seconds, most, status)
            show = partial(print_scaling, rows, ahead, {each.model.family: str(each) for each in cases})
        else:
            rows = _measure(cases, seconds, torch, status)
            show = partial(print_rows, rows, missing)
    if as_json:
        for row in rows:
            click.echo(json.dumps(row))
    else:
        show()


@dataclass(frozen=True)
class Case:
    """One measured model and its training."""

    model: ModelConfig
    training: TrainingConfig

    def __str__(self) -> str:
        return described(self.model)


def case(family: str, sizes: dict[str, int]) -> Case:
    """Return a family with its defaults, except for `sizes`. Raises UsageError."""
    said: dict[str, dict[str, Any]] = {"model": {"family": family}, "training": {}}
    for key, value in sizes.items():
        said["model" if key in _OF_MODEL else "training"][key] = value
    model, training = with_defaults(**said)
    with flags_named():
        return Case(ModelConfig(_VOCABULARY, **model), TrainingConfig(**training))


def pytorch() -> tuple[ModuleType | None, str]:
    """Return the module with the same models in PyTorch; or None and the reason, if it cannot be imported."""
    if importlib.util.find_spec("torch") is None:
        return None, "PyTorch is not measured: pip install torch to compare"
    try:
        return importlib.import_module("seqtui.cli.bench_torch"), ""
    except Exception as error:  # a broken installation fails in many ways, and ours can be measured without
        from seqtui.visible import visible

        return None, f"PyTorch is not measured, it cannot be imported: {visible(str(error))[:200]}"


def _measure(cases: Sequence[Case], seconds: float, torch: Any, status: "Status") -> list[dict[str, Any]]:
    """Return a row per case. Shares are of the highest peak seen: one measured on a busy machine is too low."""
    from seqcore.bench import measure_peak, time_training, time_writing

    peak, found = measure_peak(PEAK_SECONDS), []
    for each in cases:
        status.say(f"measuring {each}")
        timed, written = time_training(each.model, each.training, seconds), time_writing(each.model, seconds / 2)
        peak = max(peak, measure_peak(PEAK_SECONDS))
        if torch:
            status.say(f"measuring {each} in PyTorch")
        beside = _beside(torch, each, seconds, timed.seconds, written) if torch else {}
        found.append((each, timed, {"written_per_second": written} | beside))
    return [_row(each, timed, peak) | more for each, timed, more in found]


def _row(each: Case, timed: Any, peak: float) -> dict[str, Any]:
    from seqcore.team import TEAM

    return {
        "model": each.model.family,
        "described": str(each),
        "layers": each.model.layers,
        "hidden": each.model.hidden,
        "batch": each.training.batch,
        "length": each.training.length,
        "threads": TEAM.threads,
        "step_ms": 1000 * timed.seconds,
        "tokens_per_second": timed.tokens_per_second,
        "peak_share": timed.peak_share(peak),
        "peak_gflops": peak / 1e9,
        "phases_ms": {name: 1000 * spent for name, spent in timed.phases.items()},
        "phases_peak_share": timed.phase_shares(peak),
    }


def _beside(torch: Any, each: Case, seconds: float, step_seconds: float, per_second: float) -> dict[str, Any]:
    """Measure the same in PyTorch, the better of one thread and all cores, and compare with our step and generation."""
    model, training = each.model.to_dict(), each.training.to_dict()
    counts = sorted({1, os.cpu_count() or 1})
    steps: list[float] = []
    written: list[float] = []
    for count in counts:
        torch.use_threads(count)
        step = torch.Step(model, training)
        step.use_fastest(min(0.2, seconds / 10))
        steps.append(step.seconds(seconds / len(counts)))
        written.append(torch.characters_per_second(model, seconds / 2 / len(counts), torch.WAYS[each.model.family][0]))
    return {
        "torch_step_ms": 1000 * min(steps),
        "times_faster": min(steps) / step_seconds,
        "torch_written_per_second": max(written),
        "times_faster_writing": per_second / max(written),
    }
