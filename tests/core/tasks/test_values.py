"""Tasks with real values: pieces of sequences, errors in the units of the data, references, and what a model learns."""

import itertools
import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from seqcore.config import TrainingConfig
from seqcore.data.batches import Batch
from seqcore.data.corpus import Corpus
from seqcore.data.standardise import Standardise
from seqcore.errors import SeqError
from seqcore.forecasting import run_on, same_as_last, same_velocity
from seqcore.serial import serial_model
from seqcore.tasks.errors import Errors
from seqcore.tasks.forecast import Forecast
from seqcore.tasks.row_data import RowData
from seqcore.tasks.rows import ClassifyRows
from seqcore.tasks.sequence_data import SequenceData, parts, pieces_of

from tests.core.tasks.test_tasks import pupils, start, swings

pytestmark = pytest.mark.usefixtures("kernels")


def ramps(*lengths: int) -> list[np.ndarray]:
    """Sequences of one column whose values are all different."""
    ends = np.cumsum([0, *lengths])
    values = (np.arange(a, b, dtype=np.float32)[:, None] for a, b in itertools.pairwise(ends))
    return list(values)


@given(st.lists(st.integers(2, 40), min_size=1, max_size=6), st.integers(1, 12))
def test_pieces_have_every_step_of_every_sequence_once(lengths: list[int], length: int) -> None:
    cut = pieces_of(ramps(*lengths), length, 0)
    steps = [(float(a), float(b)) for piece in cut for a, b in zip(piece[:-1, 0], piece[1:, 0], strict=True)]
    assert len(steps) == len(set(steps)) == sum(lengths) - len(lengths)
    assert all(b == a + 1 for a, b in steps)
    assert max(len(piece) for piece in cut) <= length + 1


@pytest.mark.parametrize(("rows", "length", "least"), [(500, 64, 128), (100, 90, 30), (65, 64, 10), (1000, 8, 20)])
def test_a_single_long_sequence_gives_enough_pieces_that_overlap(rows: int, length: int, least: int) -> None:
    cut = pieces_of(ramps(rows), length, least)
    assert len(cut) >= min(least, rows - 1 - length) * 0.5
    assert {len(piece) for piece in cut} <= set(range(2, length + 2))
    seen = {float(value) for piece in cut for value in piece[1:, 0]}
    assert seen == set(map(float, range(1, rows))), "every row but the first is a target"


def test_of_few_sequences_the_end_is_held_out_and_of_many_some() -> None:
    train, held = parts(ramps(100), 0.2)
    assert [len(part) for part in train + held] == [80, 21]
    assert held[0][0] == train[0][-1], "the last row that is known predicts the first that is held out"
    train, held = parts(ramps(*[5] * 40), 0.1)
    assert (len(train), len(held)) == (36, 4)
    with pytest.raises(SeqError, match="too few"):
        parts(ramps(2), 0.5)


def test_errors_are_in_the_units_of_the_data() -> None:
    scale = Standardise(("a", "b"), np.array([5.0, 0.0]), np.array([10.0, 0.1]))
    targets = np.array([[[1.0, 2.0]], [[0.0, 0.0]], [[np.nan, np.nan]]], np.float32)
    scores = np.array([[[1.5, 2.0, 9.0]], [[0.0, 1.0, 9.0]], [[7.0, 7.0, 9.0]]], np.float32)
    losses = np.array([[0.125], [0.5], [np.nan]], np.float32)
    errors = Errors(scale)
    assert errors.result() == {}
    errors.add(Batch(targets, targets, True), losses, scores)
    found = errors.result()
    assert found["loss"] == pytest.approx(0.3125)
    assert found["rmse_by_column"] == {"a": pytest.approx(math.sqrt(25 / 2)), "b": pytest.approx(math.sqrt(0.01 / 2))}
    assert found["rmse"] == pytest.approx(math.sqrt(25.01 / 4))
    assert found["examples"] == 1


