"""The checkpoint with the best validation loss is kept, and commands can be asked for any that there is."""

import json
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file
from seqcore.checkpoint import BEST, checkpoint_path, read_checkpoint
from seqcore.folder import RunFolder

from tests.cli.conftest import TINY, Call


@pytest.fixture
def overfitted(call: Call, corpus: Path, tmp_path: Path) -> tuple[Path, int]:
    """A run whose validation loss was best in the middle, and the step at which it was."""
    out = tmp_path / "run"
    words = ["train", str(corpus), *TINY, "--steps", "40", "--lr", "1", "--checkpoint-every", "4", "--out", str(out)]
    assert call(*words).code == 0
    losses = {line["validation_loss"]: line["step"] for line in RunFolder(out).metrics() if "validation_loss" in line}
    best = losses[min(losses)]
    assert 4 <= best < 40, "with that rate it gets worse again: the test tests nothing otherwise"
    return out, best


def test_the_best_checkpoint_is_that_of_the_lowest_validation_loss(
    call: Call, overfitted: tuple[Path, int], corpus: Path, tmp_path: Path
) -> None:
    out, best = overfitted
    kept = read_checkpoint(out / BEST)
    assert kept.numbers["steps"] == best
    lines = {line["step"]: line for line in RunFolder(out).metrics()}
    assert kept.numbers["validation_loss"] == lines[best]["validation_loss"]
    short = tmp_path / "short"  # the run that ends there
    words = ["train", str(corpus), *TINY, "--steps", str(best), "--lr", "1", "--out", str(short)]
    assert call(*words).code == 0
    one, other = kept.arrays, load_file(checkpoint_path(short, best))
    assert all(one[name].tobytes() == other[name].tobytes() for name in other)


def test_commands_take_the_checkpoint_that_is_asked_for(
    call: Call, overfitted: tuple[Path, int], tmp_path: Path
) -> None:
    out, best = overfitted
    lines = {line["step"]: line for line in RunFolder(out).metrics()}
    for at, step in (("best", best), ("last", 40), ("36", 36), (None, 40)):
        words = [] if at is None else ["--at", at]
        measured = json.loads(call("evaluate", str(out), "--json", *words).out)
        assert measured["step"] == step
        assert measured["loss"] == pytest.approx(lines[step]["validation_loss"], rel=1e-6)
        assert json.loads(call("inspect", str(out), "--text", "birds", "--json", *words).out)["step"] == step
        place = tmp_path / f"{at}.npz"
        assert f"step {step}" in call("export", str(out), str(place), *words).out
        with np.load(place) as weights:
            found = RunFolder(out).checkpoint("best" if at == "best" else step)[0].arrays
            assert weights["head.W_hy"].tobytes() == found["parameters.head.W_hy"].tobytes()
    texts = {call("generate", str(out), "--at", at).out for at in ("best", "last", "36")}
    assert len(texts) == 3


def test_a_checkpoint_that_there_is_not_is_one_line_that_lists_them(
    call: Call, overfitted: tuple[Path, int], run: Path
) -> None:
    answer = call("generate", str(overfitted[0]), "--at", "7")
    assert answer.code == 1
    assert "has no checkpoint of step 7: the nearest are 0, 4, 8, 12, 16, 20, and --at best or last" in answer.line
    (run / BEST).unlink()
    answer = call("generate", str(run), "--at", "best")
    assert answer.code == 1
    assert "has no best checkpoint" in answer.line


def test_a_damaged_best_checkpoint_is_told_and_does_not_hinder(call: Call, overfitted: tuple[Path, int]) -> None:
    out, _ = overfitted
    (out / BEST).write_bytes((out / BEST).read_bytes()[:-9])
    answer = call("generate", str(out), "--at", "best")
    assert answer.code == 1
    assert "best.safetensors is damaged" in answer.line
    assert call("generate", str(out)).code == 0
    assert "best.safetensors is damaged" in call("runs", str(out)).err
    resumed = call("train", "--resume", "--out", str(out), "--steps", "44")
    assert resumed.code == 0
    assert "best.safetensors is damaged" in resumed.err
    assert (out / f"{BEST}.damaged").exists()
    assert read_checkpoint(out / BEST).numbers["steps"] == 44, "the best of those that are left"


def test_the_best_stays_the_best_when_a_run_is_resumed(call: Call, corpus: Path, tmp_path: Path) -> None:
    words = [*TINY, "--lr", "1", "--checkpoint-every", "4"]
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    assert call("train", str(corpus), *words, "--steps", "40", "--out", str(whole)).code == 0
    assert call("train", str(corpus), *words, "--steps", "22", "--out", str(parts)).code == 0
    assert call("train", "--resume", "--out", str(parts), "--steps", "40").code == 0
    one, other = (read_checkpoint(folder / BEST) for folder in (whole, parts))
    assert {name: array.tobytes() for name, array in one.arrays.items()} == {
        name: array.tobytes() for name, array in other.arrays.items()
    }
    assert one.numbers["steps"] == other.numbers["steps"]


def test_a_run_is_shown_with_its_settings_curves_checkpoints_and_commands(
    call: Call, overfitted: tuple[Path, int]
) -> None:
    out, best = overfitted
    answer = call("runs", str(out))
    assert answer.code == 0
    lines = {line.split("  ")[0].strip(): line for line in answer.out.splitlines()}
    assert "lstm 1×8 · 780 parameters" in lines["model"]
    assert "learning rate 1 constant" in lines["training"]
    assert "step 40 of 40" in lines["progress"]
    assert "0 … 5 more … 24, 28, 32, 36, 40 · best" in lines["checkpoints"]
    assert f"best {best}" in lines["checkpoints"]
    for name in ("train loss", "validation loss"):
        curve = lines[name].split()[2]
        assert set(curve) <= set("▁▂▃▄▅▆▇█")
        assert {"▁", "█"} <= set(curve)
    assert f"seqtui train --resume --out {out} --steps 80" in lines["resume"]
    assert f"seqtui --run {out}" in lines["reopen"]
    entry = json.loads(call("runs", str(out), "--json").out)
    assert entry["best"]["step"] == best
    assert entry["checkpoints"] == list(range(0, 41, 4))
    assert entry["corpus"]["name"] == "short"
    assert entry["validation_loss"][0][0] == 4
    assert entry["commands"]["reopen"] == f"seqtui --run {out}"
    for name in ("resume", "generate", "evaluate"):  # each can be typed as it stands
        words = lines[name].split("seqtui ")[1].split()
        assert call(*words).code == 0, words


def test_an_unknown_run_to_show_is_one_line(call: Call, run: Path) -> None:
    answer = call("runs", run.name[:-1] + "2")
    assert answer.code == 1
    assert f"did you mean {run.name}?" in answer.line


def test_a_run_whose_corpus_is_gone_or_that_never_trained_is_shown(
    call: Call, run: Path, corpus: Path, tmp_path: Path
) -> None:
    assert call("export", str(run), str(tmp_path / "w.npz")).code == 0
    assert call("import", str(tmp_path / "w.npz"), "--name", "imported").code == 0
    shown = call("runs", "imported").out
    assert "none: imported without one" in shown
    assert "no metrics yet" in shown
    corpus.unlink()
    assert "no longer there" in call("runs", run.name).out
