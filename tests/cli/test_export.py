"""export and import: weights leave a run and come back as one that writes, is measured and trains like the first."""

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file
from seqcore.checkpoint import read_checkpoint
from seqcore.config import FAMILIES
from seqcore.folder import RunFolder
from seqcore.model import shapes

from tests.cli.conftest import TINY, Call

SMALL = {
    "rnn": ["--hidden", "8", "--embedding", "4"],
    "gru": ["--hidden", "8", "--embedding", "0", "--layers", "2"],
    "lstm": ["--hidden", "8", "--embedding", "4", "--dropout", "0.1"],
    "attention": ["--hidden", "8", "--heads", "2", "--layers", "2"],
    "feedforward": ["--hidden", "8", "--embedding", "4", "--context", "3"],
}


def weights(run: str) -> dict[str, bytes]:
    """The newest parameters of a run, as bytes."""
    arrays = RunFolder.find(run).newest()[0].arrays
    return {name: array.tobytes() for name, array in arrays.items() if name.startswith("parameters.")}


@pytest.mark.parametrize("suffix", ["safetensors", "npz"])
@pytest.mark.parametrize("family", FAMILIES)
def test_every_family_leaves_and_comes_back(call: Call, corpus: Path, tmp_path: Path, family: str, suffix: str) -> None:
    words = ["--model", family, *SMALL[family], "--batch", "4", "--length", "8", "--steps", "3"]
    assert call("train", str(corpus), *words, "--out", str(tmp_path / "run")).code == 0
    file = tmp_path / f"weights.{suffix}"
    assert call("export", str(tmp_path / "run"), str(file)).code == 0
    assert call("import", str(file), "--name", "back").code == 0
    assert weights("back") == weights(str(tmp_path / "run"))
    write = ["--prompt", "3 birds", "--length", "30"]
    assert call("generate", "back", *write).out == call("generate", str(tmp_path / "run"), *write).out
    losses = [
        json.loads(call("evaluate", run, str(corpus), "--json").out)["loss"] for run in ("back", str(tmp_path / "run"))
    ]
    assert losses[0] == losses[1]
    assert json.loads(call("inspect", "back", "--text", "7 birds", "--json").out)["symbols"][0] == "7"
    again = tmp_path / f"again.{suffix}"
    assert call("export", "back", str(again)).code == 0
    assert call("import", str(again), "--name", "twice").code == 0
    assert weights("twice") == weights("back")


def test_the_module_is_printed_alone_and_the_file_is_told_elsewhere(call: Call, run: Path, tmp_path: Path) -> None:
    file = tmp_path / "weights.safetensors"
    answer = call("export", str(run), str(file))
    assert answer.code == 0
    compile(answer.out, "printed", "exec")
    assert repr(str(file))[1:-1] in answer.out
    assert "step 12" in answer.err
    source = tmp_path / "module.py"
    told = call("export", str(run), str(file), "--force", "--source", str(source))
    assert told.code == 0
    assert told.err == ""
    assert source.read_text() == answer.out
    assert set(load_file(file)) == {
        "embedding.weight", "head.weight", "head.bias",
        *(f"lstm.{kind}_{part}_l0" for kind in ("weight", "bias") for part in ("ih", "hh")),
    }  # fmt: skip


def test_files_that_are_there_are_kept(call: Call, run: Path, tmp_path: Path) -> None:
    file, source = tmp_path / "weights.npz", tmp_path / "module.py"
    file.write_text("mine")
    source.write_text("mine")
    assert "--force" in call("export", str(run), str(file)).line
    other = tmp_path / "weights.safetensors"
    assert "--force" in call("export", str(run), str(other), "--source", str(source)).line
    assert not other.exists()
    assert file.read_text() == source.read_text() == "mine"
    assert call("export", str(run), str(file), "--force").code == 0
    assert not list(tmp_path.glob("*.part"))
    with np.load(file, allow_pickle=False) as archive:
        assert set(shapes(RunFolder(run).config().model)) < set(archive.files)


