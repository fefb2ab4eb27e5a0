"""The view of the unrolled network on real training runs, driven by keys."""

import asyncio
import math
import re
from pathlib import Path

import numpy as np
import pytest

from seqtui.live.snapshot import FED, ModelChoice, Phase
from seqtui.live.unrolled_watch import UnrolledSeen
from seqtui.tui.screens.unrolled import BACKWARDS, FORWARDS, Unrolled
from seqtui.tui.widgets.numbers import percent, significant
from tests.core.tasks.picture_runs import arrays
from tests.tui.reading import SIZES, stage
from tests.tui.test_end_to_end import TEXT, Live, folders, live

__all__ = ["folders"]  # a fixture, applied to every test

MODELS = [
    ModelChoice("lstm", 12, 2, batch=4, length=16),
    ModelChoice("rnn", 12, 1, batch=4, length=16),
    ModelChoice("attention", 16, 2, batch=4, length=16),
]


@pytest.fixture
def corpus(tmp_path: Path) -> str:
    path = tmp_path / "geese.txt"
    path.write_text(TEXT, encoding="utf-8")
    return str(path)


async def opened(s: Live) -> Unrolled:
    await s.training()
    await s.press("space")
    await s.until(lambda: s.now.phase is Phase.PAUSED and s.now.probe is not None
                  and s.now.probe.step == s.now.step, "the probe of the last step: no other follows")  # fmt: skip
    await s.press("f4")
    await s.until(lambda: isinstance(s.app.view, Unrolled), "the view")
    view = s.app.view
    assert isinstance(view, Unrolled)
    await seen(s, view)
    return view


async def seen(s: Live, view: Unrolled) -> UnrolledSeen:
    """What answers the newest question, once it is drawn."""
    await s.until(lambda: view.subject.seen is not None and view.subject.seen.asked == view.arguments
                  and view.subject.net is not None, "the answer")  # fmt: skip
    found = view.subject.seen
    assert found is not None
    await s.until(lambda: f"Σ {significant(found.unrolled.total)}" in s.text(), "it drawn")
    return found


def row(s: Live, label: str) -> str:
    """The first line of the picture with this label."""
    return next(line for line in s.lines() if line[2:].startswith(label))


def drawn(view: Unrolled) -> range:
    """The timesteps in view."""
    picture = view.panes["unrolled"]
    found: range = picture._columns.times
    return found


@pytest.mark.parametrize("choice", MODELS, ids=[choice.family for choice in MODELS])
async def test_losses_and_gradients_of_the_timesteps_in_view_are_drawn(corpus: str, choice: ModelChoice) -> None:
    async with live(corpus=corpus, choice=choice, keep=False, size=(140, 50)) as s:
        view = await opened(s)
        net = (await seen(s, view)).unrolled
        losses, top = row(s, "loss L_t").split()[3:-1], f"|dL/d{view.subject.name(choice.layers - 1)}|"
        sizes = row(s, top).replace("◂──", " ").replace("✂", " ").split()
        shown = [significant(one.loss) for t in drawn(view) if (one := net.outputs[t]) is not None]
        assert [text for text in shown if text != "–"] == losses
        gradients = [view.subject.gradient(t, choice.layers - 1) for t in drawn(view)]
        assert sizes[2:-1] == [significant(size) for size in gradients if size > 0]
        arrows = "──▸" in s.text()
        assert arrows == (choice.family != "attention")
        assert ("attends to" in s.text()) == (choice.family == "attention")
        names = list(net.matrices)
        assert names
        await s.press("3")
        await s.until(lambda: view.current == "matrices", "the focus")
        await s.press("z")
        await s.until(lambda: all(f"{one.name} " in s.text() for one in names), "every matrix")
        for one in names:
            rows, columns = one.values.shape
            assert f"{rows}×{columns}" in s.text()


