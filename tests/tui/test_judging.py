"""The Lab of a task that predicts classes: its pane beside the loss, the verdict on the score, its numbers."""

import re
from dataclasses import replace

import pytest
from seqcore.records import Dial
from textual.widgets import Input

from seqtui.live.snapshot import CorpusChoice, Phase, TaskInfo
from tests.tui.judging import TASK, JudgingSession
from tests.tui.reading import SIZES, stage
from tests.tui.scripted import ScriptedSession

CORPORA = (
    CorpusChoice("tales", "short tales", 812_000, "many to many, aligned"),
    CorpusChoice("reviews", "short reviews", 0, "many to one", 11_890),
    CorpusChoice(
        "copy:100", "repeat ten symbols after N steps", 0, "what a memory can do", dial=Dial("copy", 100, 1, 2000)
    ),
    CorpusChoice("recall:8", "recall one of N keys", 0, "what a memory can do", dial=Dial("recall", 8, 1, 26)),
)


@pytest.mark.parametrize("size", SIZES)
async def test_the_verdict_has_the_place_of_the_writing_and_a_stave_of_its_own(size: tuple[int, int]) -> None:
    async with stage(JudgingSession(), size=size) as s:
        assert "2 verdict" in s.text()
        assert "2 writing" not in s.text()
        await s.press("2")
        assert s.app.focused is s.lab.verdict
        assert "◂ label" in s.text()
        assert not s.lab.writing.display
        score = [line for line in s.lines() if re.search(r"^│ +(negative|positive) ", line)]
        assert len(score) >= 2
        assert "order:100 " in s.lines()[0]
        assert "sym/s" in s.lines()[0]


async def test_the_pane_beside_the_loss_follows_the_task_and_so_does_the_focus() -> None:
    async with stage() as s:
        await s.press("2", "z")
        assert s.lab.writing.display
        s.session.say(task=TASK)
        await s.pull()
        assert s.lab.zoomed == s.lab.current == "verdict"
        assert s.app.focused is s.lab.verdict
        assert not s.lab.writing.display
        s.session.say(task=TaskInfo())
        await s.pull()
        assert s.app.focused is s.lab.writing
        await s.press("z")
        assert s.lab.loss.display
        s.session.say(task=replace(TASK, pane="no such pane"))
        await s.pull()
        assert s.lab.writing.display


async def test_kernels_are_listed_in_the_place_of_the_verdict() -> None:
    async with stage(JudgingSession(), frames=5) as s:
        assert "compiling" in s.lines()[0]
        assert re.search(r"compiling [a-z ]+, \d of 9", s.text())
        assert s.lab.verdict.display


async def test_the_readout_gives_the_classes_the_loss_and_the_reach_of_what_is_said() -> None:
    async with stage(JudgingSession()) as s:
        last = len(s.session.snapshot().probe_text) - 1
        assert s.lab.score.playhead == last, "it begins where the verdict counts"
        assert re.search(r"loss 0\.223 of `positive`, says `positive` 80%, `negative` 20%", s.text())
        await s.press("0")
        assert re.search(r"\(t +0\): says `(positive|negative)` 50%", s.text())
        assert "no loss" not in s.text()
        await s.press("end", "5")
        assert re.search(r"the verdict after `.` \(t \d+\): \|dL/dx\| itself +0\.\d+, 1 back", s.text())


async def test_a_new_example_is_read_to_its_end_unless_the_playhead_was_elsewhere() -> None:
    async with stage(JudgingSession()) as s:
        s.session.set_probe_text("it was good and long and then it was bad")
        await s.frames(1)
        assert s.lab.score.playhead == 39
        await s.press("0", "right", "right")
        s.session.set_probe_text("short")
        await s.frames(1)
        assert s.lab.score.playhead == 2


async def test_losses_have_the_unit_and_the_measures_of_the_task() -> None:
    async with stage(JudgingSession(), (200, 50)) as s:
        assert "nats per example" in s.text()
        assert "accuracy 91.2%" in s.text()
        assert "bag of words 0.600" in s.text()
        assert "class frequencies 0.690" in s.text()
        s.session.say(turns=(300,))
        await s.pull()
        assert sum("┊" in line for line in s.lines()) > 5


async def test_a_loss_near_zero_does_not_stretch_the_axis() -> None:
    async with stage(JudgingSession(), (200, 50)) as s:
        history = s.session.snapshot().history
        low = history.train_loss.copy()
        low[::7] = 1e-9
        s.session.say(history=replace(history, train_loss=8 * low))
        await s.pull()
        assert "1e-9" not in s.text()


async def test_a_loss_far_above_chance_is_told_by_the_number_of_classes() -> None:
    async with stage(JudgingSession()) as s:
        history = s.session.snapshot().history
        s.session.say(history=replace(history, train_loss=8 * (history.train_loss + 5)))
        await s.pull()
        assert "far above chance" in s.text()


@pytest.mark.parametrize("size", SIZES)
async def test_corpora_stand_under_the_shape_of_their_task_and_a_dial_is_turned_in_the_list(
    size: tuple[int, int],
) -> None:
    async with stage(ScriptedSession(corpora=CORPORA), size=size) as s:
        await s.press("c")
        words = s.text()
        places = [words.index(form) for form in ("many to many, aligned", "many to one", "what a memory can do")]
        assert places == sorted(places)
        assert words.index("many to one") < words.index("reviews") < words.index("11.9k rows")
        await s.press("right")
        await s.press("down", "down", "right", "right", "left", "plus", "minus", "right")
        assert "copy:120" in s.text()
        assert "repeat ten symbols after 120 steps" in s.text()
        await s.press("enter")
        assert s.last_call() == ("change_corpus", "copy:120")


async def test_a_dial_is_typed_and_one_that_is_out_of_range_is_refused() -> None:
    async with stage(ScriptedSession(corpora=CORPORA)) as s:
        asked = len(s.session.calls)
        await s.press("c", "tab")
        for wrong in ("recall:27", "recall:0", "recall:x", "recall:", "recall:²", "recall:99999999999999"):
            s.app.screen.query_one(Input).value = wrong
            await s.press("enter")
            assert "The dial of recall goes from 1 to 26." in s.text(), wrong
        assert len(s.session.calls) == asked
        s.app.screen.query_one(Input).value = "recall:026"
        await s.press("enter")
        assert s.last_call() == ("change_corpus", "recall:26")


async def test_the_list_begins_at_the_dial_of_the_run() -> None:
    async with stage(ScriptedSession(corpora=CORPORA)) as s:
        s.session.say(task=replace(TASK, dial=Dial("recall", 11, 1, 26)), corpus="recall-11")
        await s.pull()
        await s.press("c")
        assert "● recall:11" in s.text()
        await s.press("enter")
        assert s.last_call() == ("change_corpus", "recall:11")


async def test_what_the_task_decides_is_not_asked_for_a_model() -> None:
    async with stage(JudgingSession()) as s:
        await s.press("m")
        assert "│  batch " in s.text()
        assert "│  length " not in s.text()
        await s.press("down", "right", "enter")
        assert s.last_call()[0] == "change_model"
        assert s.last_call()[1].length == s.session.snapshot().model.length  # type: ignore[attr-defined]  # a choice


async def test_a_pane_before_the_first_validation_says_what_it_waits_for() -> None:
    async with stage(JudgingSession(), frames=1) as s:
        s.session.say(phase=Phase.TRAINING, compiling=None)
        await s.pull()
        await s.press("2", "V")
        assert "waiting for the first validation" in s.text()
