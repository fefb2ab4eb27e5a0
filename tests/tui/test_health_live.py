"""The view of health on real training runs, driven by keys."""

from pathlib import Path

import numpy as np
import pytest
from seqcore.health.saturation import of_probe
from seqcore.health.sentences import GOOD

from seqtui.live.snapshot import ModelChoice, Phase
from seqtui.tui.screens.health import Health
from seqtui.tui.screens.health_commands import HEALTH
from seqtui.tui.widgets.numbers import percent, significant
from tests.core.neurons.passages import written
from tests.tui.reading import SIZES, stage
from tests.tui.test_end_to_end import Live, folders, live

__all__ = ["folders"]  # a fixture, applied to every test


@pytest.fixture
def corpus(tmp_path: Path) -> str:
    path = tmp_path / "owls.txt"
    path.write_text(written(16_000), encoding="utf-8")
    return str(path)


async def opened(s: Live) -> Health:
    await s.training()
    await s.press("space")
    await s.until(lambda: s.now.phase is Phase.PAUSED and s.now.probe is not None, "a probe")
    await s.press("f6")
    await s.until(lambda: isinstance(s.app.view, Health), "the view")
    view = s.app.view
    assert isinstance(view, Health)
    return view


async def examined(s: Live, view: Health) -> None:
    await s.until(lambda: view.subject.seen is not None and view.subject.seen.health is not None, "the examination")
    await s.until(lambda: "dead units" in s.text() or "W_hh" in s.text() or "entropy" in s.text(), "it drawn")


async def test_gates_are_shown_by_keys_and_refined_from_held_out_timesteps(corpus: str) -> None:
    async with live(
        corpus=corpus, choice=ModelChoice("lstm", 12, 2, batch=4, length=16), keep=False, size=(120, 50)
    ) as s:
        view = await opened(s)
        await examined(s, view)
        await s.until(lambda: "held-out timesteps," in s.text(), "what it was measured over")
        health = view.subject.seen.health  # type: ignore[union-attr]  # waited for
        assert health is not None
        await s.press("greater_than_sign", "greater_than_sign")
        assert view.standpoint.unit == 1
        for layer in (0, 1):
            for gate in ("input", "forget", "output"):
                shown = next(one for one in health.saturation if (one.gate, one.layer) == (gate, layer))
                shut, passing = (percent(float(shares[1])).strip() for shares in (shown.left, shown.right))
                unit = f"unit 1: shut {shut}, open {passing}"
                title = f"{gate}, layer {layer + 1}"
                await s.until(lambda unit=unit, title=title: unit in s.text() and title in s.text(), title)
                await s.press("g")
            await s.press("G")
        await s.until(lambda: f"0 of {health.units} units" in s.text() or health.dead, "dead units")
        for one in health.singular:
            assert significant(one.value) in s.text()


async def test_the_saturation_of_the_text_is_there_before_anything_is_examined() -> None:
    async with stage(size=(120, 50)) as s:  # a scripted session examines nothing
        await s.press("space", "f6")
        view = s.app.view
        assert isinstance(view, Health)
        probe = s.session.snapshot().probe
        assert probe is not None
        first = of_probe(probe)[0]
        assert f"{len(probe.symbols)} timesteps of the text" in s.text()
        assert f"nearly always shut: {percent(first.extreme[0]).strip()} of {len(first.left)} units" in s.text()
        dots = sum(bin(ord(one) - 0x2800).count("1") for one in s.text() if 0x2800 <= ord(one) < 0x2900)
        assert dots > 0
        assert "still falling" in s.text() or "below the" in s.text() or "flat since" in s.text()


async def test_curves_are_picked_and_switched_by_keys(corpus: str) -> None:
    async with live(corpus=corpus, choice=ModelChoice("rnn", 12, 1, batch=4, length=16), keep=False) as s:
        await s.training()
        await s.until(lambda: s.now.step > 220, "lines of metrics")
        view = await opened(s)
        await s.until(lambda: view.subject.seen is not None and view.subject.seen.updates.step.size > 1, "updates")
        updates = view.subject.seen.updates  # type: ignore[union-attr]  # waited for
        assert "▸ whole model" in s.text()
        for n, name in enumerate(updates.names):
            await s.press("down")
            line = f"▸ {name} {significant(float(updates.gradient_norm[-1, n]))}"
            await s.until(lambda line=line: line in s.text(), line)
        await s.press("u")
        line = f"▸ {updates.names[-1]} {significant(float(updates.update_ratio[-1, -1]))}"
        await s.until(lambda: line in s.text() and "update / weight" in s.text(), "the ratio of the same matrix")
        assert np.isfinite(updates.update_ratio[-1]).all()


async def test_heads_have_an_entropy_and_no_gates(corpus: str) -> None:
    async with live(corpus=corpus, choice=ModelChoice("attention", 16, 1, batch=4, length=16), keep=False) as s:
        view = await opened(s)
        await examined(s, view)
        entropy = view.subject.seen.health.entropy  # type: ignore[union-attr]  # waited for
        assert entropy is not None
        await s.until(lambda: f"{entropy[0, 0]:.2f}  {entropy[0, 1]:.2f}" in s.text(), "the entropies")
        assert "no gates that could saturate" in s.text()
        await s.press("g", "G", "greater_than_sign", "left", "up", "u")
        assert "internal error" not in s.text()


async def test_a_pair_shows_what_its_weights_say() -> None:
    async with live(corpus="reverse:4", choice=ModelChoice("gru", 12, 1, batch=8), keep=False) as s:
        view = await opened(s)
        await examined(s, view)
        singular = view.subject.seen.health.singular  # type: ignore[union-attr]  # waited for
        assert singular
        await s.until(lambda: significant(singular[0].value) in s.text(), "the singular value")


@pytest.mark.parametrize("size", SIZES)
async def test_every_size_shows_a_verdict_and_what_is_good(size: tuple[int, int]) -> None:
    async with stage(size=size) as s:
        await s.press("space", "f6", "1")
        assert "verdict" in s.text()
        assert GOOD["loss"][:30] in s.text()


async def test_the_verdict_stands_below_the_loss_in_the_lab() -> None:
    async with stage(size=(120, 50)) as s:
        await s.press("space")
        verdict = s.lab.loss._remarked.of(s.session.snapshot().history, s.session.snapshot().references)[0].words
        assert verdict in s.text()


def test_no_key_of_the_view_leads_to_two_commands() -> None:
    keys = [key for one in HEALTH for key in one.keys]
    assert len(keys) == len(set(keys))
