"""The screen with real runs on pairs of sequences: what the model writes, where it looks, and the model picker."""

from pathlib import Path

import numpy as np
import pytest
from seqcore.folder import RunFolder

from seqtui.live.snapshot import ModelChoice, Phase
from seqtui.tui.dialogs.model import OptionField
from seqtui.tui.panes.translation import TranslationPane
from seqtui.tui.screens.encodings import Encodings
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


async def below(s: Live) -> None:
    """Go down one row of a dialog."""
    before = s.app.focused
    await s.press("down")
    await s.until(lambda: s.app.focused is not before, "the next row")


async def chosen(s: Live, name: str) -> None:
    """Go down to an option of the model picker, and step to its next value; wait for every key on a busy machine."""
    while s.app.focused is None or s.app.focused.id != name:
        await below(s)
    field = s.app.screen.query_one(f"#{name}", OptionField)
    value = field.value
    await s.press("right")
    await s.until(lambda: field.value != value, f"another {name}")


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
        assert probe.symbols[probe.bar] == "‖"
        assert f"{source}║›" in s.text()
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
        await s.until(lambda: "exact match, %, by source length in characters" in s.text(), "the measures by length")
        await s.press("D")
        await s.until(lambda: "loss, nats, by source length in characters" in s.text(), "the loss by length")
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
    async with live(corpus="reverse:4", choice=SMALL, size=(200, 50)) as s:
        await s.training()
        await s.until(lambda: len(s.now.history.validation_step), "a validation of the first run")
        await translated(s)
        await s.open("m")
        for name in ("cross_attention", "directions", "feeding"):
            await chosen(s, name)
        await s.press("enter")
        await s.until(lambda: s.now.shape is not None and s.now.shape.bidirectional, "the new model")
        assert s.now.shape is not None
        assert s.now.shape.cross_attention == "additive"
        assert s.now.shape.input_feeding
        await s.press("D")
        await s.until(lambda: "general attention · reverse-4-gru32-1" in s.text(), "the run before on the chart")
        await s.until(lambda: "additive attention" in s.text(), "this run beside it")
        await s.press("V")
        await translated(s)
        await s.quit()
    runs = sorted(path.name for path in (tmp_path / "runs").iterdir())
    assert [RunFolder.find(name).config().model.cross_attention for name in runs] == ["general", "additive"]


async def test_the_encodings_are_those_of_the_side_of_the_playhead() -> None:
    async with live(corpus="reverse:4", choice=SMALL, keep=False) as s:
        await s.training()
        await translated(s)
        await s.press("space", "f2")
        await s.until(lambda: isinstance(s.app.view, Encodings) and "of the variance" in s.text(), "the map")
        view = s.app.view
        assert isinstance(view, Encodings)
        await s.press("home")
        await s.until(lambda: " of 26 in the source vocabulary" in s.text(), "a token of the source")
        assert "not in the" not in s.text()
        assert view.subject.vectors is not None
        assert view.subject.vectors.name == "embedding.E"
        probe = view.subject.probe
        assert probe is not None
        letter, token = probe.symbols[0], int(probe.tokens[0])
        assert f"`{letter}` is token {token} of 26 in the source vocabulary" in s.text()
        await s.press("end")
        await s.until(lambda: " of 27 in the target vocabulary" in s.text(), "a token of the target")
        assert view.subject.token == int(probe.tokens[-1]) - 26
        assert view.subject.vectors is not None
        assert view.subject.vectors.name == "decoder.embedding.E"
        assert view.subject.known(0) is None
        assert view.subject.across(0)
        await s.press("slash", *"zz", "enter")
        await s.until(lambda: "`zz` is not in the target vocabulary" in s.text(), "what was not found")
        await s.quit()


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
        assert not s.app.screen.query_one("#row-feeding").display
        await s.press("escape")
        await s.until(lambda: s.app.screen is s.app.lab, "the dialog closed")
        await s.quit()
    assert not RunFolder.find(next((tmp_path / "runs").iterdir()).name).config().model.decodes


async def test_a_symbol_is_chosen_by_hand_and_the_model_goes_on() -> None:
    async with live(corpus="reverse:4", choice=SMALL) as s:
        await s.training()
        await translated(s)
        await s.open("e")
        await s.press(*"abcd", "enter")
        await s.until(lambda: "source  abcd" in s.text() and "writes  dcba" in s.text(), "what it writes for it")
        await s.press("space")  # a newer probe may have other symbols beside the best
        await s.until(lambda: s.now.phase is Phase.PAUSED and s.now.probe is not None
                      and s.now.probe.step == s.now.step, "the probe of the last step")  # fmt: skip
        await s.press("B")  # brings the beam to the front
        await s.until(lambda: "2 translation · beam" in s.text() and "beam 4 · log p" in s.text(), "the beam")
        assert s.app.lab.current == "translation"

        def hand() -> tuple[str, ...]:
            found = s.now.probe.hand if s.now.probe is not None else None
            return tuple(found.symbols[k] for k in found.begun) if found is not None else ()

        await s.press("enter")  # what it would have written, but now by hand
        await s.until(lambda: hand() == ("d",) and "1 by hand" in s.text(), "the first symbol by hand")
        tree = s.app.lab.translation.beam  # type: ignore[union-attr]  # it is shown
        assert tree is not None
        await s.until(lambda: len(tree.at) == 2, "the cursor on the second place")
        await s.press("right")  # not what the model would write
        await s.until(lambda: len(tree.at) == 2 and tree.at[-1] != 2, "another symbol under the cursor")
        other = tree.at[-1]
        await s.press("enter")
        await s.until(lambda: len(hand()) == 2, "the second symbol by hand")
        assert s.now.probe is not None
        assert s.now.probe.hand is not None
        assert s.now.probe.hand.begun[1] == other
        await s.until(lambda: "2 by hand" in s.text(), "both on the screen")
        await s.press("backspace")
        await s.until(lambda: hand() == ("d",) and "1 by hand" in s.text(), "one symbol taken back")
        await s.press("B")
        await s.until(lambda: "greedy · 1 by hand" in s.text(), "greedy decoding")
        await s.open("i")
        await s.press(*"xy", "enter")
        await s.until(lambda: hand() == ("d", "x", "y") and "dxy" in s.text(), "the typed symbols")
        await s.open("i")
        await s.press(*"!", "enter")
        await s.until(lambda: "!" in s.now.message, "why that cannot be typed")
        assert hand() == ("d", "x", "y")
        await s.press("n")
        await s.until(lambda: "/512 · step" in s.text() or "of 512 · step" in s.text(), "an example")
        await s.until(lambda: not hand() and "by hand ·" not in s.text(), "nothing chosen for it")
        await s.quit()


async def test_a_model_without_attention_says_what_would_give_it_one() -> None:
    plain = ModelChoice(family="gru", hidden=32, layers=1, batch=32, cross_attention="none")
    async with live(corpus="reverse:4", choice=plain) as s:
        await s.training()
        await translated(s)
        await s.press("a")
        await s.until(lambda: "No attention" in s.text() and "set attention to general" in s.text(), "what to press")
        await s.press("7")
        await s.until(lambda: "32 numbers (h of 32 units) carry 4 characters, 8.00 for each" in s.text(), "the state")
        await s.quit()
