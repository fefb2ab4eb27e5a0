"""The benchmarks run, print the document that they promise, and end what they started; their arithmetic is right."""

import importlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from seqtui.views import VIEWS

pytest.importorskip("pty", reason="the benchmarks need a pseudo-terminal")

pytestmark = pytest.mark.long
FOLDER = Path(__file__).resolve().parent.parent / "benchmarks"
TIMEOUT = 900  # seconds: kernels may have to be compiled, on a machine that does other things too


@pytest.fixture(autouse=True)
def _beside_each_other(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(FOLDER))


def run(name: str, *words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(FOLDER / name), *words]
    return subprocess.run(command, capture_output=True, text=True, timeout=TIMEOUT, check=False)


def document(name: str, *words: str) -> dict[str, Any]:
    done = run(name, *words, "--json")
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    assert found["benchmark"] == name.removesuffix(".py")
    assert {"cpu", "cores", "versions"} <= set(found["machine"])
    return found


# They run


def test_training_step_measures_every_family() -> None:
    found = document("training_step.py", "--sizes", "8,2,4", "--seconds", "0.02", "--rounds", "2")
    small = (8, 2, 4)
    sizes = {"lstm": small, "gru": small, "rnn": small, "attention": (128, 12, 64)}
    assert {row["family"]: (row["hidden"], row["batch"], row["length"]) for row in found["rows"]} == sizes
    assert list(found["summary"]) == list(sizes)
    for row in found["rows"]:
        assert len(row["ours_rounds"]["1"]) == 2
        assert all(seconds > 0 for seconds in row["ours_seconds"].values())
        ways = {"forward and back"} if row["family"] == "attention" else {"scan forward", "head", "scan backward"}
        assert set(row["phases"]) >= {*ways, "optimizer"}
        assert set(row["phase_shares"]) == {*ways, "weight gradients"}
        assert ("ratio" in row) == (found["pytorch"] is not None)


@pytest.mark.parametrize(
    ("program", "tasks"),
    [("task_step", ["classification", "forecast"]), ("translation", ["translation", "decoding"])],
)
def test_steps_of_both_tasks_are_measured(program: str, tasks: list[str]) -> None:
    found = document(f"{program}.py", "--seconds", "0.02", "--rounds", "2")
    assert found["benchmark"] == program
    assert [row["task"] for row in found["rows"]] == tasks
    for row in found["rows"]:
        assert len(row["ours_rounds"]["1"]) == 2
        assert all(seconds > 0 for seconds in row["ours_seconds"].values())
        assert ("ratio" in row) == (found["pytorch"] is not None)


def test_the_tour_visits_every_view_and_reads_the_memory() -> None:
    found = document("tour.py", "--minutes", "0.01", "--beside", "2", "--first", "2", "--stay", "1", "--hidden", "32")[
        "row"
    ]

    assert found["visits"] == len(VIEWS) - 1
    assert found["lost"] == []
    assert len(found["memory"]) == 2
    assert found["growth"] == max(found["memory"]) - found["memory"][0]
    assert found["share"] == pytest.approx(found["speed"] / (sum(found["sessions"]) / 2))
    assert found["speed"] > 0


def test_generation_measures_ours_alone_where_there_is_no_pytorch() -> None:
    words = ("--model", "lstm128", "attention", "--seconds", "0.02", "--rounds", "2")
    found = document("generation.py", *words)
    assert [row["name"] for row in found["rows"]] == ["lstm128", "attention"]
    for row in found["rows"]:
        assert len(row["ours_rounds"]) == 2
        assert row["ours_per_second"] > 0
        assert ("ratio" in row) == (found["pytorch"] is not None)


