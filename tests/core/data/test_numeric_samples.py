"""The tables among the sample corpora equal the output of their programs, and are as documented."""

import importlib
import json
import random
import re
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from seqcore.data.corpus import read_corpus
from seqcore.data.numeric import numeric_labelled, numeric_sequences
from seqcore.data.standardise import Standardise
from seqcore.data.tables import Table, read_table
from seqcore.records import F64

FOLDER = Path(__file__).resolve().parents[3] / "sample_corpora"
NAMES = ("students", "balls", "waves")
README = (FOLDER / "README.md").read_text()


def module(name: str) -> ModuleType:
    sys.path.insert(0, str(FOLDER))
    try:
        return importlib.import_module(name)
    finally:
        sys.path.remove(str(FOLDER))


def table(name: str) -> Table:
    return read_table(read_corpus(str(FOLDER / f"{name}.csv")))


def section(name: str) -> str:
    return re.sub(r"\s+", " ", README.split(f"\n## {name}\n")[1].split("\n## ")[0])


def rms(values: F64) -> float:
    return float(np.sqrt(np.mean(values**2)))


def sequences(name: str) -> list[F64]:
    return list(numeric_sequences(table(name), sequence_column=name.removesuffix("s")).sequences)


@pytest.mark.parametrize("name", NAMES)
def test_the_committed_table_is_what_its_program_makes(name: str) -> None:
    program, written = module(f"make_{name}"), (FOLDER / f"{name}.csv").read_bytes()
    rows = program.make()
    assert rows == program.make()
    assert module("writing_tables").table_text(program.HEADER, rows).encode() == written
    assert len(written) < 1_000_000


def test_check_notices_a_changed_table_and_a_missing_entry(tmp_path: Path) -> None:
    for path in ("make_students.py", "writing_tables.py"):
        (tmp_path / path).write_bytes((FOLDER / path).read_bytes())
    (tmp_path / "index.json").write_text('{"other": {"description": "kept", "characters": 1}}')

    def run(*arguments: str) -> int:
        program = [sys.executable, str(tmp_path / "make_students.py"), *arguments]
        return subprocess.run(program, capture_output=True, check=False).returncode

    assert run("--check") == 1
    assert run() == 0
    assert run("--check") == 0
    assert run("--chekc") == 2
    entries = json.loads((tmp_path / "index.json").read_text())
    assert list(entries) == ["other", "students"]
    assert {key: entries["students"][key] for key in ("rows", "task", "file")} == {
        "rows": 3000,
        "task": "classify-rows",
        "file": "students.csv",
    }
    with (tmp_path / "students.csv").open("a") as file:
        file.write("1,2,3,4,no\n")
    assert run("--check") == 1


def test_logistic_regression_comes_near_the_best_accuracy_on_students() -> None:
    data = numeric_labelled(table("students"), "passed")
    assert data.names == ("hours", "attendance", "sleep", "marks")
    assert data.classes == ("no", "yes")
    passed = np.array(data.labels) == "yes"
    train, held = slice(0, 2000), slice(2000, 3000)
    scaled = Standardise.learnt(data.values[train], data.names).apply(data.values)
    features = np.column_stack([scaled, np.ones(len(scaled))])
    weights = np.zeros(features.shape[1])
    for _ in range(500):
        error = 1 / (1 + np.exp(-features[train] @ weights)) - passed[train]
        weights -= features[train].T @ error / 500
    assert (weights[:4] > 0.5).all(), "every column matters"
    assert 0.83 < np.mean((features[held] @ weights > 0) == passed[held]) < 0.88


def test_the_rule_of_students_is_right_as_often_as_documented() -> None:
    program = module("make_students")
    data = numeric_labelled(table("students"), "passed")
    score = np.array([program.score(dict(zip(data.names, row, strict=True))) for row in data.values])
    passed = np.array(data.labels) == "yes"
    assert f"{np.mean((score > 0) == passed):.1%} of its rows" in section("students")
    assert f"{np.mean(passed):.1%} have passed" in section("students")
    probability = 1 / (1 + np.exp(-np.abs(score)))
    assert abs(np.mean(probability) - 0.85) < 0.01, "the accuracy that can be expected on new rows"


