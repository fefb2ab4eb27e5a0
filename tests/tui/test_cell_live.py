"""The view of the cell on real training runs: its numbers are those of the model, and lead to each other."""

import math
import re
from pathlib import Path

import pytest

from seqtui.live.cell_watch import CellSeen
from seqtui.live.snapshot import FED, ModelChoice, Phase
from seqtui.tui.panes.cell_pictures import PICTURES, forward_values
from seqtui.tui.screens.cell import Cell
from seqtui.tui.screens.cell_commands import CELL
from seqtui.visible import cell_width
from tests.core.tasks.picture_runs import arrays
from tests.tui.test_end_to_end import TEXT, Live, folders, live

__all__ = ["folders"]  # a fixture, applied to every test

NARROWEST = 78  # cells of a pane at 80 columns
MODELS = [
    ModelChoice("lstm", 12, 2, batch=4, length=16),
    ModelChoice("gru", 12, 1, batch=4, length=16),
    ModelChoice("rnn", 12, 1, batch=4, length=16),
    ModelChoice("attention", 16, 2, batch=4, length=16),
    ModelChoice("feedforward", 12),
]


PAIRS = {
    "rnn, fed": ModelChoice("rnn", 12, 1, batch=8, feeding=FED),
    "lstm, fed": ModelChoice("lstm", 12, 1, batch=8, feeding=FED),
    "gru, fed": ModelChoice("gru", 12, 1, batch=8, feeding=FED),
    "decoder block": ModelChoice("attention", 12, 1, heads=2, batch=8),
}  # by the picture of the decoder


@pytest.fixture
def corpus(tmp_path: Path) -> str:
    path = tmp_path / "geese.txt"
    path.write_text(TEXT, encoding="utf-8")
    return str(path)


async def opened(s: Live) -> Cell:
    await s.training()
    await s.press("space")
    await s.until(lambda: s.now.phase is Phase.PAUSED and s.now.probe is not None
                  and s.now.probe.step == s.now.step, "the probe of the last step: no other follows")  # fmt: skip
    await s.press("f3")
    await s.until(lambda: isinstance(s.app.view, Cell) and s.app.view.seen is not None
                  and s.app.view.seen.step == s.now.step, "the equations")  # fmt: skip
    view = s.app.view
    assert isinstance(view, Cell)
    return view


async def seen(s: Live, view: Cell) -> CellSeen:
    """What answers the newest question."""
    await s.until(lambda: view.seen is not None and view.seen.asked == view.arguments, "the answer")
    await s.until(lambda: view.seen is not None and drawn_value(view) in s.text(), "it drawn")
    assert view.seen is not None
    return view.seen


def drawn_value(view: Cell) -> str:
    """The value of the equation that is picked, as drawn."""
    line = view.subject.line
    assert line is not None
    return f"{line.value:+.5f}" if line.value == 0 or abs(line.value) >= 1e-3 else f"{line.value:+.2e}"


