"""Other characters to draw with: every one of ours has a place in the table, and keeps its one cell."""

import ast
from pathlib import Path

import pytest
from rich.cells import cell_len

import seqtui.tui
from seqtui.settings.file import Settings
from seqtui.settings.table import GLYPHS
from seqtui.tui.glyphs import QUADRANTS, TABLES, quarters, sign
from tests.tui.reading import SIZES, Stage, stage
from tests.tui.test_themes import VIEW_KEYS

BRAILLE = [chr(0x2800 + pattern) for pattern in range(256)]


def constants(path: Path) -> str:
    """All characters in the strings of a module that are not documentation."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    documented = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    bodies = [node.body for node in ast.walk(tree) if isinstance(node, documented)]
    documentation = {id(body[0].value) for body in bodies if body and isinstance(body[0], ast.Expr)}
    strings = (node for node in ast.walk(tree) if isinstance(node, ast.Constant) and id(node) not in documentation)
    return "".join(node.value for node in strings if isinstance(node.value, str))


def test_the_settings_name_every_table() -> None:
    assert list(GLYPHS) == list(TABLES)


def test_every_character_that_the_screen_draws_with_has_one_in_ascii() -> None:
    drawn = {c for path in Path(seqtui.tui.__file__).parent.rglob("*.py") for c in constants(path) if not c.isascii()}
    assert {"▀", "─", "●", "←", "σ"} <= drawn
    assert {c for c in drawn if not c.translate(TABLES["ascii"]).isascii()} == set()


@pytest.mark.parametrize("name", TABLES)
def test_no_character_changes_its_width(name: str) -> None:
    for code, other in TABLES[name].items():
        assert cell_len(other) == cell_len(chr(code)), (chr(code), other)


def test_a_quarter_block_has_the_quarters_in_which_there_are_dots() -> None:
    assert [quarters(pattern) for pattern in (0x00, 0x01, 0x02, 0x08, 0x40, 0x80, 0xFF, 0x01 | 0x80)] == list(
        " ▘▘▝▖▗█▚"
    )
    assert {quarters(pattern) for pattern in range(256)} == set(QUADRANTS)


@pytest.mark.parametrize(
    ("dots", "drawn"),
    [("⠀", " "), ("⠉", "'"), ("⠒", "-"), ("⠤", "-"), ("⣀", "_"), ("⡇", "|"), ("⢸", "|"), ("⣿", "|"), ("⡠", "-"),
     ("⢄", "-"), ("⡈", "/"), ("⢁", "\\"), ("⠊", "-"), ("⠑", "-"), ("⡰", "/"), ("⢆", "\\"), ("⠁", "'"), ("⢀", "_")],
)  # fmt: skip
def test_a_sign_is_where_the_dots_are(dots: str, drawn: str) -> None:
    assert sign(ord(dots) - 0x2800) == drawn


def drawn(s: Stage) -> set[str]:
    return set(s.text()) - {"\n"}


@pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
async def test_in_ascii_every_view_and_dialog_is_ascii(size: tuple[int, int]) -> None:
    async with stage(size=size, settings=Settings(glyphs="ascii")) as s:
        for keys in VIEW_KEYS:
            await s.press(*keys)
            await s.frames(1)
            assert {c for c in drawn(s) if not c.isascii()} == set(), keys
            await s.press("escape", "escape")
        assert set(".:*#") <= drawn(s), "heatmaps are drawn with a ramp"
        assert len([line for line in s.lines() if line.startswith("|")]) > 5


@pytest.mark.parametrize("glyphs", ["braille", "blocks"])
async def test_curves_are_of_braille_or_of_quarter_blocks_and_heatmaps_of_half_blocks(
    glyphs: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLORTERM", "truecolor")
    async with stage(settings=Settings(glyphs=glyphs)) as s:
        braille, blocks = drawn(s) & set(BRAILLE), drawn(s) & set("▘▝▖▗▞▚▙▟▛▜")
        assert bool(braille) == (glyphs == "braille")
        assert bool(blocks) == (glyphs == "blocks")
        assert s.text().count("▀") > 200


async def test_only_the_characters_differ() -> None:
    texts = {}
    for glyphs in TABLES:
        async with stage(settings=Settings(glyphs=glyphs)) as s:
            texts[glyphs] = s.lines()
    for plain, blocks in zip(texts["braille"], texts["blocks"], strict=True):
        assert plain.translate(TABLES["blocks"]) == blocks
    assert all(cell_len(line) == 120 for lines in texts.values() for line in lines)
