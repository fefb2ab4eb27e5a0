"""`seqtui compare`: runs side by side, with n-gram baselines."""

import json
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from rich.table import Table

    from seqtui.cli.compared import Entry, Group
    from seqtui.cli.kernels import Status

_ENDLESS = 10_000  # columns: no limit on the width of a table
_NAME = 24  # columns: longer run names are folded before any column is dropped
_NEWEST = 12  # runs to compare if none are named
_GIVE_WAY = ("tok/s", "train", "time", "tokens", "parameters")  # columns to drop if there is no room, in order


@click.command(
    "compare",
    epilog="""\b
Examples:
  seqtui compare                                   the newest runs of one corpus
  seqtui compare tales-lstm256-1 tales-rnn256-1
  seqtui compare brackets-* --reach --brackets 5000""",
)
@click.argument("runs", nargs=-1, metavar="[RUN]...")
@click.option("--reach", is_flag=True, help="Show how far back the losses depend on earlier tokens.")
@click.option(
    "--brackets", type=click.IntRange(1, 10**7), metavar="N", help="Test how brackets are closed, on N tokens per run."
)
@click.option(
    "--temperature",
    type=float,
    default=1.0,
    show_default=True,
    metavar="X",
    help="Sampling temperature for --brackets.",
)
@click.option(
    "--seed",
    type=click.IntRange(0),
    default=1,
    show_default=True,
    metavar="N",
    help="Random seed for --reach and --brackets.",
)
@click.option("--threads", type=int, metavar="N", help="Threads to use.  [default: all cores]")
@click.option("--json", "as_json", is_flag=True, help="One JSON object per line, for every run and n-gram baseline.")
def command(runs: tuple[str, ...], threads: int | None, as_json: bool, **how: Any) -> None:
    """Compare runs: size, training, losses. Without RUN: the newest runs on the corpus of the newest one.

    Each run is evaluated at its newest checkpoint; the training loss is the mean of the last 100 steps. The table
    includes n-gram baselines (interpolated Kneser-Ney), counted on the same training part and evaluated on the same
    held-out part; their parameters are the counts they store. The best model is at the top. Runs that differ in corpus,
    held-out part or vocabulary are shown in separate tables, since their losses per token are not comparable.

    --reach shows |d loss_t / d x_s| at each lag t - s, x being the embedded token, relative to lag 1: the median over
    the losses in some passages of the held-out part (--json also has the mean).

    --brackets, for corpora of labelled brackets, shows the share of wrong closings by their distance in characters: in
    text that the model generates, and in the held-out part, where the model predicts each closing from the true text
    before it.
    """
    from seqcore.errors import SeqError
    from seqcore.jit import kernel_groups
    from seqcore.sampling import Sampling

    from seqtui.cli.boundary import FAILED, Exit, complain
    from seqtui.cli.compared import grouped
    from seqtui.cli.kernels import Status, compile_with, use_threads

    try:
        sampling = Sampling(how["temperature"])
    except SeqError as error:
        raise click.UsageError(f"--{error}") from None
    use_threads(threads)
    entries, complete = _entries(runs)
    if entries:
        with Status() as status:
            kinds = sorted({kind for entry in entries for kind in entry.loaded.config.model.kernels})
            groups_needed = kernel_groups(kinds, "train", "look")
            compile_with(status.compiling, groups_needed)
    groups = grouped(entries)
    for number, group in enumerate(groups):
        if group.problem:
            complain(f"no n-gram baselines for {group.name}: {group.problem}")
        with Status() as status:
            group.measure()
            group.count(status.say)
            troubles = _look(group, status, how["reach"], how["brackets"], sampling.temperature, how["seed"])
        for line in troubles:
            complain(line)
        if as_json:
            for row in _ordered(group):
                click.echo(json.dumps(row))
        else:
            _print(group, how, first=number == 0)
    if not complete:
        raise Exit(FAILED)


