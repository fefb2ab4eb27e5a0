"""Stretches of a recording, as `seqtui neurons` takes and shows them: what is like one, and what tells two apart."""

import json
import re
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from rich.text import Text
    from seqcore.neurons.contrast import Separation
    from seqcore.neurons.matching import Matches
    from seqcore.neurons.passage import Passage

AROUND = 24  # timesteps shown on each side of a stretch
SHOWN_UNITS = 16  # units that are named in a line
_STRETCH = re.compile(r"(\d{1,12}):(\d{1,12})")


def stretch_of(option: str, value: str | None) -> tuple[int, int] | None:
    """Return the timesteps that an option names. Raises UsageError."""
    if value is None:
        return None
    match = _STRETCH.fullmatch(value)
    if match is None:
        raise click.UsageError(f"{option} {value[:40]!r}: give START:END, two timesteps of the held-out part")
    return int(match[1]), int(match[2])


def inside(option: str, stretch: tuple[int, int] | None, timesteps: int) -> None:
    """Check that a stretch has timesteps, and that they were read. Raises UsageError."""
    if stretch is not None and not stretch[0] < stretch[1] <= timesteps:
        first, last = stretch
        raise click.UsageError(f"{option} {first}:{last}: give START:END, START < END <= {timesteps:,}, END excluded")


def tell_matches(
    about: dict[str, Any], matches: "Matches", passage: "Passage", stretch: tuple[int, int],
    as_json: bool,
) -> None:  # fmt: skip
    """Print the units of a selection, and where else they are on."""
    first, last = stretch
    count = len(matches.units)
    if as_json:
        found = [
            {"start": one.first, "end": one.last, "shared": one.shared, "others": one.others,
             "likeness": round(one.likeness(count), 6), "text": _text(passage, one.first, one.last)}
            for one in matches.found
        ]  # fmt: skip
        units = [unit._asdict() for unit in matches.units]
        selection = {"start": first, "end": last, "text": _text(passage, first, last), "units": units}
        click.echo(json.dumps(about | {"selection": selection, "matches": found}))
        return
    from rich.text import Text

    from seqtui.cli.terminal import console, plural, print_table, shown, table

    screen = console()
    said = ", ".join(f"{unit.layer}.{unit.unit}" for unit in matches.units[:SHOWN_UNITS])
    more = f" and {count - SHOWN_UNITS} more" if count > SHOWN_UNITS else ""
    screen.print(Text.assemble(f"{first}:{last} ", _passage(passage, first, last)), soft_wrap=True)
    where = ", and below just outside" if about["bounded"] else ", some of them outside too"
    named = f": {said}{more}" if count else ": lower --threshold, or select another stretch"
    line = f"{plural(count, 'unit')} at {about['threshold']:g} or above throughout{where}{named}"
    screen.print(shown(line), soft_wrap=True)
    if not matches.found:
        if count:
            screen.print(shown(f"they are not on together anywhere else in {len(passage):,} timesteps"))
        return
    made = table("timesteps", "alike", "units", "text", right=("alike", "units"), loose="text")
    for one in matches.found:
        share = f"{one.likeness(count):.0%}"
        made.add_row(
            f"{one.first}:{one.last}", share, f"{one.shared} of {count}", _passage(passage, one.first, one.last)
        )
    print_table(made)


def tell_apart(
    about: dict[str, Any], found: "list[Separation]", passage: "Passage", stretches: tuple[tuple[int, int], ...],
    as_json: bool,
) -> None:  # fmt: skip
    """Print the units that tell two stretches apart."""
    if as_json:
        told = [{"start": first, "end": last, "text": _text(passage, first, last)} for first, last in stretches]
        click.echo(json.dumps(about | {"selections": told, "units": [one._asdict() for one in found]}))
        return
    from rich.text import Text

    from seqtui.cli.terminal import console, print_table, table

    for name, (first, last) in zip(("like", "unlike"), stretches, strict=True):
        console().print(Text.assemble(f"{name:<6} {first}:{last} ", _passage(passage, first, last)), soft_wrap=True)
    numbers = ("layer", "unit", "score", "chance")
    made = table("layer", "unit", "is", *numbers[2:], right=numbers)
    for one in found:
        side = "higher" if one.sign > 0 else "lower"
        made.add_row(str(one.layer), str(one.unit), side, f"{one.score:.3f}", f"{one.chance:.2g}")
    print_table(made)


def _text(passage: "Passage", first: int, last: int) -> str:
    return "".join(passage.symbol(t) for t in range(first, last))


def _passage(passage: "Passage", first: int, last: int) -> "Text":
    """Return a stretch of text with what is around it."""
    from rich.text import Text

    from seqtui.cli.terminal import shown
    from seqtui.visible import cell

    line = Text(end="")
    for begin, end, style in (
        (max(0, first - AROUND), first, "dim"),
        (first, last, "bold reverse"),
        (last, min(len(passage), last + AROUND), "dim"),
    ):
        drawn = "".join(cell(passage.symbol(t)) for t in range(begin, end))
        line.append_text(shown(f"[{drawn}]" if style != "dim" else drawn, style))
    return line
