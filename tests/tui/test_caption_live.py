"""The screen with a real run on pictures: the picture, where the model looks, and the caption word by word."""

from pathlib import Path

import numpy as np
import pytest

from seqtui.live.snapshot import BOTH_WAYS, ModelChoice
from seqtui.tui.panes.caption import CaptionPane
from tests.core.tasks.picture_runs import arrays, pictures
from tests.tui.test_end_to_end import HANGS, Live, live

SMALL = ModelChoice(family="gru", hidden=24, layers=1, batch=16, directions=BOTH_WAYS)


@pytest.fixture(autouse=True)
def folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SEQTUI_RUNS_DIR", str(tmp_path / "runs"))
    monkeypatch.setattr("seqtui.tui.app.CLOSING_SECONDS", float(HANGS))  # the machine may be busy


def shown(s: Live) -> str:
    """The caption that the example under the microscope should have."""
    probe = s.app.lab.shown.probe
    assert probe is not None
    assert probe.translation is not None
    found = probe.translation
    assert found.wanted is not None
    return "".join(found.symbols[k] for k in found.wanted).strip()


async def test_a_picture_and_its_caption_are_watched_and_browsed(tmp_path: Path) -> None:
    async with live(corpus=arrays(tmp_path / "mine.npz", 90), choice=SMALL) as s:
        await s.training()
        await s.until(lambda: s.app.lab.second == "caption" and "writes" in s.text(), "the caption")
        pane = s.app.lab.panes["caption"]
        assert isinstance(pane, CaptionPane)
        assert s.now.shape is not None
        assert not s.now.shape.bidirectional, "a picture is read in no direction"
        await s.until(lambda: "example 1 of 9" in s.text() and "exact match" in s.text(), "the first example")
        made, captions = pictures(90)
        probe = s.app.lab.shown.probe
        assert probe is not None
        assert probe.translation is not None
        assert probe.translation.picture is not None
        same = [n for n in range(90) if np.array_equal(made[n], probe.translation.picture.pixels)]
        assert [captions[n] for n in same] == [shown(s)]
        assert probe.symbols[probe.bar] == "‖"
        assert "║" in s.text()
        first = shown(s).split()[1]
        await s.press("0")
        while s.app.lab.score.playhead < probe.bar + 2:
            await s.press("right")
        await s.until(lambda: any(f"▸ {first}" in line for line in s.lines()), "the playhead's word")

        def right() -> bool:
            found = s.now.probe.translation if s.now.probe is not None else None
            return found is not None and found.written() == found.wanted

        await s.until(lambda: right() and "right · probability" in s.text(), "the right caption")
        assert "truth" not in s.text(), "what is written is the truth"
        await s.press("V")
        await s.until(lambda: "2 caption · alignment" in s.text() and "writes" not in s.text(), "where it looks")
        await s.press("V", "V")
        await s.until(lambda: "by caption length in words" in s.text(), "the measures by length")
        await s.press("V", "n")
        await s.until(lambda: "example 2 of 9" in s.text() and "writes" in s.text(), "the next picture")

        await s.open("e")
        await s.press(*f"{tmp_path / 'mine.npz'}:7", "enter")
        await s.until(lambda: "chosen picture" in s.text(), "the picture that was chosen")
        await s.quit()


async def test_the_picture_picker_and_the_model_picker_know_the_task(tmp_path: Path) -> None:
    async with live(corpus=arrays(tmp_path / "mine.npz", 90), choice=SMALL) as s:
        await s.training()
        await s.open("m")
        assert s.app.screen.query_one("#row-cross_attention").display
        assert not s.app.screen.query_one("#row-directions").display
        await s.press("escape")
        await s.until(lambda: s.app.screen is s.app.lab, "the dialog closed")
        assert [one.form for one in s.session.corpora() if one.name == "shapes"] == ["one to many"]
        await s.quit()
