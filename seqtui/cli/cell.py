"""`seqtui inspect --cell`: the equations of one unit at one timestep, and its chain rule, as text and as JSON."""

import dataclasses
import math
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, NamedTuple

import click

if TYPE_CHECKING:
    from seqcore.cellwork.records import CellBack, CellFacts, EndFacts, Gradient, Quantity, Softmax, Step, Term
    from seqcore.cellwork.work import Cellwork

_SHOWN = 10  # timesteps of a path


class Where(NamedTuple):
    """The value of --cell."""

    layer: int
    t: int
    unit: int | None


class WhereType(click.ParamType[Where]):
    """LAYER:TIMESTEP, or LAYER:TIMESTEP:UNIT."""

    name = "LAYER:TIMESTEP[:UNIT]"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Where:
        """Return the place. Raises BadParameter."""
        if isinstance(value, Where):
            return value
        parts = str(value).split(":")
        if not 2 <= len(parts) <= 3 or not all(part.isascii() and part.isdecimal() for part in parts):
            self.fail(f"{value!r}: give LAYER:TIMESTEP or LAYER:TIMESTEP:UNIT, for instance --cell 0:5:17", param, ctx)
        layer, t, *unit = (int(part[:9]) for part in parts)
        return Where(layer, t, unit[0] if unit else None)


class Look(NamedTuple):
    """What of the cell is shown; the other options of --cell."""

    where: Where
    backward: bool
    terms: int
    second: bool
    position: int | None
    loss: int | None


def explain(work: "Cellwork", look: Look, step: int, as_json: bool) -> None:
    """Print the cell. Raises SeqError if there is no such place."""
    from seqcore.errors import SeqError

    layer, t, unit = look.where
    try:
        facts = work.forward(t, layer, unit, look.second, look.position)
        back = work.backward(t, layer, unit, look.second, look.position, look.loss) if look.backward else None
    except SeqError as error:
        raise click.UsageError(f"--cell: {error}") from None
    if as_json:
        _print_json(facts, back, step)
    elif back is None:
        _print_facts(facts, look.terms)
    else:
        _print_back(back, look.terms)


def _print_json(facts: "CellFacts", back: "CellBack | None", step: int) -> None:
    import json

    made = {"step": step, "cell": _plain(facts)}
    if back is not None:
        made["backward"] = _plain(back) | {"dies_at": back.dies_at}
    click.echo(json.dumps(made))


