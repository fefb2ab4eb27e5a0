"""The screen with real runs of tasks that predict classes: a table of texts with labels, and diagnostics."""

import asyncio
import json
import re
from pathlib import Path

import numpy as np
import pytest
from seqcore.checkpoint import read_checkpoint
from seqcore.folder import RunFolder
from seqcore.run import Run
from textual.widgets import Input

from seqtui.live.snapshot import ModelChoice, Phase
from seqtui.tui.panes.verdict import VerdictPane
from tests.core.tasks.test_tasks import reviews
from tests.tui.test_end_to_end import HANGS, TEXT, Live, live

SMALL = ModelChoice(family="gru", hidden=16, layers=1, batch=8)


@pytest.fixture(autouse=True)
def folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SEQTUI_RUNS_DIR", str(tmp_path / "runs"))
    monkeypatch.setattr("seqtui.tui.app.CLOSING_SECONDS", float(HANGS))  # the machine may be busy
    (tmp_path / "small.tsv").write_text(reviews(), encoding="utf-8")
    (tmp_path / "geese.txt").write_text(TEXT, encoding="utf-8")


async def judged(s: Live) -> None:
    """Wait for a verdict on the screen."""
    await s.until(lambda: s.app.lab.shown.probe is not None and s.app.lab.second == "verdict", "a verdict")
    await s.until(lambda: "◂ label" in s.text(), "the label")


async def test_a_table_is_learnt_and_its_examples_are_browsed(tmp_path: Path) -> None:
    async with live(corpus=str(tmp_path / "small.tsv"), choice=SMALL) as s:
        await s.training()
        await judged(s)
        assert s.now.task.classes == ("down", "up")
        assert s.now.tokens_by == "word"
        assert isinstance(s.app.lab.panes["verdict"], VerdictPane)
        await s.until(lambda: "bag of words" in s.text(), "the baselines")
        await s.until(lambda: "accuracy" in s.text(), "the accuracy, measured before the first validation")
        await s.until(lambda: "2 verdict" in s.text() and "example 1 of 30" in s.text(), "its number")

        first = s.now.probe
        await s.press("n")
        await s.until(lambda: "example 2 of 30" in s.text(), "the next example")
        await s.press("N", "N")
        await s.until(lambda: "example 30 of 30" in s.text(), "the example before the first")
        await s.until(lambda: s.now.probe is not None and s.now.probe.tokens is not first, "its probe")

        def length() -> int:
            return len(s.now.probe.symbols) if s.now.probe is not None and not s.now.probe.warning else 0

        before, number = length(), s.now.example
        await s.press("right_parenthesis")
        await s.until(lambda: s.now.example != number and length() > before, "a longer example")
        longer = length()
        await s.press("left_parenthesis")
        await s.until(lambda: length() < longer, "a shorter one")
        for _ in range(30):
            await s.press("left_parenthesis")
        await s.until(lambda: "no held-out example is shorter" in s.text(), "the shortest")

        step = s.now.probe.step if s.now.probe else 0
        number = s.now.example
        await s.until(lambda: s.now.probe is not None and s.now.probe.step > step, "the same example, later")
        assert s.now.example == number

        await s.open("e")
        await s.press(*"it was not good", "enter")
        await s.until(lambda: "typed text" in s.text() and "the label is not known" in s.text(), "the typed text")
        assert s.now.probe is not None
        await s.until(lambda: len(s.now.probe.symbols) == 4, "its words")  # type: ignore[union-attr]  # as above
        await s.press("n")
        await s.until(lambda: "◂ label" in s.text(), "an example again")
        await s.quit()
    run = RunFolder.find(s.now.run).config()
    assert (run.training.tokens_by, run.training.length, run.training.learning_rate) == ("word", 512, 0.002)
    async with live(run=s.now.run, paused=True) as s:
        await s.until(lambda: s.now.phase is Phase.PAUSED, "the run is there")
        await judged(s)
        await s.until(lambda: s.now.measures.get("confusion"), "its measures, without a step")
        assert s.now.step == run_step(s)


def run_step(s: Live) -> int:
    return RunFolder.find(s.now.run).newest()[1]


async def test_the_next_error_is_one_and_none_is_said_to_be_none(tmp_path: Path) -> None:
    async with live(corpus=str(tmp_path / "small.tsv"), choice=SMALL, paused=True) as s:
        await s.until(lambda: s.now.phase is Phase.PAUSED, "the run")
        await judged(s)
        await s.until(lambda: s.now.measures.get("confusion"), "the measures")
        errors = sum(map(sum, s.now.measures["confusion"])) - sum(s.now.measures["confusion"][k][k] for k in (0, 1))
        assert errors > 0
        seen = set()
        for _ in range(errors):
            number = s.now.example
            await s.press("E")
            await s.until(lambda number=number: s.now.example != number or errors == 1, "another example")  # type: ignore[misc]  # bound now
            await s.until(lambda: s.now.searched is None and "wrong: the label is" in s.text(), "that it is wrong")
            seen.add(s.now.example)
        assert len(seen) == errors, "each once"
        run = s.session._trainer.run
        assert run is not None

        def perfect(_: object) -> None:
            run.trainer.parameters.flat[:] = 0
            targets = [int(run.data.example(run.vocabulary, n, 0).targets[-1]) for n in range(30)]
            object.__setattr__(run.data, "errs", lambda model, number: False)
            assert set(targets) == {0, 1}

        s.session._trainer.request(perfect)
        await s.press("s")
        await s.until(lambda: s.now.step == 1, "a step")
        await s.press("E")
        await s.until(lambda: "no error in 30 held-out examples" in s.text(), "that there is none")


