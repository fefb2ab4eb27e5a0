"""The command line with tunes: train, evaluate, generate as ABC and MIDI, corpora, runs, compare, export."""

import json
import sys
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from seqcore.checkpoint import BEST
from seqcore.data.abc import tunes as blocks
from seqcore.folder import RunFolder

from tests.cli.conftest import Call
from tests.core.tasks.test_music import TEXT

SMALL = ("--model", "gru", "--hidden", "32", "--embedding", "8", "--batch", "8", "--length", "32", "--lr", "0.02")
PROMPT = "X:7\nT:The Tile\nR:jig\nM:6/8\nL:1/8\nK:D\n|:d2f a2f|d3 D3:|\n\n"  # a whole tune


@pytest.fixture
def tunes(tmp_path: Path) -> Path:
    path = tmp_path / "mine.abc"
    path.write_text(TEXT)
    return path


@pytest.fixture
def run(call: Call, tunes: Path) -> str:
    """A small run that has learnt the notation of `tunes`."""
    answer = call("train", str(tunes), *SMALL, "--steps", "300", "--schedule", "cosine", "--quiet")
    assert answer.code == 0, answer.err
    return "mine-gru32-1"


def midi(data: bytes) -> Any:
    mido = pytest.importorskip("mido")
    return mido.MidiFile(file=BytesIO(data), charset="utf-8")


def test_train_names_the_task_and_counts_tunes(call: Call, tunes: Path) -> None:
    answer = call("train", str(tunes), *SMALL, "--steps", "2")
    assert answer.code == 0, answer.err
    lines = answer.out.splitlines()
    assert lines[0].split() == ["task:", "music,", "many", "to", "many,", "aligned"]
    assert "mine · 60 tunes · " in lines[1]
    assert "nats per character" in answer.out
    answer = call("train", "tunes", *SMALL, "--steps", "1", "--eval-every", "0", "--validation", "0")
    assert "tunes · 3,000 tunes · 720,566 characters" in answer.out
    overruled = call("train", str(tunes), *SMALL, "--steps", "1", "--task", "language")
    assert "task: language" in overruled.out
    text = tunes.with_suffix(".txt")
    text.write_text(TEXT)
    assert "task: language" in call("train", str(text), *SMALL, "--steps", "1").out
    assert "task: music" in call("train", str(text), *SMALL, "--steps", "1", "--task", "music").out


@pytest.mark.parametrize("name", ["bad.abc", "bad.ABC.gz"])
def test_a_file_without_a_tune_gets_one_line(call: Call, tmp_path: Path, runs_dir: Path, name: str) -> None:
    import gzip

    data = b"There once was a kettle,\nit sang.\n" * 20
    (tmp_path / name).write_bytes(gzip.compress(data) if name.endswith("gz") else data)
    for words in (("train", str(tmp_path / name), "--steps", "1"), ("corpora", str(tmp_path / name))):
        answer = call(*words)
        assert answer.code == 1
        assert "no tune in ABC notation" in answer.line
        assert "--task language" in answer.line
    assert not runs_dir.exists() or not list(runs_dir.iterdir())


def test_evaluate_reports_legal_tunes_faults_and_copies(call: Call, run: str) -> None:
    answer = call("evaluate", run, "--json")
    assert answer.code == 0, answer.err
    found = json.loads(answer.out)
    assert found["generated_tunes"] == 100
    assert found["legal_tunes"] == pytest.approx(1 - sum(found["tune_faults"].values()) / 100)
    assert found["legal_tunes"] > 0.5
    assert 0 <= found["copied_tunes"] <= 100
    assert found["held_out_legal_tunes"] == 1.0
    assert {"loss", "perplexity", "bits_per_character", "references"} <= set(found)
    assert json.loads(call("evaluate", run, "--json").out) == found
    out = call("evaluate", run).out
    share = f"{found['legal_tunes']:.1%} of 100 generated at temperature 0.8, seed 1 (held-out tunes: 100.0%)"
    assert share in " ".join(out.split())
    assert "faults" in out
    assert "the music of a training tune" in out
    assert "bits per character" in out


def test_evaluate_on_other_tunes(call: Call, run: str, tmp_path: Path) -> None:
    other = tmp_path / "other.abc"
    other.write_text(PROMPT * 3)
    found = json.loads(call("evaluate", run, str(other), "--json").out)
    assert found["tokens"] == 3 * len(PROMPT) - 1
    other.write_text("no tune\n" * 9)
    assert "no tune in ABC notation" in call("evaluate", run, str(other)).line


