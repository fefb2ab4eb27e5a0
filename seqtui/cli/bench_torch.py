"""The same training step in PyTorch, for `seqtui bench` where PyTorch is installed."""

import importlib
import os
import statistics
import time
from typing import Any

from seqcore.config import ModelConfig


def torch_step_seconds(config: ModelConfig, batch: int, length: int, seconds: float) -> float:
    """Seconds of a step, the median of `seconds` of training; the better of one thread and all cores."""
    torch: Any = importlib.import_module("torch")  # a name that a type checker need not find
    counts = sorted({1, os.cpu_count() or 1})
    before = torch.get_num_threads()
    try:
        return min(_median(torch, config, batch, length, seconds / len(counts), count) for count in counts)
    finally:
        torch.set_num_threads(before)


def _median(torch: Any, config: ModelConfig, batch: int, length: int, seconds: float, threads: int) -> float:
    torch.set_num_threads(threads)
    V, H, width = config.vocabulary_size, config.hidden, config.embedding or config.vocabulary_size
    embedding, head = torch.nn.Embedding(V, width), torch.nn.Linear(H, V)
    lstm = torch.nn.LSTM(width, H, config.layers)
    parameters = [*embedding.parameters(), *lstm.parameters(), *head.parameters()]
    optimizer = torch.optim.AdamW(parameters, lr=1e-3, betas=(0.9, 0.99), weight_decay=0.0)
    tokens = torch.randint(0, V, (length + 1, batch))
    state: Any = None

    def step() -> None:
        nonlocal state
        out, state = lstm(embedding(tokens[:-1]), state)
        state = tuple(part.detach() for part in state)
        loss = torch.nn.functional.cross_entropy(head(out).reshape(-1, V), tokens[1:].reshape(-1))
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(parameters, 1.0)
        optimizer.step()

    for _ in range(3):
        step()
    spent: list[float] = []
    until = time.perf_counter() + seconds
    while time.perf_counter() < until or len(spent) < 5:
        start = time.perf_counter()
        step()
        spent.append(time.perf_counter() - start)
    return statistics.median(spent)
