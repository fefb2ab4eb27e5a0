"""The tune pane draws notes where they sound, marks bars of a wrong length, and says what cannot be read."""

from dataclasses import replace

import numpy as np
import pytest
from seqcore.records import CompileProgress, Judgement, Sample, Tally

from seqtui.live.snapshot import Phase, Snapshot, TaskInfo
from seqtui.tui.panes.roll import NOW, REST
from seqtui.tui.panes.tune import Page, TunePane
from tests.tui.panes.drawn import cell_at, cells, line_with, lines, staged, text

HEAD = "X:1\nT:The Kettle\nR:waltz\nM:3/4\nL:1/4\nK:G\n"
FULL = HEAD + "C E F|c2 z|]\n\n"
DOTS = "▌▐█▘▝▀▖▗▄▙▟▛▜▞▚"
NASTY = "\x1b[31m[red]\u202e日本[/red]"


def snapshot(tune: str, finished: bool = True, prompt: str = "", **more: object) -> Snapshot:
    sample = Sample(1200, prompt, tuple(tune), np.full(len(tune), 0.5, np.float32), 0.8, finished)
    made = Snapshot(phase=Phase.TRAINING, task=TaskInfo("music", "tune"), sample=sample)
    return replace(made, **more)  # type: ignore[arg-type]  # fields of a snapshot


def blocks(pane: TunePane, y: int) -> list[int]:
    """The columns of a line on which there is a part of a note."""
    return [x for x, (glyph, _) in enumerate(cells(pane, y)) if glyph in DOTS or glyph > "\u2800"]


async def test_notes_stand_at_their_time_and_pitch_and_are_as_long_as_they_last() -> None:
    pane = TunePane()
    async with staged(pane, snapshot(FULL), (100, 60)):
        assert lines(pane)[0].rstrip() == "The Kettle · waltz · 3/4 · G"
        high, low, sharp = line_with(pane, "C5"), line_with(pane, "C4"), line_with(pane, "C4") - 6
        assert low - high == 12, "a line a semitone"
        beat = len(blocks(pane, low))
        assert blocks(pane, low)[0] == 4, "behind the note names"
        assert min(blocks(pane, low - 4)) - min(blocks(pane, low)) == beat, "E follows C"
        assert blocks(pane, sharp), "the F of G major is sharp"
        assert not blocks(pane, sharp + 1)
        long = blocks(pane, high)
        assert (len(long), long[0]) == (2 * beat, 4 + 3 * beat + 1), "a half note after a bar line"
        assert lines(pane)[low - 6].count(REST) == beat
        rules = [x for x, (glyph, _) in enumerate(cells(pane, low + 0)) if glyph in "│┃"]
        assert rules == [4 + 3 * beat, 4 + 6 * beat + 1]
        numbers = lines(pane)[low + 1]
        assert [(numbers[x], x) for x in (4, 4 + 3 * beat + 1)] == [("1", 4), ("2", 4 + 3 * beat + 1)]
        assert NOW not in text(pane)


async def test_the_note_being_written_is_bright_and_marked() -> None:
    pane = TunePane()
    async with staged(pane, snapshot(HEAD + "C E F|c", finished=False), (100, 60)):
        numbers = next(line for line in lines(pane) if NOW in line)
        at, line = numbers.index(NOW) - 1, line_with(pane, "C5")
        assert blocks(pane, line)[0] == at
        _, style = cell_at(pane, at, line)
        assert style == pane.ink.lit(pane.ink.text)
        assert cell_at(pane, blocks(pane, line_with(pane, "C4"))[0], line_with(pane, "C4"))[1] == pane.ink.accent
        assert "+" not in numbers
        assert "−" not in numbers, "a bar that is being written is not too short"
        assert "C E F|c▌" in text(pane)


@pytest.mark.parametrize(("music", "said"), [("C E F|c3 c|C E F|]", "2 +1/4"), ("C E F|c|C E F|]", "2−")])
async def test_a_bar_of_a_wrong_length_is_marked_and_warm(music: str, said: str) -> None:
    pane = TunePane()
    async with staged(pane, snapshot(HEAD + music + "\n\n"), (100, 60)):
        numbers = line_with(pane, said)
        assert cell_at(pane, lines(pane)[numbers].index(said), numbers)[1] == pane.ink.warm
        y = line_with(pane, "C5")
        assert {cell_at(pane, x, y)[1] for x in blocks(pane, y)} == {pane.ink.warm}
        y = line_with(pane, "C4")
        assert {cell_at(pane, x, y)[1] for x in blocks(pane, y)} == {pane.ink.accent}


async def test_a_pickup_that_the_last_bar_completes_is_not_marked() -> None:
    pane = TunePane()
    async with staged(pane, snapshot(HEAD + "|:C|C E F|c2:|\n\n"), (60, 40)):
        assert not any(sign in text(pane) for sign in ("−", "+"))
        assert "┃:" in text(pane)
        assert ":┃" in text(pane)


async def test_endings_double_bars_and_repeats_have_their_signs() -> None:
    pane = TunePane()
    tune = HEAD + "|:C E F|1 c2 c:|2 c2 z||C2 {d}E::F3:|\n\n"
    async with staged(pane, snapshot(tune), (76, 40)):
        assert "┃:" in text(pane)
        assert "║" in text(pane)
        assert ":┃:" in text(pane)
        assert "2 [1" in text(pane)
        assert "3 [2" in text(pane)


