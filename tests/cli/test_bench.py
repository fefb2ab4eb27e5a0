"""`seqtui bench` measures every family by phase, as a share of the machine's peak, and works without PyTorch."""

import importlib
import importlib.util
import json
import os
import sys
from types import ModuleType
from typing import Any

import click
import pytest
from seqcore import bench as engine
from seqcore.bench import phase_work
from seqcore.config import FAMILIES, ModelConfig
from seqcore.cores import most_threads
from seqcore.model import build, initial
from seqcore.scaling import beyond, counts
from seqcore.team import TEAM

from seqtui.cli import bench, bench_scaling
from seqtui.cli.kernels import Status, use_threads
from tests.cli.conftest import Call

TINY = ("--hidden", "8", "--layers", "1", "--batch", "2", "--length", "4", "--seconds", "0.05")


@pytest.mark.parametrize("family", FAMILIES)
def test_bench_measures_a_tiny_model_of_every_family(call: Call, family: str) -> None:
    row = json.loads(call("bench", "--model", family, *TINY, "--no-torch", "--json").out)
    assert (row["model"], row["hidden"], row["batch"], row["length"]) == (family, 8, 2, 4)
    assert row["tokens_per_second"] == pytest.approx(8 / (row["step_ms"] / 1000))
    assert row["peak_share"] > 0
    assert row["written_per_second"] > 0
    head = "forward and back" if family == "attention" else "head"  # a chunk of sequences goes there and back in one
    assert {"pack", head, "weight gradients", "optimizer", "rest"} <= set(row["phases_ms"])
    assert 0 < sum(row["phases_ms"].values()) < 3 * row["step_ms"]
    assert set(row["phases_peak_share"]) < set(row["phases_ms"])
    assert all(share > 0 for share in row["phases_peak_share"].values())


@pytest.mark.parametrize("family", FAMILIES)
def test_the_phases_work_is_together_that_of_the_model(family: str) -> None:
    layers = 1 if family == "feedforward" else 3
    config = ModelConfig(65, family=family, hidden=24, layers=layers, embedding=20)
    whole = build(config, initial(config, 1)).work_per_token()
    assert sum(phase_work(config).values()) == pytest.approx(whole)


def test_bench_prints_steps_phases_and_generation(call: Call) -> None:
    out = call("bench", "--model", "rnn", "--model", "feedforward", *TINY, "--no-torch").out
    for words in ("of peak", "rnn 1×8", "feedforward 8→8", "scan backward", "characters/s", "matrix product peak"):
        assert words in out
    assert "PyTorch" not in out


def test_a_family_is_measured_with_its_training_defaults() -> None:
    recipe = bench.case("attention", {})
    assert (recipe.model.layers, recipe.model.hidden, recipe.model.heads, recipe.model.context) == (2, 128, 4, 128)
    assert (recipe.training.batch, recipe.training.length, recipe.training.sampling) == (16, 128, "windows")
    shorter = bench.case("attention", {"length": 16, "hidden": 64})
    assert (shorter.model.context, shorter.training.length, shorter.model.hidden) == (16, 16, 64)
    assert bench.case("lstm", {"layers": 2}).model.layers == 2
    with pytest.raises(click.UsageError, match="--layers 13"):
        bench.case("gru", {"layers": 13})


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("--model", "cnn"), "cnn"),
        (("--batch", "0"), "--batch 0"),
        (("--length", "9000"), "--length 9000"),
        (("--seconds", "0"), "--seconds"),
        (("--hidden", "8192", "--batch", "4096", "--length", "8192"), "this machine has"),
        (("--scaling", "--torch"), "--scaling --torch: it measures ours alone"),
        (("--scaling", "--threads", "5000"), "--threads 5000: this machine runs 1 to"),
    ],
)
def test_what_makes_no_sense_is_refused_in_a_line(call: Call, words: tuple[str, ...], says: str) -> None:
    answer = call("bench", "--model", "lstm", *words)
    assert answer.code in (1, 2)
    assert says in answer.line
    assert answer.out == ""


