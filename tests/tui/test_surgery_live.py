"""The view of surgery on real training runs, driven by keys."""

import asyncio
from pathlib import Path

import numpy as np
import pytest
from seqcore.config import ModelConfig
from seqcore.surgery.edits import cut_copy

from seqtui.live.snapshot import ModelChoice, Phase
from seqtui.live.surgery_watch import SurgerySeen
from seqtui.tui.screens.surgery import Surgery
from seqtui.tui.screens.surgery_commands import SURGERY
from seqtui.tui.widgets.numbers import significant
from seqtui.visible import visible
from tests.core.tasks.test_tasks import swings
from tests.tui.reading import SIZES, stage
from tests.tui.test_end_to_end import TEXT, Live, folders, live

__all__ = ["folders"]  # a fixture, applied to every test

LSTM = ModelChoice("lstm", 12, 2, batch=4, length=16)


@pytest.fixture
def corpus(tmp_path: Path) -> str:
    path = tmp_path / "geese.txt"
    path.write_text(TEXT, encoding="utf-8")
    return str(path)


async def opened(s: Live) -> Surgery:
    await s.training()
    await s.press("space")
    await s.until(lambda: s.now.phase is Phase.PAUSED and s.now.probe is not None
                  and s.now.probe.step == s.now.step, "the probe of the last step: no other follows")  # fmt: skip
    await s.press("f8")
    await s.until(lambda: isinstance(s.app.view, Surgery) and s.app.view.seen is not None, "the comparison")
    view = s.app.view
    assert isinstance(view, Surgery)
    return view


async def seen(s: Live, view: Surgery, *cuts: str) -> SurgerySeen:
    """What was found with exactly these cuts."""
    await s.until(lambda: tuple(one.text() for one in s.now.cuts) == cuts, f"the cuts {cuts}")
    await s.until(lambda: view.seen is not None and view.seen.cuts == s.now.cuts
                  and view.shown.probe is view.seen.beside.cut, "the comparison")  # fmt: skip
    assert view.seen is not None
    return view.seen


async def pick(s: Live, view: Surgery, quantity: str) -> None:
    """Go to a gate or state of the layer."""
    for _ in view.places:
        if view.picked is not None and view.picked.quantity == quantity:
            break
        await s.press("down")
    assert view.picked is not None
    assert view.picked.quantity == quantity


async def test_a_unit_is_silenced_held_and_undone_by_keys(corpus: str) -> None:
    async with live(corpus=corpus, choice=LSTM, keep=False, size=(120, 50)) as s:
        view = await opened(s)
        whole = await seen(s, view)
        assert whole.beside.untouched.loss.tobytes() == whole.beside.cut.loss.tobytes()
        assert "Nothing is cut" in s.text()
        await pick(s, view, "h")
        await s.press("G", "greater_than_sign", "greater_than_sign", "greater_than_sign", "enter")
        found = await seen(s, view, "1.3")
        assert not found.beside.cut.stave("h", 1).values[:, 3].any()
        assert found.beside.untouched.stave("h", 1).values[:, 3].all()
        assert found.beside.untouched.loss.tobytes() == whole.beside.untouched.loss.tobytes()
        before, after = found.beside.means
        assert before != after
        await s.until(lambda: f"mean {significant(before)} → {significant(after)} ({after - before:+.3f})" in s.text(),
                      "both means")  # fmt: skip
        await s.until(lambda: "cut: 2.3" in s.lines()[1], "the line under the status")
        await s.press("escape")
        await s.until(lambda: s.app.view is s.app.lab and "cut: 2.3" in s.lines()[1], "the same line in the Lab")
        assert not s.app.lab.shown.probe.stave("h", 1).values[:, 3].any()  # type: ignore[union-attr]  # there is one
        await s.press("f8")
        await s.until(lambda: s.app.view is view and view.picked is not None, "the view")
        await pick(s, view, "forget")
        await s.press("equals_sign")
        await s.until(lambda: s.app.screen is not view and s.app.focused is not None, "the dialog")
        await s.press("backspace", "0", ".", "2", "5", "enter")
        both = await seen(s, view, "1.3", "1.forget.3=0.25")
        assert both.beside.cut.stave("forget", 1).values[:, 3] == pytest.approx(0.25)
        await s.press("u", "u")
        again = await seen(s, view)
        assert again.beside.cut.loss.tobytes() == whole.beside.untouched.loss.tobytes()
        assert "cut:" not in s.lines()[1]


