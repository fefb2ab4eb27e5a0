"""`seqtui evaluate`: how well a run's model predicts a text."""

import json
import math
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from seqcore.records import I32

    from seqtui.cli.loading import LoadedRun


@click.command(
    "evaluate",
    epilog="""\b
Examples:
  seqtui evaluate tales-lstm256-1            on the part that was held out
  seqtui evaluate tales-lstm256-1 other.txt  on a whole other text
  seqtui evaluate tales-lstm256-1 --json""",
)
@click.argument("run")
@click.argument("corpus", required=False)
@click.option("--encoding", default="utf-8", show_default=True, help="What CORPUS is written in.")
@click.option("--threads", type=int, metavar="N", help="Threads to use.  [default: all cores]")
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
def command(run: str, corpus: str | None, encoding: str, threads: int | None, as_json: bool) -> None:
    """Measure the model of RUN on the part of its corpus that was held out, or on the whole of CORPUS.

    Loss is in nats a token, the hidden state carried through the text; attention, which has none, reads one context
    after the other. Beside it stand models that only count.
    """
    from seqtui.cli.kernels import use_threads
    from seqtui.cli.loading import load

    use_threads(threads)
    loaded = load(run)
    if corpus is None:
        what, train, tokens = _held_out(loaded)
    else:
        what, train, tokens = _other(loaded, corpus, encoding)
    report = _measured(loaded, train, tokens) | {"run": loaded.folder.name, "step": loaded.step, "corpus": what}
    if as_json:
        click.echo(json.dumps(report))
    else:
        _print(report, loaded.config.vocabulary.kind)


def _held_out(loaded: "LoadedRun") -> "tuple[str, I32, I32]":
    """What is measured, the tokens to count on and those to measure on. Raises SeqError."""
    from seqcore.data.corpus import split_tokens
    from seqcore.errors import SeqError

    from seqtui.called import called

    training, vocabulary = loaded.config.training, loaded.config.vocabulary
    if not loaded.config.corpus.source:
        name = called(loaded.folder.path)
        raise SeqError(f"{loaded.folder.name} was imported without a corpus: name one, seqtui evaluate {name} CORPUS")
    corpus = loaded.folder.corpus(loaded.config)
    tokens = vocabulary.encode_corpus(corpus)
    train, validation = split_tokens(tokens, training.validation)
    if not validation.size:
        raise SeqError("this run held nothing back (--validation 0): name a CORPUS to measure it on")
    return f"the held-out {training.validation:.0%} of {corpus.name}", train, validation


def _other(loaded: "LoadedRun", source: str, encoding: str) -> "tuple[str, I32, I32]":
    """As `_held_out`, for the whole of another corpus."""
    import numpy as np
    from seqcore.data.corpus import read_corpus
    from seqcore.errors import SeqError

    from seqtui.cli.boundary import complain

    vocabulary = loaded.config.vocabulary
    corpus = read_corpus(source, encoding=encoding, as_bytes=vocabulary.kind == "byte")
    if vocabulary.unknown is None:
        tokens = vocabulary.encode_corpus(corpus)  # raises where something is unknown
    else:
        tokens, warning = vocabulary.encode_prompt(corpus.text)
        if warning:
            complain(warning)
    if tokens.size < 2:
        raise SeqError(f"{corpus.name} has a single token: at least two are needed to predict one")
    try:
        train = _held_out(loaded)[1]
    except SeqError:  # the run's own corpus is gone: nothing to count on
        train = np.zeros(0, np.int32)
    return corpus.name, train, tokens


def _measured(loaded: "LoadedRun", train: "I32", tokens: "I32") -> dict[str, Any]:
    """Losses and what follows from them, by name; what is not known is absent."""
    from seqcore.jit import kernel_groups
    from seqcore.trainer import Trainer

    from seqtui.cli.counting import count
    from seqtui.cli.kernels import Status, compile_with

    with Status() as status:
        compile_with(status.compiling, kernel_groups(loaded.config.model.family, "train"))
    config, vocabulary = loaded.config, loaded.config.vocabulary
    small = config.training.changed(batch=1, length=1)  # nothing is trained: the smallest workspace will do
    loss = Trainer(config.model, small, tokens, tokens, loaded.parameters).evaluate(tokens)
    predicted = int(tokens.size) - 1
    report: dict[str, Any] = {"tokens": predicted, "loss": loss}
    if math.isfinite(loss):
        report["perplexity"] = math.exp(loss) if loss < 700 else math.inf
    report["bits_per_token"] = loss / math.log(2)
    unknown = 0 if vocabulary.unknown is None else int((tokens[1:] == vocabulary.unknown).sum())
    if unknown:
        report["unknown"] = unknown
    else:
        characters = len(vocabulary.decode(tokens)) - len(vocabulary.decode(tokens[:1]))
        if characters > 0:
            report["bits_per_character"] = report["bits_per_token"] * predicted / characters
    report |= count(train, tokens, vocabulary.size)
    return {key: value for key, value in report.items() if not isinstance(value, float) or math.isfinite(value)}


def _print(report: dict[str, Any], kind: str) -> None:
    from seqtui.cli.counting import remark
    from seqtui.cli.terminal import UNITS, console, facts, print_table, shown, table

    unit = UNITS[kind]
    rows = [
        ("model", f"{report['run']}, step {report['step']:,}"),
        ("text", f"{report['corpus']} · {report['tokens']:,} {unit}s predicted"),
        ("loss", f"{report['loss']:.4f} nats a {unit}" if "loss" in report else "not finite: the model has diverged"),
    ]
    if "perplexity" in report:
        rows.append(("perplexity", f"{report['perplexity']:,.3f} {unit}s"))
    if kind != "char" and "bits_per_token" in report:
        rows.append((f"bits a {unit}", f"{report['bits_per_token']:.4f}"))
    if "bits_per_character" in report:
        rows.append(("bits a character", f"{report['bits_per_character']:.4f}"))
    if "unknown" in report:
        share = report["unknown"] / report["tokens"]
        rows.append(("<unk>", f"{report['unknown']:,} of the {unit}s ({share:.1%}): bits a character would flatter"))
    facts(console(), rows)
    if len(report["references"]) > 1:
        made = table("counting", "nats", "model's gain", right=("nats", "model's gain"))
        for name, value in report["references"].items():
            made.add_row(name, f"{value:.4f}", f"{value - report['loss']:+.4f}" if "loss" in report else "")
        print_table(made)
        if remark(report):
            console().print(shown(remark(report), "dim"), soft_wrap=True)
