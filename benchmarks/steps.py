"""A step of several tasks with the engine and with PyTorch, in processes that take turns: what such programs share."""

from __future__ import annotations

import argparse
import importlib
import importlib.util
import statistics
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from processes import Children, Worker, serve
from reporting import machine, main_guard, note, table, tell
from sides import MOST, NO_PYTORCH, START, add_arguments, parsed, ratio, threads_told

if TYPE_CHECKING:
    from rich.table import Table

WARM = 20  # steps
Step = Callable[[], object]


class Steps(NamedTuple):
    """The steps of one program."""

    script: Path
    targets: Mapping[str, float]  # by task: times as fast as PyTorch
    ours: Callable[[str], Step]  # task -> a function that makes one step with the engine
    theirs: Callable[[str, dict[str, bool], Any], Step]  # task, way of AdamW, what is given -> one with PyTorch
    given: Callable[[], Any] = lambda: None  # what our side prepares for PyTorch's, as JSON


def timed(step: Callable[[], object], seconds: float) -> float:
    """Return the mean seconds of a step: lengths differ, and every batch counts alike."""
    for _ in range(WARM):
        step()
    count, start = 0, time.perf_counter()
    while (spent := time.perf_counter() - start) < seconds:
        step()
        count += 1
    return spent / count


class Side:
    """Answers "hello" and "step" requests of one side."""

    def __init__(self, steps: Steps, name: str, threads: int) -> None:
        self.steps, self.name, self.threads = steps, name, threads

    def __call__(self, request: dict[str, Any]) -> dict[str, Any]:
        """Answer a request."""
        if self.name == "ours":
            from seqcore import cores, team

            team.set_threads(self.threads)
            if request["do"] == "hello":
                return {"threads": cores.most_threads(), "given": self.steps.given()}
            return {"seconds": timed(self.steps.ours(request["task"]), request["seconds"])}
        torch: Any = importlib.import_module("torch")
        torch.set_num_threads(self.threads)
        if request["do"] == "hello":
            return {"version": torch.__version__}
        ways = ({"fused": True}, {"foreach": True})
        steps = (self.steps.theirs(request["task"], way, request["given"]) for way in ways)
        return {"seconds": min(timed(step, request["seconds"] / 2) for step in steps)}


def measure(steps: Steps, arguments: argparse.Namespace) -> dict[str, Any]:
    """Measure both sides in turn, every other round backwards. Raises BenchmarkError."""
    found, torch = machine(), None
    with Children() as children:
        command = [sys.executable, str(steps.script), "--side", "ours"]
        hello = Worker(children, "our worker", [*command, "1"]).ask(START, do="hello")
        threads = sorted({1, min(hello["threads"], arguments.threads or hello["threads"])})
        sides = {("ours", n): Worker(children, "our worker", [*command, str(n)]) for n in threads}
        interpreter = arguments.torch_python or (sys.executable if importlib.util.find_spec("torch") else None)
        if interpreter:
            for n in threads:
                other = [interpreter, str(steps.script), "--side", "pytorch", str(n)]
                sides["pytorch", n] = Worker(children, f"PyTorch ({interpreter})", other)
                torch = sides["pytorch", n].ask(START, do="hello")["version"]
        each, rows = arguments.seconds / arguments.rounds, []
        for task, target in steps.targets.items():
            note(f"measuring {task}")
            rounds: dict[tuple[str, int], list[float]] = {side: [] for side in sides}
            for number in range(arguments.rounds):
                for side in list(sides)[:: 1 if number % 2 == 0 else -1]:
                    request = {"do": "step", "task": task, "seconds": each, "given": hello["given"]}
                    rounds[side].append(sides[side].ask(each + MOST, **request)["seconds"])
            rows.append(row(task, target, rounds, threads[-1]))
    return {"benchmark": steps.script.stem, "machine": found, "pytorch": torch, "threads": threads,
            "seconds": arguments.seconds, "rounds": arguments.rounds, "rows": rows}  # fmt: skip


def row(task: str, target: float, rounds: dict[tuple[str, int], list[float]], most: int) -> dict[str, Any]:
    """Return the medians of a task and, with PyTorch, the ratio against its better number of threads."""
    made: dict[str, Any] = {"task": task, "target": target}
    for name in ("ours", "pytorch"):
        made[f"{name}_rounds"] = {str(n): values for (side, n), values in rounds.items() if side == name}
        made[f"{name}_seconds"] = {n: statistics.median(values) for n, values in made[f"{name}_rounds"].items()}
    if made["pytorch_seconds"]:
        best = min(made["pytorch_seconds"], key=made["pytorch_seconds"].__getitem__)
        faster = ratio(made["pytorch_rounds"][best], made["ours_rounds"][str(most)])
        made |= {"pytorch_threads": int(best), "ratio": faster, "reached": faster >= target}
    return made


def tables(document: dict[str, Any]) -> Iterator[Table | str]:
    """Yield a table with one row per task, and a note on PyTorch."""
    theirs = ["PyTorch ms", "with", "ratio", "target"] if document["pytorch"] else []
    made = table("training step", *[f"ours, {threads_told(n)} ms" for n in document["threads"]], *theirs)
    for row in document["rows"]:
        cells = [f"{1e3 * seconds:.2f}" for seconds in row["ours_seconds"].values()]
        if theirs:
            n = row["pytorch_threads"]
            cells += [f"{1e3 * row['pytorch_seconds'][str(n)]:.2f}", threads_told(n), f"{row['ratio']:.2f}x"]
            cells += [f"{row['target']:g}x: {'reached' if row['reached'] else 'missed'}"]
        made.add_row(row["task"], *cells)
    yield made
    yield f"PyTorch {document['pytorch']}, with its faster thread count" if document["pytorch"] else NO_PYTORCH


def main(steps: Steps, description: str | None) -> None:
    """Measure and print, or answer requests as one side. `description`: of the program."""
    if sys.argv[1:2] == ["--side"]:
        serve(Side(steps, sys.argv[2], int(sys.argv[3])))
    else:
        main_guard(lambda: _measure_and_tell(steps, description))


def _measure_and_tell(steps: Steps, description: str | None) -> None:
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_arguments(parser, 12.0)
    arguments = parsed(parser, None)
    document = measure(steps, arguments)
    tell(document, arguments.json, lambda: tables(document))
