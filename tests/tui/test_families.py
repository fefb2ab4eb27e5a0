"""Every family on the same screen: its own staves, comparable reach, and the settings kept when changing family."""

import dataclasses
import re

import numpy as np
import pytest
from seqcore.config import FAMILIES

from seqtui.live.snapshot import ModelChoice, Phase
from seqtui.tui.panes.score import ScorePane
from seqtui.tui.panes.staves import LABELS
from seqtui.tui.widgets.colours import lightness
from seqtui.tui.widgets.numbers import significant
from tests.tui.panes.drawn import cell_at, line_with, lines, staged, text
from tests.tui.panes.made import made_snapshot
from tests.tui.reading import SIZES, Stage, stage
from tests.tui.scripted import MEMORY, STAVES, ScriptedSession, make_probe

pytestmark = pytest.mark.long
GUTTER = 13
TEXT = "the cat sat on the mat and ate"


def model(family: str) -> ModelChoice:
    return ModelChoice(family, 32, 1 if family == "feedforward" else 2)


def session(family: str) -> ScriptedSession:
    return ScriptedSession(model=model(family))


async def go_round(s: Stage, label: str) -> None:
    """Press the gates key until the stave with that label is shown."""
    for _ in range(8):
        if label in s.text():
            return
        await s.press("g")
    raise AssertionError(f"no {label}:\n{s.text()}")


async def change_to(s: Stage, family: str) -> None:
    """Change the family in the picker, as a user does."""
    now = s.session.snapshot().model.family
    steps = FAMILIES.index(family) - FAMILIES.index(now)
    await s.press("m", *["right" if steps > 0 else "left"] * abs(steps), "enter")


@pytest.mark.parametrize("family", FAMILIES)
async def test_the_gates_key_goes_round_the_staves_of_the_family(family: str) -> None:
    async with stage(session(family)) as s:
        names = [name for name, *_ in STAVES[family]]
        seen = []
        for _ in names:
            row = next(line for line in s.lines() if line.startswith("│ 4 "))
            seen.append(next(name for name in names if LABELS[name] in row))
            await s.press("g")
        assert sorted(seen) == sorted(names)


@pytest.mark.parametrize("family", FAMILIES)
async def test_a_large_screen_has_all_staves_and_an_empty_one_names_them(family: str) -> None:
    names = [LABELS[name] for name, *_ in STAVES[family]]
    for frames in (2, 40):
        async with stage(session(family), (200, 50), frames) as s:
            assert ("waiting for the kernels" in s.text()) == (frames == 2)
            assert all(name in s.text() for name in names)
            assert (" attends " in s.text()) == (family == "attention")


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("family", FAMILIES)
async def test_every_family_is_drawn_at_every_size(family: str, size: tuple[int, int]) -> None:
    async with stage(session(family), size) as s:
        called = "feedforward 8→32" if family == "feedforward" else f"{family} {model(family).layers}×32"
        assert called in s.lines()[0]
        assert "5 reach ÷max" in s.text()
        await s.press("down", "g", "g", "o", "r", "5")
        assert {len(line) for line in s.lines()} == {size[0]}


@pytest.mark.parametrize(
    ("stave", "unit", "said"),
    [
        ("q", 1, "`q` of head 2 at `a` (t  5): {}"),
        ("k", 0, "`k` of head 1 at `a` (t  5): {}"),
        ("stream", 2, "residual stream after block 2 at `a` (t  5): {}"),
        ("stream", 0, "residual stream before block 1, the embedding, at `a` (t  5): {}"),
    ],
)
async def test_a_norm_is_read_out_as_what_it_is(stave: str, unit: int, said: str) -> None:
    probe = make_probe(TEXT, 600, 32, 2, "attention", 4)
    pane = ScorePane()
    async with staged(pane, made_snapshot(probe, model=model("attention")), (140, 24)):
        pane.playhead = 5
        pane.focus_stave(stave)
        assert "open" not in lines(pane)[-1]
        assert ", from " in lines(pane)[-1]
        pane.selection.pick_unit(probe, stave, unit)
        pane.focus_stave(stave)
        value = significant(float(probe.stave(stave, 0).values[5, unit]))
        assert lines(pane)[-1].strip().startswith(said.format(f"{value:>5}"))
        assert "open" not in text(pane)


async def test_a_norm_has_a_scale_from_nothing_to_its_own_maximum_that_does_not_jitter() -> None:
    probe = make_probe(TEXT, 600, 32, 2, "attention", 4)
    pane = ScorePane()
    async with staged(pane, None, (120, 24)):
        seen = []
        for largest in (7.3, 7.0, 6.6, 7.9, 12.0):
            values = np.full((len(TEXT), 4), largest, np.float32)
            staves = tuple(dataclasses.replace(one, values=values) if one.name == "q" else one for one in probe.staves)
            pane.show(made_snapshot(dataclasses.replace(probe, staves=staves), model=model("attention")))
            pane.focus_stave("q")
            label = lines(pane)[line_with(pane, "query q") + 2]
            seen.append(label.split()[0])
        assert seen == ["0–8", "0–8", "0–8", "0–8", "0–15"]