async def test_it_is_played_forwards_and_back_step_by_step(corpus: str) -> None:
    async with live(corpus=corpus, choice=MODELS[1], keep=False) as s:
        view = await opened(s)
        await s.press("p")
        await s.until(lambda: view.stage == FORWARDS and "play" in view.on, "playing")
        await s.press("p")  # hold
        await s.until(lambda: "play" not in view.on, "the hold")
        at = view.standpoint.playhead
        assert len(row(s, "loss L_t").split()) - 4 == len([t for t in drawn(view) if t <= at])
        assert "◂──" not in s.text(), "nothing has come back yet"
        await s.press("right")
        await s.until(lambda: view.standpoint.playhead == at + 1, "one step")
        await s.until(lambda: "forwards" in s.text(), "the stage in the title")
        await s.press("dollar_sign", "right")
        await s.until(lambda: view.stage == BACKWARDS, "the way back")
        T = view.steps
        assert view.standpoint.playhead == T - 1
        await s.press("left", "left")
        await s.until(lambda: view.standpoint.playhead == T - 3, "two steps back")
        await s.until(lambda: row(s, "|dL/dh|").count("◂──") == 1, "one arrow: the last timestep has no target")
        await s.press("0", "left")
        await s.until(lambda: view.stage == "" and "play" not in view.on, "the whole")
        await s.press("p")
        await s.until(lambda: view.standpoint.playhead >= 2 and view.stage == FORWARDS, "it plays by itself")
        await s.press("escape")
        await s.until(lambda: view.stage == "", "the whole again")
        assert s.app.view is view
        stays = view.standpoint.playhead
        await asyncio.sleep(0.5)
        assert view.standpoint.playhead == stays, "nothing plays any more"


async def test_the_way_back_is_cut_as_in_training_or_elsewhere(corpus: str) -> None:
    async with live(corpus=corpus, choice=MODELS[1], keep=False) as s:
        view = await opened(s)
        first = await seen(s, view)
        assert first.asked.cut == 16
        assert 16 in first.unrolled.cuts
        await s.press("0")
        for _ in range(16):
            await s.press("right")
        await s.until(lambda: view.standpoint.playhead == 16, "the cut")
        assert "✂" in row(s, "|dL/dh|")
        await s.press("u")
        whole = await seen(s, view)
        assert whole.asked.cut == 0
        await s.until(lambda: "✂" not in s.text(), "no cut")
        t = 15
        before, after = (one.unrolled.strands[0].steps[t].gradient for one in (first, whole))
        assert before != after, "without the cut, later losses reach this state"
        await s.press("u", "u", "u", "u")
        cut = await seen(s, view)
        assert cut.asked.cut == 1
        for step in cut.unrolled.strands[0].steps:
            assert step.gradient == pytest.approx(step.entering), "each timestep has its own loss alone"


