"""Whoever mashes keys on a training that really runs loses neither the screen nor the run."""

import asyncio
import random
import traceback
from dataclasses import replace
from pathlib import Path

import pytest
from seqcore.folder import RunFolder

from seqtui.live.session import LiveSession
from seqtui.live.snapshot import ModelChoice, Phase
from seqtui.tui.app import SeqtuiApp
from tests.tui.monkey import Monkey

pytestmark = pytest.mark.proof

ACTS = 5000
SEEDS = range(3)
HANGS = 300  # seconds
CALM = 10  # looks in a row that find no dialog and no event


class SmallSession(LiveSession):
    """Trains small models, whatever was typed: a large one would keep the test waiting."""

    def change_model(self, choice: ModelChoice) -> None:
        heads = min(choice.heads, 4)
        hidden = max(heads * 2, min(choice.hidden, 24) // (2 * heads) * 2 * heads)
        super().change_model(
            replace(choice, hidden=hidden, heads=heads, layers=min(choice.layers, 2), batch=min(choice.batch, 8),
                    length=min(choice.length, 32))
        )  # fmt: skip


@pytest.mark.parametrize("seed", SEEDS)
async def test_no_mashing_of_keys_loses_the_screen_or_the_run(
    seed: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SEQTUI_RUNS_DIR", str(tmp_path / "runs"))
    monkeypatch.chdir(tmp_path)
    session = SmallSession("brackets", choice=ModelChoice(hidden=16, batch=4, length=16), threads=1)

    async def quit(app: SeqtuiApp) -> None: ...

    def news(chance: random.Random) -> None:
        if chance.random() < 0.1:  # a divergence, as a rate that is much too high brings one
            session.scale_rate(1e6)
            session.scale_rate(1e6)

    monkeypatch.setattr(SeqtuiApp, "action_quit", quit)
    app = SeqtuiApp(session)
    async with app.run_test(size=(120, 36), notifications=True) as pilot:
        monkey = Monkey(app, pilot, seed, news)

        async def breathe() -> None:
            await asyncio.sleep(0.02)  # a pilot would wait for an app that is idle, which one that trains never is
            assert app.is_running

        monkey.breathe = breathe  # type: ignore[method-assign]  # another pace
        try:
            await monkey.play(ACTS)
            async with asyncio.timeout(HANGS):
                calm = 0
                while calm < CALM:  # keys that are still queued may open another dialog
                    assert app.is_running
                    at_rest = app.screen is app.lab and app.message_queue_size == 0
                    calm = calm + 1 if at_rest else 0
                    if app.screen is not app.lab:
                        monkey.press("escape")
                    await asyncio.sleep(0.1)
                while session.snapshot().phase is not Phase.TRAINING:
                    session.recover()
                    session.resume()
                    await asyncio.sleep(0.2)
                step, run = session.snapshot().step, session.snapshot().run
                while session.snapshot().step <= step and session.snapshot().run == run:
                    await asyncio.sleep(0.05)
        except BaseException as error:
            if app._exception is not None:
                trace = "".join(traceback.format_exception(app._exception)[-6:])
                raise AssertionError(f"seed {seed}, after {monkey.done}:\n{trace}") from None
            now = session.snapshot()
            raise AssertionError(f"seed {seed}, after {monkey.done}: {now.phase}, step {now.step}") from error
        assert app.screen_stack == [app.lab]
        assert await asyncio.to_thread(session.close, HANGS)
    last = session.snapshot()
    assert last.checkpoint_step is not None
    assert RunFolder.find(last.run).newest()[1] == last.checkpoint_step
