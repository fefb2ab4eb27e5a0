"""Tunes that a model writes: each from its beginning to the empty line that ends it, and what is wrong with it."""

import re
from collections.abc import Iterator
from itertools import count, islice
from typing import NamedTuple

from seqcore.data.abc import Tune, legality, parse_tune, tunes
from seqcore.data.vocabulary import Vocabulary
from seqcore.errors import SeqError
from seqcore.generate import Writer, Written
from seqcore.sampling import Sampling
from seqcore.serial import SerialModel

_EMPTY_LINE = "\n\n"
_QUOTED = re.compile(r""" (["']).{2,}\1""")


class WrittenTune(NamedTuple):
    """A prompt and the tune that was written after it; untrusted."""

    text: str  # with the empty line that ends it
    data: bytes  # the same: raw bytes if the vocabulary is by byte, else UTF-8
    ended: bool  # False if it was cut off
    warning: str  # lists what in the prompt is not in the vocabulary

    @property
    def fault(self) -> str:
        """The kind of the first fault, without the details of this tune; empty for a legal tune."""
        if not self.ended:
            return "the tune does not end"
        errors = legality(self.text).errors
        return _QUOTED.sub("", errors[0].reason.split(":")[0]) if errors else ""

    def parsed(self) -> Tune:
        """Return the tune, whose bars need not be full; the last one if the prompt has several.

        Raises SeqError if there is nothing but white space, and AbcError if the notation is wrong.
        """
        spans = list(tunes(self.text))
        if not spans:
            raise SeqError("it is empty")
        return parse_tune(self.text, *spans[-1])


def written_tunes(
    model: SerialModel, vocabulary: Vocabulary, prompt: str | bytes, sampling: Sampling, seed: int, length: int
) -> Iterator[WrittenTune]:
    """Yield tunes without end, each of at most `length` tokens after the prompt, with `seed`, `seed` + 1 and so on.

    After an empty prompt the model writes a whole tune. It has then written another one, which is left out: the state
    of a recurrent model that is trained on a stream has always read something, and from nothing it writes a worse one.

    Raises SeqError if nothing of the prompt is in the vocabulary, or if the model has diverged.
    """
    for number in count(seed):
        yield _written(_begun(model, vocabulary, prompt, sampling, number, length), prompt, length)


class TuneWriter:
    """Writes one tune token by token, and stops after the empty line that ends it: a `generate.Writer` with an end.

    It begins as `written_tunes` does, which raises the same errors: after an empty prompt, with a whole tune, after
    another one of at most `length` tokens that is left out.
    """

    def __init__(
        self, model: SerialModel, vocabulary: Vocabulary, prompt: str, sampling: Sampling, seed: int, length: int
    ) -> None:
        self._writer = _begun(model, vocabulary, prompt, sampling, seed, length)
        self.sampling, self.warning = sampling, self._writer.warning if prompt else ""
        self._lines, self._ended = _Lines(), False
        self._lines.end_a_tune(prompt)

    def __iter__(self) -> Iterator[Written]:
        return self

    def __next__(self) -> Written:
        if self._ended:
            raise StopIteration
        written = next(self._writer)
        self._ended = self._lines.end_a_tune(written.text)
        return written


def _begun(
    model: SerialModel, vocabulary: Vocabulary, prompt: str | bytes, sampling: Sampling, seed: int, length: int
) -> Writer:
    """Return a writer at the end of the prompt, or at the beginning of a tune."""
    writer = Writer(model, vocabulary, prompt or _EMPTY_LINE, sampling, seed)
    if not prompt:
        _written(writer, prompt, length)
    return writer


def _written(writer: Writer, prompt: str | bytes, length: int) -> WrittenTune:
    """Write up to the empty line that ends the tune, or `length` tokens."""
    texts = [prompt if isinstance(prompt, str) else prompt.decode("utf-8", "replace")]
    data = [prompt.encode("utf-8", "replace") if isinstance(prompt, str) else prompt]
    lines = _Lines()
    lines.end_a_tune(texts[0])
    ended = False
    for written in islice(writer, length):
        texts.append(written.text)
        data.append(writer.vocabulary.raw(written.token))
        ended = lines.end_a_tune(written.text)
        if ended:
            break
    texts.append(writer.flush())
    return WrittenTune("".join(texts), b"".join(data), ended, writer.warning if prompt else "")


class _Lines:
    """Follows the lines of a text that grows."""

    def __init__(self) -> None:
        self._within = False  # a tune
        self._empty = True  # so far, this line

    def end_a_tune(self, text: str) -> bool:
        """Add a piece of text; return whether it completes an empty line that ends a tune."""
        ended = False
        for character in text:
            if character == "\n":
                ended = ended or (self._within and self._empty)
                self._within, self._empty = not self._empty, True
            elif character not in " \t\r":
                self._empty = False
        return ended
