"""The selection that stays when the model changes."""

from dataclasses import replace

import pytest
from seqcore.records import Probe

from seqtui.tui.panes.layout import Kind, Wish, arrange
from seqtui.tui.panes.selection import Selection

from .made import made_probe

STAVES = {
    "rnn": ("h",),
    "gru": ("reset", "update", "candidate", "h"),
    "lstm": ("input", "forget", "cell", "output", "c", "h"),
}


def probe(family: str) -> Probe:
    """Return a probe with the staves of this family."""
    made = made_probe(units=8)
    return replace(made, staves=tuple(replace(made.staves[0], name=name) for name in STAVES[family]))


def chosen(selection: Selection, *families: str) -> list[str]:
    """Return the stave chosen for each model in turn."""
    names = []
    for family in families:
        selection.adopt(probe(family))
        names.append(selection.gate)
    return names


def test_the_gate_that_holds_is_chosen_again_after_a_model_without_one() -> None:
    assert chosen(Selection(), "lstm", "rnn", "gru", "rnn", "lstm") == ["forget", "h", "update", "h", "forget"]


def test_a_chosen_stave_returns_with_a_model_that_has_it() -> None:
    selection = Selection()
    selection.adopt(probe("lstm"))
    selection.cycle_gate(probe("lstm"), 1)
    assert selection.gate == "cell"
    assert chosen(selection, "rnn", "gru", "lstm") == ["h", "update", "cell"]
    selection.focus_on("h", STAVES["lstm"])
    assert chosen(selection, "gru", "rnn", "lstm") == ["h", "h", "h"]


@pytest.mark.parametrize(("family", "shown"), [("gru", ("update", "h")), ("lstm", ("forget", "c"))])
def test_with_room_for_two_staves_the_state_comes_with_the_gate_that_holds_it(
    family: str, shown: tuple[str, str]
) -> None:
    names = STAVES[family]
    for asked in shown:
        wish = Wish(staves=names, chosen=asked, units=256, trace=False, triangle=False, compact=True, halves=True)
        layout = arrange(78, 14, 1, wish)
        assert tuple(band.name for band in layout.bands if band.kind is Kind.STAVE) == shown
