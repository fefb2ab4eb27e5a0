"""The search for a target as a tree that can be walked: a line for each place on the way, its symbols side by side.

The way leads through the symbol under the cursor and on along the best result. Symbols that the search went on from
are brighter than those that it dropped.
"""

from collections.abc import Sequence
from functools import partial

from rich.cells import cell_len
from rich.style import Style
from seqcore.records import Beginning, Translation, path_to

from seqtui.tui.panes.drawing import bare
from seqtui.tui.widgets.ink import Ink
from seqtui.tui.widgets.numbers import percent
from seqtui.tui.widgets.pane import BLANK, Row, fit, pieces
from seqtui.visible import visible

BEAM, GREEDY = 4, 1  # beginnings that the search keeps
HINT = "arrows walk · enter go on · ⌫ back · i type · B greedy"
_NAME = 12  # most cells of a symbol
_NUMBERS = 12  # cells of " 62% -1.24  "
_HINTED = 6  # height from which there is a line of keys


class BeamTree:
    """A place in the tree: the symbols on the way to it, so that the tree of the next probe is shown at the same."""

    def __init__(self) -> None:
        self.at: tuple[int, ...] = ()
        self.width = BEAM
        self._found: Translation | None = None
        self._children: dict[int, list[int]] = {}
        self._asked: tuple[int, ...] | None = None  # to go on after these, which is not done yet
        self._typed = False  # whether more symbols follow them

    def take(self, found: Translation | None, moved: bool) -> None:
        """Take a new tree, of another example if `moved`; stay at the same place as far as there is one."""
        if found is self._found:
            return
        self._found, self._children = found, {}
        if moved:
            self.at, self._asked, self.width = (), None, BEAM
        if found is None:
            return
        for number, one in enumerate(found.beginnings):
            self._children.setdefault(one.parent, []).append(number)
        best = set(found.path())
        for numbers in self._children.values():
            numbers.sort(key=lambda n: (-found.beginnings[n].total, n not in best))
        if self._answered(found):
            self.at, self._asked = (*found.begun, *self._on(self._number(found.begun))[:1]), None
        way = self._way()
        self.at = tuple(found.beginnings[n].symbol for n in way[: max(1, self._known())])

    @property
    def waiting(self) -> bool:
        """Whether the model has been asked to go on and has not answered yet."""
        return self._asked is not None and not self._typed

    @property
    def begun(self) -> tuple[int, ...]:
        """The symbols that were chosen by hand."""
        return self._found.begun if self._found is not None else ()

    def ask(self, begun: tuple[int, ...], typed: bool = False) -> None:
        """Expect a tree that goes on after these symbols (and others that were typed); go to the symbol after them."""
        self._asked, self._typed = begun, typed

    def _answered(self, found: Translation) -> bool:
        """Return whether a tree is the one that was asked for."""
        asked, begun = self._asked, found.begun
        if asked is None or found.width != self.width:
            return False
        return len(begun) > len(asked) and begun[: len(asked)] == asked if self._typed else begun == asked

    def walk(self, across: int, down: int) -> None:
        """Go to another symbol of the same place, or to the place before or after on the way."""
        found, way = self._found, self._way()
        if found is None or not way:
            return
        here = len(self.at) - 1
        if down:
            here = max(0, min(len(way) - 1, here + down))
            self.at = tuple(found.beginnings[n].symbol for n in way[: here + 1])
        if across:
            beside = self._children[found.beginnings[way[here]].parent]
            to = beside[max(0, min(len(beside) - 1, beside.index(way[here]) + across))]
            self.at = (*self.at[:here], found.beginnings[to].symbol)

    def _number(self, symbols: Sequence[int]) -> int:
        """Return the number of the beginning with these symbols, or of the longest part of them that there is."""
        found, number = self._found, -1
        for symbol in symbols:
            beside = self._children.get(number, [])
            follows = next((n for n in beside if found is not None and found.beginnings[n].symbol == symbol), None)
            if follows is None:
                break
            number = follows
        return number

    def _known(self) -> int:
        """Return how many of the symbols on the way to the place there are in the tree."""
        number = self._number(self.at)
        return self._found.beginnings[number].depth if self._found is not None and number >= 0 else 0

    def _on(self, number: int) -> list[int]:
        """Return the symbols that follow a beginning: those of the best result, or else the likeliest."""
        found = self._found
        assert found is not None  # asked of a tree alone
        best, symbols = set(found.path()), []
        while beside := self._children.get(number):
            number = next((n for n in beside if n in best), beside[0])
            symbols.append(found.beginnings[number].symbol)
        return symbols

    def _way(self) -> list[int]:
        """Return the numbers of the beginnings on the way through the place."""
        if self._found is None:
            return []
        number = self._number(self.at)
        on = self._on(number)
        whole = [*(self._found.beginnings[n].symbol for n in path_to(self._found.beginnings, number)), *on]
        return path_to(self._found.beginnings, self._number(whole))

    def rows(self, ink: Ink, width: int, height: int) -> list[Row]:
        """Return the text so far, what the search is, and the places around the cursor."""
        found, way = self._found, self._way()
        if found is None or not way or height < 1:
            return []
        here = len(self.at) - 1
        rows = [self._text(found, way, here, ink, width)]
        rows += [self._said(found, found.beginnings[way[here]], ink, width)] if height > 2 else []
        last = [_line((fit(HINT, min(width, cell_len(HINT))), ink.faint))] if height >= _HINTED else []
        count = max(0, height - len(rows) - len(last))
        first = max(0, min(here - count // 2, len(way) - count))
        places = range(first, min(len(way), first + count))
        names = [name for place in places for _, name in self._beside(found, way[place])]
        each = min(_NAME, max(map(cell_len, names), default=1)) + _NUMBERS
        rows += [self._place(found, way, place, here, ink, width, each) for place in places]
        return rows + [BLANK] * (height - len(rows) - len(last)) + last

    def _text(self, found: Translation, way: list[int], here: int, ink: Ink, width: int) -> Row:
        """Return what is written up to the cursor, and what would follow; its end if it is too long."""
        texts = [visible(found.symbols[found.beginnings[n].symbol].replace("\n", "↵")) for n in way]
        chosen, so_far, then = len(found.begun), "".join(texts[: here + 1]).lstrip(" "), "".join(texts[here + 1 :])
        by_hand = len("".join(texts[: min(chosen, here + 1)]).lstrip(" "))
        cut = max(0, cell_len(so_far) - width + 8)
        parts = [(so_far[cut:by_hand], ink.second), (so_far[max(cut, by_hand) :], ink.text)]
        room = width - sum(cell_len(text) for text, _ in parts)
        return _line(*parts, (fit(then, min(room, cell_len(then))), ink.faint))

    def _said(self, found: Translation, here: Beginning, ink: Ink, width: int) -> Row:
        """Say how it was searched, what was chosen by hand, and the probability of the text up to the cursor."""
        how = "greedy" if found.width == GREEDY else f"beam {found.width}"
        hand = f" · {len(found.begun)} by hand" if found.begun else ""
        kept = "" if here.kept else " · dropped"
        said = f"{how}{hand} · log p {here.total:.2f}{kept}" + (" · searching …" if self.waiting else "")
        return _line((fit(said, min(width, cell_len(said))), ink.muted))

    def _beside(self, found: Translation, number: int) -> list[tuple[int, str]]:
        """Return the beginnings of the same place with the symbols that they end with, likeliest first."""
        beside = self._children[found.beginnings[number].parent]
        return [(n, visible(bare(found.symbols[found.beginnings[n].symbol])) or "␣") for n in beside]

    def _place(self, found: Translation, way: list[int], place: int, here: int, ink: Ink, width: int, each: int) -> Row:
        """Return the symbols of one place, `each` so wide: share, and log probability of the beginning."""
        beside = self._beside(found, way[place])
        lead = f"{place + 1:>3} "
        fitting = max(1, (width - len(lead) + 1) // each)
        at = next(i for i, (n, _) in enumerate(beside) if n == way[place])
        first = max(0, min(at - fitting // 2, len(beside) - fitting))
        parts: list[tuple[str, Style]] = [(lead, ink.accent if place == here else ink.faint)]
        for n, name in beside[first : first + fitting]:
            one, on = found.beginnings[n], n == way[place]
            style = ink.faint if not one.kept else ink.text
            if on:
                style = ink.second if place < len(found.begun) else ink.accent
            lit = (lambda s: ink.lit(s)) if on and place == here else (lambda s: s)
            room = each - _NUMBERS
            parts.append((fit(name, room), lit(style)))
            parts.append((f" {percent(one.share)} {one.total:>6.2f}", lit(ink.muted if one.kept or on else ink.faint)))
            parts.append((" ", ink.text))
        return _line(*parts)


def _line(*parts: tuple[str, Style]) -> Row:
    return Row(("tree", parts), partial(pieces, *parts))