def test_scaling_measures_every_number_of_threads_beside_what_is_expected() -> None:
    from seqcore.cores import most_threads
    from seqcore.scaling import counts

    found = document("scaling.py", "--model", "rnn", "--seconds", "0.02", "--rounds", "2")
    assert found["threads"] == counts(most_threads())
    (row,) = found["rows"]
    assert (row["name"], row["case"]) == ("rnn", "rnn H 256, B 32, T 64")
    for part in ("ours_seconds", "ours_rounds", "speed_up", "expected_seconds", "error"):
        assert list(row[part]) == [str(threads) for threads in found["threads"]]
    assert row["expected_seconds"]["1"] == pytest.approx(row["ours_seconds"]["1"])
    assert all(len(rounds) == 2 for rounds in row["ours_rounds"].values())
    assert ("ratio" in row) == (found["pytorch"] is not None)


def test_beside_others_measures_every_situation() -> None:
    found = document("beside_others.py", "--model", "lstm64", "--seconds", "0.2", "--rounds", "2")
    (row,) = found["rows"]
    pinned = {"pinned"} if hasattr(os, "sched_setaffinity") else set()
    assert set(row["kept"]) == set(found["summary"]) == {"free", "two", "full"} | pinned
    assert [len(rates) for rates in row["rates"]["two"]] == [2, 2], "of both trainings, in both rounds"
    assert [len(rates) for rates in row["rates"]["full"]] == [1, 1]
    assert all(entry["least"] == row["kept"][name] > 0 for name, entry in found["summary"].items())


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="memory is read in /proc")
def test_memory_reads_what_the_screen_took_while_it_trained() -> None:
    (row,) = document("memory.py", "--runs", "1", "--cold-runs", "0", "--seconds", "0.3")["rows"]
    assert (row["family"], row["cold"]) == ("lstm", False)
    assert 50e6 < row["median"] < 5e9
    assert row["target"] == 350e6
    assert row["helpers"] == 0, "nothing is compiled"


def test_time_to_quality_reads_what_a_run_says_of_its_end(tmp_path: Path) -> None:
    corpus = tmp_path / "corpus.txt"
    corpus.write_text("the cat sat on the mat\n" * 500)
    found = document("time_to_quality.py", str(corpus), "--preset", "quick", "--steps", "2")
    (row,) = found["rows"]
    assert not found["comparable"]  # no targets: this is another corpus
    assert "reached" not in row
    assert row["tokens"] == 2 * 32 * 32
    assert 0 < row["validation_loss"] < 5
    assert 0 < row["training_seconds"] < row["seconds"]


def test_startup_sees_the_screen_paint_before_it_trains() -> None:
    found = document("startup.py", "--runs", "1", "--cold-runs", "0")
    medians = {row["what"]: row["median"] for row in found["rows"]}
    assert 0 < medians["first paint, warm"] < medians["first training step, warm"]
    assert min(medians["python -c pass"], medians["seqtui --help"], medians["import seqcore.jit"]) > 0


def test_screen_cost_presses_keys_that_are_answered_while_the_training_goes_on() -> None:
    words = ("--parts", "keys", "--keys", "4", "--patience", "120", "--warm", "0.1", "--hidden", "32")
    answers = document("screen_cost.py", *words)["answers"]
    assert len(answers["all"]) == 4
    assert answers["unanswered"] == 0
    assert answers["tokens_per_second"] > 0


def test_screen_cost_compares_every_way_with_the_session() -> None:
    words = ("--parts", "speed", "--rounds", "1", "--seconds", "5", "--warm", "0.1", "--hidden", "32")
    rows = document("screen_cost.py", *words, "--screens", "120x36")["speed"]
    assert [row["way"] for row in rows] == ["loop", "session", "screen 120x36"]
    assert [row["wall_ratio"] for row in rows if row["way"] == "session"] == [1.0]
    assert all(row["wall"] > 0 and row["training"] > 0 for row in rows)


