"""Training a run to its end from the command line: what `train` and `fork` have in common."""

from typing import TYPE_CHECKING, NamedTuple

import click

from seqtui.cli.boundary import Exit, complain

if TYPE_CHECKING:
    from seqcore.run import Run

    from seqtui.cli.progress import Progress


class Shown(NamedTuple):
    """How it is done, and what is printed."""

    threads: int | None
    as_json: bool
    quiet: bool


def print_notes(run: "Run") -> None:
    """Print what the user should know about a run."""
    for line in run.notes:
        complain(line)


def said_over(run: "Run", how: Shown) -> bool:
    """Say that a run has reached its end, if it has."""
    from seqtui.cli.training import validation_owed

    over = run.trainer.done and not validation_owed(run)
    if over:
        end = f"step {run.trainer.steps:,} is the end of this run: continue with a larger --steps, or --minutes"
        click.echo(end, err=how.as_json or how.quiet)
    return over


def _progress(how: Shown) -> "Progress":
    from seqtui.cli.progress import Lines, LivePicture, Quiet
    from seqtui.cli.terminal import console, on_terminal

    if how.quiet:
        return Quiet()
    screen = console(stderr=how.as_json)
    return LivePicture(screen) if on_terminal(screen) and not screen.is_dumb_terminal else Lines(screen)


def to_the_end(run: "Run", how: Shown) -> None:
    """Compile, train, and print how it ended. Raises Exit."""
    from seqcore.jit import kernel_groups

    from seqtui.cli.kernels import compile_with, use_threads
    from seqtui.cli.stopping import Stopping
    from seqtui.cli.training import Training, introduction, json_line, last_words, resume_line

    stopping, finished = Stopping(), False
    if how.as_json:
        run.log = json_line
    with stopping:
        progress = _progress(how)
        try:
            count = use_threads(how.threads)
            if not how.quiet:
                progress.introduce(introduction(run, count, bool(how.threads)))

            compile_with(progress.compiling, kernel_groups(run.config.model.kernels, "train", "look"), stopping)
            if stopping():
                raise KeyboardInterrupt
            finished = Training(run, progress, stopping).to_the_end()
        except KeyboardInterrupt:
            if run.trainer.steps != run.saved_step:
                raise  # the second signal: at once
        finally:
            progress.close()
        if not finished:
            raise Exit(
                stopping.code,
                f"stopped at step {run.trainer.steps:,}, checkpoint written: resume with {resume_line(run)}",
            )
        if how.quiet:
            click.echo(last_words(run), err=True)
        else:
            progress.say(last_words(run))
