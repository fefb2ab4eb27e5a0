"""The example under the microscope: its text, the probabilities of the classes at the playhead, right or wrong."""

from functools import partial

import numpy as np
from rich.cells import cell_len
from rich.segment import Segment
from rich.style import Style
from seqcore.records import Probe

from seqtui.tui.panes.drawing import bare
from seqtui.tui.panes.judged import LEVELS, Judged, movements
from seqtui.tui.panes.readout import quoted
from seqtui.tui.widgets.cells import runs
from seqtui.tui.widgets.ink import Ink, rgb, triplet
from seqtui.tui.widgets.numbers import percent
from seqtui.tui.widgets.pane import BLANK, Row, fit, pieces
from seqtui.tui.widgets.wrap import wrap
from seqtui.visible import visible

_EIGHTHS = " ▏▎▍▌▋▊▉█"
_NAME = 14  # most cells of the name of a class
_LABEL = " ◂ label"
_TOWARDS, _AWAY = (84, 160, 255), (240, 138, 93)  # on a dark background; on a light one they are darker
_TOWARDS_LIGHT, _AWAY_LIGHT = (20, 84, 190), (176, 64, 20)


def example_rows(probe: Probe, here: Judged, ink: Ink, width: int, height: int, labelled: bool) -> list[Row]:
    """Return at most `height` rows: the text, the bars and the sentence; with few rows the sentence alone.

    `labelled` False: it is a typed text, and nothing is known of what is right.
    """
    if height < 1:
        return []
    sentence = _sentence(probe, here, ink, width, labelled)
    if height == 1:
        return [sentence]
    classes = len(here.verdict.classes)
    text = text_rows(probe, here, ink, width)
    rest = height - 1
    bars = min(classes, max(2, rest - len(text)), max(1, rest - min(2, len(text), rest // 3)))
    bars = min(bars, 10)
    lines = max(0, rest - bars)
    gap = [BLANK] if lines > len(text) else []
    legend = [_legend(here, ink)] if lines > len(text) + 1 else []
    return [*_around(text, here.t, lines), *gap, *_bars(here, ink, width, bars), sentence, *legend]


def text_rows(probe: Probe, here: Judged, ink: Ink, width: int) -> list[tuple[int, Row]]:
    """Return the lines of the text, each with the timestep of its first token, the playhead's token marked."""
    tints = moved_tints(ink)
    glyphs: list[str] = []
    styles: list[Style] = []
    places: list[int] = []
    levels = movements(here.verdict).tolist()
    for t, symbol in enumerate(probe.symbols):
        drawn = visible(symbol.replace("\n", "↵").replace("\t", "⇥"))
        style = tints[levels[t] + LEVELS]
        bare = len(drawn) - len(drawn.lstrip(" ")) if drawn.strip(" ") else 0
        for at, glyph in enumerate(drawn):
            glyphs.append(glyph)
            styles.append(ink.lit(style) if t == here.t and at >= bare else style)
            places.append(t)
    text = "".join(glyphs)
    rows = []
    for start, end in wrap(text, width):
        part, painted = glyphs[start:end], styles[start:end]
        first = places[min(start, len(places) - 1)] if places else 0
        rows.append((first, Row(("text", "".join(part), tuple(painted)), partial(runs, part, painted))))
    return rows


def _around(rows: list[tuple[int, Row]], t: int, lines: int) -> list[Row]:
    """Return `lines` of the text with that of timestep t among them."""
    at = max((i for i, (first, _) in enumerate(rows) if first <= t), default=0)
    begin = max(0, min(at - lines // 2, len(rows) - lines))
    return [row for _, row in rows[begin : begin + lines]] if lines else []


def moved_tints(ink: Ink) -> list[Style]:
    """Return styles from strongly away (0) over unmoved (LEVELS) to strongly towards what is right (2 LEVELS)."""
    if not ink.shaded:
        far = [ink.text + Style(underline=True)] * (LEVELS - 1)
        return [*far, ink.text, ink.text, ink.text, *[ink.text + Style(bold=True)] * (LEVELS - 1)]
    plain, light = triplet(ink.text.color), sum(ink.background) > 380
    away, towards = (_AWAY_LIGHT, _TOWARDS_LIGHT) if light else (_AWAY, _TOWARDS)
    shares = np.linspace(0, 1, LEVELS + 1)

    def tint(colour: tuple[int, int, int], share: float) -> Style:
        red, green, blue = (round(a + (b - a) * share) for a, b in zip(plain, colour, strict=True))
        return ink.text + Style(color=rgb((red, green, blue)))

    return [*(tint(away, share) for share in shares[:0:-1]), ink.text, *(tint(towards, share) for share in shares[1:])]


def shown_classes(here: Judged, count: int) -> list[int]:
    """Return the classes to show: all in their order, or the likeliest ones, with the label in any case."""
    classes = len(here.verdict.classes)
    if count >= classes:
        return list(range(classes))
    likeliest: list[int] = np.argsort(-here.verdict.probability[here.t], kind="stable")[:count].tolist()
    if here.label is not None and here.label not in likeliest:
        likeliest[-1] = here.label
    return likeliest


def _bars(here: Judged, ink: Ink, width: int, count: int) -> list[Row]:
    shown = shown_classes(here, count)
    names = {k: visible(here.verdict.classes[k]) for k in shown}
    widest = min(_NAME, max(1, width // 4), max((cell_len(name) for name in names.values()), default=1))
    tag = "" if here.label is None else _LABEL if width - widest - 7 - len(_LABEL) >= 6 else _LABEL[:2]
    room = max(1, width - widest - 7 - len(tag))
    shares = here.shares()
    rows = []
    for k in shown:
        share = shares[k] if np.isfinite(shares[k]) else 0.0
        eighths = round(share * room * 8)
        bar = ("█" * (eighths // 8) + (_EIGHTHS[eighths % 8] if eighths % 8 else "")).ljust(room)
        name = ink.text if k == here.said else ink.muted
        parts = (
            (fit(names[k], widest) + " ", name),
            (bar, ink.accent if k == here.said else ink.faint),
            (f" {percent(shares[k]):>4}", name),
            (tag if k == here.label else "", ink.second),
        )
        rows.append(Row(("bar", tuple(parts)), partial(pieces, *parts)))
    return rows


def verdict_words(here: Judged) -> tuple[str, str]:
    """Return whether the answers are right, and the longer form of it; empty if nothing is known."""
    right, asked = here.verdict.right
    if not asked:
        return "", ""
    if not here.single:
        return f"{right} of {asked} right", f"{right} of {asked} answers right"
    label = visible(here.verdict.classes[int(here.verdict.targets[here.last])])
    return ("right", "right") if right else ("wrong", f"wrong: the label is {label}")


def _sentence(probe: Probe, here: Judged, ink: Ink, width: int, labelled: bool) -> Row:
    """Return what is said after the playhead's token, and whether that is right."""
    verdict, t = here.verdict, here.t
    said = f"{visible(verdict.classes[here.said])} {percent(here.shares()[here.said]).strip()}"
    brief, full = verdict_words(here)
    style = ink.muted if not brief else ink.warm if verdict.right[0] < verdict.right[1] else ink.accent
    end = Judged(verdict, here.last)
    final = f"{visible(verdict.classes[end.said])} {percent(end.shares()[end.said]).strip()}"
    places = f" (t {t:>{len(str(len(probe.symbols) - 1))}})"
    if here.single and t != here.last:
        forms = [
            ((f"after {quoted(bare(probe.symbols[t]))}{places}: ", said, f" · at the end {final}, "), full),
            ((f"{quoted(bare(probe.symbols[t]))}: ", said, f" · at the end {final}, "), brief),
        ]
    else:
        unknown = " · what is asked for comes later, past what is read" if labelled else " · the label is not known"
        known = " · " if full else unknown
        forms = [
            ((f"after {quoted(bare(probe.symbols[t]))}{places}: ", said, known), full),
            ((f"{quoted(bare(probe.symbols[t]))}: ", said, " · "), brief),
        ]
    forms += [(("", said, " · "), brief), (("", said.rsplit(" ", 1)[-1], " "), brief)]
    parts: list[tuple[str, Style]] = []
    for (before, middle, after), word in forms:
        parts = [(before, ink.muted), (middle, ink.text), (after, ink.muted), (word, style)]
        if sum(cell_len(text) for text, _ in parts) <= width:
            break
    found: tuple[tuple[str, Style], ...] = tuple(parts)
    return Row(("sentence", found), lambda: _painted(found))


def _legend(here: Judged, ink: Ink) -> Row:
    """Return what the colours of the text mean."""
    tints = moved_tints(ink)
    if int(here.verdict.asked.sum()) > 1:
        words = ("answers: ", "right", " and ", "wrong", "")
    else:
        to = " the label" if here.label is not None else " what is said at the end"
        words = ("tokens that move it ", "towards", " and ", "away from", to)
    styles = (ink.faint, tints[-1], ink.faint, tints[0], ink.faint)
    return Row(("legend", words, styles), partial(pieces, *zip(words, styles, strict=True)))


def _painted(parts: tuple[tuple[str, Style], ...]) -> list[Segment]:
    return pieces(*parts)