@pytest.mark.parametrize(
    ("name", "words", "says"),
    [
        ("training_step.py", ("--sizes", "8,2"), "expected H,B,T, for example"),
        ("training_step.py", ("--seconds", "0"), "expected a number above 0"),
        ("training_step.py", ("--model", "cnn"), "invalid choice"),
        ("generation.py", ("--model", "lstm7"), "invalid choice"),
        ("memory.py", ("--corpus", "nowhere.txt", "--cold-runs", "0"), "there is no corpus 'nowhere.txt'"),
        ("training_step.py", ("--torch-python", "/nowhere/python"), "cannot be started"),
        ("time_to_quality.py", ("x", "--preset", "huge"), "invalid choice"),
        ("scaling.py", ("--model", "cnn"), "invalid choice"),
        ("scaling.py", ("--model", "rnn", "--torch-python", "/nowhere/python"), "cannot be started"),
        ("beside_others.py", ("--rounds", "0"), "expected a number above 0"),
        ("beside_others.py", ("--model", "attention"), "invalid choice"),
        ("screen_cost.py", ("--screens", "10x10"), "100x30 or more"),
        ("screen_cost.py", ("--corpus", "nowhere.txt", "--parts", "keys"), "there is no corpus 'nowhere.txt'"),
    ],
)
def test_what_cannot_be_measured_is_told_without_a_traceback(name: str, words: tuple[str, ...], says: str) -> None:
    done = run(name, *words)
    assert done.returncode in (1, 2)
    assert says in done.stderr
    assert "Traceback" not in done.stderr
    assert done.stdout == ""


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="children are listed in /proc")
@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_benchmark_that_is_interrupted_leaves_no_process_behind(number: int, code: int) -> None:
    words = ["--model", "lstm", "--sizes", "8,2,4", "--seconds", "600", "--rounds", "1"]
    command = [sys.executable, str(FOLDER / "training_step.py"), *words]
    benchmark = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    try:
        assert benchmark.stderr is not None
        assert "measuring" in benchmark.stderr.readline()
        children = Path(f"/proc/{benchmark.pid}/task/{benchmark.pid}/children").read_text().split()
        assert children
        benchmark.send_signal(number)
        assert benchmark.wait(TIMEOUT) == code
        assert not [child for child in children if Path(f"/proc/{child}").exists()]
    finally:
        benchmark.kill()
        benchmark.communicate()


# Their arithmetic


def test_a_ratio_is_within_its_round_and_against_the_better_number_of_threads() -> None:
    training_step, cases = importlib.import_module("training_step"), importlib.import_module("cases")
    row = training_step.Row(cases.recurrent("gru", (8, 2, 4)), work=6e9, phase_work={"head": 3e9})
    row.ours = {1: [4.0, 4.0, 4.0], 2: [1.0, 2.0, 3.0]}
    row.pytorch = {1: [3.0, 6.0, 9.0], 2: [4.0, 8.0, 12.0]}  # one thread is the better
    row.adam = {1: "fused", 2: "foreach"}
    phases = [{"head": 1.0, "rest": 1.0}, {"head": 2.0, "rest": 5.0}, {"head": 1.5, "rest": 2.0}]
    row.phases = {1: [{"head": 9.0, "rest": 9.0}], 2: phases}
    found = row.result({1: 2e9, 2: 4e9})
    assert (found["pytorch_threads"], found["pytorch_optimizer"], found["ratio"]) == (1, "fused", 3.0)
    assert found["scaling"] == 2.0
    assert found["limit_seconds"] == 1.5
    assert found["peak_share"] == 0.75
    assert found["phases"] == {"head": 1.5, "rest": 2.0}
    assert found["phase_shares"] == {"head": 0.5}


