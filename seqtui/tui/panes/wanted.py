"""What the score shows of a model, with a probe or before there is one: staves, heads, titles."""

from seqcore.records import Probe

from seqtui.live.snapshot import ModelChoice, Snapshot, TaskInfo
from seqtui.tui.panes.attention import heads_of
from seqtui.tui.panes.layout import FEW_CLASSES, Kind, Wish
from seqtui.tui.panes.selection import Selection, layer_count

TITLE = "the score: a column per timestep"
PAIRED_TITLE = "the score: encoder ║ decoder"
_SHORT_TITLE = "the score"  # if the title also names the head
_EXPECTED = {  # staves of a model without a probe yet
    "rnn": ("h",),
    "gru": ("reset", "update", "candidate", "h"),
    "lstm": ("input", "forget", "cell", "output", "c", "h"),
    "attention": ("q", "k", "v", "stream"),
    "feedforward": ("h",),
}


def stave_names(probe: Probe | None, model: ModelChoice, selection: Selection) -> tuple[str, ...]:
    """Return the staves of the layer shown, or those expected of the model if there is no probe yet."""
    return _EXPECTED.get(model.family, ("h",)) if probe is None else selection.names(probe)


def most_units(probe: Probe | None, model: ModelChoice, selection: Selection) -> int:
    """Return the largest number of units of any stave, expected if there is no probe yet."""
    if probe is not None:
        return selection.most_units(probe)
    return max(model.heads, model.layers + 1) if model.family == "attention" else model.hidden


def heads(probe: Probe | None, model: ModelChoice) -> tuple[int, int] | None:
    """Return the number of layers and of heads; None for a model without attention."""
    if probe is not None:
        found = heads_of(probe)
        return found if all(found) else None
    return (model.layers, model.heads) if model.family == "attention" else None


def few_classes(task: TaskInfo) -> int:
    """Return the number of classes of a verdict if they are few enough for a line each, else 0."""
    return len(task.classes) if len(task.classes) <= FEW_CLASSES and "verdict" in task.features else 0


def wish(
    probe: Probe | None, snapshot: Snapshot, selection: Selection, spread: Kind | None, compact: bool, halves: bool
) -> Wish:
    """Return what the score should show; `spread` is what is shown instead of the staves, if the probe has it."""
    names, bar = stave_names(probe, snapshot.model, selection) or ("h",), probe.bar if probe is not None else 0
    steps, series = len(probe.symbols) if probe is not None else 0, probe.series if probe is not None else None
    return Wish(
        staves=names,
        chosen=selection.gate if selection.gate in names else names[0],
        units=most_units(probe, snapshot.model, selection),
        trace=selection.unit is not None and spread is not Kind.STATE,
        triangle=spread is Kind.TRIANGLE,
        compact=compact,
        halves=halves,
        heads=heads(probe, snapshot.model),
        spread=spread if spread in (Kind.MAP, Kind.HEADS) or (spread is Kind.STATE and bar) else None,
        steps=steps,
        targets=steps - bar - 1 if bar else 0,
        classes=few_classes(snapshot.task),
        values=len(series.predicted_names) if series is not None else 0,
    )


def titles(probe: Probe, selection: Selection, playhead: int) -> tuple[str, ...]:
    """Return the title with layer and head, then subtitles with the selection and its keys, longest first."""
    layers, last, (depth, count) = layer_count(probe), len(probe.symbols) - 1, heads_of(probe)
    where = f" · layer {selection.layer + 1} of {layers}" if layers > 1 else ""
    title = (PAIRED_TITLE if probe.bar else TITLE) + where
    if count and (not probe.bar or depth * count > 1):
        title = f"{_SHORT_TITLE}{where} · head {selection.head + 1} of {count}"
    place = f"playhead {playhead:>{len(str(last))}}/{last}"
    unit = f"↑ ↓ {selection.unit_said(probe)}"
    return title, f"← → {place}   {unit}   g gate   e text", f"{place}   {unit}", place
