"""The screen with a real run on tunes: they are written one after another, each from its beginning, and judged."""

import re
from pathlib import Path

import pytest

from seqtui.live import author
from seqtui.live.snapshot import ModelChoice
from seqtui.tui.panes.tune import TunePane
from tests.tui.test_end_to_end import HANGS, Live, live

SMALL = ModelChoice(family="lstm", hidden=32, layers=1, batch=8, length=32)
TUNE = "X:{}\nT:Song {}\nR:waltz\nM:3/4\nL:1/4\nK:G\n|:GAB|cBA|G2 d:|\n\n"


@pytest.fixture(autouse=True)
def folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SEQTUI_RUNS_DIR", str(tmp_path / "runs"))
    monkeypatch.setattr("seqtui.tui.app.CLOSING_SECONDS", float(HANGS))  # the machine may be busy
    monkeypatch.setattr(author, "WRITING_PACE", 120.0)
    monkeypatch.setattr(author, "REST", 0.3)
    (tmp_path / "songs.abc").write_text("".join(TUNE.format(n, n % 7) for n in range(1, 120)))


def written(s: Live) -> str:
    sample = s.now.sample
    return sample.prompt + sample.text if sample is not None else ""


async def test_tunes_are_written_judged_and_shown_on_three_pages(tmp_path: Path) -> None:
    async with live(corpus=str(tmp_path / "songs.abc"), choice=SMALL, keep=False) as s:
        await s.training()
        await s.until(lambda: isinstance(s.app.lab.panes.get("tune"), TunePane), "the pane of the task")
        await s.until(lambda: s.now.tally.right > 0, "a legal tune")
        await s.until(lambda: written(s).startswith("X:") and "2 tune · roll" in s.text(), "a tune from its beginning")
        await s.until(lambda: "· waltz · 3/4 · G" in s.text(), "its header")
        await s.until(lambda: "▲" in s.text() and "┃:" in s.text(), "its notes")
        texts = s.now.tally.texts
        await s.until(lambda: s.now.tally.texts > texts + 1, "the next tunes")
        await s.until(lambda: re.search(r"legal \d+ of \d+", s.text()), "how many are legal")

        await s.press("2")
        await s.until(lambda: "cooler warmer" in s.lines()[-1], "the commands of writing")
        await s.press("comma")
        await s.until(lambda: s.now.temperature == 0.7 and "T 0.7" in s.text(), "a lower temperature")
        await s.press("full_stop")
        await s.until(lambda: s.now.temperature == 0.8 and "T 0.8" in s.text(), "a higher one")
        await s.press("V")
        await s.until(lambda: "2 tune · text" in s.text() and "earlier" in s.text(), "the text and earlier samples")
        await s.press("V")
        await s.until(lambda: "finished since this run was opened" in s.text(), "the list of faults")
        await s.press("V")
        await s.until(lambda: "2 tune · roll" in s.text(), "the roll again")

        await s.open("p")
        await s.press(*"X:9", "enter")
        await s.until(lambda: s.app.screen is s.app.lab and written(s).startswith("X:9"), "a tune after the prompt")


async def test_a_low_screen_shows_the_newest_bars(tmp_path: Path) -> None:
    async with live((80, 24), corpus=str(tmp_path / "songs.abc"), choice=SMALL, keep=False) as s:
        await s.training()
        await s.press("2")
        await s.until(lambda: s.now.tally.right > 0, "a legal tune")
        await s.until(lambda: "▲" in s.text() and "Song" in s.lines()[1], "its notes, and its title in the tabs")
        assert len(s.lines()) == 24