def _plain(value: Any) -> Any:
    """Convert records to objects, lists and numbers; what is not finite becomes null."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if dataclasses.is_dataclass(value):
        found = {field.name: _plain(getattr(value, field.name)) for field in dataclasses.fields(value)}
        return found | {name: _plain(getattr(value, name)) for name in ("before", "computed") if hasattr(value, name)}
    if hasattr(value, "_asdict"):
        found = {name: _plain(one) for name, one in value._asdict().items()}
        return found | (
            {"product": _plain(value.product)} if hasattr(type(value), "product") and "weight" in found else {}
        )
    return [_plain(one) for one in value] if isinstance(value, tuple) else value


def _title(place: "CellFacts | CellBack") -> None:
    from seqtui.cli.terminal import drawn, shown

    words = [place.family, *([place.part] if place.part else []), f"layer {place.layer}", f"unit {place.unit}"]
    words += [f"head {place.head}"] if place.head >= 0 else []
    line = shown(", ".join([*words, f"timestep {place.t}"]), "bold")
    _line(line.append(" ").append_text(shown(drawn(place.symbol), "bold reverse")))


def _line(*parts: Any) -> None:
    from rich.text import Text

    from seqtui.cli.terminal import console

    console().print(Text.assemble(*parts), soft_wrap=True)


def _print_facts(facts: "CellFacts", count: int) -> None:
    _title(facts)
    for one in facts.quantities:
        _quantity(one, count)
        if facts.attention is not None and one.name == facts.attention.of:
            _softmax(facts.attention, count)
    if facts.end is not None:
        _end(facts.end, count)


def _quantity(one: "Quantity", count: int) -> None:
    inner = f" = {one.function}({_number(one.before)})" if one.function else ""
    _equation(one.label, f"{one.formula}{inner} = {_number(one.value)}")
    _terms(one.terms, count)


def _equation(label: str, line: str) -> None:
    from seqtui.cli.terminal import drawn, shown

    _line("\n", shown(line), "  ", shown(drawn(label), "dim"))


def _terms(terms: "tuple[Term, ...]", count: int) -> None:
    """Print the largest terms, and the sum of the others."""
    from seqtui.cli.terminal import drawn, print_table, shown, table

    if not terms:
        return
    made = table("", "product", "weight", "", "value", "", right=("product", "weight", "value"))
    for term in terms[:count]:
        at = f" t={term.at}" if term.at >= 0 and not term.name.startswith("t=") else ""
        made.add_row(
            "", _number(term.product), _number(term.weight), shown("" if term.by == "1" else term.by, "dim"),
            _number(term.value), shown(f"{drawn(term.name)}{at}"),
        )  # fmt: skip
    if terms[count:]:
        from seqcore.cellwork.records import sum_of

        rest = sum_of(term.product for term in terms[count:])
        made.add_row("", _number(rest), "", "", "", shown(f"{len(terms) - count:,} others", "dim"))
    print_table(made)


def _softmax(softmax: "Softmax", count: int) -> None:
    from seqtui.cli.terminal import drawn, print_table, shown, table

    _equation(softmax.label, softmax.formula)
    made = table("", "share", "score", "", right=("share", "score"))
    for choice in softmax.choices[:count]:
        made.add_row("", f"{choice.share:.1%}", _number(choice.score), shown(f"{drawn(choice.name)} ({choice.number})"))
    if softmax.choices[count:]:
        rest = sum(choice.share for choice in softmax.choices[count:])
        made.add_row("", f"{rest:.1%}", "", shown(f"{len(softmax.choices) - count:,} others", "dim"))
    print_table(made)


def _end(end: "EndFacts", count: int) -> None:
    from seqtui.cli.terminal import drawn

    for one in end.outputs:
        _quantity(one, count)
    if end.softmax is not None:
        _softmax(end.softmax, len(end.softmax.choices))
    if math.isfinite(end.loss):
        right = f"-log p({drawn(end.target_name)})" if end.target >= 0 else "mean of (y - target)²"
        _equation("loss", f"L_t = {right} = {_number(end.loss)}")


def _print_back(back: "CellBack", count: int) -> None:
    _title(back)
    _line("L: ", back.losses)
    for one in back.gradients:
        _gradient(one, count)
    _path(back)


def _gradient(one: "Gradient", count: int) -> None:
    product = f" = {' × '.join(_number(factor.value) for factor in one.factors)}" if one.factors else ""
    _equation(one.label, f"{one.formula}{product} = {_number(one.value)}")
    _terms(one.terms, count)


def _path(back: "CellBack") -> None:
    """Print the gradient at the timesteps before and after, and where it dies."""
    from seqtui.cli.terminal import drawn, print_table, shown, table

    size, keep = f"|dL/d{back.state}|", f", keep = {back.keep}" if back.keep else ""
    _equation("the way back through time", f"{size} of the layer, dL/d{back.state} of the unit{keep}")
    more = ("stretch", "keep", "product") if back.keep else ()
    columns = ("t", "symbol", size, "entering", "unit", *more)
    made = table("", *columns, right=(name for name in columns if name != "symbol"))
    for step in _around(back.path, back.t):
        made.add_row(
            ">" if step.t == back.t else "", str(step.t), shown(drawn(step.symbol), "bold"), _size(step.gradient),
            _size(step.entering), _number(step.unit),
            *(_size(value) for value in (step.stretch, step.keep, step.product)[: len(more)]),
        )  # fmt: skip
    print_table(made)
    _line(*(f"\n|dL/d {one.name}| at timestep {back.t} = {_size(one.value)}" for one in back.depth))
    if back.dies_at is not None:
        _line(f"\nbelow 1/1000 of its largest from timestep {back.dies_at} on, going back")


def _around(path: "tuple[Step, ...]", t: int) -> "Iterable[Step]":
    """Return the steps around a timestep, at most _SHOWN of them on each side."""
    return [step for step in path if abs(step.t - t) <= _SHOWN]


def _number(value: float) -> str:
    """Format a number of any size with its sign."""
    if not math.isfinite(value):
        return str(value)
    return f"{value:+.4f}" if value == 0 or 1e-3 <= abs(value) < 1e4 else f"{value:+.3e}"


def _size(value: float) -> str:
    """Format a number that may be unknown."""
    return "" if math.isnan(value) else _number(value).removeprefix("+")