WRONG_EXPORTS = [
    (["{run}", "weights"], 2, "--to"),
    (["{run}", "weights", "--to", "pickle"], 2, "pickle"),
    (["{run}", "w.npz", "--source", "m.py"], 2, "--source"),
    (["{run}", "w.safetensors", "--source", "./w.safetensors"], 2, "same file"),
    (["{run}", "nowhere/w.npz"], 1, "no folder"),
    (["{run}", ".", "--to", "npz"], 1, "is a folder"),
    (["nothing", "w.npz"], 1, "unknown run"),
]


def test_a_wrong_export_is_one_line(call: Call, run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    before = set(tmp_path.rglob("*"))
    for words, code, said in WRONG_EXPORTS:
        answer = call("export", *(word.format(run=run) for word in words))
        assert answer.code == code, words
        assert said in answer.line
        assert set(tmp_path.rglob("*")) == before


def test_onnx_without_the_extra_is_one_line(
    call: Call, run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(__import__("sys").modules, "onnx", None)
    answer = call("export", str(run), str(tmp_path / "graph.onnx"))
    assert answer.code == 1
    assert 'pip install "seqtui[onnx]"' in answer.line
    assert not (tmp_path / "graph.onnx").exists()


def test_onnx_with_the_extra_is_a_graph(call: Call, run: Path, tmp_path: Path) -> None:
    onnx = pytest.importorskip("onnx")
    assert call("export", str(run), str(tmp_path / "graph.onnx")).code == 0
    graph = onnx.load(tmp_path / "graph.onnx").graph
    assert [value.name for value in graph.input] == ["tokens", "h_0", "c_0"]
    assert [value.name for value in graph.output] == ["h_n", "c_n", "logits"]


def exported(call: Call, run: Path) -> Path:
    file = run.parent.parent / "weights.safetensors"
    assert call("export", str(run), str(file)).code == 0
    return file


def test_without_a_corpus_it_cannot_be_trained_and_says_so(call: Call, run: Path, corpus: Path) -> None:
    assert call("import", str(exported(call, run))).code == 0
    measured = call("evaluate", "weights-1")
    assert measured.code == 1
    assert "without a corpus: give a CORPUS to evaluate on" in measured.line
    assert call("evaluate", "weights-1", str(corpus)).code == 0
    for words in (["train", "--resume", "--out", "weights-1"],
                  ["train", str(corpus), "--resume", "--out", "weights-1"]):  # fmt: skip
        answer = call(*words)
        assert answer.code == 1
        assert "without a corpus" in answer.line
        assert "--corpus" in answer.line
    entry = next(json.loads(line) for line in call("runs", "--json").out.splitlines() if "weights-1" in line)
    assert (entry["corpus"], entry["step"]) == ("", 0)
    assert "weights-1" in call("runs").out


def test_with_a_corpus_it_is_trained_on(call: Call, run: Path, corpus: Path) -> None:
    words = ["--corpus", str(corpus), "--name", "more", "--batch", "4", "--length", "8", "--lr", "0.001"]
    assert call("import", str(exported(call, run)), *words).code == 0
    before = weights("more")
    assert before == weights(str(run))
    assert json.loads(call("evaluate", "more", "--json").out)["loss"] == pytest.approx(
        json.loads(call("evaluate", str(run), "--json").out)["loss"]
    )
    assert call("train", "--resume", "--out", "more", "--steps", "4").code == 0
    assert weights("more") != before
    training = RunFolder.find("more").config().training
    assert (training.learning_rate, training.batch, training.steps) == (0.001, 4, 4)
    checkpoint = read_checkpoint(RunFolder.find("more").path / "checkpoint-0.safetensors")
    assert checkpoint.numbers["updates"] == 0
    assert not any(array.any() for name, array in checkpoint.arrays.items() if name.startswith(("m.", "v.", "state.")))


def test_what_pytorch_saved_needs_a_run_to_be_like(call: Call, run: Path, tmp_path: Path) -> None:
    state: dict[str, Any] = load_file(exported(call, run))
    state["lstm.bias_hh_l0"] += 0.5
    file = tmp_path / "tuned.safetensors"
    save_file(state, file)
    assert "--like RUN" in call("import", str(file)).line
    assert call("import", str(file), "--like", str(run)).code == 0
    first, tuned = (RunFolder.find(name) for name in (str(run), "tuned-1"))
    then, now = (folder.newest()[0].arrays for folder in (first, tuned))
    np.testing.assert_array_equal(now["parameters.layers.0.b"], then["parameters.layers.0.b"] + np.float32(0.5))
    assert tuned.config() == first.config()  # the corpus and all settings too
    assert math.isfinite(json.loads(call("evaluate", "tuned-1", "--json").out)["loss"])


@pytest.mark.parametrize("suffix", ["safetensors", "npz"])
def test_like_a_run_of_another_family_is_refused(
    call: Call, run: Path, corpus: Path, tmp_path: Path, suffix: str
) -> None:
    assert call("train", str(corpus), *TINY, "--model", "gru", "--steps", "1", "--out", str(tmp_path / "g")).code == 0
    file = tmp_path / f"gru.{suffix}"
    assert call("export", str(tmp_path / "g"), str(file)).code == 0
    answer = call("import", str(file), "--like", str(run), "--name", "mixed")
    assert answer.code == 1
    assert "holds gru 1×8, but the --like run is lstm 1×8: leave --like out" in answer.line
    assert call("import", str(file), "--like", str(tmp_path / "g"), "--name", "same").code == 0


def test_like_a_run_whose_corpus_is_gone_goes_without(call: Call, run: Path, corpus: Path) -> None:
    file = exported(call, run)
    corpus.unlink()
    answer = call("import", str(file), "--like", str(run), "--name", "alone")
    assert answer.code == 0
    assert "without a corpus" in answer.line
    assert RunFolder.find("alone").config().corpus.source == ""


def test_a_corpus_of_other_characters_is_refused(call: Call, run: Path, tmp_path: Path, runs_dir: Path) -> None:
    other = tmp_path / "other.txt"
    other.write_text("zebras!" * 900)
    answer = call("import", str(exported(call, run)), "--corpus", str(other))
    assert answer.code == 1
    assert "'z'" in answer.line
    assert [path.name for path in runs_dir.iterdir()] == [run.name]


@pytest.mark.parametrize("kind", ["byte", "word"])
def test_bytes_and_words_come_back(call: Call, corpus: Path, tmp_path: Path, kind: str) -> None:
    assert (
        call("train", str(corpus), *TINY, "--tokens-by", kind, "--steps", "2", "--out", str(tmp_path / "run")).code == 0
    )
    file = tmp_path / "weights.npz"
    assert call("export", str(tmp_path / "run"), str(file)).code == 0
    words = ["--corpus", str(corpus), "--batch", "2", "--length", "4", "--name", "back"]
    assert call("import", str(file), *words).code == 0
    assert RunFolder.find("back").config().vocabulary == RunFolder(tmp_path / "run").config().vocabulary
    assert call("train", "--resume", "--out", "back", "--steps", "2").code == 0


WRONG_IMPORTS = [
    (["--name", "a", "--out", "b"], 2, "--name and --out"),
    (["--name", "../a"], 2, "--name"),
    (["--name", "short-lstm8-1"], 1, "already"),
    (["--encoding", "latin-1"], 2, "--encoding"),
    (["--like", "nothing"], 1, "unknown run"),
    (["--corpus", "nothing"], 1, "no corpus"),
    (["--lr", "-1"], 2, "--lr"),
    (["--batch", "4096", "--corpus", "{corpus}"], 1, "--batch"),
    (["--out", "{run}"], 1, "another run"),
]


def test_a_wrong_import_is_one_line(call: Call, run: Path, corpus: Path, runs_dir: Path) -> None:
    file = exported(call, run)
    for words, code, said in WRONG_IMPORTS:
        answer = call("import", str(file), *(word.format(run=run, corpus=corpus) for word in words))
        assert answer.code == code, words
        assert said in answer.line
        assert [path.name for path in runs_dir.iterdir()] == [run.name]
    assert "cannot be read" in call("import", str(file.with_name("nothing.npz"))).line