async def test_one_loss_flows_back_alone(corpus: str) -> None:
    async with live(corpus=corpus, choice=MODELS[1], keep=False) as s:
        view = await opened(s)
        await s.press("o")
        alone = await seen(s, view)
        assert alone.asked.loss == view.standpoint.playhead
        await s.until(lambda: f"the loss at timestep {alone.asked.loss}" in s.text(), "which loss it is")
        steps = alone.unrolled.strands[0].steps
        here = view.standpoint.playhead
        for step in steps:  # from the loss back to the cut, and nowhere else
            assert (step.gradient > 0) == (here // 16 * 16 <= step.t <= here)
        assert "o all losses" in s.lines()[-1]
        await s.press("o")
        await s.until(lambda: view.arguments.loss is None, "all losses")


async def test_a_translator_has_two_parts_and_values_have_numbers() -> None:
    async with live(corpus="reverse:4", choice=ModelChoice("gru", 12, 1, batch=8), keep=False) as s:
        view = await opened(s)
        net = (await seen(s, view)).unrolled
        bar = s.now.probe.bar if s.now.probe is not None else 0
        assert [one is None for one in net.outputs] == [t < bar for t in range(len(net.outputs))]
        await s.until(lambda: "║" in s.text(), "the double bar")
        await s.press("u")
        assert view.cut == 0
        await s.until(lambda: "always whole" in s.text(), "why nothing is cut")
    async with live(corpus="balls", choice=ModelChoice("rnn", 12, 1, batch=8), keep=False) as s:
        view = await opened(s)
        net = (await seen(s, view)).unrolled
        one = net.outputs[view.standpoint.playhead]
        assert one is not None
        assert significant(one.share) in row(s, "ŷ_t")
        assert not math.isnan(one.chance)
        assert significant(one.chance) in row(s, "right")


async def test_states_go_on_in_the_decoder_of_a_picture_and_not_between_its_patches(tmp_path: Path) -> None:
    choice = ModelChoice("lstm", 12, 2, batch=8)
    async with live(corpus=arrays(tmp_path / "mine.npz", 90), choice=choice, keep=False, size=(240, 60)) as s:
        view = await opened(s)
        await s.press("0")
        await s.until(lambda: view.standpoint.playhead == 0 and "↓ W position" in s.text(), "the patches")
        assert s.now.probe is not None
        bar = s.now.probe.bar
        before, after = row(s, "a1").split("║─▸")
        assert "──▸" not in before
        assert "·" not in before
        assert after.count("──▸") == len([t for t in drawn(view) if t > bar])
        assert row(s, "h2").count("·") == bar, "the decoder alone has a second layer"
        assert "by attention and their mean" in s.text()
        net = (await seen(s, view)).unrolled
        sizes = [significant(net.strands[0].steps[t].gradient) for t in drawn(view) if t < bar]
        assert row(s, "|dL/da1|").split("◂──")[0].split()[2:] == sizes
        await s.press("end")
        await s.until(lambda: "→ W_hh" in s.text() and "◂──" in row(s, "|dL/dh2|"), "the decoder")


FED_RNN = ModelChoice("rnn", 12, 1, batch=8, feeding=FED)
TRANSFORMER = ModelChoice("attention", 12, 2, heads=2, batch=8)


@pytest.mark.parametrize("choice", [FED_RNN, TRANSFORMER], ids=["fed", "attention"])
async def test_every_translator_is_unrolled(choice: ModelChoice) -> None:
    async with live(corpus="reverse:4", choice=choice, keep=False, size=(160, 60)) as s:
        view = await opened(s)
        net = (await seen(s, view)).unrolled
        assert [one.part for one in net.strands] == ["encoder"] * choice.layers + ["decoder"] * choice.layers
        await s.press("end", "left")
        t = view.steps - 2
        await s.until(lambda: view.standpoint.playhead == t, "the playhead")
        top, label = net.strands[-1], "|dL/dh|" if choice.feeding == FED else "|dL/dx‴2|"
        await s.until(lambda: significant(top.steps[t - top.first].gradient) in row(s, label), "its gradient")
        probe = s.now.probe
        assert probe is not None
        assert probe.translation is not None
        alignments = probe.translation.alignments
        assert alignments is not None
        weights = alignments[0].mean(axis=0)[t + 1]
        shares = [percent(float(weights[s])).strip() for s in drawn(view) if s < probe.bar]
        assert re.findall(r"\d+%", row(s, "attends to")) == shares
        assert "W_feed" in s.text() if choice.feeding == FED else "attention takes it to other timesteps" in s.text()


async def test_where_a_decoder_looks_is_named_if_it_is_out_of_view() -> None:
    async with live(corpus="reverse:6", choice=FED_RNN, keep=False, size=(80, 40)) as s:
        view = await opened(s)
        await s.press("end", "left")
        await s.until(lambda: view.standpoint.playhead == view.steps - 2, "the playhead")
        probe, weights = s.now.probe, view.subject.attended(view.steps - 2, 0)
        assert probe is not None
        assert weights is not None
        assert np.nansum(weights) == pytest.approx(1, abs=1e-5)
        most = int(np.argmax(weights))
        said = f"◂ {probe.symbols[most].strip()} {percent(float(weights[most])).strip()}"
        await s.until(lambda: min(drawn(view)) >= probe.bar and said in s.text(), "what it looks at")


async def test_every_size_shows_the_picture_and_waits_in_words() -> None:
    for size in SIZES:
        async with stage(size=size) as s:  # a scripted session unrolls nothing
            await s.press("space", "f4")
            assert isinstance(s.app.view, Unrolled)
            assert "waiting for a probe" in s.text()
            assert all(len(line) == size[0] for line in s.lines())
