"""What a score wants to show of a model, before a probe shows it and then: its staves, its heads, its titles."""

from seqcore.records import Probe

from seqtui.snapshot import ModelChoice
from seqtui.tui.panes.attention import attention_of, heads_of
from seqtui.tui.panes.selection import Selection, layer_count

TITLE = "the score: one column a timestep"
_SHORT_TITLE = "the score"  # where more is to be said
_EXPECTED = {  # staves of a model that no probe has shown yet
    "rnn": ("h",),
    "gru": ("reset", "update", "candidate", "h"),
    "lstm": ("input", "forget", "cell", "output", "c", "h"),
    "attention": ("q", "k", "v", "stream"),
    "feedforward": ("h",),
}


def stave_names(probe: Probe | None, model: ModelChoice, selection: Selection) -> tuple[str, ...]:
    """Staves of the layer shown, or of the model before a probe shows them."""
    return _EXPECTED.get(model.family, ("h",)) if probe is None else selection.names(probe)


def most_units(probe: Probe | None, model: ModelChoice, selection: Selection) -> int:
    """The most units that a stave has, or will have."""
    if probe is not None:
        return selection.most_units(probe)
    return max(model.heads, model.layers + 1) if model.family == "attention" else model.hidden


def heads(probe: Probe | None, model: ModelChoice) -> tuple[int, int] | None:
    """Layers and heads of attention; None for a model without."""
    if probe is not None:
        return heads_of(probe) if attention_of(probe) is not None else None
    return (model.layers, model.heads) if model.family == "attention" else None


def titles(probe: Probe, selection: Selection, playhead: int) -> tuple[str, ...]:
    """The title with layer and head, and what is picked and with which keys, longest first."""
    layers, attention, last = layer_count(probe), attention_of(probe), len(probe.symbols) - 1
    where = f" · layer {selection.layer + 1} of {layers}" if layers > 1 else ""
    title = TITLE + where
    if attention is not None:
        title = f"{_SHORT_TITLE}{where} · head {selection.head + 1} of {attention.shape[1]}"
    place = f"playhead {playhead:>{len(str(last))}}/{last}"
    unit = f"↑ ↓ {selection.unit_said(probe)}"
    return title, f"← → {place}   {unit}   g gate   e text", f"{place}   {unit}", place
