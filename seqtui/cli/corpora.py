"""`seqtui corpora`: the available corpora."""

import json
from typing import Any

import click

_SAMPLE_LINES = 8


@click.command(
    "corpora",
    epilog="\b\nExamples:\n  seqtui corpora\n  seqtui corpora tales\n  seqtui corpora book.txt --tokens-by word",
)
@click.argument("name", required=False)
@click.option(
    "--tokens-by", type=click.Choice(["char", "byte", "word"]), default="char", show_default=True, help="Token type."
)
@click.option("--encoding", default="utf-8", show_default=True, help="Encoding of the text.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON, one object per line.")
def command(name: str | None, tokens_by: str, encoding: str, as_json: bool) -> None:
    """List the sample corpora; with NAME (one of them, a file, a folder or -) show statistics and an excerpt of it.

    The losses are those of n-gram baselines on the last tenth; a useful model is below them.
    """
    entries = [_statistics(name, tokens_by, encoding)] if name is not None else _samples()
    if as_json:
        for entry in entries:
            click.echo(json.dumps(entry))
    elif name is None:
        _print_list(entries)
    else:
        _print_one(entries[0])


def _samples() -> list[dict[str, Any]]:
    from seqcore.data.samples import sample_info, sample_names

    return [dict(vars(sample_info(name))) for name in sample_names()]


def _statistics(source: str, tokens_by: str, encoding: str) -> dict[str, Any]:
    """Return statistics of a corpus; unknown ones are absent. Raises SeqError."""
    from seqcore.data.corpus import split_tokens
    from seqcore.data.vocabulary import Vocabulary
    from seqcore.tasks.language import TokenData

    from seqtui.cli.reading import read

    corpus = read(source, encoding, as_bytes=tokens_by == "byte")
    vocabulary = Vocabulary.build(tokens_by, corpus)
    train, validation = split_tokens(vocabulary.encode_corpus(corpus), 0.1)
    readable = corpus.data.decode("utf-8", "replace") if tokens_by == "byte" else corpus.text
    entry: dict[str, Any] = {
        "name": corpus.name,
        "source": corpus.source,
        "bytes": len(corpus.data),
        "characters": len(readable),
        "distinct_characters": len(set(readable)),
        "lines": len(readable.splitlines()),
        "tokens_by": tokens_by,
        "tokens": int(train.size + validation.size),
        "vocabulary": vocabulary.size,
    }
    entry |= TokenData(train, validation).baselines(vocabulary).as_json()
    entry["sample"] = "\n".join(readable[:4000].splitlines()[:_SAMPLE_LINES])
    return entry


def _print_list(entries: list[dict[str, Any]]) -> None:
    from seqtui.cli.terminal import print_table, shown, table

    made = table("name", "characters", "about", right=("characters",), loose="about")
    for entry in entries:
        made.add_row(entry["name"], f"{entry['characters']:,}", shown(entry["description"]))
    print_table(made)


def _print_one(entry: dict[str, Any]) -> None:
    from rich.text import Text
    from seqcore.tasks.task import Baselines

    from seqtui.cli.terminal import UNITS, console, facts
    from seqtui.visible import visible

    unit = UNITS[entry["tokens_by"]]
    losses = " · ".join(f"{name} {value:.3f}" for name, value in entry["references"].items())
    rows = [
        ("corpus", f"{entry['name']} ({entry['source']})"),
        ("characters", f"{entry['characters']:,}, {entry['distinct_characters']:,} distinct"),
        ("lines", f"{entry['lines']:,}"),
        ("tokens", f"{entry['tokens']:,} {unit}s, vocabulary of {entry['vocabulary']:,}"),
        ("n-gram baselines", ", ".join(filter(None, [f"{losses} nats per {unit}", Baselines.from_json(entry).remark]))),
    ]
    screen = console()
    facts(screen, rows)
    screen.print()
    screen.print(Text(visible(entry["sample"], keep="\n"), style="dim"), soft_wrap=True)
