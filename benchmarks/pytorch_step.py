"""The training step in PyTorch, as a person would write it for speed on a CPU. Needs PyTorch and nothing else."""

from __future__ import annotations

import importlib
import statistics
import time
from typing import Any

VOCABULARY = 65
BATCHES = 4  # prepared ones, taken in turn
WARM_STEPS = 3
LEAST_STEPS = 5
OPTIMIZERS: dict[str, dict[str, bool]] = {
    "fused": {"fused": True},
    "foreach": {"foreach": True},
    "for-loop": {"foreach": False},
}


class PyTorchStep:
    """nn.Embedding(V, H), nn.LSTM(H, H), nn.Linear(H, V); cross-entropy, clipping at 1, Adam; the state carried on."""

    def __init__(self, torch: Any, hidden: int, batch: int, length: int) -> None:
        torch.manual_seed(1)
        self.torch, self.size = torch, (hidden, batch, length)
        self.embedding = torch.nn.Embedding(VOCABULARY, hidden)
        self.lstm = torch.nn.LSTM(hidden, hidden)
        self.head = torch.nn.Linear(hidden, VOCABULARY)
        self.parameters = [p for part in (self.embedding, self.lstm, self.head) for p in part.parameters()]
        tokens = torch.randint(0, VOCABULARY, (BATCHES, length + 1, batch))
        self.batches = [(piece[:-1].contiguous(), piece[1:].reshape(-1)) for piece in tokens]
        self.state = tuple(torch.zeros(1, batch, hidden) for _ in range(2))
        self.steps = 0
        self.variant, self.optimizer = "", None

    def use(self, variant: str) -> None:
        """Adam in one of PyTorch's three implementations."""
        self.variant = variant
        self.optimizer = self.torch.optim.Adam(self.parameters, lr=1e-3, **OPTIMIZERS[variant])

    def step(self) -> float:
        """One batch forward, back, and an update; the loss."""
        x, y = self.batches[self.steps % BATCHES]
        out, state = self.lstm(self.embedding(x), self.state)
        loss = self.torch.nn.functional.cross_entropy(self.head(out).view(-1, VOCABULARY), y)
        optimizer: Any = self.optimizer
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        self.torch.nn.utils.clip_grad_norm_(self.parameters, 1.0)
        optimizer.step()
        self.state = tuple(part.detach() for part in state)
        self.steps += 1
        return float(loss.detach())

    def time(self, seconds: float) -> float:
        """The median time of a step, measured for `seconds`."""
        for _ in range(WARM_STEPS):
            self.step()
        spent: list[float] = []
        until = time.perf_counter() + seconds
        while time.perf_counter() < until or len(spent) < LEAST_STEPS:
            start = time.perf_counter()
            self.step()
            spent.append(time.perf_counter() - start)
        return statistics.median(spent)

    def use_fastest(self, seconds: float) -> dict[str, float]:
        """Use the implementation of Adam that is fastest at this size; what each took."""
        taken: dict[str, float] = {}
        for variant in OPTIMIZERS:
            self.use(variant)
            taken[variant] = self.time(seconds)
        self.use(min(taken, key=lambda variant: taken[variant]))
        return taken


class PyTorchWorker:
    """Answers "hello" and "measure", on a fixed number of threads; keeps the model of the size asked for last."""

    def __init__(self, threads: int) -> None:
        self.threads = threads
        self.torch: Any = None
        self.model: PyTorchStep | None = None

    def __call__(self, request: dict[str, Any]) -> dict[str, Any]:
        if request["do"] == "hello":
            self.torch = importlib.import_module("torch")  # here, so that a failure is an answer
            self.torch.set_num_threads(self.threads)
            return {"version": self.torch.__version__, "threads": self.torch.get_num_threads()}
        size, seconds = (request["hidden"], request["batch"], request["length"]), request["seconds"]
        if self.model is None or self.model.size != size:
            self.model = PyTorchStep(self.torch, *size)
            self.model.use_fastest(min(0.3, seconds))
        return {"seconds": self.model.time(seconds), "optimizer": self.model.variant}