def test_a_summary_holds_every_family_to_its_own_targets() -> None:
    training_step = importlib.import_module("training_step")

    def measured(family: str, hidden: int, ratio: float, scaling: float, share: float) -> dict[str, Any]:
        return {"family": family, "hidden": hidden, "ratio": ratio, "scaling": scaling, "peak_share": share}

    rows = [measured("lstm", 64, 2.0, 1.9, 0.1), measured("lstm", 256, 8.0, 1.8, 0.8),
            measured("attention", 128, 1.7, 1.9, 0.6)]  # fmt: skip
    found = training_step.summary(rows)
    assert found["lstm"]["geometric_mean"] == pytest.approx(4.0)
    assert (found["lstm"]["least"], found["lstm"]["least_scaling"]) == (2.0, 1.8)
    assert found["lstm"]["least_peak_share"] == 0.8, "small models are not held to it"
    assert "least_peak_share" not in found["attention"]
    line = training_step.told("lstm", found["lstm"], 2)
    for words in ("4.00x as fast", "target 3x: reached", "target 2.2x: missed", "1.85x: missed", "target 75%: reached"):
        assert words in line
    assert "target 1.7x: reached" in training_step.told("attention", found["attention"], 2)
    del rows[2]["ratio"]
    assert "PyTorch" not in training_step.told("attention", training_step.summary(rows)["attention"], 2)


def test_scaling_is_within_a_round_and_each_side_counts_with_its_best_number_of_threads() -> None:
    training_step, scaling = importlib.import_module("training_step"), importlib.import_module("scaling")
    row = training_step.Row(scaling.CASES["lstm"], work=1e9, phase_work={"rest": 1e9})
    row.ours = {1: [4.0, 6.0, 5.0], 2: [2.0, 4.0, 2.5], 4: [3.0, 3.0, 3.0]}
    row.pytorch = {1: [9.0, 9.0, 9.0], 2: [6.0, 12.0, 5.0], 4: [20.0, 20.0, 20.0]}
    row.adam = dict.fromkeys(row.pytorch, "fused")
    row.phases = {threads: [{"rest": rounds[0]}] for threads, rounds in row.ours.items()}
    found = scaling.result("lstm", row, {1: 1e9, 2: 2e9, 4: 4e9})
    assert found["speed_up"] == {1: 1.0, 2: 2.0, 4: 5 / 3}
    assert found["expected_seconds"] == {1: 5.0, 2: 5.0, 4: 5.0}, "what runs on one thread does not shrink"
    assert found["error"] == pytest.approx({1: 0.0, 2: 1.0, 4: 2 / 3})
    assert (found["ours_threads"], found["pytorch_threads"], found["ratio"]) == (2, 2, 3.0)
    assert found["pytorch_speed_up"][2] == 1.5
    document = {"rows": [found], "pytorch": "2", "peak": {1: 1e9, 2: 2e9, 4: 4e9}}
    made, line, *_ = scaling.tables(document)
    assert [cell for column in made.columns for cell in list(column.cells)[1:2]] == [
        "", "2", "2500.00", "2.00x", "100%", "5000.00", "+100%", "6000.00", "1.50x",
    ]  # fmt: skip
    assert "3.00x as fast as PyTorch (ours with 2 threads, theirs with 2 threads)" in line


def test_what_a_training_keeps_is_relative_to_the_quiet_speed_of_its_round() -> None:
    beside = importlib.import_module("beside_others")
    assert beside.targets(2) == pytest.approx({"free": 0.6, "pinned": 0.6, "two": 0.45, "full": 0.4})
    assert beside.targets(8)["free"] == pytest.approx(0.8 * 7.5 / 8)
    row = beside.Row("gru256", beside.CASES["gru256"])
    row.rates = {
        "quiet": [[10.0], [20.0], [40.0]],
        "free": [[7.0], [10.0], [24.0]],
        "two": [[5.0, 4.0], [8.0, 10.0], [16.0, 20.0]],
    }
    found = row.result()
    assert found["quiet_per_second"] == 20.0
    assert found["kept"] == pytest.approx({"free": 0.6, "two": 0.45})
    assert found["least"] == pytest.approx({"free": 0.5, "two": 0.4})
    summary = beside.summary([found, {"kept": {"free": 0.59, "two": 0.5}}], 2)
    assert {name: entry["least"] for name, entry in summary.items()} == pytest.approx({"free": 0.59, "two": 0.45})
    assert [entry["reached"] for entry in summary.values()] == [False, True]
    told = list(beside.tables({"rows": [found], "summary": summary, "threads": 2, "machine": {"cores": 2}}))
    assert told[1].endswith("at least 59% of the quiet speed (target 60%: missed)")
    assert told[2].endswith("at least 45% of the quiet speed (target 45%: reached)")