async def test_what_cannot_be_read_is_shown_as_text_with_the_fault() -> None:
    pane = TunePane()
    async with staged(pane, snapshot(HEAD + "C E F|c Q2 c|E3|", finished=False), (70, 30)):
        fault = line_with(pane, "✗ line 7: unexpected 'Q'")
        assert cell_at(pane, 0, fault)[1] == pane.ink.warm
        assert blocks(pane, line_with(pane, "C4")), "the notes before it are there"
        words = line_with(pane, "C E F|c Q2 c|E3|▌")
        assert cell_at(pane, lines(pane)[words].index("C"), words)[1] == pane.ink.muted
        assert cell_at(pane, lines(pane)[words].index("Q"), words)[1] == pane.ink.warm
        pane.show(snapshot("the quick brown fox\n", finished=False))
        assert "✗ line 1: not a header field" in text(pane)
        assert "the quick brown fox" in text(pane)


async def test_the_tally_and_the_pages() -> None:
    pane = TunePane()
    tally = Tally()
    async with staged(pane, snapshot(FULL, tally=tally), (90, 16)):
        assert "no tune is finished yet" in text(pane)
        for step, fault in ((100, "line 7: a slur is not closed with )"), (200, "missing field M:"), (300, "")):
            tally = tally.plus(step, Judgement(f"Tune {step}", fault))
        pane.show(snapshot(FULL, tally=tally))
        assert "legal 1 of 3; last fault: missing field M:" in text(pane)
        titles = []
        for _ in Page:
            titles.append(str(pane.border_title))
            pane.next_page()
        assert titles == ["2 tune · roll", "2 tune · text", "2 tune · faults"]
        pane.page = Page.FAULTS
        pane.redraw()
        assert lines(pane)[0].startswith("legal 1 of 3 finished since this run was opened")
        assert [line.split("  ")[0].strip() for line in lines(pane)[1:4]] == ["200", "100", ""], "newest first"
        assert "Tune 100  line 7: a slur is not closed with )" in text(pane)
        pane.page = Page.TEXT
        pane.redraw()
        assert "T:The Kettle" in text(pane), "as the writing pane draws it"


async def test_the_newest_bars_are_always_in_view() -> None:
    pane = TunePane()
    many = HEAD + "".join(f"C{'EFGAB'[bar % 5]}{'cdefg'[bar % 5]}|" for bar in range(40))
    for size in ((80, 8), (58, 12), (98, 17), (200, 50)):
        async with staged(pane := TunePane(), snapshot(many + "c", finished=False), size):
            assert " 41" in next(line for line in lines(pane) if NOW in line), size
            assert ("The Kettle" in text(pane)) or ("The Kettle · waltz" in str(pane.border_subtitle))


async def test_without_colour_everything_can_be_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    pane = TunePane()
    async with staged(pane, snapshot(HEAD + "C E F|c3 c|G", finished=False), (60, 40)):
        assert "2 +1/4" in text(pane)
        assert NOW in text(pane)
        assert blocks(pane, line_with(pane, "C5"))
        assert not any(style.reverse for y in range(10) for _, style in cells(pane, y))


async def test_one_more_note_repaints_few_lines_and_nothing_new_repaints_none() -> None:
    pane = TunePane()
    music = HEAD + "C E F|c2 "
    async with staged(pane, snapshot(music + "C", finished=False), (60, 40)) as pilot:
        painted, newer = pane.lines_painted, snapshot(music + "C ", finished=False)
        pane.show(newer)
        await pilot.pause()
        assert 1 <= pane.lines_painted - painted <= 2, "the text alone"
        painted, roll = pane.lines_painted, pane._roll
        pane.show(replace(newer, serial=9))
        await pilot.pause()
        assert pane.lines_painted == painted
        assert pane._roll is roll, "nothing was parsed again"


@pytest.mark.parametrize(
    ("now", "words"),
    [
        (Snapshot(phase=Phase.LOADING), "waiting for the corpus and the model"),
        (Snapshot(phase=Phase.COMPILING, compiling=CompileProgress(1, 3, ("a", "lstm forward", "c"))), "lstm forward"),
        (Snapshot(phase=Phase.TRAINING), "waiting for the first sample"),
    ],
)
async def test_an_empty_pane_says_what_it_waits_for(now: Snapshot, words: str) -> None:
    pane = TunePane()
    async with staged(pane, now, (60, 12)):
        assert words in text(pane)


@pytest.mark.parametrize("size", [(1, 1), (3, 3), (6, 4), (14, 3), (30, 5), (58, 9), (98, 20), (200, 50)])
async def test_any_size_holds_any_text_and_obeys_none(size: tuple[int, int]) -> None:
    samples = [
        "", "\n\n", NASTY, FULL, HEAD, HEAD + NASTY, HEAD + "C E F|c", f"X:1\nT:{NASTY}\nM:4/4\nL:1/64\nK:C\nC64|C",
        HEAD + "z3|z3|", HEAD + "[CEG]3|{B}c'3-|c'3|", HEAD + "C" * 300 + "|c", "X:1\nM:none\nL:1/1\nK:Bb\nC,,999 c''",
        HEAD + "".join("|:C3:|" for _ in range(60)),
    ]  # fmt: skip
    pane = TunePane()
    bad = Tally(2, 0, ((3, Judgement(NASTY, NASTY)), (2, Judgement("", "x" * 300))))
    async with staged(pane, None, size) as pilot:
        for sample in samples:
            for finished in (False, True):
                pane.show(snapshot(sample, finished, prompt="", tally=bad))
                for _ in Page:
                    pane.next_page()
                    await pilot.pause()
                    for y in range(pane.content_size.height):
                        strip = pane.render_line(y)
                        assert strip.cell_length == pane.content_size.width
                        assert strip.text.isprintable()
                        assert not any(style and (style.meta or style.link) for _, style, _ in strip)
