"""`seqtui train`: what it writes, which saying wins, and that a resumed run is the run it would have been."""

import json
import pickle
from pathlib import Path
from typing import Any

import click
import pytest
from safetensors.numpy import load_file
from seqcore.folder import RunFolder

from seqtui.cli import settings
from seqtui.cli.training import _Recent
from tests.cli.conftest import TINY, Call

REQUIRED = {"step", "tokens", "seconds", "train_loss", "learning_rate", "gradient_norm", "tokens_per_second"}


def _config(folder: Path) -> dict[str, Any]:
    content: dict[str, Any] = json.loads((folder / "config.json").read_text())
    return content


def _metrics(folder: Path) -> list[dict[str, Any]]:
    return list(RunFolder(folder).metrics())


def test_json_lines_are_the_metrics_of_the_contract(call: Call, corpus: Path, runs_dir: Path) -> None:
    answer = call("train", str(corpus), *TINY, "--steps", "10", "--json")
    assert answer.code == 0
    lines = [json.loads(line) for line in answer.out.splitlines()]
    assert [line["step"] for line in lines] == [2, 4, 6, 8, 10]
    for line in lines:
        assert set(line) - {"validation_loss"} == REQUIRED
        assert all(isinstance(value, int | float) and value == value for value in line.values())  # no null, no NaN
        assert line["tokens"] == line["step"] * 4 * 8
    assert [line["step"] for line in lines if "validation_loss" in line] == [4, 8, 10]
    (folder,) = runs_dir.iterdir()
    assert _metrics(folder) == lines


def test_the_run_folder_has_everything(run: Path) -> None:
    assert {path.name for path in run.iterdir() if not path.name.startswith(".")} == {
        "config.json",
        "metrics.jsonl",
        "updates.jsonl",
        "samples.txt",
        "best.safetensors",
        *(f"checkpoint-{step}.safetensors" for step in (0, 4, 8, 12)),
    }
    samples = (run / "samples.txt").read_text()
    assert [line for line in samples.splitlines() if line.startswith("--- step ")] == [
        "--- step 4",
        "--- step 8",
        "--- step 12",
    ]


@pytest.mark.parametrize("environment", [{}, {"FORCE_COLOR": "1"}])  # colours are no reason for a moving picture
def test_lines_elsewhere_than_on_a_terminal_are_clean(
    call: Call, corpus: Path, monkeypatch: pytest.MonkeyPatch, environment: dict[str, str]
) -> None:
    for variable, value in environment.items():
        monkeypatch.setenv(variable, value)
    answer = call("train", str(corpus), *TINY, "--steps", "8")
    assert "\x1b" not in answer.out
    assert "\r" not in answer.out
    assert answer.err == ""
    assert "step 4 of 8 · train " in answer.out
    assert answer.out.splitlines()[-1].startswith("done: step 8")


def test_what_nobody_looks_at_is_not_kept() -> None:
    recent = _Recent(50)
    recent.add(2.0, 0.5)
    small = len(pickle.dumps(recent))
    for _ in range(999):
        recent.add(2.0, 0.5)
    assert len(pickle.dumps(recent)) < 2 * small
    assert recent.take(10_050) == (2.0, 20.0)
    assert recent.take(10_050) is None


def test_quiet_says_one_line(call: Call, corpus: Path) -> None:
    answer = call("train", str(corpus), *TINY, "--steps", "4", "--quiet")
    assert answer.out == ""
    assert len(answer.err.splitlines()) == 1
    assert "seqtui generate" in answer.err


def test_standard_input_is_a_corpus_and_can_be_gone_on_with(call: Call, corpus: Path, runs_dir: Path) -> None:
    assert call("train", "-", *TINY, "--steps", "4", stdin=corpus.read_bytes()).code == 0
    (folder,) = runs_dir.iterdir()
    assert folder.name == "stdin-lstm8-1"
    assert call("train", "--resume", "--out", folder.name, "--steps", "6").code == 0


def test_a_file_of_settings_lies_between_preset_and_flags(
    call: Call, corpus: Path, runs_dir: Path, tmp_path: Path
) -> None:
    file = tmp_path / "my settings.toml"
    file.write_text('preset = "quick"\nhidden = 12\nbatch = 4\nlength = 8\nlr = 0.5\neval-every = 3\nsteps = 90\n')
    answer = call("train", str(corpus), "--config", str(file), "--hidden", "16", "--tokens", "64")
    assert answer.code == 0, answer.err
    (folder,) = runs_dir.iterdir()
    config = _config(folder)
    assert config["model"]["hidden"] == 16  # the flag
    assert config["model"]["embedding"] == 64  # the preset
    training = config["training"]
    assert (training["batch"], training["learning_rate"], training["eval_every"]) == (4, 0.5, 3)  # the file
    assert training["schedule"] == "cosine"  # the preset
    assert (training["steps"], training["tokens"], training["minutes"]) == (None, 64, None)  # an end replaces all ends


