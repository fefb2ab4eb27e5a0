"""`seqtui neurons`: units that follow something nameable, and where else the units of a selection are on."""

import json
from typing import TYPE_CHECKING, Any

import click

from seqtui.cli.at import at_option

if TYPE_CHECKING:
    from seqcore.folder import At
    from seqcore.neurons.passage import Passage
    from seqcore.neurons.recording import Progress
    from seqcore.neurons.search import Finding, Search

    from seqtui.cli.kernels import Status

_SAMPLE = 96  # timesteps of the sample


@click.command(
    "neurons",
    epilog="""\b
Examples:
  seqtui neurons tales-lstm256-1
  seqtui neurons tales-lstm256-1 --state h --layer 0 --feature quotes --feature line
  seqtui neurons tales-lstm256-1 --like 120:134 --threshold 0.3
  seqtui neurons tales-lstm256-1 --like 120:134 --unlike 200:230
  seqtui neurons tales-lstm256-1 --json | jq .findings""",
)
@click.argument("run")
@click.option(
    "--timesteps",
    type=click.IntRange(200, 10**7),
    default=100_000,
    show_default=True,
    metavar="N",
    help="Held-out timesteps to read.",
)
@click.option("--state", metavar="NAME", help="Values to search: c, h or a gate; attention: stream, heads, mlp.")
@click.option("--layer", type=click.IntRange(0), metavar="N", help="Search one layer.  [default: all]")
@click.option("--feature", "names", multiple=True, metavar="NAME", help="Search for this only; may be repeated.")
@click.option("--like", metavar="START:END", help="Show where the units that are on at these timesteps are on again.")
@click.option("--unlike", metavar="START:END", help="With --like: show the units that tell the two stretches apart.")
@click.option("--threshold", type=float, default=0.3, show_default=True, metavar="X", help="With --like: on is above.")
@at_option
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
def command(
    run: str, timesteps: int, state: str | None, layer: int | None, names: tuple[str, ...], like: str | None,
    unlike: str | None, threshold: float, at: "At", as_json: bool,
) -> None:  # fmt: skip
    """Find the units of RUN that follow something nameable: quotation marks, brackets, place in the line, a label.

    The first half of the held-out timesteps chooses a unit for each feature, the second half scores it: AUC is the
    probability that the unit tells whether the feature is so, 0.5 being a coin; for numbers, the score is a
    correlation. Reported are units that beat both what shifted copies of the recording score, and the best units of
    eight untrained models; chance is the probability that anything at all is reported for another reason.

    --like selects a stretch of timesteps: its units are those above --threshold throughout, and not just outside (if
    there are none, those that are on outside too); of a recurrent model, by default, by their h. With --unlike, another
    stretch, the units that tell the two apart are listed, with the probability that stretches which lie like these are
    told apart as well elsewhere.
    """
    from seqcore.errors import SeqError
    from seqcore.neurons.features import FEATURES

    from seqtui.cli.kernels import Status
    from seqtui.cli.loading import load
    from seqtui.cli.selections import inside, stretch_of, tell_apart, tell_matches

    for name in names:
        if name not in FEATURES:
            raise click.UsageError(f"--feature {name}: choose from {', '.join(FEATURES)}")
    if unlike is not None and like is None:
        raise click.UsageError("--unlike goes with --like: it is the other stretch")
    stretch, other = stretch_of("--like", like), stretch_of("--unlike", unlike)
    loaded = load(run, at)
    _, data = loaded.held_out()
    model, config = loaded.serial(), loaded.config
    if layer is not None and layer >= config.model.layers:
        raise click.UsageError(f"--layer {layer}: this model has layers 0 to {config.model.layers - 1}")
    from seqcore.neurons.contrast import contrast
    from seqcore.neurons.matching import matching
    from seqcore.neurons.passage import held_out_passage
    from seqcore.neurons.recording import affordable, record, state_of
    from seqcore.neurons.search import search

    passage = held_out_passage(config.task, data, config.vocabulary, model, timesteps)
    if stretch is not None and state is None and "h" in model.states:
        state = "h"  # it has bounds, so that one threshold fits all units
    try:
        chosen = state_of(model, state)
    except SeqError as error:
        raise click.UsageError(f"--state: {error}") from None
    most = affordable(model, passage, chosen, layer)
    if len(passage) > most:
        passage = held_out_passage(config.task, data, config.vocabulary, model, most)
    inside("--like", stretch, len(passage))
    inside("--unlike", other, len(passage))
    with Status() as status:
        if stretch is None:
            found = search(model, passage, chosen, layer, names, progress=_progress(status))
            recording = None
        else:
            found, recording = None, record(model, passage, chosen, layer, _progress(status))
    about = {"run": loaded.folder.name, "step": loaded.step, "state": chosen, "timesteps": len(passage)}
    if found is not None:
        _tell(about, found, passage, as_json)
    if recording is not None and stretch is not None and other is not None:
        tell_apart(about, contrast(recording, [stretch], [other]), passage, (stretch, other), as_json)
    elif recording is not None and stretch is not None:
        bounded = True
        matches = matching(recording, *stretch, threshold)
        if not matches.units:  # most units of a small model are on for longer
            bounded, matches = False, matching(recording, *stretch, threshold, bounded=False)
        tell_matches(about | {"threshold": threshold, "bounded": bounded}, matches, passage, stretch, as_json)


