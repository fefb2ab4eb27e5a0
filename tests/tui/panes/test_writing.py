"""The writing pane shows what the model writes, as text and nothing but text."""

import dataclasses

import numpy as np
import pytest
from seqcore.records import CompileProgress, Sample

from seqtui.live.snapshot import Phase, Snapshot
from seqtui.tui.panes.writing import CURSOR, WritingPane
from tests.tui.panes.drawn import cell_at, line_with, lines, staged, text
from tests.tui.panes.made import made_sample, made_snapshot

NASTY = ("\x1b[2J", "\x07", "\x9b31m", "\u202e", "[red]", "[/red]", "[@click=app.quit]", "\r", "\u200b")


async def test_the_sample_is_wrapped_by_words_with_its_prompt_dim_and_a_cursor() -> None:
    pane = WritingPane()
    sample = made_sample(1200, "lantern stood by the quiet river until it was dark", finished=False, prompt="A ")
    async with staged(pane, made_snapshot(sample=sample, earlier=()), (30, 8)):
        assert [line.rstrip() for line in lines(pane)[:3]] == [
            "A lantern stood by the",
            "quiet river until it was",
            "dark▌",
        ]
        assert cell_at(pane, 0, 0)[1] == pane.ink.muted
        assert cell_at(pane, 2, 0)[1] in pane.ink.tints
        assert cell_at(pane, 4, 2) == (CURSOR, pane.ink.accent)
        pane.show(made_snapshot(sample=dataclasses.replace(sample, finished=True), earlier=()))
        assert CURSOR not in text(pane)


async def test_characters_are_tinted_by_their_probability() -> None:
    pane = WritingPane()
    sample = Sample(5, "", tuple("abcd"), np.array([0.99, 0.4, 0.02, np.nan], np.float32), 0.8, True)
    async with staged(pane, made_snapshot(sample=sample, earlier=())):
        sure, less, odd, unknown = (cell_at(pane, x, 0)[1] for x in range(4))
        assert sure == unknown == pane.ink.tints[0]
        assert odd == pane.ink.tints[-1]
        assert pane.ink.tints.index(sure) < pane.ink.tints.index(less) < pane.ink.tints.index(odd)


async def test_without_colour_the_unlikely_is_underlined(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    pane = WritingPane()
    sample = Sample(5, "", tuple("ab"), np.array([0.99, 0.01], np.float32), 0.8, True)
    async with staged(pane, made_snapshot(sample=sample, earlier=())):
        assert [bool(cell_at(pane, x, 0)[1].underline) for x in (0, 1)] == [False, True]


async def test_earlier_samples_stand_below_with_their_steps_right_aligned() -> None:
    pane = WritingPane()
    async with staged(pane, made_snapshot(), (90, 13)):
        first = line_with(pane, "earlier") + 1
        assert [line[:6] for line in lines(pane)[first : first + 4]] == ["1,000 ", "  600 ", "  200 ", "    0 "]
        assert "the↵river" in lines(pane)[first + 1]


async def test_a_growing_sample_does_not_move_the_earlier_ones() -> None:
    pane = WritingPane()
    places = set()
    async with staged(pane, made_snapshot(), (60, 16)):
        for size in (1, 40, 200, 2000):
            words = ("word " * size)[: 5 * size]
            pane.show(made_snapshot(sample=made_sample(1300, words + "last", finished=False)))
            places.add(line_with(pane, "earlier"))
            assert "last▌" in text(pane)
    assert len(places) == 1


async def test_one_more_character_repaints_one_line() -> None:
    pane = WritingPane()
    long = "a walk along the river " * 6
    async with staged(pane, made_snapshot(sample=made_sample(1, long + "a", finished=False)), (60, 16)) as pilot:
        painted = pane.lines_painted
        snapshot = made_snapshot(sample=made_sample(1, long + "ab", finished=False))
        probability = snapshot.sample.probability if snapshot.sample else None
        assert probability is not None
        before = made_sample(1, long + "a", finished=False).probability
        sample = Sample(1, "The ", tuple(long + "ab"), np.append(before, np.float32(0.9)), 0.8, False)
        pane.show(dataclasses.replace(snapshot, sample=sample))
        await pilot.pause()
        assert pane.lines_painted - painted == 1
        pane.show(dataclasses.replace(snapshot, sample=sample, serial=3))
        await pilot.pause()
        assert pane.lines_painted - painted == 1


async def test_while_compiling_the_kernels_are_listed_with_a_bar() -> None:
    pane = WritingPane()
    names = ("product", "embedding", "lstm forward", "head", "lstm backward", "adam", "sample", "probe", "loss")
    snapshot = Snapshot(phase=Phase.COMPILING, compiling=CompileProgress(4, 9, names))
    async with staged(pane, snapshot, (60, 16)):
        assert lines(pane)[0].startswith("compiling lstm backward, 5 of 9, once on this machine")
        bar = lines(pane)[1]
        assert bar.count("━") / (bar.count("━") + bar.count("─")) == pytest.approx(4 / 9, abs=0.02)
        drawn = [line.rstrip() for line in lines(pane)[3:12]]
        assert drawn[3:6] == ["✓ head", "▸ lstm backward", "  adam"]


@pytest.mark.parametrize("phase", list(Phase))
async def test_an_empty_pane_says_why(phase: Phase) -> None:
    pane = WritingPane()
    async with staged(pane, Snapshot(phase=phase)):
        assert len(text(pane).split()) >= 3


@pytest.mark.parametrize("size", [(1, 1), (3, 3), (9, 4), (30, 9), (200, 50)])
async def test_any_size_holds_any_text_and_obeys_none(size: tuple[int, int]) -> None:
    nasty = Sample(3, "[b]\x1b]0;x\x07日", (*NASTY, "日本", "\n\n", "x" * 300), np.zeros(2, np.float32), 0.8, False)
    kernels = CompileProgress(7, 3, ("[red]a", "\x1b[31m"))
    snapshots = [
        Snapshot(),
        made_snapshot(sample=nasty, earlier=(nasty, nasty)),
        made_snapshot(sample=None),
        made_snapshot(sample=Sample(0, "", (), np.zeros(0, np.float32), 1.0, False), earlier=()),
        Snapshot(phase=Phase.COMPILING, compiling=kernels),
        Snapshot(phase=Phase.COMPILING, compiling=CompileProgress(0, 0)),
    ]
    pane = WritingPane()
    async with staged(pane, None, size) as pilot:
        for snapshot in snapshots:
            pane.show(snapshot)
            await pilot.pause()
            for y in range(pane.content_size.height):
                strip = pane.render_line(y)
                assert strip.cell_length == pane.content_size.width
                assert strip.text.isprintable()
                assert not any(style and (style.meta or style.link) for _, style, _ in strip)
        if size == (200, 50):
            pane.show(snapshots[1])
            assert "[red][/red][@click=app.quit]" in text(pane)