def test_a_pytorch_that_is_broken_is_told_and_ours_is_measured(call: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(name: str) -> ModuleType:
        raise OSError(f"{name}: libc10.so: \x1b[31mno such file")

    monkeypatch.setattr(importlib.util, "find_spec", lambda name: object())
    monkeypatch.setattr(importlib, "import_module", broken)
    torch, why = bench.pytorch()
    assert torch is None
    assert "cannot be imported" in why
    assert "libc10.so" in why
    assert "\x1b" not in why


class _Torch:
    """A stand-in for the PyTorch module, with given numbers."""

    WAYS = dict.fromkeys(FAMILIES, ("module",))
    threads = 0

    def use_threads(self, count: int) -> None:
        self.threads = count

    def Step(self, model: dict[str, Any], training: dict[str, Any]) -> Any:  # noqa: N802  # it is a class there
        assert model["family"] == "gru"
        assert training["batch"] == 32
        outer = self

        class Measured:
            def use_fastest(self, seconds: float) -> None: ...

            def seconds(self, seconds: float) -> float:
                return 0.25 * outer.threads  # one thread is the better

        return Measured()

    def characters_per_second(self, model: dict[str, Any], seconds: float, way: str) -> float:
        return 100.0 * self.threads  # all cores are the better


def test_shares_are_of_the_highest_peak_that_was_seen(call: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    peaks = iter([1e9, 5e12, 2e9])
    monkeypatch.setattr(engine, "measure_peak", lambda seconds: next(peaks))
    lines = call("bench", "--model", "rnn", "--model", "gru", *TINY, "--no-torch", "--json").out.splitlines()
    assert [json.loads(line)["peak_gflops"] for line in lines] == [5000.0, 5000.0]


def test_the_better_number_of_pytorch_threads_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "cpu_count", lambda: 2)
    found = bench._beside(_Torch(), bench.case("gru", {}), 1.0, step_seconds=0.05, per_second=1000.0)
    assert found["torch_step_ms"] == pytest.approx(250)
    assert found["times_faster"] == pytest.approx(5)
    assert found["torch_written_per_second"] == pytest.approx(200)
    assert found["times_faster_writing"] == pytest.approx(5)


def test_tables_compare_with_pytorch_and_give_shares_of_the_peak(capsys: pytest.CaptureFixture[str]) -> None:
    from seqtui.cli.bench_tables import print_rows

    row: dict[str, Any] = {
        "described": "gru 1×64",
        "model": "gru", "layers": 1, "hidden": 64, "batch": 16, "length": 32, "threads": 2, "step_ms": 123.456,
        "tokens_per_second": 98765.0, "peak_share": 0.755, "peak_gflops": 234.0,
        "phases_ms": {"pack": 1.0, "scan forward": 120.456}, "phases_peak_share": {"scan forward": 0.8},
        "written_per_second": 12345.0, "torch_step_ms": 500.0, "times_faster": 4.05,
        "torch_written_per_second": 2000.0, "times_faster_writing": 6.17,
    }  # fmt: skip
    print_rows([row, row | {"model": "rnn", "phases_ms": {"table": 2.0}, "phases_peak_share": {}}], "why not")
    lines = capsys.readouterr().out.splitlines()
    assert "gru 1×64  16 × 32  123.46 ms    98,765      76%  500.00 ms    4.0×" in lines[1]
    phases = {name: line.split()[len(name.split()) :] for name in ("pack", "table", "scan forward")
              for line in lines if line.startswith(name)}  # fmt: skip
    assert phases == {"pack": ["1.00"], "table": ["2.00"], "scan forward": ["120.5", "80%"]}
    assert any("12,345" in line and "6.2×" in line for line in lines)
    assert lines[-2].startswith("matrix product peak: 234 GFLOP/s with 2 of ")
    assert lines[-1] == "why not"


def test_bench_imports_no_pytorch_where_it_is_not_wanted(call: Call) -> None:
    call("bench", "--model", "rnn", *TINY, "--no-torch", "--json")
    assert "seqtui.cli.bench_torch" not in sys.modules


def test_scaling_measures_every_number_of_threads_beside_what_is_expected(call: Call) -> None:
    out = call("bench", "--scaling", "--model", "rnn", "--model", "attention", *TINY, "--json").out
    rows = [json.loads(line) for line in out.splitlines()]
    measured = counts(most_threads())
    assert [row["threads"] for row in rows] == 2 * measured
    assert [row["model"] for row in rows] == ["rnn"] * len(measured) + ["attention"] * len(measured)
    for row in rows:
        assert list(row) == ["model", "threads", "step_ms", "speed_up", "efficiency", "expected_ms"]
        assert row["efficiency"] == pytest.approx(row["speed_up"] / row["threads"])
        one = next(first for first in rows if (first["model"], first["threads"]) == (row["model"], 1))
        assert row["speed_up"] == pytest.approx(one["step_ms"] / row["step_ms"])
        assert row["expected_ms"] > 0
        assert row is not one or row["expected_ms"] == pytest.approx(row["step_ms"])
    assert TEAM.threads == most_threads()


def test_scaling_goes_up_to_the_threads_asked_for(call: Call) -> None:
    row = json.loads(call("bench", "--scaling", "--threads", "1", "--model", "gru", *TINY, "--json").out)
    assert (row["threads"], row["speed_up"], row["efficiency"]) == (1, 1.0, 1.0)


def test_scaling_prints_what_is_expected_of_more_threads_below(call: Call) -> None:
    most = most_threads()
    lines = call("bench", "--scaling", "--model", "rnn", *TINY).out.splitlines()
    (first, *rest), (title, *ahead) = lines[: lines.index("")], lines[lines.index("") + 1 : -2]
    assert first.split() == ["training", "threads", "step", "speed-up", "efficiency", "expected"]
    assert rest[0].startswith("rnn 1×8")
    assert len(rest) == len(counts(most))
    assert title.split()[-4:] == ["threads", "expected", "speed-up", "efficiency"]
    assert [int(line.replace("rnn 1×8", "").split()[0]) for line in ahead] == beyond(most)
    assert lines[-1].startswith("expected: from the phases with one thread")


def test_more_threads_are_expected_to_gain_what_the_measured_ones_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine, "measure_peak", lambda seconds: 1e11 * (1 + 0.2 * (TEAM.threads > 1)))
    most = max(2, most_threads())
    monkeypatch.setattr("seqcore.team.most_threads", lambda: most)
    timed = engine.StepTime(*_sizes("lstm"), 1.0, 1e9, {"head": 1.0}, {})
    monkeypatch.setattr(engine, "time_training", lambda *_: timed)
    rows, ahead = bench_scaling.measure_scaling([bench.case("lstm", {})], 1.0, 2, _Quiet())
    assert [row["threads"] for row in rows + ahead] == [1, 2, 4, 8]
    assert rows[1]["expected_ms"] == pytest.approx(1000 / 1.2, rel=1e-3), "two threads of one core"
    assert [row["speed_up"] for row in ahead] == pytest.approx([2.4, 4.8], rel=1e-3)
    monkeypatch.undo()
    use_threads(None)


def _sizes(family: str) -> tuple[Any, Any]:
    each = bench.case(family, {})
    return each.model, each.training


class _Quiet(Status):
    def say(self, line: str) -> None: ...
