"""`seqtui inspect`: show the internals of a model at each timestep of a text."""

import json
import math
from typing import TYPE_CHECKING, Any

import click

from seqtui.cli.at import at_option

if TYPE_CHECKING:
    from rich.text import Text
    from seqcore.folder import At
    from seqcore.records import F32, F64, Probe, Series

_MOST = 2000  # tokens: the cost of reach is quadratic in their number
_OPEN = 0.5  # a gate above this counts as open


@click.command(
    "inspect",
    epilog="""\b
Examples:
  seqtui inspect tales-lstm256-1 --text "Once upon a time"
  seqtui inspect tales-lstm256-1 --text "Once upon a time" --layer 0 --unit 17
  seqtui inspect tales-lstm256-1 --text "Once upon a time" --json | jq .reach_hidden""",
)
@click.argument("run")
@click.option("--text", required=True, help="Text to read.")
@click.option("--layer", type=click.IntRange(0), metavar="N", help="Layer to show, 0 at the bottom.  [default: top]")
@click.option(
    "--unit", type=click.IntRange(0), metavar="N", help="Show one unit: its gates and states at each timestep."
)
@at_option
@click.option("--json", "as_json", is_flag=True, help="Print every array as JSON; null if not finite.")
def command(run: str, text: str, layer: int | None, unit: int | None, at: "At", as_json: bool) -> None:
    """Run the model of RUN on a text and show its internals at each timestep.

    Loss is that of the token, in nats; the guesses are the most likely tokens at its position. Reach is the number of
    tokens back to the farthest embedding with at least a tenth of the largest gradient norm of that loss. Gate columns
    show the share of open units (gate above one half), |h| the norm of the hidden state. For attention, lag is how many
    tokens the heads look back on average, |x| the norm of the residual stream after the block.
    """
    probe = _probe(run, text, at)
    layers = 1 + max(stave.layer for stave in probe.staves)
    units = max(stave.values.shape[1] for stave in probe.staves)
    for name, value, count in (("layer", layer, layers), ("unit", unit, units)):
        if value is not None and value >= count:
            raise click.UsageError(f"--{name} {value}: this model has {name}s 0 to {count - 1}")
    if as_json:
        click.echo(json.dumps(_as_json(probe, layer, unit)))
    elif unit is None:
        _print_timesteps(probe, layers - 1 if layer is None else layer)
    else:
        _print_unit(probe, layers - 1 if layer is None else layer, unit)
    if probe.warning and not as_json:
        from seqtui.cli.boundary import complain

        complain(probe.warning)


def _probe(run: str, text: str, at: "At") -> "Probe":
    """Load the run and probe it on `text`. Raises SeqError."""
    from seqcore.errors import SeqError

    from seqtui.cli.loading import load

    loaded = load(run, at)
    task, vocabulary = loaded.config.task, loaded.config.vocabulary
    tokens, warning = task.encode(vocabulary, text)
    if len(tokens) > _MOST:
        raise SeqError(f"--text has {len(tokens):,} timesteps, the limit is {_MOST:,}: give a shorter text")
    return task.probe(loaded.serial(), vocabulary, tokens, loaded.step, warning)


def _as_json(probe: "Probe", layer: int | None, unit: int | None) -> dict[str, Any]:
    """Convert all arrays to lists; NaN and infinity become null. `layer` and `unit` restrict the staves if not None."""
    staves = [
        {
            "name": stave.name,
            "layer": stave.layer,
            "signed": stave.signed,
            "limit": stave.limit if math.isfinite(stave.limit) else None,
            "values": _lists(stave.values if unit is None else stave.values[:, unit]),
        }
        for stave in probe.staves
        if (layer is None or stave.layer == layer) and (unit is None or unit < stave.values.shape[1])
    ]
    made = {
        "step": probe.step,
        "tokens": _lists(probe.tokens),
        "symbols": list(probe.symbols),
        "loss": _lists(probe.loss),
        "top_tokens": _lists(probe.top_tokens),
        "top_symbols": [list(row) for row in probe.top_symbols],
        "top_probability": _lists(probe.top_probability),
        "staves": staves,
        "reach_hidden": _lists(probe.reach_hidden),
        "reach_input": _lists(probe.reach_input),
        "seconds": probe.seconds,
    }
    if probe.series is not None:
        made["series"] = {name: _lists(value) if hasattr(value, "dtype") else list(value)
                          for name, value in vars(probe.series).items()}  # fmt: skip
    if probe.attention is not None:
        made["attention"] = _lists(probe.attention if layer is None else probe.attention[layer : layer + 1])
    return made | ({"warning": probe.warning} if probe.warning else {})


def _lists(array: Any) -> Any:
    """Convert an array to nested lists, with None for values that are not finite."""
    import numpy as np

    if array.dtype.kind != "f" or np.isfinite(array).all():
        return array.tolist()
    holes = array.astype(object)
    holes[~np.isfinite(array)] = None
    return holes.tolist()


def _print_timesteps(probe: "Probe", layer: int) -> None:
    import numpy as np

    from seqtui.cli.terminal import print_table, shown, table
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
    right = ("t", "loss", "reach", *numbers)
    made = table("t", *shows, "loss", *guesses, "reach", *numbers, right=right, loose="guesses")
    for t, symbol in enumerate(probe.symbols):
        back = steps_to_a_tenth(probe.reach_input[t], t)
        made.add_row(
            str(t),
            *(shown(_drawn(symbol), "bold") for _ in shows),
            f"{probe.loss[t]:.3f}" if math.isfinite(probe.loss[t]) else "",
            *(_guesses(probe, t) for _ in guesses),
            str(back) if back is not None else "",
            *(column[t] for column in numbers.values()),
        )
    print_table(made)


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


def _drawn(symbol: str) -> str:
    """Format a token for a table; a space would be invisible."""
    from seqtui.visible import cell

    return "␣" if symbol == " " else cell(symbol)


def _guesses(probe: "Probe", t: int) -> "Text":
    from rich.text import Text

    from seqtui.cli.terminal import shown

    line = Text(end="")
    for symbol, share in zip(probe.top_symbols[t][:3], probe.top_probability[t].tolist(), strict=False):
        right = symbol == probe.symbols[t]
        line.append("  " if line.plain else "").append_text(shown(_drawn(symbol), "bold" if right else ""))
        line.append(f" {share:.0%}", "dim")
    return line


def _print_unit(probe: "Probe", layer: int, unit: int) -> None:
    from seqtui.cli.terminal import print_table, shown, table

    staves = [stave for stave in probe.staves if stave.layer == layer and unit < stave.values.shape[1]]
    names = [stave.name for stave in staves]
    made = table("t", "token", *names, right=("t", *names))
    for t, symbol in enumerate(probe.symbols):
        made.add_row(
            str(t), shown(_drawn(symbol), "bold"), *(f"{float(stave.values[t, unit]):+.3f}" for stave in staves)
        )
    print_table(made)