def made(s: Live) -> tuple[list[float], float]:
    """The terms in the third pane, the sum of the others among them, and the number below the line."""
    right = [line[len(line) // 2 :] for line in s.lines()]
    numbers = [(line, re.search(r"([+×]) +([-+]\d[\d.e+-]*)", line)) for line in right]
    rule = next(place for place, line in enumerate(right) if "──────────  " in line)
    terms = [float(found.group(2)) for _, found in numbers[:rule] if found]
    below = re.search(r"([-+]\d[\d.e+-]*)  =", right[rule + 1])
    assert below is not None
    return terms, float(below.group(1))


@pytest.mark.parametrize("choice", MODELS, ids=[choice.family for choice in MODELS])
async def test_terms_on_the_screen_sum_to_the_value_and_factors_multiply_to_the_gradient(
    corpus: str, choice: ModelChoice
) -> None:
    async with live(corpus=corpus, choice=choice, keep=False, size=(160, 60)) as s:
        view = await opened(s)
        found = await seen(s, view)
        assert found.facts.t == view.standpoint.playhead > 0
        for quantity in found.facts.quantities:
            assert quantity.computed == pytest.approx(quantity.value, abs=1e-5)
            terms, total = made(s)
            assert math.fsum(terms) == pytest.approx(total, abs=1e-4 * max(1, len(terms)))
            await s.press("down")
            await s.until(lambda: drawn_value(view) in s.text(), "the next equation")
        await s.press("b")
        back = (await seen(s, view)).back
        assert back is not None
        assert "chain rule backwards" in s.text()
        assert "b forwards" in s.lines()[-1]
        for gradient in back.gradients:
            scale = max(abs(one.value) for one in back.gradients)
            assert gradient.computed == pytest.approx(gradient.value, abs=1e-5 * max(1e-3, scale))
        await s.press("b")
        await s.until(lambda: "2 equations" in s.text(), "the equations again")


async def test_the_subject_is_moved_by_keys_and_travels(corpus: str) -> None:
    async with live(corpus=corpus, choice=MODELS[0], keep=False) as s:
        view = await opened(s)
        first = (await seen(s, view)).facts
        await s.press("right")
        assert (await seen(s, view)).facts.t == first.t + 1
        await s.press("greater_than_sign")
        assert (await seen(s, view)).facts.unit == (first.unit + 1) % 12
        await s.press("G")
        facts = (await seen(s, view)).facts
        assert facts.layer == 1
        assert "layer 2 · unit" in s.text()
        await s.press("escape")
        assert s.app.view is s.app.lab
        chosen = s.app.lab.score.selection
        assert (s.app.lab.score.playhead, chosen.layer, chosen.unit) == (facts.t, 1, facts.unit)


async def test_a_translator_shows_its_encoder_before_the_bar_and_its_decoder_after_it() -> None:
    async with live(corpus="reverse:4", choice=ModelChoice("gru", 12, 1, batch=8), keep=False) as s:
        view = await opened(s)
        await s.press("0")
        assert (await seen(s, view)).facts.part == "encoder"
        assert "encoder · layer 1" in s.text()
        await s.press("end")
        found = await seen(s, view)
        assert found.facts.part == "decoder"
        assert "ctx_t" in s.text(), "the context of attention is among its equations"
        await s.press("v")
        await s.until(lambda: "one direction" in s.text() or "second direction" in s.text(), "why there is no other")


async def test_a_classifier_shows_the_scores_of_its_classes(tmp_path: Path) -> None:
    rows = "\n".join(f"{'good' if n % 3 else 'bad'} thing {n % 7}\t{'pos' if n % 3 else 'neg'}" for n in range(90))
    path = tmp_path / "things.tsv"
    path.write_text(f"text\tlabel\n{rows}\n", encoding="utf-8")
    async with live(corpus=str(path), choice=ModelChoice("lstm", 12, 1, batch=8), keep=False, size=(160, 60)) as s:
        view = await opened(s)
        await s.press("end")
        found = await seen(s, view)
        assert found.facts.end is not None
        assert {one.label for one in found.facts.end.outputs} == {"pos", "neg"}
        assert "logit_t" in s.text()


@pytest.mark.parametrize("choice", MODELS, ids=[choice.family for choice in MODELS])
async def test_every_place_of_a_picture_has_a_number(corpus: str, choice: ModelChoice) -> None:
    async with live(corpus=corpus, choice=choice, keep=False) as s:
        found = await seen(s, await opened(s))
        places = set(re.findall(r"‹(.{3})›", PICTURES[choice.family]))
        assert places == places & set(forward_values(found.facts)), places - set(forward_values(found.facts))


@pytest.mark.parametrize("picture", PAIRS)
async def test_a_decoder_has_a_picture_of_its_own(picture: str) -> None:
    async with live(corpus="reverse:4", choice=PAIRS[picture], keep=False, size=(160, 60)) as s:
        view = await opened(s)
        await s.press("end", "left")
        found = await seen(s, view)
        assert found.facts.cell == picture
        places = set(re.findall(r"‹(.{3})›", PICTURES[picture]))
        assert places == places & set(forward_values(found.facts)), places - set(forward_values(found.facts))
        label = "W_feed" if "fed" in picture else "e_ts = q'_t · k'_s / √d"
        assert label in s.text()
        await s.press("b")
        back = (await seen(s, view)).back
        assert back is not None
        first = "dL/dh̃_t = W_hy dL/dlogits + W_feed (dL/dz at t+1)" if "fed" in picture else "dL/dn = W_hy dL/dlogits"
        assert first in s.text()


async def test_a_patch_of_a_picture_is_shown_before_the_bar(tmp_path: Path) -> None:
    choice = ModelChoice("gru", 12, 2, batch=8)
    async with live(corpus=arrays(tmp_path / "mine.npz", 90), choice=choice, keep=False, size=(160, 60)) as s:
        view = await opened(s)
        await s.press("0", "G")
        found = await seen(s, view)
        assert (found.facts.part, found.facts.layer, found.facts.cell) == ("encoder", 0, "patches")
        values = forward_values(found.facts)
        assert set(re.findall(r"‹(.{3})›", PICTURES["patches"])) == set(values) & {"Σx_", "Σb_", "z_t", "a_t"}
        assert math.tanh(values["Σx_"] + values["Σb_"]) == pytest.approx(values["a_t"], abs=1e-5)
        assert "patch x_t" in s.text()
        assert "y1x1 red" in s.text(), "the pixels are named"
        await s.press("end")
        assert (await seen(s, view)).facts.layer == 1, "the layer that was chosen, of the decoder"


@pytest.mark.parametrize("kind", PICTURES)
def test_a_picture_fits_the_narrowest_screen(kind: str) -> None:
    assert max(cell_width(line) for line in PICTURES[kind].splitlines()) <= NARROWEST


def test_no_key_of_the_view_leads_to_two_commands() -> None:
    keys = [key for one in CELL for key in one.keys]
    assert len(keys) == len(set(keys))


@pytest.mark.parametrize("family", PICTURES)
def test_a_picture_fits_into_the_smallest_screen_that_shows_it(family: str) -> None:
    assert max(len(line) for line in PICTURES[family].splitlines()) <= 80 - 2
