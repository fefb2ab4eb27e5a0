"""The verdict pane shows the example, what is said of it and what is right, at any size and without colour."""

import dataclasses
import re

import numpy as np
import pytest
from seqcore.records import CompileProgress

from seqtui.live.snapshot import Phase, Snapshot
from seqtui.tui.panes.judged import LEVELS, movements
from seqtui.tui.panes.verdict import VerdictPane
from tests.tui.judging import MEASURES, TASK, judged_snapshot
from tests.tui.panes.drawn import cells, line_with, lines, staged, text

NASTY = ("\x1b[2J", "\x07", "[red]no[/red]", "[@click=app.quit]", "\u202e")


async def test_the_class_that_is_said_the_label_and_right_or_wrong_are_read_in_words() -> None:
    for label, words in ((1, "right"), (0, "wrong: the label is negative")):
        pane = VerdictPane()
        async with staged(pane, judged_snapshot(label=label), (70, 14)):
            pane.point(14)
            assert re.search(r"after `d` \(t 14\): positive 80% · " + words, text(pane))
            assert ("◂ label" in lines(pane)[line_with(pane, "positive █")]) == bool(label)
            assert ("◂ label" in lines(pane)[line_with(pane, "negative █")]) != bool(label)
            for name, share in (("positive", "80%"), ("negative", "20%")):
                assert share in lines(pane)[line_with(pane, f"{name} █")]
            assert "accuracy  91.2%" in text(pane)
            assert "macro F1 0.905" in text(pane)
            assert "bag of words  60.4%" in text(pane)


async def test_in_the_middle_of_the_text_the_end_is_named_too() -> None:
    pane = VerdictPane()
    async with staged(pane, judged_snapshot(), (90, 14)):
        pane.point(3)
        assert "after `w` (t  3): positive 56% · at the end positive 80%, right" in text(pane)
        pane.point(99)
        assert "(t 14)" in text(pane), "a playhead past the end is at the end"


async def test_a_typed_text_has_no_label() -> None:
    pane = VerdictPane()
    async with staged(pane, judged_snapshot(label=None, example=None), (70, 14)):
        assert "the label is not known" in text(pane)
        assert "◂ label" not in text(pane)
        assert "typed text" in str(pane.border_subtitle)


async def test_the_playhead_s_token_is_marked_and_tokens_are_tinted_by_how_they_moved_the_verdict() -> None:
    pane = VerdictPane()
    async with staged(pane, judged_snapshot("ab cd"), (60, 12)):
        pane.point(3)
        marked = [x for x, (_, style) in enumerate(cells(pane, 0)) if style.bgcolor == pane.ink.playhead.bgcolor]
        assert marked == [3]
        assert cells(pane, 0)[4][1].color != pane.ink.text.color


async def test_the_colours_are_explained_where_there_is_room() -> None:
    for label, words in ((1, "towards and away from the label"), (None, "away from what is said at the end")):
        pane = VerdictPane()
        async with staged(pane, judged_snapshot(label=label), (70, 14)):
            y = line_with(pane, words)
            at = lines(pane)[y].index("towards")
            assert cells(pane, y)[at][1].color != cells(pane, y)[lines(pane)[y].index("away")][1].color
    async with staged(pane := VerdictPane(), judged_snapshot(), (70, 7)):
        assert "towards" not in text(pane)


def test_movements_are_towards_the_label_or_away_from_it() -> None:
    towards = judged_snapshot("abcd", label=1).probe
    away = judged_snapshot("abcd", label=0).probe
    assert towards is not None
    assert towards.verdict is not None
    assert away is not None
    assert away.verdict is not None
    assert (movements(towards.verdict)[1:] > 0).all()
    assert (movements(away.verdict) == -movements(towards.verdict)).all()
    many = dataclasses.replace(
        towards.verdict, targets=np.array([1, 0, -1, 1], np.int32), asked=np.array([True, True, False, True])
    )
    assert movements(many).tolist() == [-LEVELS, -LEVELS, 0, LEVELS], "at a tie the first class is said"


async def test_several_answers_are_counted() -> None:
    pane, now = VerdictPane(), judged_snapshot("abcd")
    assert now.probe is not None
    assert now.probe.verdict is not None
    verdict = dataclasses.replace(
        now.probe.verdict, targets=np.array([-1, 1, 0, 1], np.int32), asked=np.array([False, True, True, True])
    )
    async with staged(pane, dataclasses.replace(now, probe=dataclasses.replace(now.probe, verdict=verdict)), (70, 12)):
        assert "2 of 3 answers right" in text(pane)


@pytest.mark.parametrize("size", [(20, 4), (58, 12), (78, 7), (98, 18), (200, 40)])
@pytest.mark.parametrize("presses", [0, 1, 2])
async def test_at_any_size_no_line_is_too_long_and_the_sentence_is_there(size: tuple[int, int], presses: int) -> None:
    pane = VerdictPane()
    async with staged(pane, judged_snapshot("it was not good " * 8), size):
        for _ in range(presses):
            pane.next_page()
        rows = pane.rows(*pane.content_size)
        assert len(rows) <= pane.content_size.height
        for row in rows:
            assert sum(len(segment.text) for segment in row.paint()) <= pane.content_size.width
        if presses == 0:
            assert "right" in text(pane)
        elif size[1] > 8:
            words = "predicted" if presses == 1 else "accuracy by length in symbols"
            assert words in text(pane)


