"""Earlier runs on the same corpus are found in their folders, whatever else lies there, and keep their colours."""

import itertools
import json
import os
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from seqcore.config import ModelConfig

from seqtui.live import earlier
from seqtui.live.earlier import FIELD, MOST, Band, Earlier, EarlierWatch, bands_of

BANDS = [
    {"from": 1, "to": 3, "count": 20, "loss": 0.05, "exact_match": 0.95},
    {"from": 4, "to": 8, "count": 20, "loss": 0.9, "exact_match": 0.25},
]
READ = (Band(1, 3, 20, 0.05, 0.95), Band(4, 8, 20, 0.9, 0.25))
MODEL = ModelConfig(
    family="gru", hidden=16, layers=1, vocabulary_size=26, outputs=27, decodes=True, cross_attention="none"
)


@pytest.fixture(autouse=True)
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("SEQTUI_RUNS_DIR", str(tmp_path))
    monkeypatch.setattr(earlier, "PAUSE", 0.0)
    return tmp_path


class Desk:
    def __init__(self) -> None:
        self.runs: tuple[Earlier, ...] = ()
        self.published = 0

    def publish(self, run: Any, **changes: Any) -> None:
        self.runs = changes["earlier_runs"]
        self.published += 1


def folder(root: Path, name: str, when: int, *, model: Any = None, digest: str = "d", lines: Any = None) -> Path:
    path = root / name
    path.mkdir()
    config = {"model": (model or MODEL).to_dict(), "task": {"name": "transduce"}, "corpus": {"digest": digest}}
    (path / "config.json").write_text(json.dumps(config), encoding="utf-8")
    lines = [{"step": 50, FIELD: BANDS}] if lines is None else lines
    (path / "metrics.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    os.utime(path / "metrics.jsonl", (when, when))
    return path


def run(own: Path | None = None) -> Any:
    config = SimpleNamespace(task=SimpleNamespace(decodes=True, name="transduce"))
    place = SimpleNamespace(path=own) if own is not None else None
    return SimpleNamespace(config=config, corpus=SimpleNamespace(digest="d"), folder=place)


def read(watch: EarlierWatch) -> None:
    """Read all folders once."""
    watch.turn()
    while watch._reading is not None:
        watch.turn()


def test_runs_on_the_same_corpus_are_found(root: Path) -> None:
    own = folder(root, "mine", 9)
    folder(root, "before", 5, lines=[{"step": 50, FIELD: BANDS[:1]}, {"step": 100, FIELD: BANDS}, {"step": 120}])
    folder(root, "attentive", 6, model=replace(MODEL, cross_attention="general", bidirectional=True))
    folder(root, "elsewhere", 7, digest="other")
    desk = Desk()
    read(EarlierWatch(desk, run(own)))
    labels = {one.name: (one.label, one.step, one.bands) for one in desk.runs}
    assert labels == {
        "before": ("gru 1×16 without attention", 100, READ),
        "attentive": ("gru 1×16 general attention both ways", 50, READ),
    }


def test_what_is_not_a_valid_run_is_passed_over(root: Path) -> None:
    (root / "file").write_text("x", encoding="utf-8")
    (root / "empty").mkdir()
    folder(root, "nothing", 1, lines=[])
    folder(root, "odd", 2, lines=[{"step": 1, FIELD: "x"}, {"step": "x", FIELD: BANDS}])
    (folder(root, "truncated", 3) / "metrics.jsonl").write_text(
        '{"step": 9, "' + FIELD + '": [{"from"', encoding="utf-8"
    )
    for name, content in (("broken", b"\xff{"), ("list", b"[1]"), ("deep", b"[" * 100_000), ("none", b"{}")):
        (folder(root, name, 4) / "config.json").write_bytes(content)
    folder(root, "good", 5)
    desk = Desk()
    read(EarlierWatch(desk, run()))
    assert [one.name for one in desk.runs] == ["good"]


@pytest.mark.parametrize(
    "odd",
    [
        {"from": 3, "to": 1}, {"from": -1}, {"exact_match": 1.5}, {"loss": float("nan")}, {"loss": float("inf")},
        {"count": "many"}, {"to": 2**40}, {"exact_match": None}, {"loss": []},
    ],
)  # fmt: skip
def test_bands_that_are_not_valid_are_left_out(odd: dict[str, Any]) -> None:
    assert bands_of([BANDS[1], BANDS[0] | odd]) == READ[1:]
    assert bands_of({"from": 1}) == bands_of(None) == bands_of([1, None, "x"]) == ()


def test_the_newest_are_compared_and_keep_their_colours(root: Path) -> None:
    for n in range(MOST):
        folder(root, f"run{n}", 10 + n)
    desk = Desk()
    watch = EarlierWatch(desk, run())
    read(watch)
    before = {one.name: one.slot for one in desk.runs}
    assert sorted(before.values()) == list(range(MOST))
    folder(root, "another", 99)
    read(watch)
    after = {one.name: one.slot for one in desk.runs}
    assert set(after) == (set(before) - {"run0"}) | {"another"}
    assert after["another"] == before["run0"]
    assert all(after[name] == slot for name, slot in before.items() if name in after)


def test_a_run_that_goes_on_is_read_again_and_others_are_not(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for n in range(20):
        folder(root, f"run{n}", 10 + n, digest="d" if n % 2 else "other")
    reads: list[Path] = []
    last = earlier._last_validation
    monkeypatch.setattr(earlier, "_last_validation", lambda path: (reads.append(path), last(path))[1])
    desk = Desk()
    watch = EarlierWatch(desk, run())
    read(watch)
    assert len(reads) == 10
    read(watch)
    assert (len(reads), desk.published) == (10, 1)
    with open(root / "run19" / "metrics.jsonl", "a", encoding="utf-8") as file:
        file.write(json.dumps({"step": 200, FIELD: BANDS[:1]}) + "\n")
    read(watch)
    assert len(reads) == 11
    assert next(one.step for one in desk.runs if one.name == "run19") == 200


def test_many_folders_are_read_in_pieces(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ticks = itertools.count()
    monkeypatch.setattr(earlier.time, "monotonic", lambda: 0.004 * next(ticks))
    for n in range(30):
        folder(root, f"run{n}", 10 + n)
    desk = Desk()
    watch = EarlierWatch(desk, run())
    turns = 0
    while not desk.published:
        watch.turn()
        turns += 1
    assert 10 <= turns <= 31
    assert len(desk.runs) == MOST


def test_a_task_without_pairs_reads_nothing(root: Path) -> None:
    folder(root, "good", 5)
    desk, other = Desk(), run()
    other.config.task.decodes = False
    read(EarlierWatch(desk, other))
    assert desk.published == 0