def _entries(names: tuple[str, ...]) -> "tuple[list[Entry], bool]":
    """Return the runs to compare, and whether all could be read; reports those that could not. Raises SeqError."""
    from seqcore.errors import SeqError
    from seqcore.folder import RunFolder, list_runs, runs_root

    from seqtui.cli.boundary import complain
    from seqtui.cli.compared import Entry, newest_alike

    if not names and not (known := list_runs()):
        complain(f"no runs yet in {runs_root()}: create one with seqtui train tales")
    found: dict[str, Entry] = {}
    complete = True
    for name in names or [str(folder.path) for folder in newest_alike(known, _NEWEST)]:
        try:
            folder = RunFolder.find(name)
            found.setdefault(str(folder.path.resolve()), Entry.of(folder))
        except SeqError as error:
            complete = False
            complain(f"{name} is left out: {error}")
    return list(found.values()), complete


def _look(
    group: "Group", status: "Status", reach: bool, brackets: int | None, temperature: float, seed: int
) -> list[str]:
    """Add the requested reach and bracket results to the rows; return a line for each that is not available."""
    from seqcore.errors import SeqError

    troubles: list[str] = []
    if brackets and not group.brackets:
        troubles.append(
            f"--brackets: no labelled brackets in the held-out part of {group.name} (use the corpus brackets)"
        )
    for entry in group.entries:
        status.say(f"analysing {entry.row['name']}")
        if reach and group.validation is not None:
            entry.add_reach(group.validation, seed)
        if brackets and group.brackets:
            try:
                entry.add_brackets(group.brackets, brackets, temperature, seed)
            except SeqError as error:
                troubles.append(f"{entry.row['name']}: {error}")
    return troubles


def _ordered(group: "Group") -> list[dict[str, Any]]:
    """Return the rows of runs and n-gram baselines, best first; those without a loss last."""
    rows = [entry.row for entry in group.entries] + group.counted
    return sorted(rows, key=lambda row: row.get("validation_loss", math.inf))


def _print(group: "Group", how: Mapping[str, Any], first: bool) -> None:
    from seqtui.cli.terminal import console, on_terminal, print_table, shown

    screen, rows = console(), [entry.row for entry in _by_loss(group)]
    unit = group.unit
    _title(" · ".join(filter(None, [group.name, group.summary, group.loss_unit])), first)
    made, dropped = _fitting(_ordered(group), unit)
    print_table(made)
    for line in filter(None, [dropped, group.remark]):
        screen.print(shown(line, "dim"), soft_wrap=not on_terminal(screen))
    if how["reach"] and any("reach" in row for row in rows):
        _title("reach by lag, relative to lag 1 (median over the losses)")
        print_table(_reaches(rows))
    if how["brackets"] and group.brackets:
        wrote = f"in {how['brackets']:,} tokens generated at temperature {how['temperature']:g}"
        _title(f"wrong closings by distance, {wrote}")
        print_table(_closings(rows, "brackets_written"))
        _title("wrong closings by distance, predicted in the held-out part")
        print_table(_closings(rows, "brackets_asked"))


def _title(line: str, first: bool = False) -> None:
    from seqtui.cli.terminal import console, on_terminal, shown

    screen = console()
    if not first:
        screen.print()
    screen.print(shown(line, "bold"), soft_wrap=not on_terminal(screen))


def _by_loss(group: "Group") -> "list[Entry]":
    return sorted(group.entries, key=lambda entry: entry.row.get("validation_loss", math.inf))


