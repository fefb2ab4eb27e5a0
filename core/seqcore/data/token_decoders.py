"""Incremental decoders: from tokens to text, as they are generated."""

import codecs
from collections.abc import Sequence
from typing import Protocol


class Decoder(Protocol):
    """Turns tokens into text one by one, as they are generated."""

    def feed(self, token: int) -> str:
        """Return the text that this token completes; "" while a character is incomplete."""

    def flush(self) -> str:
        """Return what is left after the last token."""


class PieceDecoder:
    """Every token is a piece of text."""

    def __init__(self, pieces: Sequence[str]) -> None:
        self._pieces = pieces

    def feed(self, token: int) -> str:
        """Return the token's piece."""
        return self._pieces[token]

    def flush(self) -> str:
        """Return "": a piece is never held back."""
        return ""


class Utf8Decoder:
    """Bytes become text once a character is complete."""

    def __init__(self, errors: str) -> None:
        self._decoder = codecs.getincrementaldecoder("utf-8")(errors)

    def feed(self, token: int) -> str:
        """Return the characters that this byte completes."""
        return self._decoder.decode(bytes((token,)))

    def flush(self) -> str:
        """Return what an incomplete character becomes, and start over."""
        text = self._decoder.decode(b"", final=True)
        self._decoder.reset()
        return text
