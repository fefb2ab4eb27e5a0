"""The view of writing, driven by keys."""

import re

import numpy as np
import pytest
from seqcore.data.vocabulary import Vocabulary
from seqcore.sampling import softmax

from seqtui.live.next_token import Asked, NextToken
from seqtui.tui.screens.write import Write
from seqtui.tui.screens.write_commands import WRITE
from tests.tui.reading import SIZES, Stage, stage
from tests.tui.scripted import ALPHABET, make_next

FIRST = "".join(ALPHABET[:3])


async def opened(s: Stage) -> Write:
    await s.press("space", "f7")
    view = s.app.view
    assert isinstance(view, Write)
    return view


async def press(s: Stage, *keys: str) -> None:
    """Press one key after another, each when the model has answered the one before."""
    for key in keys:
        await s.press(key)
        await s.pull()


def written(s: Stage) -> str:
    """The text after the prompt."""
    view = s.app.view
    assert isinstance(view, Write)
    return "".join(ALPHABET[token] for token in view.texts.path)


def bars(s: Stage) -> list[tuple[str, str]]:
    """The tokens and their numbers, from the screen."""
    found = [re.search(r"([▸ ]) (\S+) +(\S+%)", line) for line in s.lines()]
    return [(one.group(2), one.group(3)) for one in found if one]


@pytest.mark.parametrize("size", SIZES)
async def test_tokens_are_taken_picked_and_given_back(size: tuple[int, int]) -> None:
    async with stage(size=size) as s:
        await opened(s)
        await press(s, "enter", "right", "l")
        assert written(s) == FIRST
        await press(s, "down", "down", "enter")
        assert written(s) == FIRST + ALPHABET[5], "the third likeliest"
        await press(s, "left", "h", "backspace")
        assert written(s) == FIRST[:1]
        await s.press("1")
        assert "Then " + FIRST[:1] + "▌" in s.text()


async def test_the_bars_equal_the_softmax_at_the_temperature_and_change_at_once() -> None:
    async with stage(size=(120, 36)) as s:
        view = await opened(s)
        looked = len(s.session.calls)
        for temperature in (0.8, 0.7, 0.6):
            assert view.sampling.temperature == temperature
            shares = softmax(make_next(0, Asked("")).logits, temperature)
            assert [float(number.strip("%<")) for _, number in bars(s)[:5]] == pytest.approx(
                (100 * np.sort(shares)[::-1][:5]).tolist(), abs=0.6
            )
            await s.press("comma")
        await s.press("full_stop", "full_stop", "less_than_sign", "less_than_sign")
        assert "top-k 50" in s.text()
        assert len(s.session.calls) == looked, "nothing is computed anew"


async def test_what_top_k_and_top_p_exclude_is_never_written() -> None:
    async with stage(size=(120, 36)) as s:
        view = await opened(s)
        for _ in range(8):
            await s.press("less_than_sign")
        assert view.sampling.top_k == 1
        assert "g let it write" in s.lines()[-1]
        await s.press("g")
        assert "g stop" in s.lines()[-1]
        for _ in range(30):
            await s.frames(1)
        assert written(s) == "".join((ALPHABET * 2)[: len(written(s))])
        assert len(written(s)) >= 10
        await s.press("g")
        before = written(s)
        await s.frames(5)
        assert written(s) == before


async def test_branches_are_kept_and_gone_to() -> None:
    async with stage(size=(120, 36)) as s:
        await opened(s)
        await s.press("enter", "enter", "enter", "left", "down", "enter")
        for _ in range(5):
            await s.pull()
        other = FIRST[:2] + ALPHABET[3]
        assert written(s) == other
        assert "2 branches" in s.text()
        await s.press("b")
        assert written(s) == FIRST
        await s.press("0")
        assert written(s) == ""
        await s.press("end")
        assert written(s) == FIRST, "along the branch that one was on"
        await press(s, "B", "0", "right", "right")
        assert written(s) == FIRST[:2]
        await s.press("dollar_sign")
        assert written(s) == other


async def test_a_text_is_typed() -> None:
    async with stage(size=(120, 36)) as s:
        await opened(s)
        await s.press("slash", "a", "b", "enter")
        assert written(s) == "ab"
        await s.press("slash", "☃", "enter")
        assert written(s) == "ab"
        assert "not in the vocabulary" in s.text()


async def test_keys_that_are_faster_than_the_model_are_not_lost() -> None:
    async with stage(size=(120, 36)) as s:
        view = await opened(s)
        s.session.say(looks={"next token": make_next(0, Asked("elsewhere"))})
        view.show(s.session.snapshot())
        await s.press("enter", "enter")
        assert written(s) == ""
        for _ in range(3):
            s.session.look_for({"next token": view.arguments})
            await s.pull()
        assert written(s) == FIRST[:2]


async def test_what_stands_in_the_training_part_is_underlined_and_said() -> None:
    async with stage(size=(120, 36)) as s:
        await opened(s)
        await press(s, *["enter"] * 25)
        assert "Copied: 100% stands in the training part" in s.text()
        assert "the longest stretch found there has 25 tokens" in s.text()


async def test_control_characters_and_markup_of_tokens_stay_text() -> None:
    async with stage(size=(120, 36)) as s:
        view = await opened(s)
        symbols = ("\x1b[31m", "[bold]", "\n", "a")
        found = NextToken(
            1, view.arguments, np.array([3, 2, 1, 0], np.float32), Vocabulary("word", symbols), (), (), ""
        )
        s.session.say(looks={"next token": found})
        await s.pull()
        assert "\x1b" not in s.text()
        assert "[bold]" in s.text()


def test_every_key_of_the_view_leads_to_one_command() -> None:
    keys = [key for one in WRITE for key in one.keys]
    assert len(keys) == len(set(keys))
