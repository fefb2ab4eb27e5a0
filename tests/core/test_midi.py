"""MIDI files hold the notes of a tune as they are played; run only if mido is installed, but for one test."""

import sys
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from seqcore.data.abc import parse_tune
from seqcore.errors import SeqError
from seqcore.exchange.midi import midi_bytes, write_midi

HEADER = "X:1\nT:The Tést\nR:jig\nM:6/8\nL:1/8\nK:D\n"


def track(body: str) -> Any:
    mido = pytest.importorskip("mido")
    return mido.MidiFile(file=BytesIO(midi_bytes(parse_tune(HEADER + body))), charset="utf-8").tracks[0]


def sounds(body: str) -> list[tuple[int, int, int]]:
    """(pitch, first tick, last tick) of every sound, in order of the first."""
    now, found, open_at = 0, [], {}
    for message in track(body):
        now += message.time
        if message.type == "note_on":
            assert message.note not in open_at
            open_at[message.note] = now
        elif message.type == "note_off":
            found.append((message.note, open_at.pop(message.note), now))
    assert not open_at
    return sorted(found, key=lambda sound: (sound[1], sound[0]))


def test_notes_rests_chords_and_triplets() -> None:
    assert sounds("d z f2 [ce](3cde") == [
        (74, 0, 240), (78, 480, 960), (73, 960, 1200), (76, 960, 1200), (73, 1200, 1360), (74, 1360, 1520),
        (76, 1520, 1680),
    ]  # fmt: skip


def test_repeats_and_endings_are_played() -> None:
    assert [pitch for pitch, _, _ in sounds("|:d2|1 f2:|2 a2|]")] == [74, 78, 74, 81]


def test_tied_notes_are_one_sound() -> None:
    assert sounds("d3-|d3 d") == [(74, 0, 1440), (74, 1440, 1680)]
    # a tie into a first ending ends where the second one is played
    assert sounds("|:d2-|1 d:|2 f|]") == [(74, 0, 720), (74, 720, 1200), (78, 1200, 1440)]


def test_title_metre_and_tempo() -> None:
    messages = {message.type: message for message in track("d")}
    assert messages["track_name"].name == "The Tést"
    assert (messages["time_signature"].numerator, messages["time_signature"].denominator) == (6, 8)
    beats = 60_000_000 / messages["set_tempo"].tempo  # quarter notes per minute
    assert 150 < beats < 180


def test_a_file_is_written(tmp_path: Path) -> None:
    mido = pytest.importorskip("mido")
    tune = parse_tune(HEADER + "dfa\n")
    write_midi(tune, tmp_path / "tune.mid")
    assert len(mido.MidiFile(tmp_path / "tune.mid").tracks) == 1
    with pytest.raises(SeqError, match="cannot be written"):
        write_midi(tune, tmp_path / "missing" / "tune.mid")


def test_any_title_and_metre_can_be_written() -> None:
    pytest.importorskip("mido")
    midi_bytes(parse_tune("T:\udcff\x00\nM:none\nK:C\nc"))
    midi_bytes(parse_tune("M:64/64\nK:C\nc999"))


def test_without_mido_the_error_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "mido", None)
    with pytest.raises(SeqError, match=r'pip install "seqtui\[midi\]"'):
        midi_bytes(parse_tune(HEADER + "d"))