async def test_the_matrix_has_truth_down_and_prediction_across_with_counts() -> None:
    pane = VerdictPane()
    async with staged(pane, judged_snapshot(), (70, 12)):
        pane.next_page()
        y = line_with(pane, "truth")
        assert re.search(r"truth +negative +positive +recall", lines(pane)[y])
        assert re.search(r"negative +18 +2 +90\.0%", lines(pane)[y + 1])
        assert re.search(r"positive +1 +19 +95\.0%", lines(pane)[y + 2])


async def test_many_classes_are_shown_by_their_most_frequent_errors() -> None:
    classes = tuple(f"class number {n}" for n in range(30))
    confusion = np.eye(30, dtype=int) * 7
    confusion[3, 5], confusion[8, 2] = 12, 4
    measures = {**MEASURES, "confusion": confusion.tolist()}
    pane = VerdictPane()
    async with staged(pane, judged_snapshot(classes=classes, measures=measures), (60, 12)):
        assert len([line for line in lines(pane) if "█" in line or "%" in line]) >= 4
        pane.next_page()
        first = line_with(pane, "most frequent errors") + 1
        assert re.search(r"12 +class numbe… → class numbe… +63\.2% of its 19", lines(pane)[first])


async def test_accuracy_by_length_and_by_group_are_bars_with_numbers() -> None:
    pane = VerdictPane()
    async with staged(pane, judged_snapshot(), (70, 14)):
        pane.next_page()
        pane.next_page()
        assert re.search(r"3–9 █+.* 95\.0% +21", text(pane))
        assert re.search(r"10–31 █+.* 87\.0% +19", text(pane))
        assert "accuracy by negated" in text(pane)
        assert re.search(r"yes █+.* 81\.0% +16", text(pane))


async def test_sequences_of_one_length_have_accuracy_by_lag() -> None:
    bands = [
        {"from": 8, "to": 11, "count": 200, "accuracy": 1.0},
        {"from": 12, "to": 20, "count": 180, "accuracy": 0.4},
    ]
    measures = MEASURES | {"by_length": MEASURES["by_length"][:1], "by_lag": bands}
    pane = VerdictPane()
    async with staged(pane, judged_snapshot(measures=measures), (70, 14)):
        pane.next_page()
        pane.next_page()
        assert "since the answer was read" in text(pane)
        assert re.search(r"12–20 █+.* 40\.0% +180", text(pane))


async def test_a_wide_pane_shows_the_validation_beside_the_example() -> None:
    pane = VerdictPane()
    async with staged(pane, judged_snapshot(), (120, 20)):
        assert "◂ label" in text(pane)
        assert "predicted" in text(pane)
        assert "accuracy by length" in text(pane)


async def test_an_empty_pane_says_what_it_waits_for() -> None:
    for phase, words in ((Phase.LOADING, "waiting for the corpus"), (Phase.TRAINING, "waiting for the first verdict")):
        pane = VerdictPane()
        async with staged(pane, Snapshot(serial=1, phase=phase, task=TASK), (60, 10)):
            assert words in text(pane)
            if phase is Phase.TRAINING:
                pane.next_page()
                assert "waiting for the first validation" in text(pane)
    pane = VerdictPane()
    progress = CompileProgress(1, 3, ("one", "two", "three"))
    async with staged(pane, Snapshot(serial=1, phase=Phase.COMPILING, compiling=progress, task=TASK), (60, 10)):
        assert "▸ two" in text(pane)


async def test_answers_past_what_is_read_and_a_run_without_held_out_examples_are_told() -> None:
    pane = VerdictPane()
    async with staged(pane, judged_snapshot(label=None), (90, 14)):
        assert "what is asked for comes later, past what is read" in text(pane)
    task = dataclasses.replace(TASK, batches=((8,), (), 0))
    async with staged(pane := VerdictPane(), judged_snapshot(task=task, measures={}), (70, 14)):
        pane.next_page()
        assert "nothing is held out" in text(pane)


async def test_a_search_says_how_far_it_is() -> None:
    pane = VerdictPane()
    async with staged(pane, judged_snapshot(searched=17), (70, 12)):
        assert "looking for an error: 17 of 40" in str(pane.border_subtitle)


async def test_names_and_tokens_are_text_and_nothing_but_text() -> None:
    groups = {NASTY[1] + "c": {NASTY[0]: {"accuracy": 0.5, "count": 3}}}
    now = judged_snapshot(NASTY, classes=(NASTY[0], NASTY[2]), measures={**MEASURES, "accuracy_by_group": groups})
    for size in ((60, 12), (120, 20)):
        pane = VerdictPane()
        async with staged(pane, now, size):
            for _ in range(3):
                assert all(line.isprintable() for line in lines(pane))
                assert "\u202e" not in text(pane)
                pane.next_page()
            pane.next_page()
            pane.next_page()
            pane.next_page()
            assert "[red]no[/red]" in text(pane)


async def test_without_colour_movement_is_underlined_or_bold(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    for label, mark in ((1, "bold"), (0, "underline")):
        pane = VerdictPane()
        async with staged(pane, judged_snapshot("abc", label=label), (60, 12)):
            pane.point(0)
            assert [bool(getattr(cells(pane, 0)[x][1], mark)) for x in (1, 2)] == [True, True]


async def test_the_verdict_can_be_copied() -> None:
    pane, now = VerdictPane(), judged_snapshot()
    async with staged(pane, now):
        assert pane.copied_text(now) == ("it was not good → positive 80% (right)", "verdict")
