"""Wrap text to a width, at word boundaries where possible."""

import re
from collections.abc import Iterator

from rich.cells import cell_len

_PARTS = re.compile(r"\n|[^\S\n]+|\S+")


def wrap(text: str, width: int) -> list[tuple[int, int]]:
    """Return line spans (start, end) of `text`, each at most `width` cells (a wider character gets its own line).

    A newline ends a line, whitespace at a line break is dropped, and a word longer than a line is split.
    """
    width = max(1, width)
    lines: list[tuple[int, int]] = []
    start = end = 0  # the current line
    used = 0
    for part in _PARTS.finditer(text):
        at, stop = part.span()
        if part[0] == "\n":
            lines.append((start, end))
            start, end, used = stop, stop, 0
            continue
        size = cell_len(part[0])
        if used + size <= width:
            end, used = stop, used + size
        elif part[0].isspace():  # dropped at the line break
            lines.append((start, end))
            start, end, used = stop, stop, 0
        else:
            if used:
                lines.append((start, end))
            *full, (start, end) = _cut(text, at, stop, width)
            lines.extend(full)
            used = cell_len(text[start:end])
    lines.append((start, end))
    return lines


def _cut(text: str, at: int, stop: int, width: int) -> Iterator[tuple[int, int]]:
    """Split one long word into spans of at most `width` cells."""
    start, used = at, 0
    for i in range(at, stop):
        size = cell_len(text[i])
        if used + size > width and i > start:
            yield start, i
            start, used = i, 0
        used += size
    yield start, stop
