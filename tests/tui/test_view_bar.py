"""The line of views names them where it can, keeps their keys where it cannot, and is never longer than the screen."""

import pytest

from seqtui.tui.bars.views import line
from seqtui.tui.registry import key_label
from seqtui.tui.screens.health_commands import HEALTH
from seqtui.tui.screens.lab_commands import LAB
from seqtui.views import LAB as LAB_VIEW
from seqtui.views import VIEWS

ALL = frozenset(view.needs for view in VIEWS.values())
KEYS = [key_label(view.key) for name, view in VIEWS.items() if name != LAB_VIEW]


def test_a_wide_screen_has_every_name_with_its_key_and_the_question() -> None:
    text = line("health", HEALTH, ALL, 260).plain
    assert [text.index(view.label) for view in VIEWS.values()] == sorted(
        text.index(view.label) for view in VIEWS.values()
    )
    assert all(f"{key_label(view.key)} {view.label}" in text for view in VIEWS.values())
    assert text.rstrip().endswith(VIEWS["health"].question)


@pytest.mark.parametrize("width", [60, 80, 100, 120, 200])
def test_every_key_is_there_at_any_width(width: int) -> None:
    for current, commands in ((LAB_VIEW, LAB), ("health", HEALTH)):
        text = line(current, commands, ALL, width).plain
        words = text.split()
        assert len(text) <= width
        assert all(key in words for key in KEYS)
        assert VIEWS[current].label in words


def test_at_80_columns_only_the_view_on_the_screen_has_its_name() -> None:
    words = line("health", HEALTH, ALL, 80).plain.split()
    assert "health" in words
    assert "cell" not in words


def test_a_view_that_the_task_does_not_have_is_not_offered() -> None:
    assert "F2" not in line(LAB_VIEW, LAB, frozenset(), 200).plain.split()
