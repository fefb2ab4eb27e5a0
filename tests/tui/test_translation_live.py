"""The screen with real runs on pairs of sequences: what the model writes, where it looks, and the model picker."""

from pathlib import Path

import numpy as np
import pytest
from seqcore.folder import RunFolder

from seqtui.live.snapshot import ModelChoice
from seqtui.tui.panes.translation import TranslationPane
from tests.tui.test_end_to_end import HANGS, Live, live

SMALL = ModelChoice(family="gru", hidden=32, layers=1, batch=32)


@pytest.fixture(autouse=True)
def folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SEQTUI_RUNS_DIR", str(tmp_path / "runs"))
    monkeypatch.setattr("seqtui.tui.app.CLOSING_SECONDS", float(HANGS))  # the machine may be busy


async def translated(s: Live) -> None:
    """Wait for a translation on the screen."""
    await s.until(lambda: s.app.lab.shown.probe is not None and s.app.lab.second == "translation", "a translation")
    await s.until(lambda: "writes" in s.text() and "truth" in s.text(), "the example")


async def test_a_translation_is_watched_and_its_pages_are_turned() -> None:
    async with live(corpus="reverse:4", choice=SMALL) as s:
        await s.training()
        await translated(s)
        pane = s.app.lab.panes["translation"]
        assert isinstance(pane, TranslationPane)
        await s.until(lambda: "exact match" in s.text(), "the measures")
        probe = s.now.probe
        assert probe is not None
        assert probe.translation is not None
        assert probe.translation.wanted is not None
        source = "".join(probe.symbols[: probe.bar])
        truth = "".join(probe.translation.symbols[k] for k in probe.translation.wanted)
        assert truth == source[::-1]
        assert probe.symbols[probe.bar] == "‖" in s.text()
        assert f"source  {source}" in s.text()
        assert f"truth   {truth}" in s.text()

        def right() -> bool:
            found = s.now.probe.translation if s.now.probe is not None else None
            return found is not None and found.written() == found.wanted

        await s.until(lambda: right() and "right · probability" in s.text(), "the right answer")
        await s.press("V")
        await s.until(lambda: "2 translation · alignment" in s.text(), "the alignment")
        await s.press("V")
        await s.until(lambda: "2 translation · beam" in s.text() and "│ " in s.text(), "the beam as a tree")
        await s.press("V")
        await s.until(lambda: "exact match by length in source characters" in s.text(), "the measures by length")
        await s.press("V")
        await s.until(lambda: "writes" in s.text(), "the example again")
        await s.press("n")
        await s.until(lambda: "example 2 of 512" in s.text(), "the next example")

        await s.open("e")
        await s.press(*"abc", "enter")
        await s.until(lambda: "typed text" in s.text() and "truth" not in s.text(), "the typed source")
        await s.until(lambda: "source  abc" in s.text() and "writes  cba" in s.text(), "what it writes for it")
        await s.quit()


async def test_the_alignment_of_a_model_that_reverses_is_the_anti_diagonal() -> None:
    async with live(corpus="reverse:4", choice=SMALL) as s:
        await s.training()
        await s.open("e")
        await s.press(*"wxyz", "enter")

        def aligned() -> bool:
            probe = s.now.probe
            if probe is None or "".join(probe.symbols[: probe.bar]) != "wxyz" or probe.translation is None:
                return False
            weights = probe.translation.alignment
            assert weights is not None
            if probe.translation.written() != tuple(range(25, 21, -1)):
                return False
            return bool((np.argmax(weights[probe.bar + 1 : probe.bar + 5], axis=1) == [3, 2, 1, 0]).all())

        await s.until(aligned, "weights on the anti-diagonal")
        await s.quit()


async def test_the_model_picker_offers_attention_over_the_source(tmp_path: Path) -> None:
    async with live(corpus="reverse:4", choice=SMALL) as s:
        await s.training()
        await translated(s)
        await s.open("m")
        for name in ("cross_attention", "directions"):
            while s.app.focused is None or s.app.focused.id != name:
                await s.press("down")
            await s.press("right")
        await s.press("enter")
        await s.until(lambda: s.now.shape is not None and s.now.shape.bidirectional, "the new model")
        assert s.now.shape is not None
        assert s.now.shape.cross_attention == "additive"
        await translated(s)
        await s.quit()
    runs = sorted(path.name for path in (tmp_path / "runs").iterdir())
    assert [RunFolder.find(name).config().model.cross_attention for name in runs] == ["general", "additive"]


async def test_the_model_picker_offers_attention_for_pairs(tmp_path: Path) -> None:
    async with live(corpus="reverse:4", choice=SMALL) as s:
        await s.training()
        await translated(s)
        await s.open("m")
        picker = s.app.screen
        for word in ("lstm", "attention"):
            await s.press("right")
            await s.until(lambda word=word: word in str(picker.query_one("#family").render()), word)
        for name in ("cross_attention", "directions"):
            await s.until(lambda name=name: not picker.query_one(f"#row-{name}").display, f"{name} is hidden")
        await s.until(lambda: "parameters" in str(picker.query_one("#size").render()), "the size")
        await s.press("enter")
        await s.until(lambda: s.now.shape is not None and s.now.shape.family == "attention", "the new model")
        await translated(s)
        await s.quit()
    model = RunFolder.find("reverse-4-attention128x2-1").config().model
    assert (model.decodes, model.cross_attention, model.bidirectional, model.context) == (True, "", False, 10)


async def test_a_transformer_translates_on_the_screen() -> None:
    small = ModelChoice(family="attention", hidden=16, layers=2, heads=2, batch=8, positions="rotary")
    async with live(corpus="reverse:4", choice=small) as s:
        await s.training()
        await translated(s)
        probe = s.now.probe
        assert probe is not None
        assert probe.translation is not None
        assert probe.translation.alignment is not None
        await s.until(lambda: "head" in s.text() and "reach" in s.text(), "staves by head, and the reach")
        await s.press("V")
        await s.until(lambda: "2 translation · alignment" in s.text(), "the alignment")
        await s.press("g", "g", "g", "left", "right")
        await s.quit()


async def test_other_tasks_keep_their_models(tmp_path: Path) -> None:
    async with live(corpus="parity:4", choice=SMALL) as s:
        await s.training()
        await s.until(lambda: "says" in s.text(), "a verdict")
        await s.open("m")
        assert not s.app.screen.query_one("#row-cross_attention").display
        await s.press("escape")
        await s.until(lambda: s.app.screen is s.app.lab, "the dialog closed")
        await s.quit()
    assert not RunFolder.find(next((tmp_path / "runs").iterdir()).name).config().model.decodes
