"""What a model writes for a source, as lines: beside the truth, word by word, and the search as a tree."""

from collections.abc import Sequence
from functools import partial

import numpy as np
from rich.cells import cell_len
from rich.style import Style
from seqcore.records import Probe, Translation

from seqtui.tui.panes.drawing import bare
from seqtui.tui.widgets.ink import Ink
from seqtui.tui.widgets.numbers import percent
from seqtui.tui.widgets.pane import Row, fit, pieces
from seqtui.tui.widgets.wrap import wrap
from seqtui.visible import visible

LABEL = 8  # cells of the labels at the left
_OTHERS = 3  # further results of the search that are shown
Word = tuple[str, Style]


def truth_rows(probe: Probe, found: Translation, playhead: int, ink: Ink, width: int) -> list[Row]:
    """Return the right symbols, the playhead's marked; nothing if they are not known."""
    if found.wanted is None:
        return []
    wanted, here = tuple(found.symbols[k] for k in found.wanted), playhead - probe.bar - 1
    words = [(word, ink.lit(ink.text) if at == here else ink.text) for at, word in enumerate(wanted)]
    return labelled("truth", words, ink, width)


def written_rows(found: Translation, ink: Ink, width: int) -> list[Row]:
    """Return what the model writes, and whether that is right."""
    return [*labelled("writes", checked(found, ink), ink, width), verdict_row(found, ink, width)]


def other_rows(found: Translation, ink: Ink, width: int) -> list[Row]:
    """Return further results of the search, a line each."""
    rows: list[Row] = []
    for rank in range(1, min(len(found.finished), 1 + _OTHERS)):
        share = percent(float(np.exp(total(found, rank))))
        words = [(share.strip() + "  ", ink.faint), *((word, ink.muted) for word in written(found, rank))]
        rows += labelled("or" if rank == 1 else "", words, ink, width)[:1]
    return rows


def beam_rows(found: Translation, ink: Ink, width: int, height: int) -> list[Row]:
    """Return the search as a tree: a line for each symbol, those that the search went on from brighter."""
    best = set(found.path())
    children: dict[int, list[int]] = {}
    for number, one in enumerate(found.beginnings):
        children.setdefault(one.parent, []).append(number)
    rows: list[Row] = []
    waiting = [(number, 0) for number in reversed(_by_share(found, children.get(-1, [])))]
    while waiting and len(rows) < height:
        number, depth = waiting.pop()
        one = found.beginnings[number]
        style = ink.accent if number in best else ink.text if one.kept else ink.faint
        name = visible(bare(found.symbols[one.symbol])) or "␣"
        lead = "│ " * min(depth, max(0, width - 24) // 2)
        parts = (
            (lead, ink.faint),
            (name, style),
            (f" {percent(one.share).strip()}", ink.muted if one.kept else ink.faint),
        )
        rows.append(Row(("beam", parts), partial(pieces, *parts)))
        waiting += [(child, depth + 1) for child in reversed(_by_share(found, children.get(number, [])))]
    return rows


def _by_share(found: Translation, numbers: list[int]) -> list[int]:
    """Return beginnings, those on the way to the best result first, then the likeliest."""
    best = set(found.path())
    return sorted(numbers, key=lambda number: (number not in best, -found.beginnings[number].share))


def total(found: Translation, rank: int) -> float:
    """Return the log probability of the result of that rank."""
    return found.beginnings[found.finished[rank]].total


def written(found: Translation, rank: int = 0) -> tuple[str, ...]:
    """Return the symbols of the result of that rank, raw."""
    return tuple(found.symbols[k] for k in found.written(rank))


def text_of(symbols: Sequence[str]) -> str:
    """Return symbols as text, raw."""
    return "".join(symbols).strip()


def checked(found: Translation, ink: Ink) -> list[Word]:
    """Return what the model writes; warm where it differs from the truth."""
    said = written(found)
    if found.wanted is None:
        return [(word, ink.accent) for word in said]
    wanted = tuple(found.symbols[k] for k in found.wanted)
    right = [at < len(wanted) and word == wanted[at] for at, word in enumerate(said)]
    words = [(word, ink.accent if ok else ink.warm) for word, ok in zip(said, right, strict=True)]
    return words or [("(nothing)", ink.warm)]


def verdict_row(found: Translation, ink: Ink, width: int) -> Row:
    """Return whether the result is right, and how likely the model finds it."""
    share = percent(float(np.exp(total(found, 0)))).strip() if found.finished else "0%"
    said, style = f"probability {share}", ink.muted
    if found.wanted is not None:
        right = found.written() == found.wanted
        said, style = (f"right · {said}", ink.accent) if right else (f"wrong · {said}", ink.warm)
    room = max(0, width - LABEL)
    parts = (" " * min(LABEL, width), ink.muted), (fit(said, min(room, cell_len(said))), style)
    return Row(("verdict", parts), partial(pieces, *parts))


def labelled(label: str, words: Sequence[Word], ink: Ink, width: int) -> list[Row]:
    """Return words wrapped to the width, after a label."""
    room = max(1, width - LABEL)
    glyphs: list[str] = []
    styles: list[Style] = []
    for word, style in words:
        drawn = visible(word.replace("\n", "↵").replace("\t", "⇥"))
        if not glyphs:
            drawn = drawn.lstrip(" ") or drawn
        glyphs += list(drawn)
        styles += [style] * len(drawn)
    rows: list[Row] = []
    for start, end in wrap("".join(glyphs), room) or [(0, 0)]:
        lead = fit(label if not rows else "", LABEL)
        parts: list[Word] = [(lead, ink.faint)]
        for at in range(start, end):  # one piece for each style
            if len(parts) > 1 and parts[-1][1] is styles[at]:
                parts[-1] = (parts[-1][0] + glyphs[at], styles[at])
            else:
                parts.append((glyphs[at], styles[at]))
        found = tuple(parts)
        rows.append(Row(("line", found), partial(pieces, *found)))
    return rows
