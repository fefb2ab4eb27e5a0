"""The view of neurons on real training runs, driven by keys."""

import re
from pathlib import Path

import numpy as np
import pytest

from seqtui.live.snapshot import ModelChoice, Phase
from seqtui.tui.screens.neurons import Neurons
from seqtui.tui.screens.neurons_commands import NEURONS
from seqtui.tui.widgets.numbers import significant
from tests.core.neurons.passages import written
from tests.tui.test_end_to_end import Live, folders, live

__all__ = ["folders"]  # a fixture, applied to every test


@pytest.fixture
def corpus(tmp_path: Path) -> str:
    path = tmp_path / "owls.txt"
    path.write_text(written(16_000), encoding="utf-8")
    return str(path)


async def opened(s: Live) -> Neurons:
    await s.training()
    await s.press("space")
    await s.until(lambda: s.now.phase is Phase.PAUSED and s.now.probe is not None, "a probe")
    await s.press("f5")
    await s.until(lambda: isinstance(s.app.view, Neurons), "the view")
    view = s.app.view
    assert isinstance(view, Neurons)
    return view


async def searched(s: Live, view: Neurons) -> None:
    await s.until(lambda: view.subject.seen is not None and view.subject.seen.searched is not None, "the search")
    await s.until(lambda: view.subject.findings and f"{view.subject.findings[0].score:.3f}" in s.text(), "it drawn")


def readout(view: Neurons) -> str:
    """The value under the playhead, as drawn."""
    tint = view.subject.tint
    assert tint is not None
    return f"(t {view.subject.playhead}): {significant(float(tint[view.subject.playhead]))}"


@pytest.mark.parametrize(
    "choice",
    [ModelChoice("lstm", 12, 2, batch=4, length=16), ModelChoice("attention", 16, 1, batch=4, length=16)],
    ids=["lstm", "attention"],
)
async def test_a_finding_is_picked_and_the_text_tinted_by_its_unit(corpus: str, choice: ModelChoice) -> None:
    async with live(corpus=corpus, choice=choice, keep=False) as s:
        view = await opened(s)
        await searched(s, view)
        findings = view.subject.findings
        await s.press("home", "down")
        for place in (1, 2):
            one = findings[place]
            if view.subject.follows is not one:  # a unit may follow several features
                await s.press("down")
            await s.until(
                lambda one=one: f"layer {one.layer + 1} · unit {one.unit}" in s.lines()[2] + s.lines()[1], "its unit"
            )
            await s.until(lambda: readout(view) in s.text(), "its value")
            await s.press("right")
        await s.until(lambda: view.subject.playhead > 0 and readout(view) in s.text(), "the next token")
        chosen = view.subject.chosen
        assert chosen is not None
        await s.press("greater_than_sign")
        width = choice.hidden
        await s.until(lambda: view.subject.chosen == (chosen[0], (chosen[1] + 1) % width), "the next unit")
        await s.press("G")
        await s.until(lambda: view.subject.chosen[0] == (chosen[0] + 1) % choice.layers, "the next layer")  # type: ignore[index]  # there is one


async def test_a_selection_is_made_and_left_by_keys_and_shows_where_else_its_units_are_on(corpus: str) -> None:
    async with live(corpus=corpus, choice=ModelChoice("gru", 12, 1, batch=4, length=16), keep=False) as s:
        view = await opened(s)
        await s.until(lambda: "i begins it at" in s.text(), "how to select")
        await s.press("home", "right", "right", "i", "right", "right", "o")
        for _ in range(6):
            await s.press("comma")
        assert (view.stretch, view.threshold) == ((2, 5), 0.0)
        await s.until(lambda: "all along the stretch" in s.text(), "the units")
        found = view.subject.seen.matched  # type: ignore[union-attr]  # waited for
        assert found is not None
        assert found.places
        shares = [int(one) for one in re.findall(r"│\s+(\d+)% ", s.text())]
        assert shares[:3] == [round(100 * one.likeness) for one in found.places[:3]]
        await s.press("escape")
        await s.until(lambda: view.stretch is None and "i begins it at" in s.text(), "no selection")
        await s.press("escape")
        await s.until(lambda: s.app.view is s.app.lab, "the Lab")


async def test_two_selections_are_told_apart_by_units_that_tint_the_text(corpus: str) -> None:
    async with live(corpus=corpus, choice=ModelChoice("gru", 12, 1, batch=4, length=16), keep=False) as s:
        view = await opened(s)
        await s.until(lambda: "i begins it at" in s.text(), "how to select")
        await s.press("I")
        await s.until(lambda: "Select the first stretch first" in s.text(), "what is missing")
        await s.press("home", "i", *["right"] * 4, "o", *["right"] * 6, "I", *["right"] * 4, "O")
        assert (view.stretch, view.other) == ((0, 5), (10, 15))
        await s.until(lambda: view.subject.separated is not None, "the units")
        found = view.subject.separated
        assert found is not None
        assert found.units
        await s.until(lambda: f"{found.units[0].score:.3f}" in s.text() and "tells them apart" in s.text(), "it drawn")
        await s.press("3", "up", "down")
        one = found.units[0]
        await s.press(*["up"] * 12)
        await s.until(lambda: view.subject.chosen == (one.layer, one.unit), "the text tinted by the first")
        # What is said of the best unit is true of the values that are drawn.
        tint = view.subject.tint
        assert tint is not None
        halves = [tint[a:b] for a, b in ((0, 2), (10, 12))]  # the first halves chose it
        assert np.sign(np.mean(halves[0]) - np.mean(halves[1])) == one.sign
        await s.press("escape")
        await s.until(lambda: view.other is None and view.stretch == (0, 5), "the first selection alone")
        await s.press("escape")
        await s.until(lambda: view.stretch is None, "no selection")
        assert s.app.view is view


async def test_it_searches_again_with_newer_weights_while_the_view_is_left(corpus: str) -> None:
    async with live(corpus=corpus, choice=ModelChoice("rnn", 12, 1, batch=4, length=16), keep=False) as s:
        view = await opened(s)
        await searched(s, view)
        before = view.subject.seen.searched  # type: ignore[union-attr]  # waited for
        assert before is not None
        await s.press("s")
        await s.until(lambda: s.now.probe.step > before.step, "a newer probe")  # type: ignore[union-attr]  # there is one
        assert view.subject.seen.searched is before  # type: ignore[union-attr]  # there is one
        await s.press("a")
        await s.until(lambda: view.subject.seen.searched is not before, "another search")  # type: ignore[union-attr]
        after = view.subject.seen.searched  # type: ignore[union-attr]  # waited for
        assert after is not None
        assert after.step > before.step
        assert np.isfinite([one.score for one in after.best]).all()


async def test_a_pair_says_in_one_line_why_there_is_no_search() -> None:
    async with live(corpus="reverse:4", choice=ModelChoice("gru", 12, 1, batch=8), keep=False) as s:
        await opened(s)
        await s.until(lambda: "encoder and decoder read different" in " ".join(s.text().split()), "why")
        await s.press("down", "greater_than_sign", "G", "i", "o", "right")
        assert "internal error" not in s.text()


def test_no_key_of_the_view_leads_to_two_commands() -> None:
    keys = [key for one in NEURONS for key in one.keys]
    assert len(keys) == len(set(keys))
