"""`seqtui inspect`: show the internals of a model at each timestep of a text."""

import json
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import click

from seqtui.cli.at import at_option
from seqtui.cli.cell import Look, Where, WhereType, explain
from seqtui.cli.cutting import context_option, cut_run, silence_option
from seqtui.cli.plain import lists
from seqtui.cli.surgery import columns, compared_as_json, summary

if TYPE_CHECKING:
    from rich.text import Text
    from seqcore.cellwork.work import Cellwork
    from seqcore.data.vocabulary import Vocabulary
    from seqcore.folder import At
    from seqcore.records import F32, F64, Inputs, Probe, Series
    from seqcore.serial import SerialModel
    from seqcore.surgery.beside import Beside
    from seqcore.surgery.context import ContextCut
    from seqcore.surgery.cut import Cut

_MOST = 2000  # tokens: the cost of reach is quadratic in their number
_OPEN = 0.5  # a gate above this counts as open


@click.command(
    "inspect",
    epilog="""\b
Examples:
  seqtui inspect tales-lstm256-1 --text "Once upon a time"
  seqtui inspect tales-lstm256-1 --text "Once upon a time" --layer 0 --unit 17
  seqtui inspect tales-lstm256-1 --text "Once upon a time" --cell 0:9:17 --backward
  seqtui inspect tales-lstm256-1 --text "Once upon a time" --unrolled --cut 8
  seqtui inspect tales-lstm256-1 --text "Once upon a time" --json | jq .reach_hidden
  seqtui inspect tales-lstm256-1 --text "Once upon a time" --silence 0.118 --context reset:5
  seqtui inspect tales-lstm256-1 --health""",
)
@click.argument("run")
@click.option("--text", help="Text to read; pictures: a PNG file, or CORPUS:N, picture N of a corpus.")
@click.option("--health", is_flag=True, help="Show whether the model is well, instead of a text.")
@click.option("--layer", type=click.IntRange(0), metavar="N", help="Layer to show, 0 at the bottom.  [default: top]")
@click.option(
    "--unit", type=click.IntRange(0), metavar="N", help="Show one unit: its gates and states at each timestep."
)
@click.option(
    "--cell", type=WhereType(), help="Show the equations of one unit at one timestep, with their largest terms."
)
@click.option("--backward", is_flag=True, help="With --cell: the chain rule, from the losses back to the unit.")
@click.option("--unrolled", is_flag=True, help="Show every timestep with its loss and the gradient on its way back.")
@click.option(
    "--cut", type=click.IntRange(0), default=0, metavar="N", help="With --unrolled: truncated every N timesteps."
)
@click.option(
    "--loss",
    type=click.IntRange(0),
    metavar="T",
    help="With --backward or --unrolled: only the loss of the output at timestep T.",
)
@click.option("--terms", type=click.IntRange(1), default=8, show_default=True, help="With --cell: terms of each sum.")
@click.option(
    "--position", type=click.IntRange(0), metavar="T", help="With --cell: show the attention score of timestep T."
)
@click.option(
    "--second-direction", is_flag=True, help="With --cell: the direction of an encoder that reads from the end."
)
@silence_option
@context_option
@at_option
@click.option("--json", "as_json", is_flag=True, help="Print every array as JSON; null if not finite.")
def command(
    run: str,
    text: str | None,
    health: bool,
    layer: int | None,
    unit: int | None,
    cell: Where | None,
    backward: bool,
    unrolled: bool,
    cut: int,
    loss: int | None,
    terms: int,
    position: int | None,
    second_direction: bool,
    silence: "tuple[Cut, ...]",
    context: "tuple[ContextCut, ...]",
    at: "At",
    as_json: bool,
) -> None:
    """Run the model of RUN on a text and show its internals at each timestep.

    Loss is that of the token, in nats; the guesses are the most likely tokens at its position. Reach is the number of
    tokens back to the farthest embedding with at least a tenth of the largest gradient norm of that loss. Gate columns
    show the share of open units (gate above one half), |h| the norm of the hidden state. For attention, lag is how many
    tokens the heads look back on average, |x| the norm of the residual stream after the block.

    --health shows saturated gates, dead units, the entropy of heads, the largest singular value of W_hh, the sizes of
    updates and a verdict on the loss, each with what is good.

    With --silence and --context, the internals are those of the cut model, and its loss stands beside that of the
    untouched one, wherever the two predict the same token. Of a source without a target, both are given the target that
    the untouched model writes.
    """
    if cell is None and (backward or second_direction or position is not None or (loss is not None and not unrolled)):
        raise click.UsageError("--backward, --loss, --position and --second-direction need --cell LAYER:TIMESTEP")
    if unrolled and (cell is not None or health or not (layer is None and unit is None)):
        raise click.UsageError("--unrolled is about all layers: give it without --cell, --health, --layer and --unit")
    if cut and not unrolled:
        raise click.UsageError("--cut needs --unrolled")
    if cell is not None and not (layer is None and unit is None):
        raise click.UsageError("--layer and --unit: with --cell, give them as --cell LAYER:TIMESTEP:UNIT")
    if health:
        if context or text is not None or layer is not None or unit is not None or cell is not None:
            raise click.UsageError(
                "--health is about the whole model: give it without --text, --layer, --unit, --cell and --context"
            )
        from seqtui.cli.health import show_health

        show_health(run, at, as_json, silence)
        return None
    if text is None:
        raise click.UsageError("give a text to read, --text TEXT, or --health")
    seen = _seen(run, text, at, silence, context)
    probe = seen.probe
    if cell is not None:
        look = Look(cell, backward or loss is not None, terms, second_direction, position, loss)
        explain(seen.cells(), look, probe.step, as_json)
        return _warn(probe, as_json)
    if unrolled:
        from seqtui.cli.unrolled import unroll

        unroll(seen.cells(), loss, cut, probe.step, as_json)
        return _warn(probe, as_json)
    layers = 1 + max(stave.layer for stave in probe.staves)
    units = max(stave.values.shape[1] for stave in probe.staves)
    for name, value, count in (("layer", layer, layers), ("unit", unit, units)):
        if value is not None and value >= count:
            raise click.UsageError(f"--{name} {value}: this model has {name}s 0 to {count - 1}")
    if as_json:
        click.echo(
            json.dumps(_as_json(probe, layer, unit) | (compared_as_json(seen.cuts, seen.beside) if seen.beside else {}))
        )
    elif unit is None:
        _print_timesteps(probe, layers - 1 if layer is None else layer, seen.beside)
    else:
        _print_unit(probe, layers - 1 if layer is None else layer, unit)
    return _warn(probe, as_json)


