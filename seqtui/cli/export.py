"""`seqtui export`: write a run's weights for PyTorch, NumPy or ONNX."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from seqtui.cli.at import at_option
from seqtui.cli.places import free_place

if TYPE_CHECKING:
    from seqcore.exchange.contents import Contents
    from seqcore.folder import At

_SUFFIXES = {".safetensors": "torch", ".npz": "npz", ".onnx": "onnx"}


@click.command(
    "export",
    epilog="""\b
Examples:
  seqtui export tales-lstm256-1 tales.safetensors > tales.py   weights and PyTorch module
  seqtui export tales-lstm256-1 tales.npz
  seqtui export tales-lstm256-1 tales.onnx""",
)
@click.argument("run")
@click.argument("file")
@click.option(
    "--to",
    "layout",
    type=click.Choice(tuple(_SUFFIXES.values())),
    help="File format.  [default: by the suffix of FILE]",
)
@at_option
@click.option("--source", metavar="FILE.py", help="Write the PyTorch module to this file instead of standard output.")
@click.option("--force", is_flag=True, help="Overwrite existing files.")
def command(run: str, file: str, layout: str | None, at: "At", source: str | None, force: bool) -> None:
    """Write the weights of RUN (a run's name or folder) to FILE.

    \b
    torch  safetensors (.safetensors); the source of a plain torch.nn module for them is printed
    npz    NumPy arrays (.npz) under the engine's own names, for np.load
    onnx   ONNX graph (.onnx) from tokens to logits; needs pip install "seqtui[onnx]"

    The PyTorch module loads the weights with strict=True. torch and npz files can be imported with seqtui import.
    """  # \b: click does not wrap the lines that follow
    layout = layout or _SUFFIXES.get(Path(file).suffix.lower())
    if layout is None:
        raise click.UsageError(f"{file!r} has none of the suffixes {', '.join(_SUFFIXES)}: give the format with --to")
    if source is not None and layout != "torch":
        raise click.UsageError(f"--source only works with --to torch, not with --to {layout}")
    if source is not None and Path(source) == Path(file):
        raise click.UsageError("--source and FILE are the same file: give two different ones")
    places = [free_place(Path(place), force) for place in (file, source) if place is not None]
    from seqcore.checkpoint import write_atomically
    from seqcore.errors import SeqError
    from seqcore.exchange.contents import Contents

    from seqtui.cli.loading import load
    from seqtui.cli.terminal import size

    loaded = load(run, at)
    if loaded.config.model.decodes and layout != "npz":
        raise SeqError(f"an encoder-decoder cannot be exported to {layout}: use --to npz")
    contents = Contents(
        loaded.config.model, loaded.config.vocabulary, dict(loaded.parameters.items()), loaded.config.task
    )
    data = _bytes(contents, layout)
    write_atomically(places[0], data, "another FILE")
    printed = layout == "torch" and source is None
    click.echo(f"{file}: {layout}, step {loaded.step:,}, {size(len(data))}", err=printed)
    if layout == "torch":
        _give_source(contents, file, places[1:])


def _bytes(contents: "Contents", layout: str) -> bytes:
    if layout == "torch":
        from seqcore.exchange.torch_file import torch_bytes

        return torch_bytes(contents)
    if layout == "npz":
        from seqcore.exchange.npz import npz_bytes

        return npz_bytes(contents)
    from seqcore.exchange.onnx_file import onnx_bytes

    return onnx_bytes(contents)


def _give_source(contents: "Contents", file: str, places: list[Path]) -> None:
    """Write the PyTorch module to the path in `places`, or to standard output if it is empty."""
    from seqcore.checkpoint import write_atomically
    from seqcore.exchange.torch_source import source

    text = source(contents.config, file)
    if not places:
        click.echo(text, nl=False)
        return
    write_atomically(places[0], text.encode(), "another --source")
    click.echo(f"{places[0]}: PyTorch module that loads it")
