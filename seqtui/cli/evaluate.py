"""`seqtui evaluate`: measure the loss of a run's model on a text."""

import json
import math
from typing import TYPE_CHECKING, Any

import click

from seqtui.cli.at import at_option
from seqtui.cli.cutting import cut_run, silence_option

if TYPE_CHECKING:
    from seqcore.folder import At
    from seqcore.surgery.cut import Cut
    from seqcore.tasks.task import Data

    from seqtui.cli.loading import LoadedRun


@click.command(
    "evaluate",
    epilog="""\b
Examples:
  seqtui evaluate tales-lstm256-1            on the held-out part of its corpus
  seqtui evaluate tales-lstm256-1 other.txt  on another text
  seqtui evaluate tunes-gru256-1             also the tunes that it generates
  seqtui evaluate tales-lstm256-1 --json""",
)
@click.argument("run")
@click.argument("corpus", required=False)
@click.option("--encoding", default="utf-8", show_default=True, help="Encoding of CORPUS.")
@silence_option
@at_option
@click.option("--threads", type=int, metavar="N", help="Threads to use.  [default: all cores]")
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
def command(
    run: str, corpus: str | None, encoding: str, silence: "tuple[Cut, ...]", at: "At", threads: int | None,
    as_json: bool,
) -> None:  # fmt: skip
    """Evaluate the model of RUN on the held-out part of its corpus, or on all of CORPUS.

    Loss is in nats per token, with the hidden state carried through the text; attention, which has none, reads one
    context at a time. Of real values it is the squared error in units of their standard deviation; their root mean
    square error is in the units of the data. Simple models learnt from the training part are listed for comparison.
    A model with the task music also generates tunes: shown are the share of legal ones (correct notation, full bars),
    the commonest faults, and how many copy the music of a tune in the training part.
    """
    from seqtui.cli.kernels import use_threads
    from seqtui.cli.loading import load

    use_threads(threads)
    loaded = cut_run(load(run, at), silence)
    what, data = _held_out(loaded) if corpus is None else _other(loaded, corpus, encoding)
    report = _measured(loaded, data) | {"run": loaded.folder.name, "step": loaded.step, "corpus": what}
    report |= {"cuts": [one.text() for one in silence]} if silence else {}
    if as_json:
        click.echo(json.dumps(report))
    else:
        _print(report, loaded)


def _held_out(loaded: "LoadedRun") -> "tuple[str, Data]":
    """Return a description and the examples of the run. Raises SeqError."""
    config = loaded.config
    corpus, data = loaded.held_out("give a CORPUS to evaluate on")
    if "validation" in config.task.fixed:
        return f"held-out sequences of {corpus.name}", data
    return f"the held-out {config.training.validation:.0%} of {corpus.name}", data


def _other(loaded: "LoadedRun", source: str, encoding: str) -> "tuple[str, Data]":
    """Like `_held_out`, for all of another corpus."""
    from seqcore.errors import SeqError

    from seqtui.cli.boundary import complain
    from seqtui.cli.reading import read

    config = loaded.config
    corpus = read(source, encoding, as_bytes=config.vocabulary.kind == "byte")
    try:
        train = _held_out(loaded)[1]
    except SeqError:  # the run's own corpus is not available: no baselines
        train = None
    data = config.task.test_data(corpus, config.vocabulary, train)
    for line in data.notes:
        complain(line)
    return corpus.name, data


def _measured(loaded: "LoadedRun", data: "Data") -> dict[str, Any]:
    """Return the loss, metrics derived from it and baselines, by name; unknown ones are absent."""
    from seqcore.evaluation import measured
    from seqcore.jit import kernel_groups

    from seqtui.cli.kernels import Status, compile_with

    config = loaded.config
    with Status() as status:
        compile_with(status.compiling, kernel_groups(config.model.kernels, "train"))
    found = measured(config.model, loaded.parameters, data)
    report = data.report(found, config.vocabulary, loaded.serial())
    report |= data.baselines(config.vocabulary).as_json()
    finite: dict[str, Any] = _finite(report)
    return finite


def _finite(value: Any) -> Any:
    """Return a JSON value without the members of objects that are not finite: JSON has no such numbers."""
    if isinstance(value, dict):
        return {key: _finite(one) for key, one in value.items() if not isinstance(one, float) or math.isfinite(one)}
    return [_finite(one) for one in value] if isinstance(value, list) else value


