"""`seqtui generate`: generate text with a trained run, token by token."""

import os
import sys
from collections.abc import Callable
from itertools import islice
from typing import TYPE_CHECKING, Any

import click

from seqtui.cli.at import at_option
from seqtui.cli.cutting import cut_run, silence_option

if TYPE_CHECKING:
    from seqcore.data.vocabulary import Vocabulary
    from seqcore.folder import At
    from seqcore.generate import Writer
    from seqcore.surgery.cut import Cut

    from seqtui.cli.loading import LoadedRun


@click.command(
    "generate",
    epilog="""\b
Examples:
  seqtui generate tales-lstm256-1
  seqtui generate tales-lstm256-1 --prompt "Once " --temperature 0.5 --length 200
  seqtui generate tales-lstm256-1 --prompt-file opening.txt --at best
  seqtui generate ./myrun --seed 7 --count 3 > samples.txt
  seqtui generate tunes-gru256-1 --count 3 --to-abc tunes.abc --to-midi tune.mid
  seqtui generate phrases-gru128-1 --input "the old house is red ." --beam 4
  seqtui generate shapes-lstm128-1 --input shapes:12
  seqtui generate shapes-lstm128-1 --input drawing.png --beam 4 --count 3""",
)
@click.argument("run")
@click.option("--prompt", help="Text to continue.  [default: the beginning of a line]")
@click.option("--prompt-file", metavar="FILE", help="Continue the text in FILE (- for standard input).")
@click.option(
    "--length", type=click.IntRange(0), default=500, show_default=True, metavar="N", help="Tokens to generate."
)
@click.option(
    "--temperature",
    type=float,
    default=0.8,
    show_default=True,
    metavar="X",
    help="Sampling temperature; 0 always takes the most likely token.",
)
@click.option("--top-k", type=int, default=0, metavar="N", help="Sample from the N most likely tokens.  [default: all]")
@click.option(
    "--top-p",
    type=float,
    default=1.0,
    metavar="X",
    help="Sample from the most likely tokens with a total probability of X.  [default: 1]",
)
@click.option("--seed", type=click.IntRange(0), default=1, show_default=True, metavar="N", help="Same seed, same text.")
@click.option("--count", type=click.IntRange(1), default=1, show_default=True, metavar="N", help="Number of texts.")
@click.option(
    "--input",
    "source",
    metavar="TEXT",
    help="Pairs: the source to translate. Pictures: a PNG file, or CORPUS:N, picture N of a corpus.",
)
@click.option(
    "--beam", type=click.IntRange(1, 64), metavar="N", help="Pairs: beginnings that the search keeps.  [default: 1]"
)
@click.option(
    "--length-penalty", type=click.FloatRange(0, 10), metavar="X", help="Pairs: exponent that favours long results."
)
@click.option("--to-abc", metavar="FILE", help="Music: write whole tunes to FILE, each up to its end or --length.")
@click.option(
    "--to-midi", metavar="FILE", help="Music: write whole tunes as MIDI; with --count, to FILE-1.mid, FILE-2.mid, ..."
)
@click.option("--force", is_flag=True, help="Overwrite existing files.")
@silence_option
@at_option
def command(
    run: str,
    prompt: str | None,
    prompt_file: str | None,
    length: int,
    seed: int,
    count: int,
    source: str | None,
    beam: int | None,
    length_penalty: float | None,
    to_abc: str | None,
    to_midi: str | None,
    force: bool,
    silence: "tuple[Cut, ...]",
    at: "At",
    **how: Any,
) -> None:
    """Generate text with the model of RUN (a run's name or folder), the prompt first.

    In a pipe or a file, the output is exactly what the model generated: UTF-8, or raw bytes if the run is by byte. On a
    terminal, control characters are shown as symbols, and bytes that are not text as escapes (\\xNN).

    A run with the task music also writes whole tunes, to ABC files as they were generated and to MIDI files (which need
    pip install "seqtui[midi]") with their repeats played. MIDI leaves out tunes whose notation is wrong, and says so.

    An encoder-decoder writes the target of --input, or the caption of a picture, the likeliest first, --count of them
    with --beam. PNG files need pip install "seqtui[pictures]".
    """
    from seqcore.errors import SeqError
    from seqcore.generate import Writer
    from seqcore.sampling import Sampling
    from seqcore.tasks.generating import Answering
    from seqcore.tasks.tune_writing import written_tunes

    from seqtui.cli.boundary import complain
    from seqtui.cli.loading import load
    from seqtui.cli.tune_files import TuneFiles, check_music

    if prompt is not None and prompt_file is not None:
        raise click.UsageError("--prompt and --prompt-file both give the prompt: leave one out")
    try:
        sampling = Sampling(**how)
    except SeqError as error:
        raise click.UsageError(f"--{error}") from None
    loaded = cut_run(load(run, at), silence)
    vocabulary = loaded.config.vocabulary
    if to_abc is not None or to_midi is not None:
        check_music(loaded)
    if isinstance(loaded.config.task, Answering):
        if prompt is not None or prompt_file is not None:
            raise click.UsageError("--prompt does not apply here: give a source, or a picture, with --input")
        _answer(loaded, source, count, beam or max(1, count), length_penalty or 0.0)
        return
    if source is not None or beam is not None or length_penalty is not None:
        task = loaded.config.task.name
        raise click.UsageError(
            f"--input, --beam and --length-penalty are for pairs and pictures; the task of this run is {task}"
        )
    if not loaded.config.task.generates:
        name = loaded.folder.argument
        raise SeqError(
            f"{loaded.folder.name} generates no text, its task is {loaded.config.task.name}: use seqtui inspect {name} "
            f"--text TEXT, or seqtui evaluate {name}"
        )
    given = (prompt or "") if prompt_file is None else _prompt(prompt_file, vocabulary)
    files = TuneFiles.asked(to_abc, to_midi, count, force)
    model = loaded.serial()
    if files is not None:
        endless = written_tunes(model, vocabulary, given, sampling, seed, length)
        files.write(islice(endless, count), length)
        return
    for number in range(count):
        writer = Writer(model, vocabulary, given, sampling, seed + number)
        if writer.warning and not number:
            complain(writer.warning)
        if sys.stdout.isatty():
            _show(writer, given, length, vocabulary)
        else:
            _write(writer, given, length, vocabulary)