def test_answers_within_the_tolerance_are_right() -> None:
    targets = np.array([[[1.0], [1.0], [1.0]]], np.float32)
    errors = Errors(tolerance=0.04)
    off = np.array([[[0.03], [-0.039], [0.05]]], np.float32)
    errors.add(Batch(targets, targets, True), np.zeros((1, 3), np.float32), targets + off)
    assert errors.result()["accuracy"] == pytest.approx(2 / 3)


def test_standardisation_is_learnt_on_the_training_part_alone(tmp_path: Path) -> None:
    text = swings()
    changed = Corpus("it", str(tmp_path / "it.csv"), text.encode())
    task, _ = Forecast.start(changed, TrainingConfig(), {})
    data = task.data(changed, None, TrainingConfig())
    held = {
        key
        for key, one in zip(data.found.keys, data.found.sequences, strict=True)
        if any(part.shape == one.shape and np.allclose(data.scale.undo(part), one) for part in data.held)
    }
    assert len(held) == 4
    lines = [f"{line.split(',')[0]},9e9,1" if line.split(",")[0] in held else line for line in text.splitlines()]
    other = Corpus("it", str(tmp_path / "it.csv"), ("\n".join(lines) + "\n").encode())
    again, _ = Forecast.start(other, TrainingConfig(), {})
    assert again.scale.to_json() == task.scale.to_json()


def test_forecasts_run_on_from_what_the_model_predicted(tmp_path: Path) -> None:
    file = tmp_path / "swings.csv"
    file.write_text(swings())
    run = start(str(file))
    model = serial_model(run.config.model, run.trainer.parameters)
    past = run.data.held[0][:6]
    found = run_on(model, past, 4)
    known = past
    for row in found:  # one look at all that was read so far, instead of a state
        np.testing.assert_allclose(model.look(known).logits[-1], row, rtol=1e-4, atol=1e-6)
        known = np.vstack([known, row]).astype(np.float32)


def test_simple_forecasts() -> None:
    past = np.array([[0.0, 5.0], [1.0, 4.0]], np.float32)
    assert same_as_last(past, 2).tolist() == [[1, 4], [1, 4]]
    assert same_velocity(past, 2).tolist() == [[2, 3], [3, 2]]
    assert same_velocity(past[:1], 2).tolist() == [[0, 5], [0, 5]]


def test_a_model_learns_to_forecast_and_beats_what_needs_none(tmp_path: Path) -> None:
    file = tmp_path / "swings.csv"
    file.write_text(swings(200))
    run = start(str(file), "lstm", steps=400, learning_rate=0.01, schedule="cosine")
    for _ in range(400):
        done = run.advance()
    assert isinstance(run.data, SequenceData)
    assert done.validation is not None
    losses = run.data.baselines(run.vocabulary).losses
    assert done.validation["loss"] < 0.2 * min(losses.values())
    assert done.validation["rmse_by_column"]["x"] > 100 * done.validation["rmse_by_column"]["y"], "units of the data"
    model = serial_model(run.config.model, run.trainer.parameters)
    bands = run.data.report(done.validation, run.vocabulary, model)["rmse_by_horizon"]
    assert [band["steps"] for band in bands] == [1, 2, 4, 8]
    assert all(band["rmse"] < min(band["same_as_last"], band["same_velocity"]) for band in bands)
    probe = run.config.task.probe(model, run.vocabulary, run.data.held[0], 5)
    assert probe.series is not None
    assert probe.series.names == ("x", "y")
    np.testing.assert_allclose(probe.series.read, probe.series.wanted)
    assert 600 < probe.series.read[:, 0].min() < 1400, "in the units of the data"
    assert np.isnan(probe.series.predicted[0]).all()
    starts = probe.series.starts.tolist()
    assert starts == list(range(len(probe.symbols)))
    for at in (0, 3, starts[-1]):
        ran = run.config.task.scale.undo(run_on(model, run.data.held[0][: at + 1], 32).astype(np.float64))
        np.testing.assert_allclose(probe.series.ran[at], ran, rtol=1e-5)
    errors = (probe.series.predicted - probe.series.wanted)[1:] / run.config.task.scale.deviation
    np.testing.assert_allclose(probe.loss[1:], (errors**2).mean(axis=1), rtol=1e-4)
    T = len(probe.symbols)
    assert np.isfinite(probe.reach_input[np.tril_indices(T, -1)]).all()
    assert np.isnan(probe.reach_input[np.triu_indices(T)]).all()