def _warn(probe: "Probe", as_json: bool) -> None:
    if probe.warning and not as_json:
        from seqtui.cli.boundary import complain

        complain(probe.warning)


@dataclass(frozen=True)
class _Seen:
    """A probe of a text, and what it was made with."""

    probe: "Probe"
    model: "SerialModel"
    inputs: "Inputs"
    vocabulary: "Vocabulary"
    cuts: tuple[str, ...] = ()
    beside: "Beside | None" = None  # the untouched model, if there are cuts

    def cells(self) -> "Cellwork":
        """Return the equations of the model for this text."""
        from seqcore.cellwork.work import cellwork

        return cellwork(self.model, self.probe, self.inputs, self.vocabulary)


def _seen(
    run: str, text: str, at: "At", silence: "tuple[Cut, ...]" = (), context: "tuple[ContextCut, ...]" = ()
) -> _Seen:
    """Load the run and probe it on `text`, with cuts also as it is without them. Raises SeqError."""
    from seqcore.errors import SeqError
    from seqcore.records import Example
    from seqcore.surgery.beside import beside, scores
    from seqcore.surgery.context import cut_example

    from seqtui.cli.loading import load

    loaded = load(run, at)
    config, task, vocabulary = loaded.config.model, loaded.config.task, loaded.config.vocabulary
    tokens, warning = task.encode(vocabulary, text)
    if len(tokens) > _MOST:
        raise SeqError(f"--text has {len(tokens):,} timesteps, the limit is {_MOST:,}: give a shorter text")
    try:
        example, origin, first = cut_example(config, Example.unlabelled(tokens), context)
    except SeqError as error:
        raise click.UsageError(f"--context {error}") from None
    model = cut_run(loaded, silence).serial()
    found = task.probe(model, vocabulary, example.inputs, loaded.step, warning)
    if not silence and not context:
        return _Seen(found, model, tokens, vocabulary)
    whole = loaded.serial()
    untouched = task.probe(whole, vocabulary, tokens, loaded.step, warning)
    if (both := scores(untouched, found, config.vocabulary_size)) is not None:
        untouched = task.probe(whole, vocabulary, both[0], loaded.step, warning)
        found = task.probe(model, vocabulary, both[1], loaded.step, warning)
    cuts = (*(one.text() for one in silence), *(one.text() for one in context))
    return _Seen(found, model, example.inputs, vocabulary, cuts, beside(untouched, found, origin, first))


