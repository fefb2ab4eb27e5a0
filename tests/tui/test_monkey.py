"""Random input never breaks the screen."""

import random
from dataclasses import replace
from pathlib import Path

import pytest

from seqtui.live.snapshot import ModelChoice, Phase
from seqtui.tui.app import SeqtuiApp
from tests.tui.judging import JudgingSession
from tests.tui.monkey import Monkey
from tests.tui.reading import Stage, stage
from tests.tui.scripted import ScriptedSession

pytestmark = pytest.mark.long

ACTS = 1000
SEEDS = range(3)
FAMILIES = ("lstm", "rnn", "gru", "attention", "feedforward")


async def usable(s: Stage) -> None:
    """Assert that the Lab is shown again, draws, and accepts keys."""
    await s.pilot.resize_terminal(120, 36)
    for _ in range(12):
        await s.press("escape")
        if s.app.screen is s.lab and not s.lab.zoomed and not s.lab.frozen:
            break
    assert s.app.screen_stack == [s.lab]
    assert s.app.return_code is None
    s.session.say(phase=Phase.PAUSED)
    await s.pull()
    await s.press("3", "space")
    assert s.last_call() == ("resume",)
    assert "1 loss" in s.text()
    await s.press("question_mark")
    assert "Pause or resume training." in s.text()
    await s.press("escape")


@pytest.mark.parametrize(("seed", "make"), [*((seed, ScriptedSession) for seed in SEEDS), (3, JudgingSession)])
async def test_no_mashing_of_keys_loses_the_screen(
    seed: int, make: type[ScriptedSession], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)  # for screenshots
    quits = []

    async def quit(app: SeqtuiApp) -> None:
        quits.append(app)

    monkeypatch.setattr(SeqtuiApp, "action_quit", quit)  # quitting would end the test
    session = make(auto=True)

    def news(chance: random.Random) -> None:
        now = session.snapshot()
        session.say(
            **chance.choice(
                (
                    {"phase": Phase.DIVERGED, "message": "the loss is not finite"},
                    {"phase": Phase.FINISHED, "message": "the run is finished and saved"},
                    {"phase": Phase.FAILED, "message": "\x1b[31mno corpus [red]"},
                    {"phase": Phase.TRAINING, "message": "x" * 500},
                    {"phase": Phase.PAUSED},
                    {"phase": Phase.TRAINING, "probe": None, "sample": None, "earlier": ()},
                    {"model": replace(now.model, family=chance.choice(FAMILIES), layers=chance.randrange(1, 4))},
                    {"checkpoint_step": max(0, now.step - 50)},
                )
            )
        )

    async with stage(session, frames=0) as s:
        monkey = Monkey(s.app, s.pilot, seed, news)
        try:
            await monkey.play(ACTS)
            await monkey.breathe()
            await usable(s)
        except BaseException as error:
            raise AssertionError(f"seed {seed}, after {monkey.done}: {error!r}") from error
        assert s.app._exception is None
    assert quits, "it was never asked to quit: the palette and the keys were not tried"


@pytest.mark.parametrize("opener", ["c", "m", "e", "p", "t", "R", "ctrl+p", "question_mark"])
@pytest.mark.parametrize("answers", [("enter", "enter", "enter"), ("escape", "escape"), ("enter", "escape", "enter")])
async def test_a_dialog_that_is_answered_twice_closes_once(opener: str, answers: tuple[str, ...]) -> None:
    from textual import events

    async with stage(ScriptedSession(model=ModelChoice(hidden=64, layers=2))) as s:
        s.session.say(checkpoint_step=s.session.snapshot().step - 50)
        await s.pull()
        await s.press(opener)
        assert s.app.screen is not s.lab
        asked = len(s.session.calls)
        for key in answers:  # without waiting: the second arrives before the first has closed the dialog
            s.app.post_message(events.Key(key, None))
        await s.pilot.pause()
        for _ in range(4):
            await s.press("escape")
        assert s.app.screen_stack == [s.lab]
        chosen = [call for call in s.session.calls[asked:] if call[0] != "set_probe_width"]
        assert len(chosen) <= 1, chosen


async def test_a_key_that_repeats_opens_one_dialog() -> None:
    from textual import events

    async with stage() as s:
        for _ in range(5):
            s.app.post_message(events.Key("question_mark", "?"))
        await s.pilot.pause()
        assert len(s.app.screen_stack) <= 2
