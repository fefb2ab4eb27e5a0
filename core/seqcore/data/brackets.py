"""What is wrong with a text of labelled brackets, and at what distance: for the sample corpus `brackets`.

A pair is `(c ... c)`: an opening bracket with a label right after it, then the same label right before the closing
bracket of the same kind. Kinds are () [] {} <>, labels are a to h. Every line stands by itself.
"""

import re
from typing import NamedTuple

_TOKENS = re.compile(r"([(\[{<])([a-h])|([a-h])([)\]}>])|(\n)|[ \t\r]+|(.)")
_OPENS = {")": "(", "]": "[", "}": "{", ">": "<"}


class Closing(NamedTuple):
    """A place where a bracket closes, or ought to."""

    position: int  # of the closing label, in characters from the beginning of the text
    distance: (
        int  # characters back to the bracket that had to be closed; 0 where none was open, or for a stray character
    )
    right: bool


def closings(text: str) -> list[Closing]:
    """Every closing of `text`, in order, right and wrong.

    A closing always takes the innermost open bracket with it, right or wrong, so that one error is counted once. Wrong
    are also: closing where nothing is open, a character that belongs to no bracket, and each bracket that is still open
    at the end of its line. What is open where the text ends was cut off, not wrong.
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
        elif stray and token.end() < len(text):  # at the very end it may be half of a pair
            found.append(Closing(position, 0, False))
    return found


def bracket_errors(text: str) -> list[tuple[int, int]]:
    """(position, distance) of every wrong closing of `text`, in characters; see `closings` for what is wrong."""
    return [(closing.position, closing.distance) for closing in closings(text) if not closing.right]