def _answer(loaded: "LoadedRun", source: str | None, count: int, width: int, penalty: float) -> None:
    """Print the `count` likeliest targets of a source, a line each. Raises UsageError, SeqError."""
    from seqcore.tasks.generating import Answering

    from seqtui.cli.boundary import complain
    from seqtui.visible import visible

    if source is None:
        raise click.UsageError(
            "give a source to translate, or a picture: --input TEXT, --input FILE.png, --input CORPUS:N"
        )
    if count > width:
        raise click.UsageError(f"--count {count}: a beam of {width} has no more than {width} results; raise --beam")
    task = loaded.config.task
    assert isinstance(task, Answering)
    found, warning = task.answer(loaded.serial(), loaded.config.vocabulary, source, width, penalty)
    if warning:
        complain(warning)
    for text, _ in found[:count]:
        click.echo(visible(text) if sys.stdout.isatty() else text.encode("utf-8", "replace"))


def _prompt(name: str, vocabulary: "Vocabulary") -> str | bytes:
    """Return the content of a file: bytes for a vocabulary by byte, else text. Raises SeqError."""
    from pathlib import Path

    from seqcore.data.corpus import LIMIT
    from seqcore.data.decoding import decoded
    from seqcore.data.files import read_file, read_stream
    from seqcore.data.quoting import quoted
    from seqcore.errors import SeqError

    if name == "-":
        shown, data = "standard input", read_stream(sys.stdin.buffer, LIMIT, "standard input")
    else:
        shown, data = quoted(name), read_file(Path(os.path.expanduser(name)), LIMIT)
    if not data:
        raise SeqError(f"{shown} is empty: there is no prompt in it")
    return data if vocabulary.kind == "byte" else decoded(data, "utf-8", shown)


def _write(writer: "Writer", prompt: str | bytes, length: int, vocabulary: "Vocabulary") -> None:
    """Write exactly what was generated, and a newline."""
    out = sys.stdout.buffer
    out.write(prompt if isinstance(prompt, bytes) else prompt.encode("utf-8", "replace"))
    for _ in range(length):
        out.write(vocabulary.raw(next(writer).token))
    out.write(b"\n")


def _show(writer: "Writer", prompt: str | bytes, length: int, vocabulary: "Vocabulary") -> None:
    """Show it on a terminal, piece by piece."""
    from seqtui.visible import escaped, visible

    clean: Callable[..., str] = escaped if vocabulary.kind == "byte" else visible
    decoder = vocabulary.decoder("backslashreplace")

    def show(text: str) -> None:
        sys.stdout.write(clean(text, keep="\n\t"))
        sys.stdout.flush()

    show(prompt if isinstance(prompt, str) else prompt.decode("utf-8", "backslashreplace"))
    for _ in range(length):
        show(decoder.feed(next(writer).token))
    show(decoder.flush() + "\n")
