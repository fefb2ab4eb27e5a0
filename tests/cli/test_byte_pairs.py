"""Runs with tokens by byte pairs: learned with the extra bpe, read, continued and exchanged without it."""

import json
import re
import sys
import time
from importlib.util import find_spec
from pathlib import Path

import pytest
from seqcore.folder import RunFolder

from seqtui.live.session import LiveSession
from seqtui.live.snapshot import Phase
from tests.cli.conftest import TINY, Call

learned = pytest.mark.skipif(find_spec("tokenizers") is None, reason="needs the extra bpe")


@pytest.fixture
def by_pairs(call: Call, corpus: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A run with tokens by byte pairs, after which the package is gone."""
    words = ["--tokens-by", "bpe", "--vocabulary-limit", "60", "--steps", "8", "--out", str(tmp_path / "run")]
    answer = call("train", str(corpus), *TINY, *words)
    assert answer.code == 0, answer.err
    assert "tokens/s" in answer.out
    assert "nats per token" in answer.out
    monkeypatch.setitem(sys.modules, "tokenizers", None)
    return tmp_path / "run"


def test_without_the_extra_training_is_refused_in_one_line(
    call: Call, corpus: Path, runs_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "tokenizers", None)
    answer = call("train", str(corpus), *TINY, "--tokens-by", "bpe", "--vocabulary-limit", "60")
    assert answer.code == 1
    assert 'pip install "seqtui[bpe]"' in answer.line
    assert not runs_dir.exists() or not any(runs_dir.iterdir())


def test_a_vocabulary_of_byte_pairs_has_a_default_size_of_its_own(call: Call) -> None:
    from seqtui.cli import settings

    limit = {kind: settings.choose({"tokens-by": kind}, {}).validated()[1].vocabulary_limit for kind in ("char", "bpe")}
    assert limit == {"char": 10_000, "bpe": 1_000}
    chosen = settings.choose({"tokens-by": "bpe", "vocabulary-limit": 300}, {}).validated()[1]
    assert chosen.vocabulary_limit == 300


@learned
def test_a_run_is_read_without_the_package(call: Call, by_pairs: Path, corpus: Path) -> None:
    stored = json.loads((by_pairs / "config.json").read_text())["vocabulary"]
    assert set(stored) == {"kind", "symbols", "merges"}
    assert len(stored["symbols"]) == 60
    report = json.loads(call("evaluate", str(by_pairs), str(corpus), "--json").out)
    text = corpus.read_text(encoding="utf-8")
    ids = RunFolder(by_pairs).config().vocabulary.encode(text)
    assert report["tokens"] == len(ids) - 1
    per_character = report["bits_per_token"] * report["tokens"] / (len(text) - 1)
    assert report["bits_per_character"] == pytest.approx(per_character, rel=1e-6)
    assert "bits per token" in call("evaluate", str(by_pairs)).out
    seen = json.loads(call("inspect", str(by_pairs), "--text", "3 birds sat on a wall", "--json").out)
    assert "".join(seen["symbols"]) == "3 birds sat on a wall"
    assert max(map(len, seen["symbols"])) > 1
    written = call("generate", str(by_pairs), "--prompt", "3 birds", "--length", "40")
    assert written.code == 0
    assert written.out.startswith("3 birds")


@learned
def test_a_run_is_continued_without_the_package_exactly(
    call: Call, by_pairs: Path, corpus: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert call("train", "--resume", "--out", str(by_pairs), "--steps", "12").code == 0
    continued, step, _ = RunFolder(by_pairs).newest()
    assert step == 12
    monkeypatch.delitem(sys.modules, "tokenizers")
    words = ["--tokens-by", "bpe", "--vocabulary-limit", "60", "--steps", "12", "--out", str(tmp_path / "straight")]
    assert call("train", str(corpus), *TINY, *words).code == 0
    straight, _, _ = RunFolder(tmp_path / "straight").newest()
    assert {name: array.tobytes() for name, array in continued.arrays.items()} == {
        name: array.tobytes() for name, array in straight.arrays.items()
    }


@learned
@pytest.mark.parametrize("suffix", ["safetensors", "npz"])
def test_an_export_carries_the_merges(call: Call, by_pairs: Path, tmp_path: Path, suffix: str) -> None:
    file = tmp_path / f"weights.{suffix}"
    assert call("export", str(by_pairs), str(file)).code == 0
    assert call("import", str(file), "--name", "back").code == 0
    assert RunFolder.find("back").config().vocabulary == RunFolder(by_pairs).config().vocabulary
    write = ["--prompt", "7 birds", "--length", "30"]
    assert call("generate", "back", *write).out == call("generate", str(by_pairs), *write).out


@learned
def test_damaged_merges_are_one_line(call: Call, by_pairs: Path) -> None:
    path = by_pairs / "config.json"
    config = json.loads(path.read_text())
    config["vocabulary"]["merges"][0] = [0, 10**9]
    path.write_text(json.dumps(config))
    answer = call("generate", str(by_pairs))
    assert answer.code == 1
    assert "a merge has a token that is not in it" in answer.line


@learned
def test_texts_are_classified_by_byte_pairs(call: Call, tmp_path: Path) -> None:
    table = tmp_path / "few.tsv"
    lines = [f"{'good' if n % 2 else 'bad'} day number {n}\t{'up' if n % 2 else 'down'}\n" for n in range(80)]
    table.write_text("text\tlabel\n" + "".join(lines))
    words = ["--tokens-by", "bpe", "--vocabulary-limit", "50", "--hidden", "8", "--embedding", "4", "--batch", "4"]
    answer = call("train", str(table), *words, "--steps", "4", "--out", str(tmp_path / "run"))
    assert answer.code == 0, answer.err
    assert call("inspect", str(tmp_path / "run"), "--text", "good day").code == 0


@learned
def test_a_corpus_is_described_by_byte_pairs(call: Call) -> None:
    answer = call("corpora", "tales", "--tokens-by", "bpe")
    assert re.search(r"data +[\d,]+ tokens, [\d,]+ held out · vocabulary of 1,000\n", answer.out)


def test_the_screen_says_which_extra_is_missing(corpus: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "tokenizers", None)
    session = LiveSession(str(corpus), tokens_by="bpe", threads=1, keep=False)
    session.start()
    until = time.monotonic() + 60
    while session.snapshot().phase is not Phase.FAILED and time.monotonic() < until:
        time.sleep(0.05)
    assert 'pip install "seqtui[bpe]"' in session.snapshot().message
    session.close()