@pytest.mark.parametrize(
    ("content", "named"),
    [
        ("hiden = 3", "hidden"),
        ("hidden = 'big'", "hidden must be a whole number"),
        ("hidden = true", "hidden must be a whole number"),
        ("hidden = 2.5", "hidden must be a whole number"),
        ("lr = 'fast'", "lr must be a number"),
        ("model = 3", "model must be a string"),
        ("model = 'transformer9'", "choose one of"),
        ("tokens-by = 'syllable'", "char, byte, word"),
        ("[train]\nhidden = 3", "unknown key"),
        ("hidden 3", "not valid TOML"),
        ("x = '\x1b[31m'", "not valid TOML"),
        ("batch = 0", "--batch 0"),
    ],
)
def test_a_wrong_file_of_settings_is_one_line(
    call: Call, corpus: Path, runs_dir: Path, tmp_path: Path, content: str, named: str
) -> None:
    file = tmp_path / "x.toml"
    file.write_text(content)
    answer = call("train", str(corpus), "--config", str(file))
    assert answer.code == 2
    assert named in answer.line
    assert named.startswith("--") or "x.toml" in answer.line
    assert not runs_dir.exists()


def test_a_missing_file_of_settings_is_one_line(call: Call, corpus: Path) -> None:
    answer = call("train", str(corpus), "--config", "none.toml")
    assert answer.code == 2
    assert "none.toml" in answer.line


def test_resuming_gives_the_weights_of_an_uninterrupted_run(call: Call, corpus: Path, tmp_path: Path) -> None:
    whole, parts = tmp_path / "whole", tmp_path / "two parts"
    shape = [*TINY, "--hidden", "16", "--layers", "2", "--dropout", "0.2"]
    assert call("train", str(corpus), *shape, "--steps", "14", "--out", str(whole)).code == 0
    assert call("train", str(corpus), *shape, "--steps", "6", "--out", str(parts), "--threads", "1").code == 0
    assert call("train", "--resume", "--out", str(parts), "--steps", "11").code == 0
    assert call("train", str(corpus), "--resume", "--out", str(parts), "--steps", "14").code == 0
    one, other = (load_file(folder / "checkpoint-14.safetensors") for folder in (whole, parts))
    assert list(one) == list(other)
    assert all(one[name].tobytes() == other[name].tobytes() for name in one)
    losses = [{line["step"]: line.get("validation_loss") for line in _metrics(folder)} for folder in (whole, parts)]
    assert [losses[0][step] for step in (4, 8, 12, 14)] == [losses[1][step] for step in (4, 8, 12, 14)]


@pytest.mark.parametrize(
    "words", [["--lr", "0.1"], ["--hidden", "9"], ["--seed", "2"], ["--encoding", "latin-1"], ["--tokens-by", "word"]]
)
def test_resuming_cannot_change_what_the_run_is(call: Call, run: Path, words: list[str]) -> None:
    before = _config(run)
    answer = call("train", "--resume", "--out", run.name, *words)
    assert answer.code == 2
    assert words[0] in answer.line
    assert _config(run) == before


def test_a_folder_in_another_encoding_can_be_gone_on_with(call: Call, tmp_path: Path) -> None:
    folder = tmp_path / "café"
    folder.mkdir()
    for n in range(3):
        (folder / f"{n}.txt").write_bytes((f"Élan vital {n}, café, thé. " * 20).encode("latin-1"))
    words = ["--encoding", "latin-1"]
    assert call("train", str(folder), *TINY, *words, "--steps", "2", "--out", str(tmp_path / "run")).code == 0
    assert call("evaluate", str(tmp_path / "run")).code == 0
    answer = call("train", str(folder), "--resume", *words, "--out", str(tmp_path / "run"), "--steps", "4")
    assert answer.code == 0, answer.err


def test_resuming_may_say_again_what_holds(call: Call, run: Path, corpus: Path) -> None:
    answer = call("train", str(corpus), "--resume", "--out", run.name, *TINY, "--eval-every", "2", "--steps", "13")
    assert answer.code == 0, answer.err
    assert _config(run)["training"]["eval_every"] == 2
    assert (run / "checkpoint-13.safetensors").exists()


def test_resuming_on_another_corpus_is_refused(call: Call, run: Path) -> None:
    answer = call("train", "brackets", "--resume", "--out", run.name)
    assert answer.code == 2
    assert "not the corpus of this run" in answer.line


def test_a_finished_run_says_how_to_go_on(call: Call, run: Path) -> None:
    answer = call("train", "--resume", "--out", run.name)
    assert answer.code == 0
    assert answer.out.splitlines() == ["step 12 is the end of this run: continue with a larger --steps, or --minutes"]


