"""`seqtui corpora`: the available corpora."""

import json
from typing import Any

import click
from seqcore.config import TOKENS_BY, VOCABULARY_LIMIT

_SAMPLE_LINES = 8
_HELD_OUT = 0.1  # of a text


@click.command(
    "corpora",
    epilog="\b\nExamples:\n  seqtui corpora\n  seqtui corpora tales\n  seqtui corpora book.txt --tokens-by word\n"
    "  seqtui corpora copy:100",
)
@click.argument("name", required=False)
@click.option("--tokens-by", type=click.Choice(TOKENS_BY), help="Token type.  [default: that of the task]")
@click.option("--encoding", default="utf-8", show_default=True, help="Encoding of the text.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON, one object per line.")
def command(name: str | None, tokens_by: str | None, encoding: str, as_json: bool) -> None:
    """List the sample corpora and the diagnostics; with NAME (one of them, a file, a folder or -) show one.

    It is shown with statistics, the losses of simple models on the held-out part, and an excerpt. A useful model is
    below these losses. The number after a diagnostic is its dial: copy:200 is harder than copy:100.
    """
    from seqcore.tasks.language import Language
    from seqcore.tasks.table import guessed

    if name is None:
        entries = [*_samples(), *_diagnostics()]
    elif issubclass(guessed(name, encoding), Language):
        entries = [_statistics(name, tokens_by or "char", encoding)]
    else:
        entries = [_examples(name, tokens_by, encoding)]
    if as_json:
        for entry in entries:
            click.echo(json.dumps(entry))
    elif name is None:
        _print_list(entries)
    elif "characters" in entries[0]:
        _print_one(entries[0])
    else:
        _print_examples(entries[0])


def _samples() -> list[dict[str, Any]]:
    from seqcore.data.samples import sample_info, sample_names

    infos = [vars(sample_info(name)) for name in sample_names(None)]
    return [{key: value for key, value in info.items() if value or key == "name"} for info in infos]


def _diagnostics() -> list[dict[str, Any]]:
    from seqcore.tasks.table import generated

    return [
        {
            "name": dial.source, "description": about, "task": task.name, "dial": dial.value,
            "dial_least": dial.least, "dial_most": dial.most,
        }
        for task, dial, about in generated()
    ]  # fmt: skip


def _examples(source: str, tokens_by: str | None, encoding: str) -> dict[str, Any]:
    """Return statistics of a corpus for another task than language modelling. Raises SeqError."""
    from seqcore.config import TrainingConfig
    from seqcore.tasks.table import guessed

    from seqtui.cli.reading import read

    kind = guessed(source, encoding)
    given: dict[str, Any] = {"tokens_by": tokens_by} if tokens_by is not None and "tokens_by" not in kind.fixed else {}
    if tokens_by in VOCABULARY_LIMIT:
        given |= {"vocabulary_limit": VOCABULARY_LIMIT[tokens_by]}
    training = TrainingConfig(**{**kind.defaults(source), **given})
    corpus = read(source, encoding, as_bytes=training.tokens_by == "byte")
    task, vocabulary = kind.start(corpus, training, {})
    data = task.data(corpus, vocabulary, training)
    entry = {
        "name": corpus.name, "source": corpus.source, "task": task.name, "form": task.form,
        "summary": data.summary(vocabulary), "vocabulary": vocabulary.size, "loss_unit": task.loss_unit(vocabulary),
    }  # fmt: skip
    entry |= data.baselines(vocabulary).as_json()
    entry["sample"] = "\n".join(data.excerpt(vocabulary, _SAMPLE_LINES))
    return entry


def _statistics(source: str, tokens_by: str, encoding: str) -> dict[str, Any]:
    """Return statistics of a corpus; unknown ones are absent. Raises SeqError."""
    from seqcore.config import TrainingConfig
    from seqcore.tasks.table import guessed

    from seqtui.cli.reading import read

    corpus = read(source, encoding, as_bytes=tokens_by == "byte")
    limits: dict[str, Any] = {"vocabulary_limit": VOCABULARY_LIMIT[tokens_by]} if tokens_by in VOCABULARY_LIMIT else {}
    training = TrainingConfig(tokens_by=tokens_by, **limits)
    task, vocabulary = guessed(source, encoding).start(corpus, training, {})
    data = task.data(corpus, vocabulary, training)
    readable = corpus.data.decode("utf-8", "replace") if tokens_by == "byte" else corpus.text
    entry: dict[str, Any] = {
        "name": corpus.name,
        "source": corpus.source,
        "task": task.name,
        "form": task.form,
        "summary": data.summary(vocabulary),
        "bytes": len(corpus.data),
        "characters": len(readable),
        "distinct_characters": len(set(readable)),
        "lines": len(readable.splitlines()),
        "tokens_by": tokens_by,
        "tokens": len(vocabulary.encode_corpus(corpus)),
        "vocabulary": vocabulary.size,
    }
    entry |= data.baselines(vocabulary).as_json()
    entry["sample"] = "\n".join(readable[:4000].splitlines()[:_SAMPLE_LINES])
    return entry


def _print_list(entries: list[dict[str, Any]]) -> None:
    from seqtui.cli.terminal import print_table, shown, table

    made = table("name", "task", "size", "about", right=("size",), loose="about")
    for entry in entries:
        size = f"{entry['characters']:,} characters" if "characters" in entry else ""
        size = f"{entry['rows']:,} rows" if "rows" in entry else size or "endless"
        about = entry["description"].replace("N ", f"{entry.get('dial', 'N')} ")
        made.add_row(entry["name"], entry["task"], size, shown(about))
    print_table(made)


def _print_examples(entry: dict[str, Any]) -> None:
    from rich.text import Text

    from seqtui.cli.terminal import console, facts
    from seqtui.visible import visible

    screen = console()
    losses = " · ".join(f"{name} {value:.3f}" for name, value in entry["references"].items())
    facts(
        screen,
        [
            ("corpus", f"{entry['name']} ({entry['source']})"),
            ("task", f"{entry['task']}, {entry['form']}"),
            ("data", entry["summary"]),
            ("baselines", f"{losses} {entry['loss_unit']}"),
        ],
    )
    screen.print()
    screen.print(Text(visible(entry["sample"], keep="\n"), style="dim"), soft_wrap=True)


def _print_one(entry: dict[str, Any]) -> None:
    from rich.text import Text
    from seqcore.tasks.task import Baselines

    from seqtui.cli.terminal import UNITS, console, facts
    from seqtui.visible import visible

    unit = UNITS[entry["tokens_by"]]
    losses = " · ".join(f"{name} {value:.3f}" for name, value in entry["references"].items())
    rows = [
        ("corpus", f"{entry['name']} ({entry['source']})"),
        ("task", f"{entry['task']}, {entry['form']}"),
        ("data", entry["summary"]),
        ("characters", f"{entry['characters']:,}, {entry['distinct_characters']:,} distinct"),
        ("lines", f"{entry['lines']:,}"),
        ("n-gram baselines", ", ".join(filter(None, [f"{losses} nats per {unit}", Baselines.from_json(entry).remark]))),
    ]
    screen = console()
    facts(screen, rows)
    screen.print()
    screen.print(Text(visible(entry["sample"], keep="\n"), style="dim"), soft_wrap=True)
