"""`seqtui generate`: a run's model writes, token by token."""

import sys
from typing import Any

import click


@click.command(
    "generate",
    epilog="""\b
Examples:
  seqtui generate tales-lstm256-1
  seqtui generate tales-lstm256-1 --prompt "Once " --temperature 0.5 --length 200
  seqtui generate ./myrun --seed 7 --count 3 > samples.txt""",
)
@click.argument("run")
@click.option("--prompt", default="", help="Text to go on from.  [default: the beginning of a line]")
@click.option("--length", type=click.IntRange(0), default=500, show_default=True, metavar="N", help="Tokens to write.")
@click.option(
    "--temperature", type=float, default=0.8, show_default=True, metavar="X", help="How daring; 0 takes the likeliest."
)
@click.option("--top-k", type=int, default=0, metavar="N", help="Draw from the N likeliest alone.  [default: all]")
@click.option(
    "--top-p", type=float, default=1.0, metavar="X", help="Draw from the likeliest that have X together.  [default: 1]"
)
@click.option("--seed", type=click.IntRange(0), default=1, show_default=True, metavar="N", help="Same seed, same text.")
@click.option("--count", type=click.IntRange(1), default=1, show_default=True, metavar="N", help="Texts to write.")
def command(run: str, prompt: str, length: int, seed: int, count: int, **how: Any) -> None:
    """Let the model of RUN (a run's name or folder) write text, the prompt first.

    Elsewhere than on a terminal the text is exactly what the model wrote; a terminal is shown a symbol for every
    control character.
    """
    from seqcore.errors import SeqError
    from seqcore.generate import Sampling, Writer

    from seqtui.cli.boundary import complain
    from seqtui.cli.loading import load

    try:
        sampling = Sampling(**how)
    except SeqError as error:
        raise click.UsageError(f"--{error}") from None
    loaded = load(run)
    model = loaded.serial()
    show = _shower()
    for number in range(count):
        writer = Writer(model, loaded.config.vocabulary, prompt, sampling, seed + number)
        if writer.warning and not number:
            complain(writer.warning)
        show(prompt)
        for _ in range(length):
            show(next(writer).text)
        show(writer.flush())
        show("\n")


def _shower() -> Any:
    """What writes a piece of text to standard output: raw in UTF-8 where no terminal is, visible and at once on one."""
    if not sys.stdout.isatty():
        out = sys.stdout.buffer
        return lambda text: out.write(text.encode("utf-8", "replace"))
    from seqtui.visible import visible

    def show(text: str) -> None:
        sys.stdout.write(visible(text, keep="\n\t"))
        sys.stdout.flush()

    return show
