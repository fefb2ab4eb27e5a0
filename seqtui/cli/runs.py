"""`seqtui runs`: the runs so far, or one of them."""

import json
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from seqcore.folder import RunFolder


@click.command(
    "runs", epilog="\b\nExamples:\n  seqtui runs\n  seqtui runs tales-lstm256-1\n  seqtui runs --json | jq .name"
)
@click.argument("name", required=False)
@click.option("--json", "as_json", is_flag=True, help="One JSON object per line.")
def command(name: str | None, as_json: bool) -> None:
    """List all runs, the most recent first; with NAME (a run's name or folder), show that one.

    The list shows corpus, model, steps, lowest validation loss, size on disk and age. One run is shown with its
    settings, loss curves, checkpoints, and the commands that resume, reopen and use it. Runs are in the user's data
    folder, or in $SEQTUI_RUNS_DIR.
    """
    from seqcore.folder import RunFolder, list_runs, runs_root

    if name is not None:
        from seqtui.cli.one_run import print_run, run_as_json

        folder = RunFolder.find(name)
        if as_json:
            click.echo(json.dumps(run_as_json(folder)))
        else:
            print_run(folder)
        return
    found = [_described(folder) for folder in list_runs()]
    if as_json:
        for entry in found:
            click.echo(json.dumps(entry))
    elif not found:
        click.echo(f"no runs in {runs_root()} yet: start one with seqtui train tales", err=True)
    else:
        _print_list(found)


def _print_list(found: list[dict[str, Any]]) -> None:
    from seqtui.cli.terminal import ago, print_table, shown, size, table

    columns = ("name", "corpus", "model", "steps", "validation", "size", "when")
    made = table(*columns, right=("steps", "validation", "size"), loose="name")
    for entry in found:
        loss = entry.get("best_validation_loss")
        made.add_row(
            shown(entry["name"]),
            shown(entry.get("corpus", "")),
            shown(entry.get("model", entry.get("problem", "")), "" if "model" in entry else "red"),
            f"{entry['step']:,}" if "step" in entry else "",
            f"{loss:.3f}" if loss is not None else "",
            size(entry["bytes"]),
            ago(entry["changed"]),
        )
    print_table(made)


def _described(folder: "RunFolder") -> dict[str, Any]:
    """Return a run as a JSON object; unknown fields are absent."""
    from seqcore.checkpoint import checkpoint_steps
    from seqcore.errors import SeqError
    from seqcore.history import is_number
    from seqcore.naming import described

    entry: dict[str, Any] = {"name": folder.name, "path": str(folder.path)}
    try:
        config = folder.config()
        entry |= {
            "corpus": config.corpus.name,
            "model": described(config.model),
            "tokens_by": config.training.tokens_by,
        }
        if config.parent is not None:
            entry["parent"] = config.parent._asdict()
    except SeqError:
        entry["problem"] = "damaged: its config.json cannot be read"
    steps = checkpoint_steps(folder.path)
    if steps:
        entry["step"] = steps[0]
    losses = [line["validation_loss"] for line in folder.metrics() if is_number(line.get("validation_loss"))]
    if losses:
        entry["best_validation_loss"] = min(losses)
    return entry | folder.on_disk()