async def test_a_unit_of_q_is_a_head_and_the_other_way_round() -> None:
    async with stage(session("attention")) as s:
        await go_round(s, "4 query q")
        await s.press("down")
        await s.press("down")
        unit = s.lab.score.selection.unit
        assert unit is not None
        assert s.lab.score.selection.head == unit
        assert f"head {unit + 1} of 4" in s.text()
        await s.press("greater_than_sign")
        assert s.lab.score.selection.unit == s.lab.score.selection.head == (unit + 1) % 4
        await s.press(*["greater_than_sign"] * (3 - s.lab.score.selection.head))
        assert s.lab.score.selection.head == 3
        await go_round(s, "4 stream")
        assert s.lab.score.selection.unit == 2, "the stream has fewer units than there are heads"


def reach_cells(pane: ScorePane) -> list[object]:
    y = line_with(pane, "reach ÷max")
    return [cell_at(pane, GUTTER + t, y) for t in range(len(TEXT))]


async def test_the_reach_is_the_inputs_and_does_not_depend_on_how_large_an_embedding_is() -> None:
    drawn = []
    for size in (1.0, 50.0, 1e-4):
        pane = ScorePane()
        probe = make_probe(TEXT, 600, 32, 1, "lstm", size=size)
        async with staged(pane, made_snapshot(probe), (120, 24)):
            pane.playhead = 25
            drawn.append(reach_cells(pane))
            assert "1e0 … 1e-6 of the largest |dL/dx| before the playhead: " in text(pane)
    assert drawn[0] == drawn[1] == drawn[2]


async def test_families_are_compared_in_one_glance(monkeypatch: pytest.MonkeyPatch) -> None:
    """A gradient that vanishes sooner is darker at the same position, and its reach in characters is smaller."""
    monkeypatch.setenv("COLORTERM", "truecolor")
    monkeypatch.setenv("TERM", "xterm-256color")
    shades, told = {}, {}
    for family in MEMORY:
        pane = ScorePane()
        async with staged(pane, made_snapshot(make_probe(TEXT, 3000, 32, 1, family), model=model(family)), (120, 24)):
            pane.playhead = 25
            colour = reach_cells(pane)[5][1].color.triplet  # type: ignore[index]  # a cell and its style
            shades[family] = lightness(tuple(colour))
            told[family] = int(re.search(r"(\d+) characters? to a tenth", text(pane))[1])  # type: ignore[index]  # it is shown
    order = sorted(MEMORY, key=lambda family: MEMORY[family])
    assert sorted(MEMORY, key=lambda family: shades[family]) == order
    assert [told[family] for family in order] == sorted(told.values())
    assert told["rnn"] < told["lstm"]


@pytest.mark.parametrize("size", SIZES[:2])
async def test_changing_the_model_keeps_text_prompt_panes_playhead_and_staves(size: tuple[int, int]) -> None:
    async with stage(size=size) as s:
        await s.press("e", *"to the mill and back", "enter")
        await s.press("p", *"So", "enter")
        await s.press("2", "3", "b")
        await s.frames(3)
        await go_round(s, "4 hidden h")
        await s.press("0", "right", "right", "right", "r")
        kept = s.session.snapshot()
        reach = s.lab.score.selection.reach
        for family in ("gru", "rnn", "attention", "lstm"):
            await change_to(s, family)
            await s.frames(40)
            now = s.session.snapshot()
            assert now.model.family == family
            assert (now.corpus, now.probe_text, now.prompt) == (kept.corpus, kept.probe_text, kept.prompt)
            assert "playhead  3/19" in s.text()
            assert s.lab.score.selection.reach == reach
            assert "2 writing" in s.text()
            assert s.lab.current == "score"
            expected = "stream" if family == "attention" else "hidden h"
            if family != "lstm":
                assert f"4 {expected}" in s.text(), "h is there in all families but attention"


@pytest.mark.parametrize("size", SIZES[:2])
@pytest.mark.parametrize("keys", [(), ("1",), ("3", "z"), ("f",)], ids=["as it was", "at the loss", "zoomed", "frozen"])
async def test_kernels_of_another_family_are_listed_over_an_earlier_model(
    size: tuple[int, int], keys: tuple[str, ...]
) -> None:
    async with stage(size=size) as s:
        await s.press(*keys)
        before = s.lab.current
        await change_to(s, "gru")
        await s.frames(3)
        assert s.session.snapshot().phase is Phase.COMPILING
        words = " ".join(re.sub("[│╭╮╰╯─]", " ", s.text()).split())
        assert re.search(r"compiling \S+ [a-z ]*\S*, 3 of 9, once on this machine", words)
        if keys in ((), ("1",)):
            assert "✓ gru forward" in s.text()
            assert "▸ softmax loss" in s.text()
        await s.frames(40)
        assert "once on this machine" not in s.text()
        assert s.lab.current == before
        await change_to(s, "lstm")
        await s.frames(2)
        assert s.session.snapshot().phase is Phase.TRAINING, "those of the first were compiled already"


async def test_who_looks_elsewhere_while_kernels_are_compiled_stays_there() -> None:
    async with stage(size=(80, 24)) as s:
        await change_to(s, "gru")
        await s.frames(2)
        assert "✓ embedding forward" in s.text()
        assert "▸ gru forward" in s.text()
        await s.press("1")
        await s.frames(1)
        assert s.lab.loss.display
        assert "◔ compiling softmax loss, 3 of 9, once on this machine" in s.text()
