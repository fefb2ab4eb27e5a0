"""export and import of encoder-decoders: PyTorch, NumPy, and two ONNX graphs that write what generate writes."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file
from seqcore.folder import RunFolder
from seqcore.records import I64
from seqcore.tasks.pair_data import MORE
from seqcore.tasks.translate import Translate

from tests.cli.conftest import Call
from tests.cli.test_export import weights
from tests.core.tasks.pair_runs import table

PAIRS = {
    "gru": ("--cross-attention", "general", "--bidirectional"),
    "lstm": ("--cross-attention", "none", "--reverse-source", "--layers", "2"),
    "rnn": ("--cross-attention", "additive", "--bidirectional", "--reverse-source", "--embedding", "0"),
}
SENTENCES = ("the old house is red", "the door opens", "red", "the zebra is old")


def translator(call: Call, tmp_path: Path, family: str) -> str:
    """A small translator of a family, trained for 30 steps; returns its folder."""
    words = ["--model", family, "--hidden", "12", "--embedding", "6", "--batch", "6", "--steps", "30", "--lr", "0.02"]
    answer = call("train", table(tmp_path / "small.tsv"), *words, *PAIRS[family], "--out", str(tmp_path / "pairs"))
    assert answer.code == 0, answer.err
    return str(tmp_path / "pairs")


def translations(call: Call, run: str) -> list[str]:
    """What a run writes for the sentences."""
    return [call("generate", run, "--input", sentence).out for sentence in SENTENCES]


@pytest.mark.parametrize("suffix", ["safetensors", "npz"])
@pytest.mark.parametrize("family", PAIRS)
def test_an_encoder_decoder_leaves_and_comes_back(call: Call, tmp_path: Path, family: str, suffix: str) -> None:
    run, file = translator(call, tmp_path, family), tmp_path / f"weights.{suffix}"
    assert call("export", run, str(file)).code == 0
    answer = call("import", str(file), "--name", "back")
    assert answer.code == 0, answer.err
    assert "--input TEXT" in answer.out
    assert weights("back") == weights(run)
    assert translations(call, "back") == translations(call, run)
    assert call("evaluate", "back", str(tmp_path / "small.tsv"), "--json").code == 0
    state = file.with_name("saved.safetensors")
    if suffix == "safetensors":
        save_file(load_file(file), state)  # as PyTorch saves it, without metadata
        assert "--like RUN" in call("import", str(state)).line
        assert call("import", str(state), "--like", run, "--name", "like").code == 0
        assert weights("like") == weights(run)


@pytest.mark.parametrize("family", PAIRS)
def test_two_graphs_write_what_generate_writes(call: Call, tmp_path: Path, family: str) -> None:
    pytest.importorskip("onnx")
    runtime = pytest.importorskip("onnxruntime")
    run = translator(call, tmp_path, family)
    answer = call("export", run, str(tmp_path / "small.onnx"))
    assert answer.code == 0, answer.err
    names = ["small.encoder.onnx", "small.decoder.onnx"]
    assert [line.split(": onnx, step 30, ")[0] for line in answer.out.splitlines()] == [
        str(tmp_path / name) for name in names
    ]
    assert not (tmp_path / "small.onnx").exists()
    encoder, decoder = (runtime.InferenceSession(tmp_path / name) for name in names)
    config = RunFolder.find(run).config()
    assert isinstance(config.task, Translate)
    found = []
    for sentence in SENTENCES:
        source = config.task.encode(config.vocabulary, sentence)[0].astype(np.int64)
        symbols = greedy(encoder, decoder, source, config.task.target.size, config.task.longest + MORE)
        found.append(config.task.target.decode(symbols).strip() + "\n")
    assert found == translations(call, run)


def greedy(encoder: Any, decoder: Any, source: I64, end: int, most: int) -> list[int]:
    """What both graphs write for a source (S,), the likeliest symbol at every step, up to the end symbol."""
    given: dict[str, Any] = {"source": source[:, None], "lengths": np.array([len(source)])}
    given |= dict(zip([one.name for one in encoder.get_outputs()], encoder.run(None, given), strict=True))
    read, names = [one.name for one in decoder.get_inputs()], [one.name for one in decoder.get_outputs()]
    symbols = [end]
    while len(symbols) <= most and (len(symbols) == 1 or symbols[-1] != end):
        given["symbols"] = np.array([symbols[-1:]])
        told = dict(zip(names, decoder.run(None, {name: given[name] for name in read}), strict=True))
        given |= {name.replace("_n", "_0"): value for name, value in told.items()}
        symbols.append(int(told["logits"].argmax()))
    return [symbol for symbol in symbols if symbol != end]


def test_no_part_of_an_encoder_decoder_is_overwritten(call: Call, tmp_path: Path) -> None:
    pytest.importorskip("onnx")
    run, part = translator(call, tmp_path, "gru"), tmp_path / "small.decoder.onnx"
    part.write_text("mine")
    answer = call("export", run, str(tmp_path / "small.onnx"))
    assert answer.code == 1
    assert "small.decoder.onnx' already exists: add --force" in answer.line
    assert not (tmp_path / "small.encoder.onnx").exists()
    assert part.read_text() == "mine"
    assert call("export", run, str(tmp_path / "small.onnx"), "--force").code == 0
    assert part.read_bytes() != b"mine"
    for words, said in ((("nowhere/w.onnx",), "no folder"), ((".", "--to", "onnx"), "is a folder")):
        assert said in call("export", run, *words).line