def _progress(status: "Status") -> "Progress":
    """Return what shows how much has been read."""

    def say(done: int, total: int) -> None:
        status.say(f"reading: {done:,} of {total:,} timesteps ({done / total:.0%}), Ctrl+C leaves")

    return say


def _finding(one: "Finding") -> dict[str, Any]:
    return {name: round(value, 6) if isinstance(value, float) else value for name, value in one._asdict().items()}


def _tell(about: dict[str, Any], found: "Search", passage: "Passage", as_json: bool) -> None:
    """Print what was found."""
    if as_json:
        lists = {"findings": [_finding(one) for one in found.findings], "best": [_finding(one) for one in found.best]}
        click.echo(json.dumps(about | {"units": len(found.recording.units)} | lists | {"missing": found.missing}))
        return
    from seqtui.cli.terminal import console, plural, print_table, shown, table

    screen = console()
    read = f"{plural(len(passage), 'held-out timestep')}, {plural(len(found.recording.units), 'unit')}"
    screen.print(shown(f"{about['run']}, step {about['step']:,}, {about['state']}: {read}"), soft_wrap=True)
    rows = found.findings or found.best
    if not found.findings:
        reason = "No unit follows any of these features better than by chance; the best of each:"
        screen.print(shown(reason if rows else "None of the features can be asked for here."), soft_wrap=True)
    if rows:
        numbers = ("layer", "unit", "score", "untrained", "chance")
        made = table("layer", "unit", "follows", "measure", *numbers[2:], right=numbers)
        for one in rows:
            made.add_row(
                str(one.layer), str(one.unit), shown(("" if one.sign > 0 else "not ") + one.follows), one.measure,
                f"{one.score:.3f}", f"{one.untrained:.3f}", f"{one.chance:.1g}",
            )  # fmt: skip
        print_table(made)
    for reason in dict.fromkeys(found.missing.values()):
        which = ", ".join(name for name, said in found.missing.items() if said == reason)
        screen.print(shown(f"{which}: {reason}", "dim"), soft_wrap=True)
    if found.findings:
        _print_sample(found, passage)


def _print_sample(found: "Search", passage: "Passage") -> None:
    """Print a part of the second half, and the value of the best unit under each symbol."""
    import numpy as np
    from seqcore.neurons.recording import Unit

    from seqtui.cli.terminal import console, shown

    best = found.findings[0]
    values = found.recording.of(Unit(best.layer, best.unit))
    changes = np.abs(np.diff(values[passage.middle :], prepend=values[passage.middle]))
    busy = np.convolve(changes, np.ones(_SAMPLE), "valid") if changes.size >= _SAMPLE else np.zeros(1)
    first = passage.middle + int(np.argmax(busy))
    low, high = (float(edge) for edge in np.percentile(values, (1, 99)))
    title = f"layer {best.layer}, unit {best.unit}, from {low:.2f} to {high:.2f}, at timesteps from {first:,} on"
    console().print(shown(title, "dim"), soft_wrap=True)
    for line in _lines(passage, first, min(first + _SAMPLE, len(passage)), values, low, high):
        console().print(shown(line), soft_wrap=True)


def _lines(passage: "Passage", first: int, last: int, values: Any, low: float, high: float) -> list[str]:
    """Return lines of symbols, and under each the bars of the values from `low` to `high`."""
    from seqtui.cli.terminal import console, on_terminal
    from seqtui.tui.widgets.cells import BARS
    from seqtui.visible import cell, cell_width

    screen = console()
    width = screen.width if on_terminal(screen) else 2 * _SAMPLE
    lines, text, bars, used = [], "", "", 0
    for t in range(first, last):
        symbol = passage.symbol(t)
        size = cell_width(symbol)
        if used + size > width and used:
            lines += [text, bars]
            text, bars, used = "", "", 0
        share = (float(values[t]) - low) / (high - low) if high > low else 0.0
        bar = BARS[1 + round(min(1.0, max(0.0, share)) * (len(BARS) - 2))]
        text, bars, used = text + cell(symbol), bars + bar * size, used + size
    return [*lines, text, bars]