def _as_json(probe: "Probe", layer: int | None, unit: int | None) -> dict[str, Any]:
    """Convert all arrays to lists; NaN and infinity become null. `layer` and `unit` restrict the staves if not None."""
    staves = [
        {
            "name": stave.name,
            "layer": stave.layer,
            "signed": stave.signed,
            "limit": stave.limit if math.isfinite(stave.limit) else None,
            "values": lists(stave.values if unit is None else stave.values[:, unit]),
        }
        for stave in probe.staves
        if (layer is None or stave.layer == layer) and (unit is None or unit < stave.values.shape[1])
    ]
    made = {
        "step": probe.step,
        "tokens": lists(probe.tokens),
        "symbols": list(probe.symbols),
        "loss": lists(probe.loss),
        "top_tokens": lists(probe.top_tokens),
        "top_symbols": [list(row) for row in probe.top_symbols],
        "top_probability": lists(probe.top_probability),
        "staves": staves,
        "reach_hidden": lists(probe.reach_hidden),
        "reach_input": lists(probe.reach_input),
        "seconds": probe.seconds,
    }
    if probe.series is not None:
        made["series"] = {name: lists(value) if hasattr(value, "dtype") else list(value)
                          for name, value in vars(probe.series).items()}  # fmt: skip
    if probe.attention is not None:
        made["attention"] = lists(probe.attention if layer is None else probe.attention[layer : layer + 1])
    return made | ({"warning": probe.warning} if probe.warning else {})


def _print_timesteps(probe: "Probe", layer: int, beside: "Beside | None") -> None:
    import numpy as np

    from seqtui.cli.terminal import drawn, print_table, shown, table
    from seqtui.tui.panes.readout import steps_to_a_tenth
    from seqtui.tui.panes.staves import has_stream

    numbers = {stave.name: ["" if np.isnan(row).any() else f"{float((row > _OPEN).mean()):.0%}" for row in stave.values]
               for stave in probe.staves if stave.layer == layer and stave.gate and not stave.signed}  # fmt: skip
    if probe.attention is not None:
        numbers["lag"] = [f"{distance:.1f}" for distance in _distances(probe.attention[layer])]
    if not has_stream(probe):
        numbers["|h|"] = [f"{float(np.linalg.norm(row)):.2f}" for row in probe.stave("h", layer).values]
    else:
        numbers["|x|"] = [f"{float(row[layer + 1]):.2f}" for row in probe.stave("stream", layer).values]
    if probe.series is not None:
        numbers = _values(probe.series) | numbers
    shows = () if probe.series is not None else ("token",)
    guesses = () if probe.series is not None else ("guesses",)
    compared = columns(beside) if beside is not None else {}
    right = ("t", "loss", "untouched", "change", "reach", *numbers)
    made = table("t", *shows, "loss", *compared, *guesses, "reach", *numbers, right=right, loose="guesses")
    for t, symbol in enumerate(probe.symbols):
        back = steps_to_a_tenth(probe.reach_input[t], t)
        made.add_row(
            str(t),
            *(shown(drawn(symbol), "bold") for _ in shows),
            f"{probe.loss[t]:.3f}" if math.isfinite(probe.loss[t]) else "",
            *(column[t] for column in compared.values()),
            *(_guesses(probe, t) for _ in guesses),
            str(back) if back is not None else "",
            *(column[t] for column in numbers.values()),
        )
    print_table(made)
    if beside is not None:
        click.echo(summary(beside))


def _values(series: "Series") -> dict[str, list[str]]:
    """Return columns of what is read and predicted, in the units of the data."""
    from seqtui.visible import visible

    def said(values: "F64") -> list[str]:
        return [f"{value:.4g}" if math.isfinite(value) else "" for value in values.tolist()]

    read = {visible(name): said(series.read[:, at]) for at, name in enumerate(series.names)}
    predicted = {f"→ {visible(name)}": said(series.predicted[:, at]) for at, name in enumerate(series.predicted_names)}
    return read | predicted


def _distances(attention: "F32") -> list[float]:
    """Mean attention distance in tokens at each timestep, over the heads of a layer (heads, T, T)."""
    import numpy as np

    T = attention.shape[1]
    lag = np.arange(T)[:, None] - np.arange(T)[None, :]
    return [float(mean) for mean in np.nansum(attention * lag, axis=2).mean(axis=0)]


def _guesses(probe: "Probe", t: int) -> "Text":
    from rich.text import Text

    from seqtui.cli.terminal import drawn, shown

    line = Text(end="")
    for symbol, share in zip(probe.top_symbols[t][:3], probe.top_probability[t].tolist(), strict=False):
        right = symbol == probe.symbols[t]
        line.append("  " if line.plain else "").append_text(shown(drawn(symbol), "bold" if right else ""))
        line.append(f" {share:.0%}", "dim")
    return line


def _print_unit(probe: "Probe", layer: int, unit: int) -> None:
    from seqtui.cli.terminal import drawn, print_table, shown, table

    staves = [stave for stave in probe.staves if stave.layer == layer and unit < stave.values.shape[1]]
    names = [stave.name for stave in staves]
    made = table("t", "token", *names, right=("t", *names))
    for t, symbol in enumerate(probe.symbols):
        made.add_row(
            str(t), shown(drawn(symbol), "bold"), *(f"{float(stave.values[t, unit]):+.3f}" for stave in staves)
        )
    print_table(made)