def test_generate_writes_text_as_before(call: Call, run: str) -> None:
    out = call("generate", run, "--length", "40").out
    assert len(out) == 41
    assert call("generate", run, "--prompt", PROMPT, "--length", "0").out == PROMPT + "\n"


def test_generate_writes_whole_tunes_as_abc(call: Call, run: str, tmp_path: Path) -> None:
    file = tmp_path / "out.abc"
    answer = call("generate", run, "--to-abc", str(file), "--count", "4")
    assert (answer.code, answer.err) == (0, "")
    assert answer.out == f"{file}: 4 tunes in ABC notation\n"
    text = file.read_text()
    assert len(list(blocks(text))) == 4
    assert text.count("X:") == 4
    assert text.endswith("\n\n")
    again = tmp_path / "again.abc"
    call("generate", run, "--to-abc", str(again), "--count", "4")
    assert again.read_text() == text
    call("generate", run, "--to-abc", str(again), "--force", "--seed", "2")
    assert text.count(again.read_text()) == 1  # the second of the four


def test_a_tune_that_is_cut_off_is_said_and_kept_apart(call: Call, run: str, tmp_path: Path) -> None:
    file = tmp_path / "out.abc"
    answer = call("generate", run, "--to-abc", str(file), "--count", "2", "--length", "9", "--prompt", "X:7\n")
    assert answer.code == 0
    assert answer.err.splitlines() == [
        f"seqtui: tune {n} is cut off after 9 tokens: give a larger --length" for n in (1, 2)
    ]
    assert [file.read_text()[start : start + 4] for start, _ in blocks(file.read_text())] == ["X:7\n"] * 2


def test_generate_writes_midi_files_and_names_the_tunes(call: Call, run: str, tmp_path: Path) -> None:
    pytest.importorskip("mido")
    file = tmp_path / "tune.mid"
    answer = call("generate", run, "--to-midi", str(file), "--prompt", PROMPT.rstrip("\n"))
    assert answer.code == 0, answer.err
    assert answer.out.startswith(f"{file}: The Tile · jig · D")
    notes = [message.note for message in midi(file.read_bytes()).tracks[0] if message.type == "note_on"]
    assert notes[:6] == [74, 78, 81, 78, 74, 62]
    several = tmp_path / "several.mid"
    both = call("generate", run, "--to-midi", str(several), "--to-abc", str(tmp_path / "a.abc"), "--count", "3")
    assert both.code == 0, both.err
    made = {path.name for path in tmp_path.glob("several*")}
    left_out = [line.split()[2] for line in both.err.splitlines() if "is not written as MIDI" in line]
    assert made == {f"several-{n}.mid" for n in (1, 2, 3)} - {f"several-{n}.mid" for n in left_out}
    assert len(list(blocks((tmp_path / "a.abc").read_text()))) == 3


def test_tunes_that_cannot_be_parsed_are_named_and_none_is_an_error(call: Call, run: str, tmp_path: Path) -> None:
    pytest.importorskip("mido")
    words = ("--length", "0", "--to-midi", str(tmp_path / "no.mid"), "--to-abc", str(tmp_path / "no.abc"))
    answer = call("generate", run, *words, "--prompt", "X:7\nK:D\nd3 :e\n")
    assert answer.code == 1
    assert any("tune 1 is not written as MIDI: line 3: " in line for line in answer.err.splitlines())
    assert answer.err.splitlines()[-1].startswith("seqtui: no MIDI file was written: ")
    assert (tmp_path / "no.abc").read_text() == "X:7\nK:D\nd3 :e\n\n"
    assert not (tmp_path / "no.mid").exists()


def test_without_mido_the_line_says_what_to_install(
    call: Call, run: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "mido", None)
    words = ("--prompt", PROMPT.rstrip("\n"), "--to-midi", str(tmp_path / "a.mid"), "--to-abc", str(tmp_path / "a.abc"))
    answer = call("generate", run, *words)
    assert answer.code == 1
    assert 'pip install "seqtui[midi]"' in answer.err.splitlines()[-1]
    assert not list(tmp_path.glob("a.*"))