def _fitting(rows: Sequence[Mapping[str, Any]], unit: str) -> "tuple[Table, str]":
    """Return the table of losses without the columns that do not fit on the terminal, and a line that lists them."""
    from rich.cells import cell_len
    from rich.measure import Measurement

    from seqtui.cli.terminal import console, on_terminal

    screen, dropped = console(), list[str]()
    folds = max([0, *(cell_len(row["name"]) - _NAME for row in rows)])
    while True:
        made = _losses(rows, unit, dropped)
        give_way = [column for column in _GIVE_WAY if column not in dropped]
        wanted = Measurement.get(screen, screen.options.update(max_width=_ENDLESS), made).maximum - folds
        if not on_terminal(screen) or not give_way or wanted <= screen.width:
            return made, f"no room for {', '.join(dropped)}: see --json" if dropped else ""
        dropped.append(give_way[0])


def _losses(rows: Sequence[Mapping[str, Any]], unit: str, without: Iterable[str]) -> "Table":
    from seqtui.cli.terminal import duration, shown, table

    cells: dict[str, Callable[[Mapping[str, Any]], str]] = {
        "parameters": lambda row: _short(row.get("parameters")),
        "tokens": lambda row: _short(row.get("tokens")),
        "time": lambda row: duration(row["seconds"]) if "seconds" in row else "",
        "tok/s": lambda row: _short(row.get("tokens_per_second")),
        "train": lambda row: _loss(row.get("train_loss")),
        "valid": lambda row: _loss(row.get("validation_loss")),
    }
    if any("bits_per_character" in row for row in rows):
        cells["bits/char"] = lambda row: _loss(row.get("bits_per_character"))
    if any("validation_accuracy" in row for row in rows):
        cells["accuracy"] = lambda row: f"{row['validation_accuracy']:.1%}" if "validation_accuracy" in row else ""
    if any("validation_exact_match" in row for row in rows):
        cells["exact"] = lambda row: f"{row['validation_exact_match']:.1%}" if "validation_exact_match" in row else ""
    if unit == "byte":
        cells["bits/byte"] = lambda row: _loss(row.get("bits_per_token"))
    kept = {name: of for name, of in cells.items() if name not in without}
    made = table("run", "model", *kept, right=kept, loose="run")
    for row in rows:
        counted = row["kind"] == "counted"
        name = shown("" if counted else row["name"])
        made.add_row(
            name,
            row["name"] if counted else row["model"],
            *(of(row) for of in kept.values()),
            style="dim" if counted else "",
        )
    return made


def _reaches(rows: Iterable[Mapping[str, Any]]) -> "Table":
    from seqcore.comparison import LAGS

    from seqtui.cli.terminal import shown, table

    made = table("run", "model", *map(str, LAGS), right=[str(lag) for lag in LAGS], loose="run")
    for row in rows:
        reach = row.get("reach", {})
        made.add_row(shown(row["name"]), row["model"], *(f"{reach[lag]:.2g}" if lag in reach else "" for lag in LAGS))
    return made


def _closings(rows: Iterable[Mapping[str, Any]], key: str) -> "Table":
    from seqcore.comparison import DISTANCES

    from seqtui.cli.compared import called
    from seqtui.cli.terminal import shown, table

    columns = [called(*distance) for distance in DISTANCES]
    more = ["strays"] if key == "brackets_written" else []
    made = table("run", "model", *columns, *more, right=[*columns, *more], loose="run")
    for row in rows:
        found = row.get(key, {})
        shares = [_share(found[column]) if column in found else "" for column in columns]
        made.add_row(shown(row["name"]), row["model"], *shares, *(f"{found.get(name, '')}" for name in more))
    return made


def _share(found: Mapping[str, int]) -> str:
    """Format the share of wrong closings: 12% of 94."""
    return f"{found['wrong'] / found['closings']:.0%} of {found['closings']:,}" if found["closings"] else "none"


def _loss(value: float | None) -> str:
    return "" if value is None else f"{value:.3f}"


def _short(count: float | None) -> str:
    """Format a count in at most five characters: 831, 82.6k, 1.54M."""
    if count is None:
        return ""
    for unit, name in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if count >= 0.9995 * unit:
            return f"{count / unit:.3g}{name}"
    return f"{count:.0f}"