def test_balls_stay_in_the_box_and_bounce() -> None:
    seen = sequences("balls")
    assert len(seen) == 400
    assert {len(ball) for ball in seen} <= set(range(40, 81))
    every = np.concatenate(seen)
    assert every.min() > -0.05
    assert every.max() < 1.05
    assert all(ball[:, 1].min() < 0.15 for ball in seen), "every ball reaches the floor within its first 2 s"
    program, chance = module("make_balls"), random.Random(7)
    for _ in range(100):  # the true positions
        ball = np.array(program.flight(chance))
        assert (ball >= 0).all()
        assert (ball <= (1, program.HIGHEST)).all()
        for values, most in ((ball[:, 0], 1.0), (ball[:, 1], 0.0)):
            before, after = np.diff(values)[:-1], np.diff(values)[1:]
            turns = values[1:-1][(before < 0) & (after > 0)]
            assert (turns < 0.1).all(), "turns at the left wall or the floor alone"
            turns = values[1:-1][(before > 0) & (after < 0)]
            assert not most or (turns > 0.9).all(), "turns at the right wall alone"


def test_a_bounce_keeps_nine_tenths_of_the_speed() -> None:
    program = module("make_balls")
    assert program.across(0.5, 1.0, 1.0) == pytest.approx((1 - 0.9 * 0.5, -0.9))
    assert program.across(0.5, -1.0, 1.0) == pytest.approx((0.9 * 0.5, 0.9))
    # falls for 1 s from a height of 1, which gives it a speed of 2; then rises for 0.9 s, until it stands still
    assert program.up(1.0, 0.0, 1.9) == pytest.approx((0.81, 0.0), abs=1e-12)


def test_balls_fall_freely_with_the_documented_noise() -> None:
    windows = np.concatenate([np.lib.stride_tricks.sliding_window_view(ball, 3, axis=0) for ball in sequences("balls")])
    bend = windows[..., 2] - 2 * windows[..., 1] + windows[..., 0]  # of free flight: -gravity step², and the noise
    x, y = windows[:, 0], windows[:, 1]
    level = bend[(np.minimum(x, 1 - x) > 0.1).all(axis=1), 0]
    steep = bend[(y > 0.25).all(axis=1), 1]
    assert min(len(level), len(steep)) > 5000
    for free, fall in ((level, 0.0), (steep, -2.0 * 0.05**2)):
        assert abs(free.mean() - fall) < 0.001
        assert abs(free.std() / np.sqrt(6) - 0.01) < 0.0003
    assert "standard deviation of 0.01 box units" in section("balls")


def test_waves_are_sines_with_the_documented_noise() -> None:
    program, seen = module("make_waves"), sequences("waves")
    assert len(seen) == 200
    assert {len(wave) for wave in seen} <= set(range(100, 201))
    residues = []
    for wave in seen:
        # subtract the strongest sine that is left, six times: neighbouring periods make up for the grid
        left, basis = wave[:, 0], []
        t = np.arange(len(wave))
        periods = np.arange(program.SHORTEST - 0.2, program.LONGEST + 0.2, 0.1)
        tones = np.exp(2j * np.pi * t / periods[:, None])
        for _ in range(6):
            best = tones[np.argmax(np.abs(tones @ left))]
            basis += [best.real, best.imag]
            weights = np.linalg.lstsq(np.stack(basis, 1), wave[:, 0], rcond=None)[0]
            left = wave[:, 0] - np.stack(basis, 1) @ weights
        residues.append(left.std())
    assert 0.015 < np.median(residues) < 0.025
    assert "standard deviation of 0.02" in section("waves")


@pytest.mark.parametrize("name", ["balls", "waves"])
def test_the_documented_errors_of_simple_forecasts(name: str) -> None:
    seen, text = sequences(name), section(name)
    assert f"{sum(map(len, seen)):,} rows" in text
    same = rms(np.concatenate([s[2:] - s[1:-1] for s in seen]))
    steady = rms(np.concatenate([s[2:] - 2 * s[1:-1] + s[:-2] for s in seen]))
    past = np.concatenate(
        [np.lib.stride_tricks.sliding_window_view(s[:-1], 8, axis=0).reshape(len(s) - 8, -1) for s in seen]
    )
    past = np.column_stack([past, np.ones(len(past))])
    following = np.concatenate([s[8:] for s in seen])
    linear = rms(past @ np.linalg.lstsq(past, following, rcond=None)[0] - following)
    for error in (same, steady, linear):
        assert f"{error:.3g} for the" in text