def _print(report: dict[str, Any], loaded: "LoadedRun") -> None:
    from seqcore.tasks.task import Baselines, number_said

    from seqtui.cli.terminal import console, facts, print_table, shown, table
    from seqtui.visible import visible

    task, vocabulary = loaded.config.task, loaded.config.vocabulary
    unit = task.unit(vocabulary)
    rows = [
        ("model", f"{report['run']}, step {report['step']:,}{_cut(report)}"),
        ("data", f"{report['corpus']} · {_counted(report, unit)}"),
        (
            "loss",
            f"{report['loss']:.4f} {task.loss_unit(vocabulary)}"
            if "loss" in report
            else "not finite: the model has diverged",
        ),
    ]
    if "perplexity" in report:
        rows.append(("perplexity", f"{report['perplexity']:,.3f} {unit}s"))
    if vocabulary.kind != "char" and "bits_per_token" in report:
        rows.append((f"bits per {unit}", f"{report['bits_per_token']:.4f}"))
    if "bits_per_character" in report:
        rows.append(("bits per character", f"{report['bits_per_character']:.4f}"))
    if "unknown" in report:
        share = report["unknown"] / report["tokens"]
        rows.append(
            ("<unk>", f"{report['unknown']:,} of the {unit}s ({share:.1%}): bits per character would be too low")
        )
    rows += [(name.replace("_", " "), number_said(name, report[name])) for name in _NUMBERS if name in report]
    rows += [(f"rmse of {visible(name)}", number_said("rmse", value))
             for name, value in report.get("rmse_by_column", {}).items()]  # fmt: skip
    rows += [(said, f"{report[name]:.1f}") for name, said in (("bleu", "BLEU"), ("chrf", "chrF")) if name in report]
    rows += _tunes(report)
    facts(console(), rows)
    if "confusion" in report:
        _print_confusion(report["confusion"], report["classes"])
    for column, groups in report.get("accuracy_by_group", {}).items():
        made = table(visible(column), "examples", "accuracy", right=("examples", "accuracy"))
        for name, group in groups.items():
            made.add_row(shown(name), f"{group['count']:,}", f"{group['accuracy']:.1%}")
        print_table(made)
    for name, counted in (("length", "examples"), ("lag", "answers")):
        bands = report.get(f"by_{name}", [])
        if len(bands) < 2:
            continue
        shares = [key for key in ("exact_match", "token_accuracy", "accuracy") if key in bands[0]]
        titles = [key.replace("_", " ") for key in shares]
        made = table(name, counted, *titles, right=(name, counted, *titles))
        for band in bands:
            values = (f"{band[key]:.1%}" for key in shares)
            made.add_row(f"{band['from']:,}–{band['to']:,}", f"{band['count']:,}", *values)
        print_table(made)
    if "rmse_by_horizon" in report:
        _print_horizons(report["rmse_by_horizon"])
    if len(report["references"]) > 1 or not task.generates:
        made = table("baseline", "loss", "model's gain", right=("loss", "model's gain"))
        for name, value in report["references"].items():
            made.add_row(name, f"{value:.4f}", f"{value - report['loss']:+.4f}" if "loss" in report else "")
        print_table(made)
        if remark := Baselines.from_json(report).remark:
            console().print(shown(remark, "dim"), soft_wrap=True)


_MOST_FAULTS = 4
_NUMBERS = (
    "accuracy", "exact_match", "token_accuracy", "f1", "bag_of_words_accuracy", "logistic_regression_accuracy", "rmse",
)  # fmt: skip


def _tunes(report: dict[str, Any]) -> list[tuple[str, str]]:
    """Return what the tunes that a model of music wrote are like; nothing for other tasks."""
    if "legal_tunes" not in report:
        return []
    count, copied = report["generated_tunes"], report["copied_tunes"]
    how = f"of {count} generated at temperature {report['temperature']:g}, seed {report['seed']}"
    held_out = f" (held-out tunes: {report['held_out_legal_tunes']:.1%})" if "held_out_legal_tunes" in report else ""
    faults = [f"{fault} ({times})" for fault, times in report["tune_faults"].items()]
    return [
        ("legal tunes", f"{report['legal_tunes']:.1%} {how}{held_out}"),
        ("faults", " · ".join(faults[:_MOST_FAULTS]) or "none"),
        ("copies", f"{copied or 'none'} of them {'has' if copied == 1 else 'have'} the music of a training tune"),
    ]


def _cut(report: dict[str, Any]) -> str:
    """Return what is cut of the model, if anything is."""
    return f" · cut: {', '.join(report['cuts'])}" if "cuts" in report else ""


def _counted(report: dict[str, Any], unit: str) -> str:
    """Return how much was predicted."""
    if "tokens" in report:
        return f"{report['tokens']:,} {unit}s predicted"
    return f"{report.get('examples', 0):,} examples"


def _print_horizons(bands: list[dict[str, Any]]) -> None:
    """Print the error of forecasts, by the number of rows ahead."""
    from seqtui.cli.terminal import print_table, table

    names = ("rows ahead", "rmse", "same as last", "same velocity")
    made = table(*names, right=names)
    for band in bands:
        made.add_row(f"{band['steps']:,}", *(f"{band[name]:.4g}" for name in ("rmse", "same_as_last", "same_velocity")))
    print_table(made)


def _print_confusion(confusion: list[list[int]], classes: list[str]) -> None:
    """Print a row per label, a column per prediction."""
    from seqtui.cli.terminal import print_table, table
    from seqtui.visible import visible

    names = [visible(name) for name in classes]
    made = table("label", *(f"→ {name}" for name in names), right=tuple(f"→ {name}" for name in names))
    for name, row in zip(names, confusion, strict=True):
        made.add_row(name, *(f"{count:,}" for count in row))
    print_table(made)
