"""The beam as a tree: walked with the arrows, kept at its place as the model learns, and asked to go on."""

from typing import Any

import numpy as np
import pytest
from seqcore.records import Beginning, Translation

from seqtui.tui.panes.beam_tree import HINT, BeamTree
from seqtui.tui.panes.translation import TranslationPane
from tests.tui.paired import END, PairingSession, paired, paired_snapshot
from tests.tui.panes.drawn import cell_at, lines, staged, text
from tests.tui.reading import SIZES, stage

SYMBOLS = ("a", "b", "c", END)
NOTHING = np.zeros(0, np.float32)


def node(parent: int, symbol: int, depth: int, share: float, total: float, kept: bool = True) -> Beginning:
    return Beginning(parent, symbol, depth, share, total, NOTHING, kept)


TREE = Translation(
    SYMBOLS,
    (
        node(-1, 0, 1, 0.6, -0.51), node(-1, 1, 1, 0.3, -1.2), node(-1, 2, 1, 0.1, -2.3, False),
        node(0, 2, 2, 0.9, -0.62), node(0, 1, 2, 0.1, -2.81, False), node(1, 0, 2, 0.5, -1.89),
        node(3, 3, 3, 0.99, -0.63), node(5, 3, 3, 0.8, -2.11),
    ),
    (6, 7), (-0.63, -2.11), (0, 2), width=4,
)  # fmt: skip


def after(begun: tuple[int, ...], width: int = 4) -> Translation:
    """A tree in which these symbols were chosen by hand, all others are offered after them, and `b` follows."""
    nodes, parent = [], -1
    for depth, symbol in enumerate((*begun, 1), 1):
        nodes += [node(parent, k, depth, 0.25, -1.4 * depth - k / 10, k == symbol) for k in range(4)]
        parent = len(nodes) - 4 + symbol
    return Translation(SYMBOLS, tuple(nodes), (parent,), (0.0,), None, begun=begun, width=width)


def tree(found: Translation = TREE) -> BeamTree:
    made = BeamTree()
    made.take(found, False)
    return made


def shown(found: Translation) -> Any:
    probe = paired("abc", "ac")
    object.__setattr__(probe, "hand", found)
    return paired_snapshot(probe)


def test_it_begins_on_the_first_symbol_of_the_best_result_and_is_walked() -> None:
    walked = tree()
    assert walked.at == (0,)
    for across, down, at in (
        (0, 1, (0, 2)), (0, 1, (0, 2, 3)), (0, 1, (0, 2, 3)), (0, -1, (0, 2)), (1, 0, (0, 1)), (1, 0, (0, 1)),
        (0, 1, (0, 1)), (0, -1, (0,)), (1, 0, (1,)), (0, 1, (1, 0)), (0, -1, (1,)), (1, 0, (2,)), (-1, 0, (1,)),
    ):  # fmt: skip
        walked.walk(across, down)
        assert walked.at == at


def test_a_new_tree_is_shown_at_the_same_place_or_as_near_as_there_is_one() -> None:
    walked = tree()
    walked.walk(1, 0)
    walked.walk(0, 1)
    walked.take(after(()), False)
    assert walked.at == (1,)
    walked.take(TREE, False)
    assert walked.at == (1,)
    walked.take(after((2,)), True)
    assert walked.at == (2,)


def test_it_waits_for_what_was_asked_and_goes_to_the_symbol_after_it() -> None:
    walked = tree()
    walked.ask((2,))
    assert walked.waiting
    walked.take(after(()), False)  # a probe that was on its way
    assert walked.waiting
    walked.take(after((2,)), False)
    assert (walked.waiting, walked.at, walked.begun) == (False, (2, 1), (2,))
    walked.ask((2,), typed=True)
    walked.take(after((2, 0, 0)), False)
    assert walked.at == (2, 0, 0, 1)
    walked.width = 1
    walked.ask((2, 0, 0))
    walked.take(after((2, 0, 0)), False)
    assert walked.waiting  # still the one of the wider beam
    walked.take(after((2, 0, 0), 1), False)
    assert not walked.waiting


async def test_each_line_has_the_symbols_of_a_place_with_their_probabilities() -> None:
    pane = TranslationPane()
    async with staged(pane, shown(TREE), (100, 14)) as pilot:
        pane.show_tree()
        pane.walk(0, 1)
        await pilot.pause()
        assert lines(pane)[0].rstrip() == "ac<end>"
        assert lines(pane)[1].rstrip() == "beam 4 · log p -0.62"
        assert lines(pane)[2].split() == ["1", "a", "60%", "-0.51", "b", "30%", "-1.20", "c", "10%", "-2.30"]
        assert lines(pane)[3].split() == ["2", "c", "90%", "-0.62", "b", "10%", "-2.81"]
        assert lines(pane)[4].split() == ["3", END, "99%", "-0.63"]
        assert HINT in text(pane)
        x = lines(pane)[3].index("c")
        assert cell_at(pane, x, 3)[1].bgcolor == pane.ink.playhead.bgcolor
        kept, dropped = (cell_at(pane, lines(pane)[2].index(name), 2)[1].color for name in "bc")
        assert (kept, dropped) == (pane.ink.text.color, pane.ink.faint.color)
        pane.walk(1, 0)
        await pilot.pause()
        assert lines(pane)[0].rstrip() == "ab"
        assert "dropped" in lines(pane)[1]


async def test_what_was_chosen_by_hand_is_said() -> None:
    pane = TranslationPane()
    async with staged(pane, shown(after((2, 0))), (100, 14)) as pilot:
        pane.show_tree()
        pane.walk(0, 2)
        await pilot.pause()
        assert lines(pane)[0].startswith("cab")
        assert lines(pane)[1].startswith("beam 4 · 2 by hand · log p")
        assert cell_at(pane, 0, 0)[1].color == pane.ink.second.color
        assert cell_at(pane, 2, 0)[1].color == pane.ink.text.color


@pytest.mark.parametrize("size", [(30, 6), (60, 4), (80, 8), (120, 40)])
async def test_it_fits_any_size(size: tuple[int, int]) -> None:
    pane = TranslationPane()
    async with staged(pane, shown(after((2, 0) * 30)), size) as pilot:
        pane.show_tree()
        for _ in range(70):
            pane.walk(0, 1)
        await pilot.pause()
        assert len(pane.rows(*pane.content_size)) == pane.content_size.height
        if pane.content_size.height > 2:
            assert any(line.startswith(" 61 ") for line in lines(pane))


@pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
async def test_the_arrows_walk_in_the_beam_and_move_the_playhead_elsewhere(size: tuple[int, int]) -> None:
    async with stage(PairingSession(), size) as s:
        at = s.lab.score.playhead
        await s.press("enter")
        assert "2 translation · beam" in s.text() or s.lab.current == "translation"
        await s.press("down", "down")
        pane = s.lab.translation
        assert pane is not None
        assert pane.beam is not None
        assert len(pane.beam.at) == 3
        assert s.lab.score.playhead == at
        await s.press("enter")
        assert s.last_call() == ("write_after", pane.beam.at, "", 4)
        assert "searching" in s.text()
        await s.press("B")
        assert s.last_call() == ("write_after", (), "", 1)
        await s.press("backspace")
        assert "No symbol was chosen by hand" in s.text()
        await s.press("i")
        await s.press(*"xyz", "enter")
        assert s.last_call() == ("write_after", pane.beam.at[:-1], "xyz", 1)
        await s.press("3", "left")
        assert s.lab.score.playhead == at - 1
