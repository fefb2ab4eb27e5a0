"""An encoder-decoder beside PyTorch: a training step, and greedy decoding of one sentence.

    translation   LSTM 256 with dot attention over the states of the encoder, embeddings of 256, 64 pairs of 2 to 25
                  symbols (400 of the source, 700 of the target) per batch, pairs of similar length together
    decoding      the same model writes 20 symbols for a source of 20, one sentence at a time

Both sides train on the same batches, clip at norm 1 and update with AdamW, in float32. PyTorch packs the sources; the
decoder, which attends to all of them, reads padded targets.
"""

from __future__ import annotations

import argparse
import importlib
import importlib.util
import itertools
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from processes import Children, Worker, serve
from reporting import machine, main_guard, note, tell
from sides import MOST, START, add_arguments, parsed
from task_step import row, tables, timed

if TYPE_CHECKING:
    pass

TARGETS = {"translation": 2.5, "decoding": 10.0}  # times as fast as PyTorch
HIDDEN, SOURCE, TARGET, ROWS, PAIRS = 256, 400, 700, 64, 6400
SHORTEST, LONGEST, WRITTEN = 2, 25, 20


def pairs() -> Any:
    """The engine's pairs."""
    from seqcore.data.pair_examples import PairExamples

    draw = np.random.default_rng(1)

    def some(symbols: int, length: int) -> np.ndarray:
        return draw.integers(0, symbols, length).astype(np.int32)

    lengths = draw.integers(SHORTEST, LONGEST + 1, PAIRS)
    others = np.clip(lengths + draw.integers(-2, 3, PAIRS), SHORTEST, LONGEST)
    made = [(some(SOURCE, n), some(TARGET, m)) for n, m in zip(lengths.tolist(), others.tolist(), strict=True)]
    return PairExamples.of(made, TARGET, SOURCE)


class Given:
    """Pairs in place of a corpus, for a trainer."""

    def check(self, config: Any) -> None:
        """Accept them."""

    def feed(self, training: Any) -> Any:
        """Return their batches."""
        from seqcore.data.examples import ExampleBatches

        return ExampleBatches(pairs(), training.batch, training.seed)


def config() -> Any:
    """The engine's model."""
    from seqcore.config import ModelConfig

    return ModelConfig(
        SOURCE, "lstm", hidden=HIDDEN, embedding=HIDDEN, outputs=TARGET + 1, decodes=True, cross_attention="dot"
    )


def ours(task: str) -> Callable[[], object]:
    """Return a function that makes one training step, or decodes one sentence, with the engine."""
    from seqcore import jit
    from seqcore.config import TrainingConfig
    from seqcore.model import initial
    from seqcore.serial import serial_model
    from seqcore.trainer import Trainer

    shape, given = config(), Given()
    jit.compile_kernels(jit.kernel_groups(shape.kernels, "train", "look"))
    if task == "translation":
        training = TrainingConfig(batch=ROWS, learning_rate=0.001, weight_decay=0.01)
        return Trainer(shape, training, given).step  # type: ignore[arg-type]  # as much of the data as a step needs
    model: Any = serial_model(shape, initial(shape, 1))
    source = np.random.default_rng(2).integers(0, SOURCE, WRITTEN).astype(np.int32)

    def decode() -> None:
        state, symbol = model.begin(source), TARGET
        for _ in range(WRITTEN):
            symbol = int(np.argmax(model.read(symbol, state)))

    return decode


def theirs(task: str, adam: dict[str, bool]) -> Callable[[], object]:
    """Return the same for PyTorch."""
    torch: Any = importlib.import_module("torch")
    nn, rnn = torch.nn, torch.nn.utils.rnn
    module = nn.ModuleDict(
        {
            "source": nn.Embedding(SOURCE, HIDDEN),
            "target": nn.Embedding(TARGET + 1, HIDDEN),
            "encoder": nn.LSTM(HIDDEN, HIDDEN),
            "decoder": nn.LSTM(HIDDEN, HIDDEN),
            "mixed": nn.Linear(2 * HIDDEN, HIDDEN, bias=False),
            "head": nn.Linear(HIDDEN, TARGET + 1),
        }
    )
    update = torch.optim.AdamW(module.parameters(), lr=0.001, betas=(0.9, 0.99), **adam)

    def attended(h: Any, notes: Any, hidden: Any) -> Any:
        """The logits (B, U, K) of states (B, U, H) over annotations (B, S, H); `hidden` (B, 1, S) is padding."""
        scores = h @ notes.transpose(1, 2)
        context = (scores if hidden is None else scores.masked_fill(hidden, -1e30)).softmax(-1) @ notes
        return module["head"](module["mixed"](torch.cat([context, h], -1)).tanh())

    if task == "decoding":
        source = torch.from_numpy(np.random.default_rng(2).integers(0, SOURCE, (WRITTEN, 1)))

        def decode() -> None:
            with torch.inference_mode():
                notes, state = module["encoder"](module["source"](source))
                notes, symbol = notes.transpose(0, 1), torch.tensor([[TARGET]])
                for _ in range(WRITTEN):
                    h, state = module["decoder"](module["target"](symbol), state)
                    symbol = attended(h.transpose(0, 1), notes, None).argmax(-1)

        return decode

    turn = itertools.cycle([batch(torch, one) for one in batches()])

    def step() -> None:
        update.zero_grad(set_to_none=True)
        sources, lengths, hidden, read, wanted = next(turn)
        packed = rnn.pack_padded_sequence(module["source"](sources), lengths, enforce_sorted=False)
        notes, state = module["encoder"](packed)
        notes = rnn.pad_packed_sequence(notes)[0].transpose(0, 1)
        h = module["decoder"](module["target"](read), state)[0].transpose(0, 1)
        logits = attended(h, notes, hidden)
        nn.functional.cross_entropy(logits.flatten(0, 1), wanted.flatten(), ignore_index=-1).backward()
        nn.utils.clip_grad_norm_(module.parameters(), 1.0)
        update.step()

    return step


