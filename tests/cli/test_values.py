"""The command line with real values: tables of numbers, sequences to forecast, and the adding problem."""

import json
from pathlib import Path

import pytest

from tests.cli.conftest import Call
from tests.core.tasks.test_tasks import pupils, swings

SMALL = ("--hidden", "12", "--batch", "6", "--seed", "3", "--steps", "40", "--eval-every", "20")


@pytest.fixture
def swings_csv(tmp_path: Path) -> str:
    path = tmp_path / "swings.csv"
    path.write_text(swings())
    return str(path)


def test_a_table_of_sequences_is_forecast_and_the_guess_is_said(call: Call, swings_csv: str, runs_dir: Path) -> None:
    answer = call("train", swings_csv, *SMALL)
    assert answer.code == 0, answer.err
    assert "the table is taken for forecast" in answer.err
    assert "--task changes it" in answer.err
    assert "column 'swing' names the sequences (--sequence-column changes it)" in answer.err
    assert "40 sequences, 4 held out" in answer.out
    assert "baselines: same as last " in answer.out
    last = answer.out.splitlines()[-1]
    assert "squared deviations" in last
    assert "rmse " in last
    assert "nats" not in answer.out
    out = call("evaluate", "swings-lstm12-1").out
    for words in ("rmse of x", "rmse of y", "rows ahead", "same velocity"):
        assert words in out
    found = json.loads(call("evaluate", "swings-lstm12-1", "--json").out)
    assert [band["steps"] for band in found["rmse_by_horizon"]] == [1, 2, 4, 8]
    assert set(found["references"]) == {"same as last", "same velocity"}
    assert 50 < found["rmse_by_column"]["x"] < 1000, "in the units of the data"


def test_inspect_shows_what_was_read_and_predicted_in_the_units_of_the_data(
    call: Call, swings_csv: str, runs_dir: Path
) -> None:
    assert call("train", swings_csv, *SMALL, "--quiet").code == 0
    lines = call("inspect", "swings-lstm12-1", "--text", "1000,0.01;1100,0.005;1200,0").out.splitlines()
    assert lines[0].split()[:6] == ["t", "loss", "reach", "x", "y", "→"]
    assert "1100" in lines[2]
    series = json.loads(call("inspect", "swings-lstm12-1", "--text", "1000,0.01;1100,0.005", "--json").out)["series"]
    assert series["names"] == ["x", "y"]
    assert series["read"][1] == [pytest.approx(1100), pytest.approx(0.005)]
    assert series["predicted"][0] == [None, None]
    assert 300 < series["predicted"][1][0] < 1700
    line = call("inspect", "swings-lstm12-1", "--text", "1000").line
    assert "row 1: 1 numbers instead of 2 ('x', 'y')" in line


def test_columns_and_sequences_can_be_chosen(call: Call, swings_csv: str, runs_dir: Path) -> None:
    answer = call("train", swings_csv, *SMALL, "--columns", "y", "--sequence-column", "none", "--length", "16")
    assert answer.code == 0, answer.err
    assert "all rows are one sequence" in answer.err
    assert "1 sequence · " in answer.out
    found = json.loads(call("runs", "swings-lstm12-1", "--json").out)["task"]
    assert found["scale"]["names"] == ["y"]
    assert found["sequence_column"] is None
    assert "no column 'z' (--columns)" in call("train", swings_csv, *SMALL, "--columns", "z").line


def test_a_row_of_numbers_gets_a_label(call: Call, tmp_path: Path, runs_dir: Path) -> None:
    path = tmp_path / "pupils.csv"
    path.write_text(pupils())
    answer = call("train", str(path), *SMALL, "--model", "feedforward")
    assert answer.code == 0, answer.err
    assert "the table is taken for classify-rows, one to one" in answer.err
    assert "logistic regression " in answer.out
    out = call("evaluate", "pupils-feedforward12-1").out
    assert "logistic regression accuracy" in out
    assert "→ yes" in out
    found = json.loads(call("inspect", "pupils-feedforward12-1", "--text", "9 100", "--json").out)
    assert sorted(found["top_symbols"][0]) == ["no", "yes"]
    wrong = tmp_path / "other.csv"
    wrong.write_text("hours,points,passed\n1,2,yes\n1,2,perhaps\n")
    assert "line 3: unknown label 'perhaps'" in call("evaluate", "pupils-feedforward12-1", str(wrong)).line
    wrong.write_text("hours,points,passed\n1,2,yes\n")
    assert json.loads(call("evaluate", "pupils-feedforward12-1", str(wrong), "--json").out)["examples"] == 1


@pytest.mark.parametrize("ending", ["npz", "safetensors"])
def test_what_undoes_the_standardisation_is_exported_and_comes_back(
    call: Call, swings_csv: str, runs_dir: Path, tmp_path: Path, ending: str
) -> None:
    assert call("train", swings_csv, *SMALL, "--quiet").code == 0
    file = tmp_path / f"it.{ending}"
    assert call("export", "swings-lstm12-1", str(file)).code == 0
    assert call("import", str(file), "--name", "again").code == 0
    text = ("--text", "1000,0.01;1100,0.005", "--json")
    there, here = (json.loads(call("inspect", name, *text).out) for name in ("swings-lstm12-1", "again"))
    for key in ("series", "loss", "reach_input"):
        assert there[key] == here[key]


def test_adding_is_measured_by_its_error_and_at_other_dials(call: Call, runs_dir: Path) -> None:
    answer = call("train", "adding:8", *SMALL)
    assert answer.code == 0, answer.err
    assert "no memory 0.167 squared error" in answer.out
    assert "rmse 0." in answer.out.splitlines()[-1]
    found = json.loads(call("evaluate", "adding-8-lstm12-1", "adding:16", "--json").out)
    assert found["references"] == {"no memory": pytest.approx(1 / 6)}
    assert 0 < found["rmse"] < 1
    assert 0 <= found["accuracy"] <= 1
    assert "squared error" in call("compare", "adding-8-lstm12-1").out


def test_generate_says_what_to_use_instead(call: Call, swings_csv: str, runs_dir: Path) -> None:
    assert call("train", swings_csv, *SMALL, "--quiet").code == 0
    assert "its task is forecast" in call("generate", "swings-lstm12-1").line


def test_resume_goes_on_with_the_same_standardisation(call: Call, swings_csv: str, runs_dir: Path) -> None:
    assert call("train", swings_csv, *SMALL, "--quiet").code == 0
    answer = call("train", "--resume", "--out", "swings-lstm12-1", "--steps", "60")
    assert answer.code == 0, answer.err
    assert "step 60" in answer.out.splitlines()[-1]
