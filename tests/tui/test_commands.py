"""Every command works with each of its keys, at three terminal sizes."""

import re
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from textual.widgets import OptionList

from seqtui.live.snapshot import ModelChoice, Phase
from seqtui.tui.dialogs.corpus import CorpusPicker
from seqtui.tui.dialogs.help import HelpScreen
from seqtui.tui.dialogs.model import ModelPicker
from seqtui.tui.dialogs.palette import Palette
from seqtui.tui.dialogs.save import SaveDialog
from seqtui.tui.dialogs.temperature import TemperatureDialog
from seqtui.tui.dialogs.text import TextDialog
from seqtui.tui.screens.lab_commands import LAB
from seqtui.tui.theme import THEMES
from seqtui.views import LAB as LAB_VIEW
from seqtui.views import VIEWS, command_id
from tests.tui.judging import JudgingSession
from tests.tui.paired import PairingSession
from tests.tui.reading import SIZES, Stage, stage
from tests.tui.scripted import ScriptedSession

Proof = Callable[[Stage, str], Awaitable[None]]


def asks(*call: object) -> Proof:
    """The session receives this call."""

    async def proof(s: Stage, key: str) -> None:
        await s.press(key)
        assert s.last_call() == call

    return proof


def changes(before: str, after: str) -> Proof:
    """Text on the screen that matches `before` is replaced by text that matches `after` (regular expressions)."""

    async def proof(s: Stage, key: str) -> None:
        assert re.search(before, s.text())
        assert not re.search(after, s.text())
        await s.press(key)
        assert re.search(after, s.text())
        while not re.search(before, s.text()):
            await s.press(key)

    return proof


def redraws(undo: str) -> Proof:
    """The panes change, and change back with the key `undo`."""

    async def proof(s: Stage, key: str) -> None:
        first = body(s)
        await s.press(key)
        assert body(s) != first
        await s.press(undo)
        assert body(s) == first

    return proof


def body(s: Stage) -> list[str]:
    """The panes, without the status line and the footer."""
    return s.lines()[1:-1]


async def zoom_out(s: Stage, key: str) -> None:
    whole = body(s)
    await s.press("plus")
    assert body(s) != whole
    await s.press(key)
    assert body(s) == whole


def opens(screen: type) -> Proof:
    """A dialog opens and closes with Escape, without a call to the session."""

    async def proof(s: Stage, key: str) -> None:
        calls = list(s.session.calls)
        await s.press(key)
        assert isinstance(s.app.screen, screen)
        await s.press("escape")
        assert s.app.screen is s.lab
        assert s.session.calls == calls

    return proof


def playhead(s: Stage) -> tuple[int, int]:
    """The playhead's position as shown in the score, and the last position."""
    found = re.search(r"playhead +(\d+)/(\d+)", s.text())
    assert found, s.text()
    return int(found[1]), int(found[2])


def moves(there: Callable[[int, int, str], bool]) -> Proof:
    """The playhead moves so that `there(before, after, text)` holds, with its old and new position and the text."""

    async def proof(s: Stage, key: str) -> None:
        s.lab.score.playhead = 31
        await s.pull()
        before, _ = playhead(s)
        await s.press(key)
        after, last = playhead(s)
        assert there(before, after, s.session.snapshot().probe_text), (before, after, last)
        assert s.lab.score.playhead == after

    return proof


def focuses(name: str, stave: str = "") -> Proof:
    """The pane takes the focus from each of the others and is visible."""

    async def proof(s: Stage, key: str) -> None:
        s.lab.score.playhead = 31
        for other in "123":
            await s.press(other, key)
            assert s.app.focused is s.lab.panes[name]
            assert s.lab.panes[name].region.area > 0
        if stave:
            assert s.lab.score.selection.focus == stave

    return proof


async def pause(s: Stage, key: str) -> None:
    await s.press(key)
    assert s.last_call() == ("pause",)
    assert "‖ paused" in s.lines()[0]
    assert "resume" in s.lines()[-1]
    await s.press(key)
    assert s.last_call() == ("resume",)
    assert "● training" in s.lines()[0]


async def step(s: Stage, key: str) -> None:
    before = s.session.snapshot().step
    await s.press(key)
    assert f"{before + 1:,}" in s.lines()[0]
    assert "‖ paused" in s.lines()[0]
    await s.press("space")