async def test_the_dial_is_turned_while_it_trains_and_the_run_resumes_there() -> None:
    async with live(corpus="copy:10", choice=SMALL) as s:
        await s.training()
        await judged(s)
        assert "copy:10 " in s.lines()[0]
        assert "sym/s" in s.lines()[0]
        await s.until(lambda: "no memory 0.693" in s.text(), "the baseline")
        before = s.now.step
        await s.press("right_curly_bracket", "right_curly_bracket", "left_curly_bracket", "right_curly_bracket")
        await s.until(lambda: "copy:12 " in s.lines()[0], "the new dial")
        await s.until(lambda: "no memory 0.650" in s.text(), "its baseline")
        await s.until(lambda: "┊" in s.text(), "a mark at the turn")
        assert s.now.step >= before, "the same run goes on"
        assert s.now.turns
        assert len(s.now.turns) == 4
        await s.until(lambda: s.now.probe is not None and len(s.now.probe.symbols) == 32, "a longer sequence")
        step = s.now.step
        await s.until(lambda: s.now.step > step + 3, "more steps")
        await s.quit()
    folder = RunFolder.find(s.now.run)
    config = json.loads((folder.path / "config.json").read_text())
    assert (config["corpus"]["source"], config["task"]["dial"], config["training"]["length"]) == ("copy:12", 12, 32)
    saved = read_checkpoint(folder.path / f"checkpoint-{s.now.checkpoint_step}.safetensors")
    again = Run.resume(folder)
    assert again.trainer.steps == s.now.checkpoint_step
    assert all((again.trainer.state()[name] == array).all() for name, array in saved.arrays.items())
    assert np.isfinite(again.advance().step.loss)
    again.close()


async def test_the_context_of_attention_ends_the_dial() -> None:
    async with live(corpus="recall:4", choice=ModelChoice("attention", 16, 1, batch=4, heads=2), keep=False) as s:
        await s.training()
        await judged(s)
        await s.press("right_curly_bracket")
        await s.until(lambda: "the context of this model is 12" in s.text(), "why not")
        assert s.now.task.dial is not None
        assert s.now.task.dial.value == 4
        await s.press("left_curly_bracket")
        await s.until(lambda: "recall:3 " in s.lines()[0], "an easier one")


async def test_corpora_of_other_tasks_are_chosen_from_the_list_by_dial_and_by_path(tmp_path: Path) -> None:
    async with live(corpus=str(tmp_path / "geese.txt"), choice=SMALL) as s:
        await s.training()
        await s.open("c")
        await s.until(lambda: "many to many, aligned" in s.text(), "the headings")
        await s.press("end")
        await s.until(lambda: "repeat:32" in s.text() and "what a memory can do" in s.text(), "the end of the list")
        await s.press("right", "right", "left", "minus")
        await s.until(lambda: "repeat:30 " in s.text(), "its dial")
        await s.press("enter")
        await s.until(lambda: "repeat:30 " in s.lines()[0] and s.now.phase is Phase.TRAINING, "the sequences")
        await judged(s)
        assert s.now.model.length == 64
        await s.open("m")
        await s.until(lambda: "│  batch " in s.text(), "the settings")
        assert "│  length " not in s.text(), "the task decides it"
        await s.press("escape")
        await s.until(lambda: s.app.screen is s.app.lab, "the dialog closed")

        await s.open("c")
        await s.press("tab")
        path = s.app.screen.query_one(Input)
        await s.until(lambda: path.has_focus, "the path's turn")
        for value, words in (("copy:0", "The dial of copy goes from 1 to 2,000"), ("order:9", "from 10 to 2,000")):
            path.value = value
            await s.press("enter")
            await s.until(lambda words=words: words in s.text(), words)  # type: ignore[misc]  # bound now
        path.value = "parity:7"
        await s.press("enter")
        await s.until(lambda: "parity:7 " in s.lines()[0] and s.now.phase is Phase.TRAINING, "the other diagnostic")
        await judged(s)
        assert re.search(r"even .*%", s.text())

        await s.open("c")
        await s.press("tab")
        path = s.app.screen.query_one(Input)
        await s.until(lambda: path.has_focus, "the path's turn")
        path.value = str(tmp_path / "geese.txt")
        await s.press("enter")
        await s.until(lambda: "geese" in s.lines()[0] and s.now.phase is Phase.TRAINING, "the text again")
        await s.until(lambda: s.app.lab.second == "writing" and s.now.sample is not None, "the writing")
        assert (s.now.tokens_by, s.now.training.length if s.now.training else 0) == ("char", 64)
        assert s.now.task.passages
        await s.until(lambda: len(s.now.position_loss) == 64, "the loss by position")


async def test_a_table_that_cannot_be_read_leaves_the_run_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "bad.csv").write_text("a,b,c\n1,2,3\n4,5,6\n")
    async with live(corpus="parity:7", choice=SMALL, keep=False) as s:
        await s.training()
        s.session.change_corpus(str(tmp_path / "bad.csv"))
        await s.until(lambda: "2 rows are too few" in s.now.message, "what is wrong")
        step = s.now.step
        await s.until(lambda: s.now.step > step, "more steps")
        assert s.now.corpus == "parity-7"
        await asyncio.sleep(0)
