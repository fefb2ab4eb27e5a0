"""Errors in a text of labelled brackets, and their distances: for the sample corpus `brackets`.

A pair is `(c ... c)`: an opening bracket with a label right after it, then the same label right before the closing
bracket of the same kind. Kinds are () [] {} <>, labels are a to h. Every line is independent.
"""

import re
from typing import NamedTuple

_TOKENS = re.compile(r"([(\[{<])([a-h])|([a-h])([)\]}>])|(\n)|[ \t\r]+|(.)")
_OPENS = {")": "(", "]": "[", "}": "{", ">": "<"}


class Closing(NamedTuple):
    """A position where a bracket closes, or should close."""

    position: int  # of the closing label, in characters from the beginning of the text
    distance: int  # characters back to the bracket to be closed; 0 if none was open, or for a stray character
    right: bool


def closings(text: str) -> list[Closing]:
    """Return every closing of `text`, in order, right and wrong.

    A closing always removes the innermost open bracket, right or wrong, so that one error counts once. Also wrong: a
    closing with no open bracket, a stray character, and each bracket still open at the end of its line. Brackets still
    open at the end of the text are truncated, not wrong.
    """
    found: list[Closing] = []
    opened: list[tuple[str, str, int]] = []  # kind, label, position
    for token in _TOKENS.finditer(text):
        kind, label, closing_label, closing, newline, stray = token.groups()
        position = token.start()
        if kind:
            opened.append((kind, label, position))
        elif closing:
            opening = opened.pop() if opened else None
            distance = position - opening[2] if opening else 0
            right = opening is not None and opening[:2] == (_OPENS[closing], closing_label)
            found.append(Closing(position, distance, right))
        elif newline:
            found += [Closing(position, position - start, False) for _, _, start in reversed(opened)]
            opened.clear()
        elif stray and token.end() < len(text):  # the last character may be half of a pair
            found.append(Closing(position, 0, False))
    return found


def bracket_errors(text: str) -> list[tuple[int, int]]:
    """Return (position, distance) of every wrong closing of `text`, in characters; see `closings` for the rules."""
    return [(closing.position, closing.distance) for closing in closings(text) if not closing.right]