async def recover(s: Stage, key: str) -> None:
    asked, step = len(s.session.calls), s.session.snapshot().step
    s.session.say(checkpoint_step=step)
    await s.pull()
    await s.press(key)
    assert s.app.screen is s.lab, "there is nothing to go back to"
    s.session.say(checkpoint_step=step - 300)
    await s.pull()
    await s.press(key)
    assert f"back to step {step - 300:,}" in s.text()
    assert "The steps since then, 300 so far, will be discarded" in s.text()
    await s.press("escape")
    assert len(s.session.calls) == asked, "it was only asked"
    await s.press(key, "enter")
    assert s.last_call() == ("recover",)
    s.session.say(phase=Phase.DIVERGED, message="not finite")
    await s.pull()
    await s.press("l", key)
    assert s.session.calls[-2:] == [("recover",), ("recover",)]


async def save(s: Stage, key: str) -> None:
    await s.press(key)
    assert s.last_call() == ("save",)
    assert f"saved checkpoint-{s.session.snapshot().step}" in s.text()


async def zoom(s: Stage, key: str) -> None:
    await s.press("2", key)
    assert s.lab.writing.region.height == s.app.size.height - 2 - s.app.view.bar.display
    assert not s.lab.score.display
    assert "unzoom" in s.lines()[-1] or s.app.size.width < 120
    await s.press("1")
    assert s.lab.loss.region.height == s.app.size.height - 2 - s.app.view.bar.display
    await s.press(key)
    assert s.lab.score.display


async def back(s: Stage, key: str) -> None:
    await s.press("f", "z")
    await s.press(key)
    assert s.lab.zoomed is None
    assert s.lab.frozen
    await s.press(key)
    assert not s.lab.frozen


async def cycle(s: Stage, key: str) -> None:
    await s.press("1")
    seen = []
    for _ in range(4):
        seen.append(s.lab.current)
        assert s.app.focused is s.lab.panes[s.lab.current]
        await s.press(key)
    around = ["loss", "writing", "score"] if key == "tab" else ["loss", "score", "writing"]
    assert seen == [*around, "loss"]


async def freeze(s: Stage, key: str) -> None:
    await s.press(key)
    still, then = body(s), s.lab.shown.step
    await s.frames(5)
    assert f"frozen at step {then:,}" in s.lines()[0]
    assert f"{s.session.snapshot().step:,}" in s.lines()[0], "training goes on, and is seen to"
    assert body(s) == still
    await s.press(key)
    assert "frozen" not in s.lines()[0]
    assert body(s) != still


async def copy(s: Stage, key: str) -> None:
    snapshot = s.session.snapshot()
    assert snapshot.sample is not None
    await s.press("2", key)
    assert s.app.clipboard == snapshot.sample.prompt + snapshot.sample.text
    await s.press("3", key)
    assert s.app.clipboard == snapshot.probe_text
    await s.press("1", key)
    assert s.app.clipboard.startswith(f"step {snapshot.step:,}, train ")
    assert "Copied the losses" in s.text()


async def screenshot(s: Stage, key: str) -> None:
    there = set(Path.cwd().glob("*.svg"))
    await s.press(key)
    (new,) = set(Path.cwd().glob("*.svg")) - there
    assert "seqtui" in new.read_text(encoding="utf-8")
    assert "Screenshot saved" in s.text()


async def theme(s: Stage, key: str) -> None:
    seen = [s.app.theme]
    await s.press(key)
    while s.app.theme not in seen:
        seen.append(s.app.theme)
        await s.press(key)
    assert seen == [one.name for one in THEMES.values()]
    assert s.app.theme == seen[0]


def goes_to(view: str) -> Proof:
    """The key goes to a view, and from there back to the Lab."""

    async def proof(s: Stage, key: str) -> None:
        await s.press(key)
        assert view == s.app.view.VIEW
        await s.press(key)
        assert s.app.screen is s.lab

    return proof


async def next_passage(s: Stage, key: str) -> None:
    await s.press(key)
    await s.frames(1)
    assert s.last_call() == ("next_passage",)
    assert s.session.snapshot().probe_text[:30] in s.text()


async def previous_passage(s: Stage, key: str) -> None:
    await s.press(key)
    await s.frames(1)
    assert s.last_call() == ("previous_passage",)
    assert s.session.snapshot().probe_text[:30] in s.text()


def goes_round(least: int) -> Proof:
    """Repeated presses cycle through at least `least` different pictures, back to the first."""

    async def proof(s: Stage, key: str) -> None:
        await s.press(key)  # the first press may also select another stave
        first = body(s)
        pictures: list[list[str]] = []
        while not pictures or pictures[-1] != first:
            await s.press(key)
            pictures.append(body(s))
            assert len(pictures) <= 8
        assert len({tuple(picture) for picture in pictures}) == len(pictures) >= least

    return proof


