"""`seqtui warmup`: compile all kernels."""

import time

import click


@click.command("warmup", epilog="\b\nExample:\n  seqtui warmup      when installing, so that the first start is quick")
def command() -> None:
    """Compile all kernels now and cache the machine code, so that nothing needs compiling later."""
    from seqtui.cli.kernels import Status, compile_with

    start = time.perf_counter()
    with Status() as status:
        count = compile_with(status.compiling)
    from seqcore import jit

    click.echo(f"{count} kernels ready in {time.perf_counter() - start:.1f} s, kept in {jit.CACHE_FOLDER}")
