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
    onnx   ONNX graph (.onnx) from tokens to logits; needs pip install "seqtui[onnx]". An
           encoder-decoder has two: NAME.encoder.onnx and NAME.decoder.onnx for NAME.onnx

    The PyTorch module loads the weights with strict=True. torch and npz files can be imported with seqtui import.
    """  # \b: click does not wrap the lines that follow
    layout = layout or _SUFFIXES.get(Path(file).suffix.lower())
    if layout is None:
        raise click.UsageError(f"{file!r} has none of the suffixes {', '.join(_SUFFIXES)}: give the format with --to")
    if source is not None and layout != "torch":
        raise click.UsageError(f"--source only works with --to torch, not with --to {layout}")
    if source is not None and Path(source) == Path(file):
        raise click.UsageError("--source and FILE are the same file: give two different ones")
    from seqcore.checkpoint import write_atomically
    from seqcore.exchange.contents import Contents

    from seqtui.cli.loading import load
    from seqtui.cli.terminal import size

    path = free_place(Path(file), force=True)  # whether the parts exist is checked below
    module = None if source is None else free_place(Path(source), force)
    loaded = load(run, at)
    contents = Contents(
        loaded.config.model, loaded.config.vocabulary, dict(loaded.parameters.items()), loaded.config.task
    )
    files = {free_place(_place(path, name), force): data for name, data in _files(contents, layout).items()}
    printed = layout == "torch" and module is None
    for place, data in files.items():
        write_atomically(place, data, "another FILE")
        click.echo(f"{place}: {layout}, step {loaded.step:,}, {size(len(data))}", err=printed)
    if layout == "torch":
        _give_source(contents, file, module)


def _files(contents: "Contents", layout: str) -> dict[str, bytes]:
    """Return the contents of the files by the name of their part: "" for a model in one file. Raises SeqError."""
    if layout == "torch":
        from seqcore.exchange.torch_file import torch_bytes

        return {"": torch_bytes(contents)}
    if layout == "npz":
        from seqcore.exchange.npz import npz_bytes

        return {"": npz_bytes(contents)}
    from seqcore.exchange.onnx_file import onnx_files

    return onnx_files(contents)


def _place(file: Path, part: str) -> Path:
    """Return the path of a part: phrases.encoder.onnx."""
    return file.with_name(f"{file.stem}.{part}{file.suffix}") if part else file


def _give_source(contents: "Contents", file: str, place: Path | None) -> None:
    """Write the PyTorch module to a path, or to standard output."""
    from seqcore.checkpoint import write_atomically
    from seqcore.exchange.torch_source import source

    text = source(contents.described, file)
    if place is None:
        click.echo(text, nl=False)
        return
    write_atomically(place, text.encode(), "another --source")
    click.echo(f"{place}: PyTorch module that loads it")