PROOFS: dict[str, Proof] = {
    "pause": pause,
    "step": step,
    "rate_down": asks("scale_rate", 0.8),
    "rate_up": asks("scale_rate", 1.25),
    "save": save,
    "recover": recover,
    "corpus": opens(CorpusPicker),
    "model": opens(ModelPicker),
    "probe_text": opens(TextDialog),
    "next_passage": next_passage,
    "previous_passage": previous_passage,
    "prompt": opens(TextDialog),
    "temperature": opens(TemperatureDialog),
    "cooler": asks("set_temperature", 0.7),
    "warmer": asks("set_temperature", 0.8),  # from the value that `cooler` has set
    "loss_scale": changes(r" log ·", r" linear ·"),
    "smoothing": changes(r"· raw", r"· light"),
    "x_axis": goes_round(3),
    "crosshair_left": redraws("escape"),
    "crosshair_right": redraws("escape"),
    "loss_zoom_in": redraws("minus"),
    "loss_zoom_out": zoom_out,
    "loss_positions": redraws("d"),
    "left": moves(lambda before, after, text: after == before - 1),
    "right": moves(lambda before, after, text: after == before + 1),
    "word_left": moves(lambda before, after, text: after < before and text[after - 1] == " "),
    "word_right": moves(lambda before, after, text: after > before and text[after - 1] == " "),
    "start": moves(lambda before, after, text: after == 0),
    "end": moves(lambda before, after, text: after == len(text) - 1),
    "unit_up": redraws("down"),
    "unit_down": redraws("up"),
    "gate": goes_round(6),
    "layer": changes("layer 1 of 2", "layer 2 of 2"),
    "fold": goes_round(3),
    "reach": goes_round(3),
    "triangle": redraws("o"),
    "zoom": zoom,
    "back": back,
    "focus_loss": focuses("loss"),
    "focus_second": focuses("writing"),
    "focus_score": focuses("score", "loss"),
    "focus_gates": focuses("score", "gate"),
    "focus_reach": focuses("score", "reach"),
    "focus_next": cycle,
    "focus_previous": cycle,
    "freeze": freeze,
    "copy": copy,
    "screenshot": screenshot,
    "save_pane": opens(SaveDialog),
    "theme": theme,
    **{command_id(view): goes_to(view) for view in VIEWS if view != LAB_VIEW},
    "palette": opens(Palette),
    "help": opens(HelpScreen),
}
IN_A_TEST_OF_ITS_OWN = {"quit"}


def picks_head(number: int) -> Proof:
    """From the first head, the key selects head `number` and shows its values."""

    async def proof(s: Stage, key: str) -> None:
        s.lab.score.selection.head = 0
        await s.press(key)
        assert f"head {number} of layer 1 at" in s.text()
        assert f"head {number} of 4" in s.text()

    return proof


OF_ATTENTION: dict[str, Proof] = {
    "attention": goes_round(3),
    "head_before": picks_head(4),
    "head_next": picks_head(2),
    "focus_attention": focuses("score", "attention"),
}


OF_VERDICTS: dict[str, Proof] = {
    "next_error": asks("next_error"),
    "shorter": asks("next_by_length", -1),
    "longer": asks("next_by_length", 1),
    "dial_down": asks("turn_dial", -1),
    "dial_up": asks("turn_dial", 1),
    "next_page": goes_round(3),
    "focus_second": focuses("verdict"),
}


def asks_of_the_beam() -> Proof:
    """The key asks the model to write on; where the beam is not shown, it shows that first."""

    async def proof(s: Stage, key: str) -> None:
        await s.press(key)
        assert "log p" in s.text()
        await s.press(key)
        assert s.last_call()[0] == "write_after"

    return proof


OF_PAIRS: dict[str, Proof] = {
    "focus_second": focuses("translation"),
    "next_page": goes_round(3),
    "by_length": goes_round(2),
    "beam_or_greedy": asks_of_the_beam(),
    "go_on": asks_of_the_beam(),
    "type_symbols": opens(TextDialog),
    "take_back": changes("dropped|log p", "No symbol was chosen by hand"),
    "bar_state": changes("4 forget", "carry"),
    "attention": goes_round(3),
    "head_next": changes("head 1 of 2", "head 2 of 2"),
}


@pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
async def test_every_key_of_pairs_does_what_its_command_says(size: tuple[int, int]) -> None:
    async with stage(PairingSession(), size) as s:
        for name, proof in OF_PAIRS.items():
            for key in LAB[name].keys:
                try:
                    await proof(s, key)
                except AssertionError as error:
                    raise AssertionError(f"{name} by {key}: {error}\n{s.text()}") from error


def test_every_command_has_a_proof() -> None:
    proven = set(PROOFS) | set(OF_ATTENTION) | set(OF_VERDICTS) | set(OF_PAIRS) | IN_A_TEST_OF_ITS_OWN
    assert proven == {one.id for one in LAB}


@pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
async def test_every_key_of_a_verdict_does_what_its_command_says(size: tuple[int, int]) -> None:
    async with stage(JudgingSession(), size) as s:
        await s.press("2")
        for name, proof in OF_VERDICTS.items():
            for key in LAB[name].keys:
                try:
                    await proof(s, key)
                except AssertionError as error:
                    raise AssertionError(f"{name} by {key}: {error}\n{s.text()}") from error


async def test_what_a_task_lacks_is_listed_nowhere_and_its_key_says_why() -> None:
    lacking = {
        "prompt": "generates no text", "temperature": "generates no text", "cooler": "generates no text",
        "warmer": "generates no text", "loss_positions": "no loss at every position",
    }  # fmt: skip
    async with stage(JudgingSession(), (200, 50)) as s:
        await s.press("1")
        assert "{ } dial" in s.lines()[-1]
        assert "temperature" not in s.lines()[-1]
        assert "positions" not in s.lines()[-1]
        for name, words in lacking.items():
            calls = list(s.session.calls)
            await s.press(*LAB[name].keys)
            assert s.app.screen is s.lab
            assert words in s.lines()[-1]
            assert s.session.calls == calls
        await s.press("question_mark")
        assert "Turn the dial up" in s.text()
        assert "sampling temperature" not in s.text()
        await s.press("escape", "ctrl+p", *"temperature")
        assert not s.app.screen.query_one(OptionList).option_count
    async with stage(size=(200, 50)) as s:
        for name in ("next_error", "longer", "dial_up", "next_page"):
            calls = list(s.session.calls)
            await s.press(*LAB[name].keys)
            assert "This task has no" in s.lines()[-1] or "no examples" in s.lines()[-1]
            assert s.session.calls == calls
        assert "dial" not in s.lines()[-1].replace("This task has no dial.", "")


@pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
async def test_every_key_of_attention_does_what_its_command_says(size: tuple[int, int]) -> None:
    async with stage(ScriptedSession(model=ModelChoice("attention", 32, 2)), size) as s:
        for name, proof in OF_ATTENTION.items():
            for key in LAB[name].keys:
                try:
                    await proof(s, key)
                except AssertionError as error:
                    raise AssertionError(f"{name} by {key}: {error}\n{s.text()}") from error


async def test_keys_of_attention_say_so_where_there_is_none_and_stand_in_no_footer() -> None:
    async with stage() as s:
        assert "a attention" not in s.lines()[-1]
        for name in OF_ATTENTION:
            before = body(s)
            await s.press(*LAB[name].keys)
            assert "This model has no attention" in s.lines()[-1]
            assert body(s) == before
    async with stage(ScriptedSession(model=ModelChoice("attention", 32, 2))) as s:
        assert "a attention" in s.lines()[-1]


def test_no_key_is_bound_twice() -> None:
    keys = [key for one in LAB for key in one.keys]
    assert len(keys) == len(set(keys))
    assert len(LAB.bindings()) == len(list(LAB))


@pytest.mark.long
@pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
async def test_every_key_does_what_its_command_says(
    size: tuple[int, int], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    async with stage(size=size) as s:
        await s.press("up")  # selects a unit for the rest of the test
        for name, proof in PROOFS.items():
            for key in LAB[name].keys:
                try:
                    await proof(s, key)
                except AssertionError as error:
                    raise AssertionError(f"{name} by {key}: {error}\n{s.text()}") from error


@pytest.mark.parametrize("key", LAB["quit"].keys)
async def test_quitting_closes_the_session_and_says_where_the_run_is(key: str) -> None:
    async with stage() as s:
        await s.pilot.press(key)
        await s.app.workers.wait_for_complete()
        await s.pilot.pause()
        assert s.last_call() == ("close", 2.0)
        assert s.app.farewell.startswith("Run tales-lstm-2x64 is saved at step ")
        assert s.app.farewell.endswith("seqtui --run tales-lstm-2x64")
        assert s.app.return_code == 0
