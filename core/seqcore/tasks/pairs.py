"""What the tasks on pairs of sequences share: a source is read, a target of another length written."""

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from seqcore.data.vocabulary import Vocabulary
from seqcore.errors import SeqError
from seqcore.pair_probe import pair_probe
from seqcore.records import I32, Dial, Example, Probe
from seqcore.serial import SerialEncoderDecoder, SerialModel
from seqcore.tasks.language import UNITS, spaced
from seqcore.tasks.pair_data import MORE, decode_source
from seqcore.tasks.task import Ends

END = "<end>"
BAR = "‖"  # drawn where the decoder reads the end symbol to begin
BEAM = 4  # beginnings that the search keeps for a probe


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

    def encode(self, vocabulary: Vocabulary, text: str) -> tuple[I32, str]:
        """Return the symbols of a source that was typed, and a warning. Raises SeqError if nothing is left of it."""
        return vocabulary.encode_prompt(spaced(text, vocabulary.kind))

    def answer(
        self, model: SerialModel, vocabulary: Vocabulary, text: str, width: int = 1, penalty: float = 0.0
    ) -> tuple[list[tuple[str, float]], str]:
        """Return what a model writes for a source, best first, each with its score, and a warning. Raises SeqError."""
        source, warning = self.encode(vocabulary, text)
        most = self.longest + MORE
        found = decode_source(model, source, self.reverse_source, self.target.size, most, width, penalty)
        texts = [self.target.decode(found.symbols(rank)).strip() for rank in range(len(found.finished))]
        return list(zip(texts, found.scores, strict=True))[:width], warning

    def probe(
        self,
        model: SerialModel,
        vocabulary: Vocabulary,
        inputs: I32,
        step: int,
        warning: str = "",
        known: Example | None = None,
    ) -> Probe:
        """Return what the model computes for a pair, or for a source alone and what it writes for it."""
        if not isinstance(model, SerialEncoderDecoder):
            raise SeqError("this model does not write a target for a source")
        V, end = vocabulary.size, self.target.size
        given, wanted = inputs[inputs < V], None
        whole = len(given) < len(inputs)  # a pair, whose source is in the order in which the model reads it
        source = given[::-1] if whole and self.reverse_source else given
        before = source[::-1] if self.reverse_source else source
        found = decode_source(model, source, self.reverse_source, end, self.longest + MORE, BEAM)
        after = [end, *found.symbols(), end]
        if whole:
            after = (inputs[len(given) :] - V).tolist()
            wanted = after[1:-1]
        score = np.concatenate([before, V + np.array(after)]).astype(np.int32)
        symbols = [vocabulary.symbol(int(token)) for token in before]
        symbols += [BAR, *(self.classes[int(token) - V] for token in score[len(before) + 1 :])]
        return pair_probe(model, tuple(symbols), self.classes, score, step, found, wanted, warning)


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
