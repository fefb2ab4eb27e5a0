"""An encoder-decoder beside PyTorch: a training step, and greedy decoding of one sentence.

    translation   LSTM 256 with dot attention over the states of the encoder, embeddings of 256, 64 pairs of 2 to 25
                  symbols (400 of the source, 700 of the target) per batch, pairs of similar length together
    decoding      the same model writes 20 symbols for a source of 20, one sentence at a time

Both sides train on the same batches, clip at norm 1 and update with AdamW, in float32. PyTorch packs the sources; the
decoder, which attends to all of them, reads padded targets.
"""

from __future__ import annotations

import importlib
import importlib.util
import itertools
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from steps import Steps, main

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


def theirs(task: str, adam: dict[str, bool], _: Any) -> Callable[[], object]:
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


if __name__ == "__main__":
    main(Steps(Path(__file__), TARGETS, ours, theirs), __doc__)
