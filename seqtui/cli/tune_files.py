"""Files of tunes for `seqtui generate`: ABC as the model wrote it, and MIDI."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

from seqtui.cli.places import free_place

if TYPE_CHECKING:
    from seqcore.data.abc import Tune
    from seqcore.tasks.tune_writing import WrittenTune

    from seqtui.cli.loading import LoadedRun


@dataclass(frozen=True)
class TuneFiles:
    """Where to write: all tunes to `abc`, and each one to its place in `midi`."""

    abc: Path | None
    midi: tuple[Path, ...]

    @staticmethod
    def asked(to_abc: str | None, to_midi: str | None, count: int, force: bool) -> "TuneFiles | None":
        """Return the files for `count` tunes; None if none are asked for. Raises UsageError, SeqError."""
        if to_abc is None and to_midi is None:
            return None
        if to_abc is not None and to_midi is not None and Path(to_abc) == Path(to_midi):
            raise click.UsageError("--to-abc and --to-midi are the same file: give two different ones")
        abc = free_place(Path(to_abc), force) if to_abc is not None else None
        midi = _numbered(Path(to_midi), count) if to_midi is not None else []
        return TuneFiles(abc, tuple(free_place(place, force) for place in midi))

    def write(self, tunes: "Iterable[WrittenTune]", length: int) -> None:
        """Write the tunes. Reports those that are cut off or have no MIDI file; raises SeqError if none has one."""
        from seqcore.checkpoint import write_atomically
        from seqcore.errors import SeqError
        from seqcore.exchange.midi import midi_bytes

        from seqtui.cli.boundary import complain

        written = list(tunes)
        for number, tune in enumerate(written, 1):
            if tune.warning and number == 1:
                complain(tune.warning)
            if not tune.ended:
                complain(f"tune {number} is cut off after {length:,} tokens: give a larger --length")
        readable = _readable(written) if self.midi else {}
        sounds = {number: midi_bytes(tune) for number, tune in readable.items()}
        if self.abc is not None:
            write_atomically(self.abc, _joined(written), "another FILE")
            click.echo(f"{self.abc}: {len(written):,} {'tune' if len(written) == 1 else 'tunes'} in ABC notation")
        for number, data in sounds.items():
            place = self.midi[number - 1]
            write_atomically(place, data, "another FILE")
            click.echo(f"{place}: {_titled(readable[number])}")
        if self.midi and not sounds:
            raise SeqError("no MIDI file was written: try another --seed, a lower --temperature, or more training")


def check_music(loaded: "LoadedRun") -> None:
    """Check that a run writes tunes. Raises SeqError."""
    from seqcore.errors import SeqError
    from seqcore.tasks.music import Music

    task = loaded.config.task
    if not isinstance(task, Music):
        raise SeqError(
            f"--to-abc and --to-midi need a run with the task {Music.name}; that of {loaded.folder.name} is {task.name}"
        )


def _numbered(path: Path, count: int) -> list[Path]:
    """Return a place for each of `count` files."""
    if count == 1:
        return [path]
    return [path.with_name(f"{path.stem}-{number}{path.suffix}") for number in range(1, count + 1)]


def _readable(written: "list[WrittenTune]") -> "dict[int, Tune]":
    """Return the tunes whose notation is right by their numbers, from 1; report the others."""
    from seqcore.errors import SeqError

    from seqtui.cli.boundary import complain

    found = {}
    for number, tune in enumerate(written, 1):
        try:
            found[number] = tune.parsed()
        except SeqError as error:
            complain(f"tune {number} is not written as MIDI: {error}")
    return found


def _joined(written: "list[WrittenTune]") -> bytes:
    """Return the tunes as they were written; one that was cut off gets the empty line that ends it."""
    return b"".join(tune.data if tune.ended else tune.data.rstrip(b"\r\n") + b"\n\n" for tune in written)


def _titled(tune: "Tune") -> str:
    """Return title, rhythm and key of a tune."""
    from seqtui.visible import visible

    return visible(" · ".join(filter(None, (tune.field(letter) for letter in "TRK"))))
