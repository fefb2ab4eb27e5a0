"""What the tasks on pairs of sequences share: a source is read, a target of another length written."""

from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numpy as np

from seqcore.beam import decoded
from seqcore.data.score_layout import bar_of, decoder_symbols, joined
from seqcore.data.vocabulary import Vocabulary
from seqcore.errors import SeqError
from seqcore.pair_probe import pair_probe
from seqcore.records import Dial, Example, Inputs, Picture, Probe, Translation
from seqcore.serial import SerialEncoderDecoder, SerialModel
from seqcore.tasks.language import UNITS, spaced
from seqcore.tasks.pair_data import MORE, decode_source
from seqcore.tasks.task import Ends, Task

END = "<end>"
BAR = "‖"  # drawn where the decoder reads the end symbol to begin
BEAM = 4  # beginnings that the search keeps for a probe
OFFERED = 10  # symbols to choose from by hand, at each place


@dataclass(frozen=True)
class OnPairs:
    """A task on pairs, with the symbols of the target."""

    form: ClassVar[str] = "many to many, unequal"
    pane: ClassVar[str] = "translation"
    generates: ClassVar[bool] = False
    decodes: ClassVar[bool] = True
    measures: ClassVar[tuple[str, ...]] = ("exact_match", "token_accuracy")

    target: Vocabulary
    reverse_source: bool = False

    @property
    def longest(self) -> int:
        """The symbols of the longest target."""
        raise NotImplementedError

    @property
    def classes(self) -> tuple[str, ...]:
        """The symbols that are written, the end symbol last."""
        return (*self.target.symbols, END)

    @property
    def dial(self) -> Dial | None:
        """None: the pairs are given."""
        return None

    @property
    def ends(self) -> Ends:
        """The model reads a source and writes symbols of the target."""
        return Ends(outputs=self.target.size + 1, decodes=True)

    def unit(self, vocabulary: Vocabulary) -> str:
        """Return what a loss is of."""
        return UNITS[self.target.kind]

    def loss_unit(self, vocabulary: Vocabulary) -> str:
        """Return nats per symbol of the target."""
        return f"nats per {self.unit(vocabulary)}"

    def input_unit(self, vocabulary: Vocabulary) -> str:
        """Return what a timestep reads."""
        return UNITS[vocabulary.kind]

    def encode(self, vocabulary: Vocabulary, text: str) -> tuple[Inputs, str]:
        """Return a source that was typed, and a warning. Raises SeqError if nothing is left of it."""
        return vocabulary.encode_prompt(spaced(text, vocabulary.kind))

    def answer(
        self, model: SerialModel, vocabulary: Vocabulary, text: str, width: int = 1, penalty: float = 0.0
    ) -> tuple[list[tuple[str, float]], str]:
        """Return what a model writes for a source, best first, each with its score, and a warning. Raises SeqError."""
        typed, warning = self.encode(vocabulary, text)
        source = np.ascontiguousarray(typed[::-1]) if self.reverse_source else typed
        found = decode_source(model, source, self.target.size, self.longest + MORE, width, penalty)
        texts = [self.target.decode(found.symbols(rank)).strip() for rank in range(len(found.finished))]
        return list(zip(texts, found.scores, strict=True))[:width], warning

    def names(self, vocabulary: Vocabulary, source: Inputs) -> tuple[str, ...]:
        """Return what stands for the timesteps of a source (S, ...) on the score."""
        return tuple(vocabulary.symbol(int(token)) for token in source)

    def picture(self, source: Inputs) -> Picture | None:
        """Return the picture that a source (S, ...) is; None if it is none."""
        return None

    def probe(
        self,
        model: SerialModel,
        vocabulary: Vocabulary,
        inputs: Inputs,
        step: int,
        warning: str = "",
        known: Example | None = None,
    ) -> Probe:
        """Return what the model computes for a pair, or for a source alone and what it writes for it."""
        if not isinstance(model, SerialEncoderDecoder):
            raise SeqError("this model does not write a target for a source")
        V, end, S = vocabulary.size, self.target.size, bar_of(inputs, vocabulary.size)
        alone, wanted = len(inputs) == S, None  # a pair has its source in the order in which the model reads it
        source = np.ascontiguousarray(inputs[:S][::-1] if alone and self.reverse_source else inputs[:S])
        found = decode_source(model, source, end, self.longest + MORE, BEAM)
        after = np.array([end, *found.symbols(), end], np.int32)
        if not alone:
            after = decoder_symbols(inputs[S:], V)
            wanted = after[1:-1].tolist()
        symbols = (*self.names(vocabulary, source), BAR, *(self.classes[k] for k in after[1:].tolist()))
        score, picture = joined(source, after, V), self.picture(source)
        return pair_probe(model, symbols, self.classes, score, step, found, wanted, BEAM, warning, picture)

    def chosen(self, begun: tuple[int, ...], text: str) -> tuple[int, ...]:
        """Return symbols of the target, with those of a text that was typed after them. Raises SeqError."""
        if text.strip() == END:
            return (*begun, self.target.size)
        if not text.strip():
            return begun
        symbols, unknown = self.target.encode_prompt(spaced(text, self.target.kind))
        if unknown:
            raise SeqError(unknown)
        return (*begun, *symbols.tolist())

    def written_on(self, model: SerialModel, probe: Probe, begun: tuple[int, ...], width: int) -> Probe:
        """Return the probe with what the model writes after symbols that were chosen by hand. Raises SeqError."""
        if not isinstance(model, SerialEncoderDecoder) or probe.translation is None or probe.source is None:
            raise SeqError("this model does not write a target for a source")
        state, most = model.begin(probe.source), max(self.longest, len(begun)) + MORE
        found = decoded(model, state, self.target.size, most, width, begun=begun, offered=OFFERED)
        hand = Translation(
            self.classes, tuple(found.nodes), tuple(found.finished), tuple(found.scores), probe.translation.wanted,
            begun=begun, width=width, picture=probe.translation.picture,
        )  # fmt: skip
        return replace(probe, hand=hand)


def pairs_task(task: Task) -> OnPairs:
    """Return a task on pairs as one. Raises SeqError if it is another task."""
    if not isinstance(task, OnPairs):
        raise SeqError(f"the task {task.name} has no pairs of a source and a target")
    return task


def stored_vocabulary(values: Any) -> Vocabulary:
    """Return the vocabulary of the target in an untrusted JSON value. Raises SeqError."""
    if not isinstance(values, dict):
        raise SeqError("its task has no symbols to write")
    return Vocabulary.from_json(values)


def stored_length(value: Any) -> int:
    """Return a length in an untrusted JSON value. Raises SeqError."""
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= 1_000_000:
        raise SeqError("its task has no valid length of targets")
    return value