async def test_training_goes_on_with_the_untouched_weights(corpus: str) -> None:
    async with live(corpus=corpus, choice=LSTM, keep=False, size=(120, 50)) as s:
        view = await opened(s)
        await pick(s, view, "h")
        await s.press("a", "enter")
        found = await seen(s, view, "0.h")
        assert not found.beside.cut.stave("h", 0).values.any()
        step = s.now.step
        await s.press("space")
        await s.until(lambda: s.now.step > step + 20 and view.seen is not None and view.seen.step > step, "more steps")
        assert view.seen is not None
        assert not view.seen.beside.cut.stave("h", 0).values.any()
        assert np.isfinite(s.now.history.train_loss).all()
        weights = s.session._observer.take_weights(s.session._observer._run, False)  # type: ignore[arg-type]  # there is one
        assert weights is not None
        assert weights.flat.any()
        run = weights.run
        cut = cut_copy(run.config.model, weights.flat, run.trainer.model.parameters.shapes, [])
        assert cut.tobytes() == weights.flat.tobytes()
        block = run.trainer.model.parameters["layers.0.W_hh"]
        assert np.count_nonzero(block) == block.size, "nothing of it was cut"


async def test_both_write_after_the_same_text_and_part(corpus: str) -> None:
    async with live(corpus=corpus, choice=LSTM, keep=False, size=(160, 50)) as s:
        view = await opened(s)
        whole = await seen(s, view)
        await s.until(lambda: view.seen is not None and view.seen.after == view.standpoint.playhead + 1, "the text")
        assert whole.untouched == whole.cut
        await pick(s, view, "h")
        await s.press("a", "enter")
        found = await seen(s, view, "0.h")
        assert found.untouched != found.cut
        begins = visible("".join(found.cut)[:6])
        await s.until(lambda: "untouched" in s.text() and begins.split("↵")[0] in s.text(), "what it writes")
        await s.press("escape")
        await s.until(lambda: s.app.view is s.app.lab, "the Lab")
        await asyncio.sleep(0.3)  # the untouched model is let go meanwhile
        await s.press("f8", "right")
        await s.until(lambda: view.seen is not None and view.seen.after == found.after + 1, "the text one timestep on")
        assert view.seen is not None
        assert len(view.seen.untouched) == len(found.untouched)
        assert view.seen.untouched != view.seen.cut


async def test_the_context_is_cut_at_the_playhead_and_comes_back(corpus: str) -> None:
    async with live(corpus=corpus, choice=LSTM, keep=False, size=(120, 50)) as s:
        view = await opened(s)
        whole = (await seen(s, view)).beside.untouched
        await s.press("0", *["right"] * 9, "r")
        found = await seen(s, view, "reset:9")
        assert found.dropped == 9
        assert found.beside.cut.symbols == whole.symbols[9:]
        await s.until(lambda: view.standpoint.playhead == 0, "the playhead on the same symbol")
        assert found.beside.compared == len(whole.symbols) - 10
        await s.until(lambda: "reset at t 9" in s.lines()[1], "the line under the status")
        await s.press("u")
        await seen(s, view)
        await s.until(lambda: view.standpoint.playhead == 9, "the playhead on the same symbol")
        await s.press("b")
        shuffled = (await seen(s, view, "shuffle:9")).beside
        assert sorted(shuffled.cut.symbols[:9]) == sorted(whole.symbols[:9])
        assert shuffled.cut.symbols[:9] != whole.symbols[:9]
        assert np.isnan(shuffled.loss[1])
        assert np.isfinite(shuffled.loss[9:]).all()
        await s.until(lambda: "read " in s.text(), "the order in which it is read")
        await s.press("U", "k")
        await s.until(lambda: s.app.screen is not view and s.app.focused is not None, "the dialog")
        await s.press("backspace", "backspace", "7", "enter")
        kept = await seen(s, view, "keep:7")
        assert kept.beside.cut.symbols == whole.symbols[-7:]


async def test_what_is_not_possible_in_an_example_is_said_and_dropped(corpus: str) -> None:
    async with live(corpus=corpus, choice=LSTM, keep=False, size=(120, 50)) as s:
        view = await opened(s)
        await s.press("0", "r")
        await s.until(lambda: "give a timestep from 1 to" in s.text(), "why not")
        await seen(s, view)


async def test_a_head_is_silenced_and_cannot_be_held(corpus: str) -> None:
    choice = ModelChoice("attention", 16, 2, batch=4, length=24)
    async with live(corpus=corpus, choice=choice, keep=False, size=(120, 50)) as s:
        view = await opened(s)
        await s.press("greater_than_sign", "equals_sign")
        await s.until(lambda: "head can be silenced, not set" in s.text(), "why not")
        await s.press("enter")
        found = await seen(s, view, "0.head.1")
        assert found.beside.cut.loss.tobytes() != found.beside.untouched.loss.tobytes()
        await s.until(lambda: "cut: 1.head.2" in s.lines()[1], "numbered from 1 on the screen")
        weights = s.session._observer._weights
        assert weights is not None
        by_hand = weights.flat.copy()
        run = weights.run
        parameters = type(run.trainer.model.parameters)(run.trainer.model.parameters.shapes, by_hand)
        parameters["layers.0.W_o"][4:8] = 0
        assert cut_copy(run.config.model, weights.flat, parameters.shapes, found.cuts).tobytes() == by_hand.tobytes()  # type: ignore[arg-type]  # of the model alone


