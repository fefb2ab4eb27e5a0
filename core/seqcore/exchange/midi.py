"""Standard MIDI files of tunes. Needs the extra `midi`."""

import importlib
from fractions import Fraction
from io import BytesIO
from pathlib import Path
from typing import Any

from seqcore.checkpoint import write_atomically
from seqcore.data.abc import Tune, unroll
from seqcore.data.quoting import printable
from seqcore.errors import SeqError

_TICKS = 480  # per quarter note
_VELOCITY = 80
_PROGRAM = 73  # flute
# per minute: the note that is counted, and how many
_TEMPOS = {
    "jig": (Fraction(3, 8), 110),
    "reel": (Fraction(1, 2), 100),
    "hornpipe": (Fraction(1, 2), 76),
    "air": (Fraction(1, 4), 84),
}
_OTHER_TEMPO = (Fraction(1, 4), 120)


def write_midi(tune: Tune, path: Path) -> None:
    """Write a tune as a MIDI file, with repeats and endings played.

    Raises SeqError if the extra `midi` is not installed or the file cannot be written.
    """
    write_atomically(path, midi_bytes(tune))


def midi_bytes(tune: Tune) -> bytes:
    """Return the MIDI file of a tune: one track, type 0, at a tempo that suits the rhythm in R:. Raises SeqError."""
    mido = _mido()
    file = mido.MidiFile(type=0, ticks_per_beat=_TICKS, charset="utf-8")
    track = mido.MidiTrack()
    file.tracks.append(track)
    counted, many = _TEMPOS.get(tune.field("R").lower(), _OTHER_TEMPO)
    track.append(mido.MetaMessage("track_name", name=printable(tune.field("T"))))
    track.append(mido.MetaMessage("set_tempo", tempo=round(60_000_000 / (many * counted * 4))))
    if tune.metre is not None:
        beats, unit = tune.metre
        track.append(mido.MetaMessage("time_signature", numerator=beats, denominator=unit))
    track.append(mido.Message("program_change", program=_PROGRAM))
    now = 0
    for tick, on, pitch in sorted(_events(tune)):  # at the same tick, notes end before others begin
        kind = "note_on" if on else "note_off"
        track.append(mido.Message(kind, note=pitch, velocity=_VELOCITY * on, time=tick - now))
        now = tick
    track.append(mido.MetaMessage("end_of_track", time=0))
    written = BytesIO()
    file.save(file=written)
    return written.getvalue()


def _events(tune: Tune) -> list[tuple[int, bool, int]]:
    """Return (tick, whether it begins, pitch) of every sound; tied notes are one sound."""
    events: list[tuple[int, bool, int]] = []
    sounding: dict[int, Fraction] = {}  # by pitch, where a note ends that may be tied to the next one played
    for note in unroll(tune):
        if note.pitch is None:
            continue
        stop = sounding.pop(note.pitch, None)
        if stop != note.start:
            events.append((_tick(note.start), True, note.pitch))
            if stop is not None:  # the next note played is in another ending
                events.append((_tick(stop), False, note.pitch))
        if note.tied:
            sounding[note.pitch] = note.stop
        else:
            events.append((_tick(note.stop), False, note.pitch))
    return events + [(_tick(stop), False, pitch) for pitch, stop in sounding.items()]


def _tick(time: Fraction) -> int:
    return round(time * 4 * _TICKS)


def _mido() -> Any:
    """Import the package mido. Raises SeqError if the extra is not installed."""
    try:
        return importlib.import_module("mido")
    except ImportError:
        raise SeqError('a MIDI file needs the package mido: pip install "seqtui[midi]"') from None