def test_a_home_folder_of_a_file_of_settings_is_the_same_when_gone_on_with(
    call: Call, corpus: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    file = tmp_path / "settings.toml"
    file.write_text('out = "~/mine"\nsteps = 2\n')
    assert call("train", str(corpus), *TINY, "--config", str(file)).code == 0
    answer = call("train", "--resume", "--config", str(file), "--steps", "4")
    assert answer.code == 0, answer.err
    assert (tmp_path / "mine" / "checkpoint-4.safetensors").exists()
    assert call("train", "--resume", "--out=~/mine", "--steps", "5").code == 0


@pytest.mark.parametrize("said", [["--threads", "4000"], ["--config", "threads.toml"]])
def test_threads_that_there_are_not_leave_nothing_behind(
    call: Call, corpus: Path, tmp_path: Path, runs_dir: Path, monkeypatch: pytest.MonkeyPatch, said: list[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("threads.toml").write_text("threads = 4000\n")
    for out in ([], ["--out", "mine"]):
        answer = call("train", str(corpus), *TINY, *said, *out)
        assert answer.code == 2
        assert "--threads 4000: this machine runs 1 to" in answer.line
    assert not runs_dir.exists()
    assert not Path("mine").exists()


def test_out_that_holds_another_run_is_left_alone(call: Call, run: Path, corpus: Path) -> None:
    before = {path.name: path.read_bytes() for path in run.iterdir()}
    answer = call("train", str(corpus), *TINY, "--out", str(run))
    assert answer.code == 1
    assert "--resume" in answer.line
    assert {path.name: path.read_bytes() for path in run.iterdir()} == before


def test_a_run_without_steps_can_be_gone_on_with(call: Call, corpus: Path, runs_dir: Path) -> None:
    assert call("train", str(corpus), *TINY, "--steps", "0").code == 0
    (folder,) = runs_dir.iterdir()
    assert (folder / "checkpoint-0.safetensors").exists()
    assert call("train", "--resume", "--out", folder.name, "--steps", "4").code == 0


@pytest.mark.parametrize("kind", ["byte", "word"])
def test_tokens_by(call: Call, corpus: Path, kind: str) -> None:
    answer = call("train", str(corpus), *TINY, "--steps", "4", "--tokens-by", kind)
    assert answer.code == 0, answer.err
    assert f"{kind}s/s" in answer.out


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--model", "attention", "--positions", "learned", "--context", "128", "--length", "64"], "--length 64"),
        (["--model", "attention", "--context", "32", "--length", "64"], "--length 64"),
        (["--model", "gru", "--heads", "2"], "--heads 2"),
        (["--model", "attention", "--hidden", "130"], "--hidden 130"),
        (["--model", "attention", "--embedding", "8"], "--embedding 8"),
        (["--model", "attention", "--embedding", "one-hot"], "--embedding one-hot"),
        (["--model", "feedforward", "--embedding", "0"], "--embedding one-hot"),
        (["--embedding", "-1"], "--embedding -1"),
        (["--embedding", "hot"], "neither one-hot nor a whole number"),
        (["--model", "lstm", "--context", "8"], "--context 8"),
    ],
)
def test_settings_that_do_not_go_together_are_told_by_their_flags(
    call: Call, corpus: Path, words: list[str], told: str
) -> None:
    answer = call("train", str(corpus), *words)
    assert answer.code == 2
    assert told in answer.line


def test_a_preset_gives_way_to_another_family_and_its_context_to_a_length() -> None:
    model, training = settings.choose({"preset": "quick", "model": "attention"}, {}).validated()
    assert (model["family"], training.learning_rate) == ("attention", 0.01)
    assert "embedding" not in model
    model, training = settings.choose({"preset": "nanogpt", "length": 32}, {}).validated()
    assert (model["context"], training.length) == (32, 32)
    model, training = settings.choose({"preset": "nanogpt"}, {"context": 48}).validated()
    assert (model["context"], training.length) == (48, 48)
    assert "heads" not in settings.choose({"preset": "nanogpt", "model": "lstm"}, {}).validated()[0]


@pytest.mark.parametrize("width", ["one-hot", "0"])
def test_one_hot_vectors_are_asked_for_by_name_or_by_width_0(
    call: Call, corpus: Path, runs_dir: Path, width: str
) -> None:
    answer = call("train", str(corpus), *TINY, "--embedding", width, "--steps", "4", "--quiet")
    assert answer.code == 0, answer.err
    (folder,) = runs_dir.iterdir()
    assert _config(folder)["model"]["embedding"] == 0
    assert "embedding.E" not in load_file(folder / "checkpoint-4.safetensors")
    assert call("train", "--resume", "--out", folder.name, "--embedding", width, "--steps", "6").code == 0
    refused = call("train", "--resume", "--out", folder.name, "--embedding", "4", "--steps", "8")
    assert "--embedding 4: this run has one-hot" in refused.line


@pytest.mark.parametrize(("said", "width"), [('"one-hot"', 0), ("0", 0), ("6", 6)])
def test_a_settings_file_names_one_hot_vectors_the_same_way(tmp_path: Path, said: str, width: int) -> None:
    (tmp_path / "settings.toml").write_text(f"embedding = {said}\n")
    assert settings.choose({}, settings.read_file(tmp_path / "settings.toml")).model == {"embedding": width}


@pytest.mark.parametrize("said", ['"hot"', "true", "1.5"])
def test_a_settings_file_with_another_embedding_is_refused(tmp_path: Path, said: str) -> None:
    (tmp_path / "settings.toml").write_text(f"embedding = {said}\n")
    with pytest.raises(click.UsageError, match='whole number or "one-hot"'):
        settings.read_file(tmp_path / "settings.toml")