def test_a_row_of_numbers_is_classified_as_well_as_by_logistic_regression(tmp_path: Path) -> None:
    file = tmp_path / "pupils.csv"
    file.write_text(pupils(600))
    run = start(str(file), "feedforward", steps=300, learning_rate=0.02)
    for _ in range(300):
        done = run.advance()
    assert isinstance(run.data, RowData)
    assert done.validation is not None
    report = run.data.report(done.validation, run.vocabulary)
    assert report["accuracy"] >= report["logistic_regression_accuracy"] - 0.05 > 0.75
    assert report["classes"] == ["no", "yes"]
    model = serial_model(run.config.model, run.trainer.parameters)
    inputs, _ = run.config.task.encode(run.vocabulary, "9, 100")
    probe = run.config.task.probe(model, run.vocabulary, inputs, 1)
    assert (probe.symbols, probe.top_symbols[0][0]) == (("9 100",), "yes")
    assert probe.reach_input.shape == (1, 1)
    assert probe.reach_input[0, 0] > 0


@pytest.mark.parametrize("family", ["lstm", "attention", "feedforward"])
def test_answers_with_real_values_are_probed_after_each_timestep(family: str) -> None:
    run = start("adding:9", family)
    model = serial_model(run.config.model, run.trainer.parameters)
    inputs, _ = run.config.task.encode(run.vocabulary, "0.5 1; 0.25 0\n.125, 1")
    assert inputs.tolist() == [[0.5, 1], [0.25, 0], [0.125, 1]]
    probe = run.config.task.probe(model, run.vocabulary, inputs, 1)
    assert probe.series is not None
    np.testing.assert_allclose(probe.series.predicted, model.look(inputs).logits, rtol=1e-6)
    assert np.isnan(probe.loss).all(), "the target is not known"
    assert (probe.reach_input[np.tril_indices(3)] >= 0).all()
    assert probe.reach_input[2, 2] > 0, "the answer at t depends on what is read there"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("1,2,3", "row 1: 3 numbers instead of 2"),
        ("1,2;3", "row 2: 1 numbers instead of 2"),
        ("1,x", "row 1: points is 'x', not a number"),
        ("1,nan", "row 1: points is 'nan', not a number"),
        (" ; \n", "no numbers: give 'hours', 'points'"),
    ],
)
def test_numbers_that_cannot_be_read_are_named(text: str, words: str) -> None:
    task = ClassifyRows(("no", "yes"), "passed", Standardise.none(("hours", "points")))
    with pytest.raises(SeqError, match=words):
        task.encode(None, text)


def test_other_columns_and_no_sequence_column_can_be_asked_for(tmp_path: Path) -> None:
    corpus = Corpus("it", str(tmp_path / "it.csv"), swings().encode())
    task, _ = Forecast.start(corpus, TrainingConfig(), {"columns": "y", "sequence-column": "swing"})
    assert (task.scale.names, task.sequence_column) == (("y",), "swing")
    whole, _ = Forecast.start(corpus, TrainingConfig(), {"columns": "y, x", "sequence-column": "none"})
    assert (whole.scale.names, whole.sequence_column) == (("y", "x"), None)
    data = whole.data(corpus, None, TrainingConfig(length=16, batch=4))
    assert len(data.found.sequences) == 1
    with pytest.raises(SeqError, match="no column 'z'"):
        Forecast.start(corpus, TrainingConfig(), {"columns": "z"})
