"""`seqtui inspect --unrolled`: every timestep with its loss and the gradient on its way back, as text and as JSON."""

import json
import math
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from seqcore.cellwork.unrolled import Strand, Unrolled
    from seqcore.cellwork.work import Cellwork


def unroll(work: "Cellwork", loss: int | None, cut: int, step: int, as_json: bool) -> None:
    """Print the unrolled network. Raises UsageError if nothing is predicted at timestep `loss`."""
    from seqcore.cellwork.unrolled import unrolled
    from seqcore.errors import SeqError

    try:
        net = unrolled(work, loss, cut)
    except SeqError as error:
        raise click.UsageError(f"--unrolled: {error}") from None
    if as_json:
        click.echo(json.dumps({"step": step, "unrolled": _plain(net)}))
    else:
        _print(net, work.names.symbols)


def _plain(net: "Unrolled") -> dict[str, Any]:
    outputs = [None if one is None else {name: _known(value) for name, value in one._asdict().items()}
               for one in net.outputs]  # fmt: skip
    strands = [
        {
            "part": strand.part,
            "layer": strand.layer,
            "first": strand.first,
            "state": strand.state,
            "states": [[_known(value) for value in row] for row in strand.states.tolist()],
            "gradient": [_known(one.gradient) for one in strand.steps],
            "entering": [_known(one.entering) for one in strand.steps],
            "stretch": [_known(one.stretch) for one in strand.steps],
            "weights": [_known(one.weights) for one in strand.steps],
        }
        for strand in net.strands
    ]
    shapes = {one.name: list(one.values.shape) for one in net.matrices}
    return {
        "losses": net.losses, "total": _known(net.total), "cut": net.cut, "outputs": outputs, "strands": strands,
        "matrices": shapes,
    }  # fmt: skip


def _known(value: Any) -> Any:
    """Return a value as JSON has it: null for what is not finite."""
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _print(net: "Unrolled", symbols: tuple[str, ...]) -> None:
    from seqtui.cli.terminal import console, drawn, print_table, shown, table
    from seqtui.tui.widgets.numbers import significant

    heads = [(strand, _name(strand, net)) for strand in net.strands]
    back = [f"|dL/d{strand.state.removesuffix('_t')}| {name}".strip() for strand, name in heads]
    adds = [f"to dW_hh {name}".strip() for strand, name in heads if strand.recurs]
    made = table("t", "token", "guess", "loss", *back, *adds, right=("t", "loss", *back, *adds))
    for t, output in enumerate(net.outputs):
        guess = shown(drawn(output.guess), "") if output is not None else ""
        loss = significant(output.loss) if output is not None and math.isfinite(output.loss) else ""
        here = [(strand, strand.step(t)) for strand in net.strands]
        sizes = [significant(one.gradient) if one is not None else "" for _, one in here]
        parts = [significant(one.weights) if one is not None else "" for strand, one in here if strand.recurs]
        made.add_row(str(t), shown(drawn(symbols[t]), "bold"), guess, loss, *sizes, *parts)
    print_table(made)
    cut = f"; no gradient goes back over a multiple of {net.cut}" if net.cut else ""
    console().print(f"L is {net.losses}; all losses together: {significant(net.total)}{cut}", soft_wrap=True)


def _name(strand: "Strand", net: "Unrolled") -> str:
    """Return what tells a strand from the others: its part and layer, if there are several."""
    layer = str(strand.layer) if any(one.layer for one in net.strands) else ""
    return " ".join(word for word in (strand.part, layer) if word)
