"""Breaking text into lines of a width, by words where that is possible."""

import re
from collections.abc import Iterator

from rich.cells import cell_len

_PARTS = re.compile(r"\n|[^\S\n]+|\S+")


def wrap(text: str, width: int) -> list[tuple[int, int]]:
    """Spans (start, end) of the lines of `text`, each at most `width` cells (a wider character gets its own line).

    A newline ends a line, a space at which a line is broken is not shown, a word longer than a line is cut.
    """
    width = max(1, width)
    lines: list[tuple[int, int]] = []
    start = end = 0  # the line so far
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
        elif part[0].isspace():  # swallowed by the break; nothing follows it on this line
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
    """Spans of at most `width` cells of one long word."""
    start, used = at, 0
    for i in range(at, stop):
        size = cell_len(text[i])
        if used + size > width and i > start:
            yield start, i
            start, used = i, 0
        used += size
    yield start, stop
