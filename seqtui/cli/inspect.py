"""`seqtui inspect`: inside a model while it reads a text."""

import json
import math
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from rich.text import Text
    from seqcore.records import Probe

_MOST = 2000  # tokens: reach takes their number squared
_OPEN = 0.5  # a gate above it is called open
_GATES = ("input", "forget", "output")


@click.command(
    "inspect",
    epilog="""\b
Examples:
  seqtui inspect tales-lstm256-1 --text "Once upon a time"
  seqtui inspect tales-lstm256-1 --text "Once upon a time" --layer 0 --unit 17
  seqtui inspect tales-lstm256-1 --text "Once upon a time" --json | jq .reach_hidden""",
)
@click.argument("run")
@click.option("--text", required=True, help="What the model reads.")
@click.option("--layer", type=click.IntRange(0), metavar="N", help="One layer, from 0 at the bottom.  [default: top]")
@click.option("--unit", type=click.IntRange(0), metavar="N", help="Follow one unit: its gates and states at each step.")
@click.option("--json", "as_json", is_flag=True, help="Every array as JSON; null where there is no number.")
def command(run: str, text: str, layer: int | None, unit: int | None, as_json: bool) -> None:
    """Let the model of RUN read TEXT and tell what happens at each timestep.

    The loss of a token is in nats, before it the likeliest guesses for its place. Reach is how far back the farthest
    token lies whose hidden state the loss still depends on a tenth as much as on the most important one. Under the
    gates' names stands the share of units whose gate is open (above one half).
    """
    probe = _probe(run, text)
    layers = 1 + max(stave.layer for stave in probe.staves)
    units = probe.staves[0].values.shape[1]
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


def _probe(run: str, text: str) -> "Probe":
    """The probe of `text`. Raises SeqError."""
    from seqcore.errors import SeqError
    from seqcore.probe import probe

    from seqtui.cli.loading import load

    loaded = load(run)
    tokens, warning = loaded.config.vocabulary.encode_prompt(text)
    if tokens.size > _MOST:
        raise SeqError(f"--text has {tokens.size:,} tokens: reach is computed for at most {_MOST:,}, give a part of it")
    return probe(loaded.serial(), loaded.config.vocabulary, tokens, loaded.step, warning)


def _as_json(probe: "Probe", layer: int | None, unit: int | None) -> dict[str, Any]:
    """Every array as lists; NaN and infinity are null. `layer` and `unit` leave the other staves' values out."""
    staves = [
        {
            "name": stave.name,
            "layer": stave.layer,
            "signed": stave.signed,
            "limit": stave.limit if math.isfinite(stave.limit) else None,
            "values": _lists(stave.values if unit is None else stave.values[:, unit]),
        }
        for stave in probe.staves
        if layer is None or stave.layer == layer
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
    return made | ({"warning": probe.warning} if probe.warning else {})


def _lists(array: Any) -> Any:
    """Nested lists of an array, null for what is no number."""
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

    gates = [stave for stave in probe.staves if stave.layer == layer and stave.name in _GATES]
    numbers = ("reach", *(stave.name for stave in gates), "|h|")
    made = table("t", "read", "loss", "guessed", *numbers, right=("t", "loss", *numbers), loose="guessed")
    h = probe.stave("h", layer).values
    for t, symbol in enumerate(probe.symbols):
        back = steps_to_a_tenth(probe.reach_hidden[layer, t], t)
        made.add_row(
            str(t),
            shown(_drawn(symbol), "bold"),
            f"{probe.loss[t]:.3f}" if t else "",
            _guesses(probe, t),
            str(back) if back is not None else "",
            *(f"{float((stave.values[t] > _OPEN).mean()):.0%}" for stave in gates),
            f"{float(np.linalg.norm(h[t])):.2f}",
        )
    print_table(made)


def _drawn(symbol: str) -> str:
    """A token in a table, where a space would not be seen."""
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

    staves = [stave for stave in probe.staves if stave.layer == layer]
    names = [stave.name for stave in staves]
    made = table("t", "read", *names, right=("t", *names))
    for t, symbol in enumerate(probe.symbols):
        made.add_row(
            str(t), shown(_drawn(symbol), "bold"), *(f"{float(stave.values[t, unit]):+.3f}" for stave in staves)
        )
    print_table(made)