def batches() -> Iterator[Any]:
    """Yield the batches of one epoch, as the engine draws them."""
    from seqcore.config import TrainingConfig

    feed = Given().feed(TrainingConfig(batch=ROWS, seed=1))
    for step in range(feed.steps_per_epoch):
        yield feed.at(step)


def batch(torch: Any, one: Any) -> tuple[Any, ...]:
    """Return a batch for PyTorch: sources from their first timestep on, lengths, padding, what is read and wanted."""
    S = int(np.argmax((one.inputs >= SOURCE).any(axis=1)))
    lengths = (one.inputs[:S] >= 0).sum(axis=0)
    longest = int(lengths.max())
    sources = np.zeros((longest, lengths.size), np.int64)
    for b, n in enumerate(lengths.tolist()):
        sources[:n, b] = one.inputs[S - n : S, b]
    hidden = np.arange(longest)[None, None, :] >= lengths[:, None, None]
    read, wanted = one.inputs[S:] - SOURCE, one.targets[S:].T
    kept = int((wanted >= 0).sum(axis=1).max())  # the engine pads to a multiple of 4
    arrays = (sources, lengths, hidden, read[:kept].astype(np.int64), wanted[:, :kept].astype(np.int64))
    return tuple(torch.from_numpy(np.ascontiguousarray(array)) for array in arrays)


class Side:
    """Answers "hello" and "step" requests of one side."""

    def __init__(self, name: str, threads: int) -> None:
        self.name, self.threads = name, threads

    def __call__(self, request: dict[str, Any]) -> dict[str, Any]:
        """Answer a request."""
        if self.name == "ours":
            from seqcore import cores, team

            team.set_threads(self.threads)
            if request["do"] == "hello":
                return {"threads": cores.most_threads()}
            return {"seconds": timed(ours(request["task"]), request["seconds"])}
        torch: Any = importlib.import_module("torch")
        torch.set_num_threads(self.threads)
        if request["do"] == "hello":
            return {"version": torch.__version__}
        ways = ({"fused": True}, {"foreach": True})
        return {"seconds": min(timed(theirs(request["task"], way), request["seconds"] / 2) for way in ways)}


def measure(arguments: argparse.Namespace) -> dict[str, Any]:
    """Measure both sides in turn, every other round backwards. Raises BenchmarkError."""
    found, torch = machine(), None
    with Children() as children:
        command = [sys.executable, str(Path(__file__)), "--side", "ours"]
        hello = Worker(children, "our worker", [*command, "1"]).ask(START, do="hello")
        threads = sorted({1, min(hello["threads"], arguments.threads or hello["threads"])})
        sides = {("ours", n): Worker(children, "our worker", [*command, str(n)]) for n in threads}
        interpreter = arguments.torch_python or (sys.executable if importlib.util.find_spec("torch") else None)
        if interpreter:
            for n in threads:
                other = [interpreter, str(Path(__file__)), "--side", "pytorch", str(n)]
                sides["pytorch", n] = Worker(children, f"PyTorch ({interpreter})", other)
                torch = sides["pytorch", n].ask(START, do="hello")["version"]
        each, rows = arguments.seconds / arguments.rounds, []
        for task, target in TARGETS.items():
            note(f"measuring {task}")
            rounds: dict[tuple[str, int], list[float]] = {side: [] for side in sides}
            for number in range(arguments.rounds):
                for side in list(sides)[:: 1 if number % 2 == 0 else -1]:
                    request = {"do": "step", "task": task, "seconds": each}
                    rounds[side].append(sides[side].ask(each + MOST, **request)["seconds"])
            made = row(task, rounds, threads[-1])
            rows.append(made | {"target": target, "reached": made.get("ratio", 0) >= target})
    return {"benchmark": "translation", "machine": found, "pytorch": torch, "threads": threads,
            "seconds": arguments.seconds, "rounds": arguments.rounds, "rows": rows}  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_arguments(parser, 12.0)
    arguments = parsed(parser, None)
    document = measure(arguments)
    tell(document, arguments.json, lambda: tables(document))


if __name__ == "__main__":
    if sys.argv[1:2] == ["--side"]:
        serve(Side(sys.argv[2], int(sys.argv[3])))
    else:
        main_guard(main)