def test_writing_is_compared_with_pytorchs_first_way_and_its_better_number_of_threads() -> None:
    generation = importlib.import_module("generation")
    row = generation.Row("lstm256", generation.CASES["lstm256"], [1000.0, 2000.0, 3000.0])
    row.pytorch = {"module": {1: [100.0, 400.0, 100.0], 2: [1.0, 2.0, 3.0]}, "cells": {1: [500.0, 500.0, 500.0]}}
    found = row.result()
    assert (found["pytorch"]["module"]["threads"], found["ratio"], found["reached"]) == (1, 10.0, True)
    assert found["pytorch"]["cells"]["ratio"] == 4.0
    row.name, row.case = "gru256", generation.CASES["gru256"]
    assert row.result()["target"] == 5.0
    (made, _) = generation.tables({"rows": [found], "pytorch": "2"})
    assert [list(column.cells) for column in made.columns] == [
        ["lstm256"], ["2,000"], ["100"], ["module, 1 thread"], ["10.0x"], ["10x: reached"],
        ["500"], ["cells, 1 thread"], ["4.0x"],
    ]  # fmt: skip


def test_every_round_takes_all_sides_and_every_other_one_backwards() -> None:
    sides = importlib.import_module("sides").Sides.__new__(importlib.import_module("sides").Sides)
    sides.threads, sides.rounds, sides.pytorch = [1, 2], 2, {1: None, 2: None}
    there = [("ours", 1), ("pytorch", 1), ("ours", 2), ("pytorch", 2)]
    assert list(sides.turns([1, 2])) == there + there[::-1]
    assert list(sides.turns([1]))[:3] == [("ours", 1), ("pytorch", 1), ("pytorch", 2)]


def test_memory_is_the_highest_of_a_process_and_of_what_it_started() -> None:
    memory = importlib.import_module("memory")
    if not memory.PROC.joinpath("self", "status").exists():
        pytest.skip("memory is read in /proc")
    start = "import subprocess, sys; held = bytearray(80_000_000); del held\n" \
            "subprocess.run([sys.executable, '-c', 'import time; held = bytearray(30_000_000); print(1, flush=True);"\
            " time.sleep(60)'])"  # fmt: skip
    process = subprocess.Popen([sys.executable, "-c", start], stdout=subprocess.PIPE)
    assert process.stdout is not None
    try:
        process.stdout.readline()
        peaks = memory.Peaks()
        peaks.look(process.pid)
        (helper,) = memory.children_of(process.pid)
    finally:
        process.kill()
        process.wait()
        os.kill(helper, signal.SIGKILL)
    assert peaks.program > 80e6, "given back before it was looked at"
    assert 30e6 < peaks.helpers < peaks.program
    assert memory.peak_memory(process.pid) is None
    rows = [memory.row("lstm", False, [peaks]), memory.row("gru", False, [peaks])]
    assert rows[0]["reached"]
    assert "target" not in rows[1]


def test_the_targets_in_time_are_those_of_presets_that_there_are() -> None:
    from seqcore.presets import PRESETS

    time_to_quality = importlib.import_module("time_to_quality")
    assert set(time_to_quality.TARGETS) == {entry.name for entry in PRESETS}
    result = time_to_quality.Result(59.0, 50.0, 1000, 1.879)
    assert time_to_quality.row("nanogpt", [result], True)["reached"]
    assert not time_to_quality.row("quick", [result], True)["reached"]
    assert "reached" not in time_to_quality.row("quick", [result], False)


