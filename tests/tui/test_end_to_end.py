"""The screen with a real training run: a small model, a small corpus, a saved run folder."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from rich.cells import cell_len
from seqcore.folder import RunFolder
from seqcore.run import Run
from textual import events
from textual.widgets import Input

from seqtui.live.session import LiveSession
from seqtui.live.snapshot import ModelChoice, Phase, Snapshot
from seqtui.tui.app import SeqtuiApp
from seqtui.visible import visible

TEXT = "".join(f"{n} geese flew over {n * 7 % 11} ponds, and none looked down.\n" for n in range(90))
ODD = "Zoë 🙂 [bold]x[/] 日本 a\u0301 \x1b[31m \u202e [@click=app.quit]y[/] \\[z \t\u200d\n" * 60
SMALL = ModelChoice(hidden=16, layers=1, batch=4, length=16)
HANGS = 120  # timeout of a wait, in seconds: kernels may have to be compiled first


@dataclass
class Live:
    """A Lab on a real session."""

    app: SeqtuiApp
    session: LiveSession

    @property
    def now(self) -> Snapshot:
        return self.session.snapshot()

    def lines(self) -> list[str]:
        return [strip.text for strip in self.app.screen._compositor.render_strips()]

    def text(self) -> str:
        return "\n".join(self.lines())

    async def press(self, *keys: str) -> None:
        """Send keys without a pilot, which would wait for an idle process: a training one never is."""
        for key in keys:
            self.app.post_message(events.Key(key, key if len(key) == 1 else None))
            await asyncio.sleep(0.03)

    async def open(self, key: str) -> None:
        """Press the key of a dialog and wait until it accepts keys."""
        await self.press(key)
        await self.until(lambda: self.app.screen is not self.app.lab and self.app.focused is not None, "the dialog")
        await self.until(lambda: self.app.screen.is_mounted, "the dialog's rows")

    async def until(self, holds: Callable[[], object], what: str) -> None:
        """Let the app run until a condition holds; `what` names it in the error."""
        try:
            async with asyncio.timeout(HANGS):
                while not holds():
                    assert self.now.phase is not Phase.FAILED, self.now.message
                    await asyncio.sleep(0.03)
        except TimeoutError:
            pytest.fail(f"waited in vain for {what}:\n{self.text()}")

    async def training(self) -> None:
        await self.until(lambda: self.now.phase is Phase.TRAINING and self.now.step > 3, "training")

    async def quit(self) -> None:
        await self.press("q")
        await self.until(lambda: self.app.farewell, "the farewell")


@asynccontextmanager
async def live(size: tuple[int, int] = (120, 36), **asked: Any) -> AsyncIterator[Live]:
    session = LiveSession(threads=1, **asked)
    app = SeqtuiApp(session)
    app.animation_level = "none"
    try:
        async with app.run_test(size=size, notifications=True):
            yield Live(app, session)
    finally:
        session.close()


@pytest.fixture(autouse=True)
def folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SEQTUI_RUNS_DIR", str(tmp_path / "runs"))
    monkeypatch.setattr("seqtui.tui.app.CLOSING_SECONDS", float(HANGS))  # the machine may be busy
    (tmp_path / "geese.txt").write_text(TEXT, encoding="utf-8")


async def test_a_run_is_watched_steered_saved_left_and_reopened(tmp_path: Path) -> None:
    async with live(corpus=str(tmp_path / "geese.txt"), choice=SMALL) as s:
        await s.training()
        await s.until(lambda: "● training" in s.lines()[0] and "geese" in s.lines()[0], "the status line")
        shown = s.app.lab

        await s.until(lambda: shown.shown.probe is not None, "a probe")
        begins = visible("".join(shown.shown.probe.symbols[:15]))  # type: ignore[union-attr]  # waited for
        await s.until(lambda: begins in s.text(), "the text of the probe on the screen")
        await s.until(lambda: shown.shown.sample is not None and len(shown.shown.sample.text) > 12, "a sample")
        await s.until(lambda: visible(shown.shown.sample.text[:8], keep="\n").split("\n")[0] in s.text(), "it drawn")  # type: ignore[union-attr]  # waited for
        await s.until(lambda: "uniform" in s.text(), "the reference lines")
        await s.until(lambda: len(s.now.position_loss) == SMALL.length, "the loss by position")

        await s.press("space")
        await s.until(lambda: s.now.phase is Phase.PAUSED, "the pause")
        step = s.now.step
        await asyncio.sleep(0.2)
        assert s.now.step == step
        await s.until(lambda: "‖ paused" in s.lines()[0] and f"{step:,}" in s.lines()[0], "the pause on the screen")
        await s.press("s")
        await s.until(lambda: s.now.step == step + 1, "one step")
        await asyncio.sleep(0.1)
        assert (s.now.phase, s.now.step) == (Phase.PAUSED, step + 1)

        at = shown.score.playhead
        await s.press("right", "right", "left", "down")
        await s.until(lambda: shown.score.playhead == at + 1, "the playhead's place")
        await s.until(lambda: f"unit {shown.score.selection.unit}" in s.text(), "the unit's trace")
        rate = s.now.learning_rate
        await s.press("right_square_bracket")
        await s.until(lambda: np.isclose(s.now.learning_rate, 1.25 * rate), "the rate")

        await s.press("w")
        await s.until(lambda: s.now.checkpoint_step == step + 1, "the checkpoint")
        folder = tmp_path / "runs" / s.now.run
        assert (folder / f"checkpoint-{step + 1}.safetensors").is_file()
        await s.press("space")
        await s.until(lambda: s.now.step > step + 5, "training again")
        await s.quit()
        assert "not finished in time" not in s.app.farewell
        assert f"seqtui --run {s.now.run}" in s.app.farewell

    left = s.now
    assert left.step == left.checkpoint_step
    assert f"{left.step:,}" in s.app.farewell
    again = Run.resume(RunFolder.find(left.run))
    again.close()
    assert again.trainer.steps == left.step
    assert np.isclose(again.trainer.learning_rate, left.learning_rate)

    async with live(run=left.run, paused=True) as s:
        await s.until(lambda: s.now.phase is Phase.PAUSED, "the run is there")
        assert (s.now.step, s.now.run, s.now.model) == (left.step, left.run, SMALL)
        assert len(s.now.history.step) > 0
        assert s.now.history.step[-1] <= left.step
        await s.until(lambda: f"{left.step:,}" in s.lines()[0], "the step on the screen")
        await s.until(lambda: "train" in s.text() and "nats per character" in s.text(), "the curve")
        await s.press("s")
        await s.until(lambda: s.now.step == left.step + 1, "one more step")


async def test_another_corpus_or_model_keeps_what_a_person_wrote(tmp_path: Path) -> None:
    (tmp_path / "empty.txt").write_bytes(b"")
    (tmp_path / "noise.bin").write_bytes(np.random.default_rng(1).bytes(4000))
    async with live(corpus=str(tmp_path / "geese.txt"), choice=SMALL) as s:
        await s.training()
        for key, words in (("e", "9 geese"), ("p", "one")):
            await s.open(key)
            await s.press(*words, "enter")
            await s.until(lambda: s.app.screen is s.app.lab, "the dialog closed")
        await s.until(lambda: s.now.probe is not None and "".join(s.now.probe.symbols) == "9 geese", "the text")
        run, step = s.now.run, s.now.step
        for name, wrong in (("missing.txt", "No such file"), ("empty.txt", "empty"), ("noise.bin", "binary")):
            await s.open("c")
            path = s.app.screen.query_one(Input)
            await s.press("tab")
            await s.until(lambda path=path: path.has_focus, "the path's turn")  # type: ignore[misc]  # bound now
            path.value = str(tmp_path / name)
            await s.press("enter")
            await s.until(lambda wrong=wrong: wrong in s.text(), f"what is wrong with {name}")  # type: ignore[misc]  # bound now
            if s.app.screen is not s.app.lab:
                await s.press("escape")
            await s.until(lambda: s.app.screen is s.app.lab, "the dialog closed")
            assert s.now.run == run
        await s.until(lambda: s.now.step > step, "the old run goes on")

        await s.open("m")
        await s.press("down")
        units, layers = (s.app.screen.query_one(f"#{name}", Input) for name in ("hidden", "layers"))
        await s.until(lambda: units.has_focus and units.selected_text == units.value, "the units' turn")
        await s.press(*"24")
        await s.until(lambda: units.value == "24", "the units")
        await s.press("down")
        await s.until(lambda: layers.has_focus and layers.selected_text == layers.value, "the layers' turn")
        await s.press("2", "enter")
        await s.until(lambda: s.now.run != run and s.now.phase is Phase.TRAINING, "the new run")
        assert (s.now.model.hidden, s.now.model.layers) == (24, 2)
        assert (s.now.probe_text, s.now.prompt) == ("9 geese", "one")
        await s.until(lambda: "layer 1 of 2" in s.text() and "lstm 2×24" in s.lines()[0], "both layers")
        await s.until(lambda: "9 geese" in s.text(), "the text")


async def test_a_divergence_is_recovered_from_at_half_the_rate(tmp_path: Path) -> None:
    async with live(corpus=str(tmp_path / "geese.txt"), choice=SMALL) as s:
        await s.training()
        run = s.session._trainer.run
        assert run is not None
        s.session._trainer.request(lambda _: run.trainer.parameters.flat.fill(np.nan))
        await s.until(lambda: "▲ diverged at step" in s.text(), "the dialog")
        await s.press("r")
        await s.until(lambda: s.now.phase is Phase.TRAINING, "the run goes on")
        assert np.isclose(run.trainer.rate_scale, 0.5)
        step = s.now.step
        await s.until(lambda: s.now.step > step, "steps")
        assert np.isfinite(s.now.history.train_loss).all()


@pytest.mark.parametrize(
    "tokens_by",
    [
        "char",
        "byte",
        "word",
        pytest.param("bpe", marks=pytest.mark.skipif(find_spec("tokenizers") is None, reason="needs the extra bpe")),
    ],
)
async def test_any_corpus_is_drawn_within_its_frame(tokens_by: str, tmp_path: Path) -> None:
    (tmp_path / "odd.txt").write_text(ODD, encoding="utf-8")
    odd = {"corpus": str(tmp_path / "odd.txt"), "choice": SMALL, "tokens_by": tokens_by, "keep": False}
    async with live((100, 32), **odd) as s:
        await s.until(lambda: s.app.lab.shown.probe is not None, "a probe")
        await s.until(lambda: s.now.sample is not None and len(s.now.sample.pieces) > 20, "a sample")
        for key in ("right", "end", "z", "escape"):
            await s.press(key)
            for line in s.lines():
                assert line.isprintable()
                assert "\u202e" not in line
                assert cell_len(line) == 100
        assert s.app.is_running