async def test_a_translator_is_cut_on_one_side_and_both_translate() -> None:
    async with live(corpus="reverse:4", choice=ModelChoice("gru", 12, 1, batch=8), keep=False, size=(120, 50)) as s:
        view = await opened(s)
        await s.press("G")
        await pick(s, view, "h")
        await s.press("a", "enter")
        found = await seen(s, view, "decoder.0.h")
        bar = found.beside.cut.bar
        h = found.beside.cut.stave("h", 0).values
        assert np.abs(h[bar:]).max() < 1e-37
        assert h[:bar].any()
        await s.until(lambda: "truth" in s.text() and "untouched" in s.text() and "writes" in s.text(), "both results")
        await s.press("U", "0", "right", "r")
        reset = await seen(s, view, "reset:1")
        assert reset.beside.cut.bar == bar - 1
        assert reset.beside.compared == int(np.isfinite(reset.beside.untouched.loss).sum())


async def test_of_a_typed_source_both_are_asked_for_what_the_untouched_model_writes() -> None:
    async with live(corpus="reverse:4", choice=ModelChoice("gru", 12, 1, batch=8), keep=False, size=(120, 50)) as s:
        view = await opened(s)
        s.session.set_probe_text("abba")
        await s.until(lambda: s.now.probe_text == "abba" and view.seen is not None and view.seen.results is not None,
                      "the typed source")  # fmt: skip
        await s.press("G")
        await pick(s, view, "h")
        await s.press("a", "enter")
        await s.until(lambda: view.seen is not None and len(view.seen.cuts) == 1, "the cut")
        found = view.seen
        assert found is not None
        assert found.results is not None
        before, after = found.results
        assert before.symbols[:4] == after.symbols[:4] == ("a", "b", "b", "a")
        said = before.translation.written()  # type: ignore[union-attr]  # of a pair
        assert found.beside.untouched.translation.wanted == said  # type: ignore[union-attr]  # of a pair
        assert found.beside.compared == len(said) + 1


async def test_a_classifier_shows_both_verdicts(tmp_path: Path) -> None:
    rows = "\n".join(f"{'good' if n % 3 else 'bad'} thing {n % 7}\t{'pos' if n % 3 else 'neg'}" for n in range(90))
    path = tmp_path / "things.tsv"
    path.write_text(f"text\tlabel\n{rows}\n", encoding="utf-8")
    async with live(corpus=str(path), choice=ModelChoice("lstm", 12, 1, batch=8), keep=False, size=(120, 50)) as s:
        view = await opened(s)
        await pick(s, view, "h")
        await s.press("end", "a", "enter")
        found = await seen(s, view, "0.h")
        assert found.beside.cut.verdict is not None
        assert np.ptp(found.beside.cut.verdict.probability, axis=0).max() < 1e-6, "it knows nothing of the text"
        share = f"{100 * found.beside.cut.verdict.probability[-1, 0]:2.0f}%"
        await s.until(lambda: share in s.text() and "pos" in s.text() and "neg" in s.text(), "the verdicts")


async def test_a_forecast_shows_both_values(tmp_path: Path) -> None:
    (tmp_path / "swings.csv").write_text(swings())
    async with live(
        corpus=str(tmp_path / "swings.csv"), choice=ModelChoice("rnn", 12, 1, batch=8), keep=False, size=(120, 50)
    ) as s:
        view = await opened(s)
        await pick(s, view, "h")
        await s.press("a", "enter")
        found = await seen(s, view, "0.h")
        series, t = found.beside.cut.series, view.standpoint.playhead
        assert series is not None
        await s.until(lambda: f"{significant(float(series.predicted[t, 0])):>10}" in s.text(), "the prediction")


@pytest.mark.parametrize("size", SIZES)
async def test_every_size_shows_what_would_be_cut(size: tuple[int, int]) -> None:
    async with stage(size=size) as s:  # a scripted session compares nothing
        s.session.say(shape=ModelConfig(28, "lstm", hidden=64, layers=2))
        await s.press("space", "f8", "2")
        assert "quantity" in s.text()
        await s.press("enter")
        assert s.last_call()[0] == "set_cuts"
        assert "cut: 1." in s.lines()[1]
        assert "cut 1" in s.text()
        await s.press("u")
        assert "cut:" not in s.lines()[1]


def test_no_key_of_the_view_leads_to_two_commands() -> None:
    keys = [key for one in SURGERY for key in one.keys]
    assert len(keys) == len(set(keys))
