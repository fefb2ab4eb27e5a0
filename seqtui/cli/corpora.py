"""`seqtui corpora`: what can be trained on."""

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
    "--tokens-by", type=click.Choice(["char", "byte", "word"]), default="char", show_default=True, help="What to count."
)
@click.option("--encoding", default="utf-8", show_default=True, help="What the text is written in.")
@click.option("--json", "as_json", is_flag=True, help="JSON, one object a line.")
def command(name: str | None, tokens_by: str, encoding: str, as_json: bool) -> None:
    """List the sample corpora; with NAME (one of them, a file, a folder or -) tell about that one and show a piece.

    The losses are what counting reaches on the last tenth: a model is good when it is below them.
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
    """What there is to know of a corpus; what is not known is absent. Raises SeqError."""
    from seqcore.data.corpus import read_corpus, split_tokens
    from seqcore.data.vocabulary import Vocabulary

    from seqtui.cli.counting import count

    corpus = read_corpus(source, encoding=encoding, as_bytes=tokens_by == "byte")
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
    entry |= count(train, validation, vocabulary.size)
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

    from seqtui.cli.counting import remark
    from seqtui.cli.terminal import UNITS, console, facts
    from seqtui.visible import visible

    unit = UNITS[entry["tokens_by"]]
    losses = " · ".join(f"{name} {value:.3f}" for name, value in entry["references"].items())
    rows = [
        ("corpus", f"{entry['name']} ({entry['source']})"),
        ("characters", f"{entry['characters']:,}, {entry['distinct_characters']:,} distinct"),
        ("lines", f"{entry['lines']:,}"),
        ("tokens", f"{entry['tokens']:,} {unit}s, vocabulary of {entry['vocabulary']:,}"),
        ("counting reaches", ", ".join(filter(None, [f"{losses} nats a {unit}", remark(entry)]))),
    ]
    screen = console()
    facts(screen, rows)
    screen.print()
    screen.print(Text(visible(entry["sample"], keep="\n"), style="dim"), soft_wrap=True)
