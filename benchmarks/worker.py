"""One side of a comparison: a process that answers JSON lines.

python worker.py ours               the engine; a request includes the number of threads
python worker.py pytorch THREADS    the same models in PyTorch; the interpreter needs only PyTorch
"""

from __future__ import annotations

import importlib.util
import sys
import time
from pathlib import Path
from typing import Any

from processes import serve

PYTORCH = Path(__file__).resolve().parent.parent / "seqtui" / "cli" / "bench_torch.py"


class Ours:
    """Handler for "hello", "peak", "step", "rate" and "write" requests, using the engine.

    "rate" trains for some seconds and keeps the training for the next request.
    """

    def __init__(self) -> None:
        self.asked: Any = None
        self.trainer: Any = None

    def __call__(self, request: dict[str, Any]) -> dict[str, Any]:
        from seqcore import bench, cores, jit, team  # bench imports the trainer, which registers the kernels
        from seqcore.config import ModelConfig, TrainingConfig

        if request["do"] == "hello":
            groups = [group for family in request["families"] for group in jit.kernel_groups(family, "train", "look")]
            jit.compile_kernels(groups)
            return {"threads": cores.most_threads()}
        team.set_threads(request.get("threads"))
        if request["do"] == "peak":
            return {"peak": bench.measure_peak(request["seconds"])}
        model = ModelConfig.from_dict(request["model"])
        if request["do"] == "write":
            return {"rate": bench.time_writing(model, request["seconds"])}
        training = TrainingConfig.from_dict(request["training"])
        if request["do"] == "rate":
            if (model, training) != self.asked:
                self.asked, self.trainer = (model, training), bench.trainer_of(model, training)
            return {"rate": _steps_per_second(self.trainer, request["seconds"])}
        found = bench.time_training(model, training, request["seconds"])
        return {"seconds": found.seconds, "work": found.work, "phases": found.phases, "phase_work": found.phase_work}


def _steps_per_second(trainer: Any, seconds: float) -> float:
    """Train for `seconds`; one step at least."""
    start, steps, spent = time.perf_counter(), 0, 0.0
    while not steps or spent < seconds:
        trainer.step()
        steps, spent = steps + 1, time.perf_counter() - start
    return steps / spent


class PyTorch:
    """Handler for "hello", "step" and "write" requests on a fixed number of threads; caches the last training step."""

    def __init__(self, threads: int) -> None:
        self.threads = threads
        self.side: Any = None
        self.step: Any = None
        self.asked: Any = None

    def __call__(self, request: dict[str, Any]) -> dict[str, Any]:
        if request["do"] == "hello":
            self.side = _load()  # loaded here, so that a failure is reported as an answer
            self.side.use_threads(self.threads)
            return {"version": self.side.torch.__version__}
        model, seconds = request["model"], request["seconds"]
        if request["do"] == "write":
            way = self.side.WAYS[model["family"]][request["way"]]
            return {"rate": self.side.characters_per_second(model, seconds, way), "way": way}
        asked = model, request["training"]
        if asked != self.asked:
            self.asked, self.step = asked, self.side.Step(*asked)
            self.step.use_fastest(min(0.3, seconds))
        return {"seconds": self.step.seconds(seconds), "adam": self.step.adam}


def _load() -> Any:
    """Load the module of PyTorch models by path, because its package needs more than PyTorch."""
    spec = importlib.util.spec_from_file_location("bench_torch", PYTORCH)
    if spec is None or spec.loader is None:
        raise ImportError(f"{PYTORCH} cannot be loaded")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


if __name__ == "__main__":
    serve(Ours() if sys.argv[1] == "ours" else PyTorch(int(sys.argv[2])))