def test_existing_files_are_kept(call: Call, run: str, tmp_path: Path) -> None:
    abc, second = tmp_path / "a.abc", tmp_path / "a-2.mid"
    abc.write_text("mine")
    second.write_text("mine")
    assert "already exists: add --force" in call("generate", run, "--to-abc", str(abc)).line
    answer = call("generate", run, "--to-midi", str(tmp_path / "a.mid"), "--count", "2")
    assert "a-2.mid' already exists: add --force" in answer.line
    assert abc.read_text() == second.read_text() == "mine"
    assert call("generate", run, "--to-abc", str(abc), "--force").code == 0
    assert abc.read_text().startswith("X:")
    assert "there is no folder" in call("generate", run, "--to-abc", str(tmp_path / "no" / "a.abc")).line
    same = call("generate", run, "--to-abc", str(abc), "--to-midi", str(abc), "--force")
    assert (same.code, "the same file" in same.line) == (2, True)


def test_only_music_runs_write_tunes(call: Call, tunes: Path, tmp_path: Path) -> None:
    call("train", str(tunes), *SMALL, "--steps", "1", "--task", "language", "--quiet")
    answer = call("generate", "mine-gru32-1", "--to-abc", str(tmp_path / "a.abc"))
    assert answer.code == 1
    assert "--to-abc and --to-midi need a run with the task music; that of mine-gru32-1 is language" in answer.line
    assert not (tmp_path / "a.abc").exists()


def test_corpora_shows_tunes(call: Call, tunes: Path) -> None:
    found = json.loads(call("corpora", str(tunes), "--json").out)
    assert (found["task"], found["name"], found["lines"]) == ("music", "mine", TEXT.count("\n"))
    assert found["summary"].startswith("60 tunes · ")
    assert "60 tunes · " in call("corpora", str(tunes)).out
    listed = {entry["name"]: entry["task"] for entry in map(json.loads, call("corpora", "--json").out.splitlines())}
    assert (listed["tunes"], listed["tales"]) == ("music", "language")


def test_runs_inspect_compare_and_export_know_the_task(call: Call, run: str, tmp_path: Path) -> None:
    out = call("runs", run).out
    assert "music, many to many, aligned" in out
    assert f"seqtui generate {run}" in out
    assert json.loads(call("runs", run, "--json").out)["task"] == {"name": "music"}
    probe = json.loads(call("inspect", run, "--text", "X:1\nK:D\n", "--json").out)
    assert "".join(probe["symbols"]) == "X:1\nK:D\n"
    rows = [json.loads(line) for line in call("compare", run, "--json").out.splitlines()]
    assert {row["kind"] for row in rows} == {"run", "counted"}
    file = tmp_path / "it.npz"
    assert call("export", run, str(file)).code == 0
    assert call("import", str(file), "--name", "again").code == 0
    tunes = []
    for name in (run, "again"):
        abc = tmp_path / f"{name}.abc"
        assert call("generate", name, "--to-abc", str(abc), "--count", "2").code == 0
        tunes.append(abc.read_bytes())
    assert tunes[0] == tunes[1]


def test_a_run_by_byte_writes_its_bytes(call: Call, tmp_path: Path) -> None:
    path = tmp_path / "dos.abc"
    path.write_bytes(TEXT.replace("\n", "\r\n").replace("Kettle", "Köttle").encode("latin-1"))
    answer = call("train", str(path), *SMALL, "--steps", "20", "--tokens-by", "byte", "--quiet")
    assert answer.code == 0, answer.err
    prompt = tmp_path / "prompt"
    prompt.write_bytes(b"X:1\r\nT:K\xf6ttle\r\nK:D\r\nd3 d3|")
    file = tmp_path / "out.abc"
    words = ("--prompt-file", str(prompt), "--to-abc", str(file), "--length", "0")
    assert call("generate", "dos-gru32-1", *words).code == 0
    assert file.read_bytes() == prompt.read_bytes() + b"\n\n"
    text = path.with_name("latin.abc")
    text.write_bytes(path.read_bytes())
    assert call("train", str(text), *SMALL, "--steps", "2", "--encoding", "latin-1", "--quiet").code == 0


def test_the_screen_opens_a_run_with_tunes(call: Call, run: str) -> None:
    from seqtui.live.opening import Opening, task_of
    from seqtui.live.snapshot import ModelChoice

    opened = Opening("", ModelChoice(), run, "utf-8", "char", 1, True, False).first_run()
    opened.close()
    assert (opened.trainer.steps, task_of(opened).pane) == (300, "tune")
    fresh = Opening("tunes", ModelChoice(), None, "utf-8", "char", 1, False, False).first_run()
    assert (fresh.trainer.steps, task_of(fresh).pane) == (0, "tune")
    assert BEST in {path.name for path in RunFolder.find(run).path.iterdir()}
