"""What is read while units are recorded: held-out timesteps, and the characters that each of them adds."""

from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np

from seqcore.data.vocabulary import Vocabulary
from seqcore.errors import SeqError
from seqcore.records import I64, Inputs, Targets
from seqcore.serial import SerialModel
from seqcore.tasks.task import Data, Task

TIMESTEPS = 100_000


class Letters(NamedTuple):
    """A text, and how much of it has been read after each of T timesteps."""

    text: str
    before: I64  # (T,) characters complete before the timestep
    after: I64  # (T,) characters complete after it: a byte within a character completes none


@dataclass(frozen=True)
class Passage:
    """T timesteps in the order in which they are read."""

    inputs: Inputs  # (T,) tokens or (T, D) real values
    targets: Targets  # (T,) symbols, -1: none; or (T, K) values, NaN: none
    texts: I64  # (n,) the timesteps at which a new text or example begins, the first one 0
    starts: I64  # (m,) those at which the model begins anew from its initial state, the first one 0
    vocabulary: Vocabulary
    classes: tuple[str, ...] = ()  # of symbol targets, raw
    names: tuple[str, ...] = ()  # (D,) of real inputs, raw

    def __len__(self) -> int:
        return len(self.inputs)

    @property
    def spans(self) -> list[slice]:
        """The parts that the model reads from its initial state, in order."""
        ends = [*self.starts[1:].tolist(), len(self)]
        return [slice(first, last) for first, last in zip(self.starts.tolist(), ends, strict=True)]

    @property
    def middle(self) -> int:
        """The timestep at which its second half begins: the beginning of a text, if it has several."""
        if len(self.texts) < 2:
            return len(self) // 2
        return int(self.texts[1:][np.argmin(np.abs(self.texts[1:] - len(self) // 2))])

    @cached_property
    def letters(self) -> Letters:
        """The text. Raises ValueError if the inputs are real values."""
        if self.inputs.ndim > 1:
            raise ValueError("real values are no text")
        if self.vocabulary.kind == "byte":
            text = self.inputs.astype(np.uint8).tobytes().decode("utf-8", "surrogateescape")
            sizes = np.array([len(one.encode("utf-8", "surrogateescape")) for one in text], np.int64)
            after = np.searchsorted(np.cumsum(sizes), np.arange(1, len(self) + 1), side="right")
        else:
            pieces = {token: self.vocabulary.decode([token]) for token in np.unique(self.inputs).tolist()}
            parts = [pieces[token] for token in self.inputs.tolist()]
            text, after = "".join(parts), np.cumsum([len(part) for part in parts])
        after = after.astype(np.int64)
        return Letters(text, np.concatenate([[0], after[:-1]]), after)

    def symbol(self, t: int) -> str:
        """Return timestep t as text, raw: its symbol, or the first of its values."""
        return f"{self.inputs[t, 0]:.3g} " if self.inputs.ndim > 1 else self.vocabulary.symbol(int(self.inputs[t]))


def held_out_passage(task: Task, data: Data, vocabulary: Vocabulary, model: SerialModel, timesteps: int) -> Passage:
    """Return the first `timesteps` of the held-out part, or all of it: a text from the start of a line, or examples.

    A model with a context reads a text one context after another, as in a validation. Raises SeqError if nothing is
    held out, or the task is one on pairs.
    """
    if not model.states:
        raise SeqError(f"the task {task.name} has no units to search: its encoder and decoder read different sequences")
    if data.held_out_steps < 2 or not data.held_out_shape(model.config)[0]:
        raise SeqError("this run has no held-out part to search (--validation 0)")
    lengths = data.example_lengths
    if not lengths.size:
        one = data.example(vocabulary, 0, min(timesteps, data.held_out_steps))
        size, longest = len(one.inputs), model.longest or len(one.inputs)
        none = np.zeros(1, np.int64)
        return Passage(one.inputs, one.targets, none, np.arange(0, size, longest), vocabulary, task.classes)
    count = int(np.searchsorted(np.cumsum(lengths), timesteps, side="right")) or 1
    examples = [data.example(vocabulary, number, 0) for number in range(min(count, len(lengths)))]
    texts = np.cumsum([0, *(len(one.inputs) for one in examples[:-1])]).astype(np.int64)
    names: tuple[str, ...] = ()
    if examples[0].inputs.ndim > 1:
        seen = task.probe(model, vocabulary, examples[0].inputs[:2], 0)
        shown = seen.series or seen.boundary
        names = shown.names if shown else ()
    return Passage(
        np.concatenate([one.inputs for one in examples]), np.concatenate([one.targets for one in examples]),
        texts, texts, vocabulary, task.classes, names,
    )  # fmt: skip