def test_speed_counts_from_the_first_step_and_after_the_warm_up_alone() -> None:
    speed = importlib.import_module("screen_cost").speed
    slow = [{"time": 10.0 + t, "step": t, "seconds": 0.5 * t, "tokens": 10.0 * t} for t in range(3)]
    fast = [{"time": 13.0 + t, "step": 3 + t, "seconds": 2.0 + t, "tokens": 1000.0 * (1 + t)} for t in range(5)]
    late = [{"time": 99.0, "step": 9, "seconds": 99.0, "tokens": 1e9}]
    found = speed([*slow, *fast, *late], warm=2.0, seconds=4.0)  # the first step was at 11
    assert found == {"wall": 1000.0, "training": 1000.0}
    with pytest.raises(importlib.import_module("processes").BenchmarkError):
        speed(slow[:1], warm=1.0, seconds=1.0)


def test_text_is_read_from_a_terminal_wherever_its_bytes_are_cut() -> None:
    Reader = importlib.import_module("terminal").Reader  # a class
    titled = "\x1b[?1049h\x1b]0;title\x07\x1b[2;5H\x1b[1;38;2;1;2;3mplay\x1b[0mhead ⣿ 3"
    data = f"{titled}\x1b[4;1H7/82\x1bP+q\x1b\\\x1b(B".encode()
    whole = Reader().feed(data)
    assert "playhead ⣿ 3\n7/82" in whole  # a cursor that jumps ends a piece of text, a colour does not
    assert "title" not in whole
    for cut in range(len(data)):
        reader = Reader()
        assert reader.feed(data[:cut]) + reader.feed(data[cut:]) == whole


def test_percentiles_lie_between_the_values_around_them() -> None:
    percentile = importlib.import_module("reporting").percentile
    values = [float(n) for n in range(1, 102)]
    assert percentile(values, 99) == pytest.approx(100.0)
    assert percentile([3.0], 99) == 3.0


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="processes are looked up in /proc")
def test_a_benchmark_that_is_killed_ends_its_training(tmp_path: Path) -> None:
    log = tmp_path / "log"
    start = (
        "import subprocess, sys, time\n"
        "quiet = {'stdout': subprocess.DEVNULL, 'stdin': subprocess.PIPE, 'start_new_session': True}\n"
        "print(subprocess.Popen(sys.argv[1:], **quiet).pid, flush=True)\n"
        "time.sleep(600)\n"
    )
    watched = [sys.executable, str(FOLDER / "watched.py"), "session", str(log), "32", "tales"]
    environment = os.environ | {"SEQTUI_RUNS_DIR": str(tmp_path / "runs")}
    command = [sys.executable, "-c", start, *watched]
    parent = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment)
    assert parent.stdout is not None
    child = int(parent.stdout.readline())
    try:
        assert _comes_true(lambda: log.exists() and log.read_text().count("\n") > 1, TIMEOUT)
        parent.kill()
        parent.communicate()
        assert _comes_true(lambda: not _runs(child), 30)
    finally:
        parent.kill()
        if _runs(child):
            os.kill(child, signal.SIGKILL)


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="processes are looked up in /proc")
def test_a_busy_process_stays_on_its_core_and_ends_with_its_parent() -> None:
    core = max(os.sched_getaffinity(0))
    start = (
        "import os, subprocess, sys, time\n"
        "words = [sys.executable, sys.argv[1], str(os.getpid()), sys.argv[2]]\n"
        "busy = subprocess.Popen(words, stdout=subprocess.PIPE, start_new_session=True)\n"
        "busy.stdout.readline()\n"
        "print(busy.pid, flush=True)\n"
        "time.sleep(600)\n"
    )
    command = [sys.executable, "-c", start, str(FOLDER / "busy.py"), str(core)]
    parent = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    child = int(parent.stdout.readline())
    try:
        assert os.sched_getaffinity(child) == {core}
        assert _runs(child)
        parent.kill()
        parent.communicate()
        assert _comes_true(lambda: not _runs(child), 30)
    finally:
        parent.kill()
        if _runs(child):
            os.kill(child, signal.SIGKILL)


def _comes_true(condition: Callable[[], bool], seconds: float) -> bool:
    until = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > until:
            return False
        time.sleep(0.05)
    return True


def _runs(process: int) -> bool:
    try:
        state = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return False
    return state != "Z"  # ended, and nobody has asked how
