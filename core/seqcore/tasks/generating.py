"""What a task has besides if its models generate text: `Task.generates`."""

from collections.abc import Iterator
from typing import ClassVar, Protocol, runtime_checkable

from seqcore.data.vocabulary import Vocabulary
from seqcore.generate import Written
from seqcore.records import Judgement
from seqcore.sampling import Sampling
from seqcore.serial import SerialModel


class Stream(Protocol):
    """Tokens that are generated one by one: a `generate.Writer`, or an iterator that ends with its text."""

    sampling: Sampling
    warning: str  # lists what in the prompt is not in the vocabulary

    def __iter__(self) -> Iterator[Written]: ...

    def __next__(self) -> Written: ...


@runtime_checkable
class Generating(Protocol):
    """A task whose models generate text."""

    longest: ClassVar[int]  # tokens of a text that is generated to be looked at; it may end before

    def writer(self, model: SerialModel, vocabulary: Vocabulary, prompt: str, sampling: Sampling, seed: int) -> Stream:
        """Return the tokens after a prompt. Raises SeqError if nothing of the prompt is in the vocabulary."""

    def judge(self, text: str) -> Judgement | None:
        """Return what is found of a generated text, prompt included; None if texts of this task cannot be checked."""


@runtime_checkable
class Answering(Protocol):
    """A task whose models write a target for a source."""

    def answer(
        self, model: SerialModel, vocabulary: Vocabulary, text: str, width: int = 1, penalty: float = 0.0
    ) -> tuple[list[tuple[str, float]], str]:
        """Return what a model writes for a source, best first, each with its score, and a warning. Raises SeqError."""
