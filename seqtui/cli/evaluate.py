"""`seqtui evaluate`: measure the loss of a run's model on a text."""

import json
import math
from typing import TYPE_CHECKING, Any

import click

from seqtui.cli.at import at_option

if TYPE_CHECKING:
    from seqcore.folder import At
    from seqcore.records import I32

    from seqtui.cli.loading import LoadedRun


@click.command(
    "evaluate",
    epilog="""\b
Examples:
  seqtui evaluate tales-lstm256-1            on the held-out part of its corpus
  seqtui evaluate tales-lstm256-1 other.txt  on another text
  seqtui evaluate tales-lstm256-1 --json""",
)
@click.argument("run")
@click.argument("corpus", required=False)
@click.option("--encoding", default="utf-8", show_default=True, help="Encoding of CORPUS.")
@at_option
@click.option("--threads", type=int, metavar="N", help="Threads to use.  [default: all cores]")
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
def command(run: str, corpus: str | None, encoding: str, at: "At", threads: int | None, as_json: bool) -> None:
    """Evaluate the model of RUN on the held-out part of its corpus, or on all of CORPUS.

    Loss is in nats per token, with the hidden state carried through the text; attention, which has none, reads one
    context at a time. N-gram baselines counted on the training part are listed for comparison.
    """
    from seqtui.cli.kernels import use_threads
    from seqtui.cli.loading import load

    use_threads(threads)
    loaded = load(run, at)
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
    """Return a description, the training tokens (for the baselines) and the held-out tokens. Raises SeqError."""
    from seqcore.data.corpus import split_tokens
    from seqcore.errors import CorpusChanged, SeqError

    training, vocabulary = loaded.config.training, loaded.config.vocabulary
    if not loaded.config.corpus.source:
        name = loaded.folder.argument
        raise SeqError(f"{loaded.folder.name} was imported without a corpus: give one, seqtui evaluate {name} CORPUS")
    try:
        corpus = loaded.folder.corpus(loaded.config)
    except CorpusChanged as error:
        raise SeqError(f"{error}: give a CORPUS to evaluate on") from None
    tokens, _ = vocabulary.encode_known(corpus)
    train, validation = split_tokens(tokens, training.validation)
    if not validation.size:
        raise SeqError("this run has no held-out part (--validation 0): give a CORPUS to evaluate on")
    return f"the held-out {training.validation:.0%} of {corpus.name}", train, validation


def _other(loaded: "LoadedRun", source: str, encoding: str) -> "tuple[str, I32, I32]":
    """Like `_held_out`, for all of another corpus."""
    import numpy as np
    from seqcore.errors import SeqError

    from seqtui.cli.boundary import complain
    from seqtui.cli.reading import read

    vocabulary = loaded.config.vocabulary
    corpus = read(source, encoding, as_bytes=vocabulary.kind == "byte")
    if vocabulary.unknown is None:
        tokens = vocabulary.encode_corpus(corpus)  # raises if a symbol is unknown
    else:
        tokens, warning = vocabulary.encode_prompt(corpus.text)
        if warning:
            complain(warning)
    if tokens.size < 2:
        raise SeqError(f"{corpus.name} has a single token: at least two are needed")
    try:
        train = _held_out(loaded)[1]
    except SeqError:  # the run's own corpus is not available: no baselines
        train = np.zeros(0, np.int32)
    return corpus.name, train, tokens


def _measured(loaded: "LoadedRun", train: "I32", tokens: "I32") -> dict[str, Any]:
    """Return the loss, metrics derived from it and baselines, by name; unknown ones are absent."""
    from seqcore.jit import kernel_groups
    from seqcore.trainer import Trainer

    from seqtui.cli.counting import count
    from seqtui.cli.kernels import Status, compile_with

    with Status() as status:
        compile_with(status.compiling, kernel_groups(loaded.config.model.family, "train"))
    config, vocabulary = loaded.config, loaded.config.vocabulary
    small = config.training.changed(batch=1, length=1)  # no training: the smallest workspace is enough
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
        ("loss", f"{report['loss']:.4f} nats per {unit}" if "loss" in report else "not finite: the model has diverged"),
    ]
    if "perplexity" in report:
        rows.append(("perplexity", f"{report['perplexity']:,.3f} {unit}s"))
    if kind != "char" and "bits_per_token" in report:
        rows.append((f"bits per {unit}", f"{report['bits_per_token']:.4f}"))
    if "bits_per_character" in report:
        rows.append(("bits per character", f"{report['bits_per_character']:.4f}"))
    if "unknown" in report:
        share = report["unknown"] / report["tokens"]
        rows.append(
            ("<unk>", f"{report['unknown']:,} of the {unit}s ({share:.1%}): bits per character would be too low")
        )
    facts(console(), rows)
    if len(report["references"]) > 1:
        made = table("n-gram baseline", "nats", "model's gain", right=("nats", "model's gain"))
        for name, value in report["references"].items():
            made.add_row(name, f"{value:.4f}", f"{value - report['loss']:+.4f}" if "loss" in report else "")
        print_table(made)
        if remark(report):
            console().print(shown(remark(report), "dim"), soft_wrap=True)
