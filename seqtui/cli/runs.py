"""`seqtui runs`: what was trained."""

import json
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from seqcore.folder import RunFolder


@click.command("runs", epilog="\b\nExamples:\n  seqtui runs\n  seqtui runs --json | jq .name")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")
def command(as_json: bool) -> None:
    """List the runs, the latest first: corpus, model, steps, best validation loss, size on disk, age.

    They lie in the user's data folder, or in $SEQTUI_RUNS_DIR.
    """
    from seqcore.folder import list_runs, runs_root

    from seqtui.cli.terminal import print_table, shown, size, table

    found = [_described(folder) for folder in list_runs()]
    if as_json:
        for entry in found:
            click.echo(json.dumps(entry))
        return
    if not found:
        click.echo(f"no runs yet in {runs_root()}: seqtui train tales makes one", err=True)
        return
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
            _ago(entry["changed"]),
        )
    print_table(made)


def _described(folder: "RunFolder") -> dict[str, Any]:
    """A run as a JSON object; what is not known is absent."""
    from seqcore.checkpoint import checkpoint_steps
    from seqcore.errors import SeqError
    from seqcore.naming import described

    entry: dict[str, Any] = {"name": folder.name, "path": str(folder.path)}
    try:
        config = folder.config()
        entry |= {
            "corpus": config.corpus.name,
            "model": described(config.model),
            "tokens_by": config.training.tokens_by,
        }
    except SeqError:
        entry["problem"] = "damaged: its config.json cannot be read"
    steps = checkpoint_steps(folder.path)
    if steps:
        entry["step"] = steps[0]
    losses = [line["validation_loss"] for line in folder.metrics() if _number(line.get("validation_loss"))]
    if losses:
        entry["best_validation_loss"] = min(losses)
    return entry | _on_disk(folder)


def _on_disk(folder: "RunFolder") -> dict[str, Any]:
    total, changed = 0, 0.0
    for path in folder.path.iterdir():
        try:
            status = path.stat()
        except OSError:
            continue  # it went away while we looked
        total, changed = total + status.st_size, max(changed, status.st_mtime)
    return {"bytes": total, "changed": round(changed, 3)}


def _number(value: object) -> bool:
    return isinstance(value, int | float) and value == value


def _ago(changed: float) -> str:
    import time

    seconds = max(0.0, time.time() - changed)
    for unit, name in ((86400, "day"), (3600, "hour"), (60, "minute")):
        if seconds >= unit:
            count = int(seconds // unit)
            return f"{count} {name}{'s' if count > 1 else ''} ago"
    return "just now"
