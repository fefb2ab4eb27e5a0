"""The themes: every text can be read in each, in every view, and what is drawn stays the same."""

from collections.abc import Iterator
from dataclasses import fields

import pytest
from rich.color import Color as RichColor
from rich.style import Style

from seqtui.settings.file import Settings
from seqtui.settings.table import THEMES as NAMES
from seqtui.tui.theme import DARK, PALETTES, THEMES
from seqtui.tui.widgets.colours import ATTENTION, GATE, REACH, SIGNED
from tests.tui.reading import SIZES, Stage, stage

LEAST = {"dark": 4.5, "light": 4.5, "contrast": 7.0}  # WCAG 2.2: level AA for text, level AAA for high contrast
TEXTS = ("foreground", "muted", "faint", "accent", "warning", "error", "success")
GROUNDS = ("background", "surface", "panel")
SCALES = (ATTENTION, GATE, REACH, SIGNED)
VIEW_KEYS = ((), ("f2",), ("f3",), ("f5",), ("f6",), ("f7",), ("c",), ("m",), ("question_mark",), ("ctrl+p",))


def luminance(colour: tuple[int, int, int]) -> float:
    """The relative luminance of an sRGB colour (WCAG 2.2)."""
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in (v / 255 for v in colour)]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: tuple[int, int, int], other: tuple[int, int, int]) -> float:
    """The contrast ratio of two sRGB colours (WCAG 2.2): 1 to 21."""
    dark, light = sorted((luminance(one), luminance(other)))
    return (light + 0.05) / (dark + 0.05)


def rgb(text: str) -> tuple[int, int, int]:
    triplet = RichColor.parse(text).triplet
    assert triplet is not None
    return triplet.red, triplet.green, triplet.blue


def test_the_contrast_of_black_and_white_is_21() -> None:
    assert contrast((0, 0, 0), (255, 255, 255)) == pytest.approx(21)
    assert contrast((119, 119, 119), (255, 255, 255)) == pytest.approx(4.48, abs=0.01)


def test_the_settings_name_every_theme() -> None:
    assert list(NAMES) == list(THEMES)
    assert set(LEAST) == set(PALETTES)
    assert {field.name for field in fields(PALETTES[DARK])} == {*TEXTS, *GROUNDS, "playhead", "frame"}


@pytest.mark.parametrize("name", PALETTES)
def test_every_text_is_readable_on_every_ground(name: str) -> None:
    palette = PALETTES[name]
    for text in TEXTS:
        for ground in GROUNDS:
            ratio = contrast(rgb(getattr(palette, text)), rgb(getattr(palette, ground)))
            assert ratio >= LEAST[name], (text, ground, ratio)
    for text in ("foreground", "accent", "warning"):  # quiet text is drawn as the foreground there
        ratio = contrast(rgb(getattr(palette, text)), rgb(palette.playhead))
        assert ratio >= LEAST[name], (text, "playhead", ratio)


def drawn(s: Stage) -> Iterator[tuple[str, Style]]:
    """Every character on the screen, or in the dialog on top of it, with its style."""
    shown = next(iter(s.app.screen.query(".box")), s.app.screen).region
    for strip in s.app.screen._compositor.render_strips()[shown.y : shown.bottom]:
        for text, style, _ in strip.crop(shown.x, shown.right):
            for character in text:
                yield character, style or Style()


@pytest.mark.parametrize("keys", VIEW_KEYS, ids="".join)
@pytest.mark.parametrize("name", PALETTES)
async def test_every_letter_on_the_screen_is_readable(
    name: str, keys: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLORTERM", "truecolor")
    async with stage(size=(140, 40), settings=Settings(theme=name)) as s:
        await s.press(*keys)
        await s.frames(1)
        seen, bad = 0, []
        for character, style in drawn(s):
            if character.isalnum() and style.color is not None and style.bgcolor is not None:
                one, other = style.color.get_truecolor(), style.bgcolor.get_truecolor()
                ratio = contrast((one.red, one.green, one.blue), (other.red, other.green, other.blue))
                seen += 1
                if ratio < LEAST[name]:
                    bad.append((character, str(style), ratio))
        assert seen > 100
        assert not bad


def content(s: Stage) -> str:
    """The lines of the panes: without the status line and what is around them."""
    return "\n".join(s.lines()[2:-1])


def heatmap(s: Stage) -> dict[int, tuple[str, str]]:
    """The cells of the screen in which both colours are of a scale, by their place."""
    scales = {"#{:02x}{:02x}{:02x}".format(*colour) for scale in SCALES for colour in scale.colours}
    found = {}
    for place, (character, style) in enumerate(drawn(s)):
        if character == "▀" and style.color is not None and style.bgcolor is not None:
            found[place] = style.color.name, style.bgcolor.name
    return {place: colours for place, colours in found.items() if scales.issuperset(colours)}


@pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
async def test_the_key_goes_round_all_themes_and_the_panes_show_the_same_in_each(
    size: tuple[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLORTERM", "truecolor")
    async with stage(size=size) as s:
        text, cells, seen = content(s), heatmap(s), []
        assert len(cells) > 100
        for _ in THEMES:
            seen.append(s.app.theme)
            assert content(s) == text
            assert heatmap(s) == cells, "the scales of heatmaps do not depend on the theme"
            await s.press("ctrl+t")
        assert seen == [theme.name for theme in THEMES.values()]
        assert s.app.theme == seen[0]


@pytest.mark.parametrize("keys", VIEW_KEYS, ids="".join)
async def test_the_terminals_own_colours_are_its_16_for_every_letter(
    keys: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLORTERM", "truecolor")
    async with stage(size=(140, 40), settings=Settings(theme="terminal")) as s:
        await s.press(*keys)
        await s.frames(1)
        letters = [(character, style) for character, style in drawn(s) if character.isalnum()]
        assert len(letters) > 100
        for character, style in letters:
            for colour in (style.color, style.bgcolor):
                assert colour is None or colour.triplet is None, (character, str(style))
            assert style.color is None or style.color != style.bgcolor or style.color.is_default
        assert keys or any(style.dim for _, style in letters), "quiet text is dim"


async def test_the_playhead_and_what_is_picked_are_reversed_in_the_terminals_own_colours() -> None:
    async with stage(settings=Settings(theme="terminal")) as s:
        before = sum(bool(style.reverse) for _, style in drawn(s))
        assert before > 10, "the playhead goes through the staves"
        await s.press("c")
        reversed_text = "".join(character for character, style in drawn(s) if style.reverse)
        assert "tales" in reversed_text
