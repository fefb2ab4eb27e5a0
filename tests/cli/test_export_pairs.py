"""export and import of encoder-decoders: PyTorch, NumPy, and two ONNX graphs that write what generate writes."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file
from seqcore.folder import RunFolder
from seqcore.tasks.pair_data import MORE
from seqcore.tasks.pairs import pairs_task

from tests.cli.conftest import Call
from tests.cli.test_export import weights
from tests.core.tasks.pair_runs import table
from tests.core.tasks.picture_runs import arrays

PAIRS = {
    "gru": ("--cross-attention", "general", "--bidirectional", "--embedding", "6"),
    "lstm": ("--cross-attention", "none", "--reverse-source", "--layers", "2", "--embedding", "6"),
    "rnn": ("--cross-attention", "additive", "--bidirectional", "--reverse-source", "--embedding", "0"),
    "lstm, input feeding": ("--input-feeding", "--bidirectional", "--embedding", "6"),
    "attention": ("--heads", "2", "--reverse-source"),
    "gru, pictures": ("--patch", "3", "--embedding", "6"),
    "lstm, pictures, input feeding": ("--patch", "3", "--embedding", "6", "--input-feeding", "--layers", "2"),
}
SENTENCES = ("the old house is red", "the door opens", "red", "the zebra is old")
every_kind = pytest.mark.parametrize("kind", PAIRS)


def corpus(tmp_path: Path, kind: str) -> str:
    """A small corpus of sentences or pictures."""
    return arrays(tmp_path / "small.npz") if "pictures" in kind else table(tmp_path / "small.tsv")


def trained(call: Call, tmp_path: Path, kind: str) -> str:
    """A small translator or captioner, trained for 30 steps; returns its folder."""
    words = ["--model", kind.split(",")[0], "--hidden", "12", "--batch", "6", "--steps", "30", "--lr", "0.02"]
    answer = call("train", corpus(tmp_path, kind), *words, *PAIRS[kind], "--out", str(tmp_path / "pairs"))
    assert answer.code == 0, answer.err
    return str(tmp_path / "pairs")


def asked(tmp_path: Path, kind: str) -> tuple[str, ...]:
    """What a run is asked for: sentences, or pictures of the corpus."""
    return tuple(f"{tmp_path / 'small.npz'}:{n}" for n in (1, 2, 5, 7)) if "pictures" in kind else SENTENCES


def answers(call: Call, run: str, asked: tuple[str, ...]) -> list[str]:
    """What a run writes."""
    return [call("generate", run, "--input", one).out for one in asked]


@pytest.mark.parametrize("suffix", ["safetensors", "npz"])
@every_kind
def test_an_encoder_decoder_leaves_and_comes_back(call: Call, tmp_path: Path, kind: str, suffix: str) -> None:
    run, file = trained(call, tmp_path, kind), tmp_path / f"weights.{suffix}"
    assert call("export", run, str(file)).code == 0
    answer = call("import", str(file), "--name", "back")
    assert answer.code == 0, answer.err
    assert "--input TEXT" in answer.out
    assert weights("back") == weights(run)
    assert answers(call, "back", asked(tmp_path, kind)) == answers(call, run, asked(tmp_path, kind))
    assert call("evaluate", "back", corpus(tmp_path, kind), "--json").code == 0
    state = file.with_name("saved.safetensors")
    if suffix == "safetensors":
        save_file(load_file(file), state)  # as PyTorch saves it, without metadata
        assert "--like RUN" in call("import", str(state)).line
        assert call("import", str(state), "--like", run, "--name", "like").code == 0
        assert weights("like") == weights(run)


def encoded(run: str, one: str) -> dict[str, Any]:
    """What the encoder reads, by the names of the inputs of its graph."""
    config = RunFolder.find(run).config()
    source = pairs_task(config.task).encode(config.vocabulary, one)[0]
    if config.model.patches:
        return {"patches": np.ascontiguousarray(source[:, None, :-1])}
    return {"source": source.astype(np.int64)[:, None], "lengths": np.array([len(source)])}


def written(run: str, symbols: list[int]) -> str:
    """What symbols say."""
    return pairs_task(RunFolder.find(run).config().task).target.decode(symbols).strip() + "\n"


@every_kind
def test_two_graphs_write_what_generate_writes(call: Call, tmp_path: Path, kind: str) -> None:
    pytest.importorskip("onnx")
    runtime = pytest.importorskip("onnxruntime")
    run = trained(call, tmp_path, kind)
    answer = call("export", run, str(tmp_path / "small.onnx"))
    assert answer.code == 0, answer.err
    names = ["small.encoder.onnx", "small.decoder.onnx"]
    assert [line.split(": onnx, step 30, ")[0] for line in answer.out.splitlines()] == [
        str(tmp_path / name) for name in names
    ]
    assert not (tmp_path / "small.onnx").exists()
    encoder, decoder = (runtime.InferenceSession(tmp_path / name) for name in names)
    task = pairs_task(RunFolder.find(run).config().task)
    found = [
        written(run, greedy(encoder, decoder, encoded(run, one), task.target.size, task.longest + MORE))
        for one in asked(tmp_path, kind)
    ]
    assert found == answers(call, run, asked(tmp_path, kind))
    assert any(text.strip() for text in found)


@every_kind
def test_the_printed_module_writes_what_generate_writes(call: Call, tmp_path: Path, kind: str) -> None:
    torch = pytest.importorskip("torch")
    run = trained(call, tmp_path, kind)
    names: dict[str, Any] = {}
    exec(compile(call("export", run, str(tmp_path / "w.safetensors")).out, "printed", "exec"), names)  # our own source
    model, found = names["load"](), []
    for one in asked(tmp_path, kind):
        (symbols,) = model.greedy(*map(torch.from_numpy, encoded(run, one).values()))
        found.append(written(run, symbols))
    assert found == answers(call, run, asked(tmp_path, kind))
    assert any(text.strip() for text in found)


def greedy(encoder: Any, decoder: Any, given: dict[str, Any], end: int, most: int) -> list[int]:
    """What both graphs write for a source, the likeliest symbol at every step, up to the end symbol."""
    given |= dict(zip([one.name for one in encoder.get_outputs()], encoder.run(None, given), strict=True))
    read, names = [one.name for one in decoder.get_inputs()], [one.name for one in decoder.get_outputs()]
    symbols = [end]
    while len(symbols) <= most and (len(symbols) == 1 or symbols[-1] != end):
        given["symbols"] = np.array([symbols[-1:] if "h_0" in read else symbols]).T
        told = dict(zip(names, decoder.run(None, {name: given[name] for name in read}), strict=True))
        given |= {name.replace("_n", "_0"): value for name, value in told.items()}
        symbols.append(int(told["logits"][-1].argmax()))
    return [symbol for symbol in symbols if symbol != end]


def test_no_part_of_an_encoder_decoder_is_overwritten(
    call: Call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("onnx")
    run, part = trained(call, tmp_path, "gru"), tmp_path / "small.decoder.onnx"
    part.write_text("mine")
    monkeypatch.chdir(tmp_path)  # a long path would be cut in the message
    answer = call("export", run, "small.onnx")
    assert answer.code == 1
    assert "small.decoder.onnx' already exists: add --force" in answer.line
    assert not (tmp_path / "small.encoder.onnx").exists()
    assert part.read_text() == "mine"
    assert call("export", run, str(tmp_path / "small.onnx"), "--force").code == 0
    assert part.read_bytes() != b"mine"
    for words, said in ((("nowhere/w.onnx",), "no folder"), ((".", "--to", "onnx"), "is a folder")):
        assert said in call("export", run, *words).line
