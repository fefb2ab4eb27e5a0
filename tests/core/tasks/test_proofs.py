"""Proofs of learning: what the good presets of the diagnostics reach, and which models fail at them."""

from typing import Any

import numpy as np
import pytest
from seqcore.config import TrainingConfig
from seqcore.data.corpus import read_corpus
from seqcore.evaluation import measured
from seqcore.presets import preset, with_defaults
from seqcore.run import Run
from seqcore.serial import serial_model
from seqcore.tasks.table import guessed
from seqcore.tasks.task import Measures

pytestmark = [pytest.mark.usefixtures("kernels"), pytest.mark.proof]


def trained(source: str, model: dict[str, Any] | None = None, **training: Any) -> Run:
    """Train on a corpus with its good preset, changed by these settings."""
    good, task = preset("good", source), guessed(source)
    given = {key: value for key, value in good.training.items() if key not in task.fixed}
    shape, fields = with_defaults(good.model | (model or {}), task.defaults(source) | given | training)
    run = Run.start(shape, TrainingConfig(**fields), read_corpus(source), keep=False, task=task)
    while not run.trainer.done:
        assert run.advance().step.finite
    return run


def at(run: Run, source: str) -> Measures:
    """The measures of a trained model on the same task with another dial."""
    data = run.config.task.test_data(read_corpus(source), run.vocabulary, run.data)
    return measured(run.config.model, run.trainer.parameters, data)


def test_order_is_told_with_chrono_initialisation_and_not_without() -> None:
    assert trained("order:100").measures["accuracy"] >= 0.99
    assert trained("order:100", {"forget_bias": "default"}).measures["accuracy"] < 0.5


def test_parity_is_kept_at_twice_the_length_by_recurrence_and_not_by_attention() -> None:
    lstm = trained("parity:40")
    assert lstm.measures["accuracy"] >= 0.99
    assert at(lstm, "parity:80")["accuracy"] >= 0.99
    rnn = trained("parity:40", {"family": "rnn"}, learning_rate=0.003, steps=4000)
    assert at(rnn, "parity:80")["accuracy"] >= 0.99
    small = {"family": "attention", "hidden": 64, "layers": 2, "context": 80}
    attention = trained("parity:40", small, learning_rate=0.002)
    assert at(attention, "parity:80")["accuracy"] < 0.7


def test_anbn_is_counted_by_an_lstm_beyond_its_length_and_not_by_a_gru() -> None:
    lstm = trained("anbn:50")
    assert lstm.measures["exact_match"] == 1.0
    gru = trained("anbn:50", {"family": "gru"})
    longer = [band for band in at(lstm, "anbn:80")["by_length"] if band["from"] > 100]
    worse = [band for band in at(gru, "anbn:80")["by_length"] if band["from"] > 100]
    assert min(band["accuracy"] for band in longer) > max(band["accuracy"] for band in worse)


def test_a_cell_of_the_lstm_counts_in_a_straight_line_and_no_unit_of_the_gru_does() -> None:
    assert counts_best(trained("anbn:50"), "c") >= 0.99
    assert counts_best(trained("anbn:50", {"family": "gru"}), "h") < 0.95


def counts_best(run: Run, state: str) -> float:
    """The correlation of the best unit with the number of a that have no b yet: up to 50, and down again."""
    n = 50
    text = np.array([0] + [1] * n + [2] * n, np.int32)  # $, then a and b
    count = np.concatenate([np.arange(n + 1), np.arange(n - 1, -1, -1)])
    staves = serial_model(run.config.model, run.trainer.parameters).look(text).staves
    values = next(stave.values for stave in staves if stave.name == state)
    return float(max(abs(np.corrcoef(unit, count)[0, 1]) for unit in values.T))


def test_adding_is_learnt_by_lstm_and_gru_and_not_by_the_rnn() -> None:
    assert trained("adding:100").measures["rmse"] < 0.05
    assert trained("adding:100", {"family": "gru"}).measures["rmse"] < 0.05
    rnn = trained("adding:100", {"family": "rnn"}, learning_rate=0.002).measures["rmse"]
    assert rnn > 0.38, "always answering 1 has an error of sqrt(1 / 6) = 0.408"


def test_copy_is_learnt_with_chrono_initialisation_and_not_in_the_same_time_without() -> None:
    chrono, plain = trained("copy:100"), trained("copy:100", {"forget_bias": "default"})
    blind = chrono.data.baselines(chrono.vocabulary).losses["no memory"]
    assert chrono.measures["loss"] < 0.1 * blind
    assert plain.measures["loss"] > 0.3 * blind
    assert chrono.measures["accuracy"] > 0.9 > 0.75 > plain.measures["accuracy"]


def test_a_ball_is_forecast_almost_as_well_as_it_is_observed() -> None:
    run = trained("balls")
    noise = 0.01
    assert run.measures["rmse"] <= 1.5 * noise
    model = serial_model(run.config.model, run.trainer.parameters)
    bands = run.data.report(run.measures, run.vocabulary, model)["rmse_by_horizon"]
    assert all(band["rmse"] < min(band["same_as_last"], band["same_velocity"]) for band in bands)


def test_waves_are_forecast_better_than_by_a_linear_function_of_the_last_values() -> None:
    assert trained("waves").measures["rmse"] < 0.0654, "that of the best one; see sample_corpora/README.md"


def test_students_are_graded_as_well_as_by_logistic_regression() -> None:
    run = trained("students")
    report = run.data.report(run.measures, run.vocabulary)
    assert abs(report["accuracy"] - report["logistic_regression_accuracy"]) <= 0.01


def test_repeat_is_learnt_by_two_layers_of_attention_and_not_by_one() -> None:
    assert trained("repeat:32").measures["accuracy"] >= 0.95
    assert trained("repeat:32", {"layers": 1}).measures["accuracy"] < 0.4


def test_recall_is_learnt_by_two_layers_of_attention_and_not_by_one_nor_by_a_gru() -> None:
    assert trained("recall:8").measures["accuracy"] >= 0.95
    assert trained("recall:8", {"layers": 1}).measures["accuracy"] < 0.4
    gru = {"family": "gru", "hidden": 128, "layers": 1, "positions": "rotary"}
    assert trained("recall:8", gru).measures["accuracy"] < 0.4


def test_reviews_are_understood_where_counting_words_fails() -> None:
    run = trained("reviews")
    assert run.measures["accuracy"] >= 0.97
    assert run.measures["accuracy_by_group"]["negated"]["yes"]["accuracy"] >= 0.95
    assert run.data.report(run.measures, run.vocabulary)["bag_of_words_accuracy"] < 0.8


def test_tunes_are_legal_where_pickups_are_remembered() -> None:
    good = tunes_of(trained("tunes"))
    assert good["legal_tunes"] >= 0.8
    assert good["copied_tunes"] == 0
    assert tunes_of(trained("tunes", length=32, batch=128))["legal_tunes"] < 0.6  # the gradient does not reach them
    assert tunes_of(trained("tunes", {"forget_bias": "default"}))["legal_tunes"] < 0.6


def tunes_of(run: Run) -> Measures:
    """What `seqtui evaluate` reports of the tunes that a trained model generates."""
    return run.data.report(run.measures, run.vocabulary, serial_model(run.config.model, run.trainer.parameters))


def halves(measures: Measures) -> tuple[float, float]:
    """The exact match of the shorter half of the sources, and of the longer half."""
    bands = measures["by_length"]
    counts = np.array([band["count"] for band in bands])
    right = np.array([band["exact_match"] for band in bands]) * counts
    middle = int(np.argmin(np.abs(np.cumsum(counts) - counts.sum() / 2))) + 1
    return float(right[:middle].sum() / counts[:middle].sum()), float(right[middle:].sum() / counts[middle:].sum())


def test_attention_translates_long_sentences_and_one_state_does_not_hold_them() -> None:
    attending = trained("phrases").measures
    shorter, longer = halves(attending)
    assert attending["exact_match"] >= 0.9
    assert shorter - longer < 0.05
    shorter, longer = halves(trained("phrases", {"cross_attention": "none"}).measures)
    assert shorter - longer > 0.15


def test_reversing_is_solved_with_attention_and_not_through_one_state() -> None:
    run = trained("reverse:20")
    assert run.measures["exact_match"] >= 0.99
    assert trained("reverse:20", {"cross_attention": "none"}).measures["exact_match"] < 0.8
    example = next(e for e in (run.data.example(run.vocabulary, n, 0) for n in range(512)) if e.asked.sum() == 16)
    probe = run.config.task.probe(
        serial_model(run.config.model, run.trainer.parameters), run.vocabulary, example.inputs, 0, known=example
    )
    assert probe.translation is not None
    assert probe.translation.alignment is not None
    looked = np.argmax(probe.translation.alignment[probe.bar + 1 : probe.bar + 16], axis=1)
    assert np.array_equal(looked, np.arange(14, -1, -1)), "the anti-diagonal"


def test_pictures_are_described_with_attention_over_their_patches() -> None:
    run = trained("shapes")
    assert run.measures["exact_match"] >= 0.95
    model = serial_model(run.config.model, run.trainer.parameters)
    looked = []
    for number in range(100):
        example = run.data.example(run.vocabulary, number, 0)
        probe = run.config.task.probe(model, run.vocabulary, example.inputs, 0, known=example)
        found = probe.translation
        assert found is not None
        assert found.alignment is not None
        assert found.picture is not None
        colour = probe.bar + 3  # "a small red circle"
        if probe.symbols[probe.bar + 1].strip() != "a":
            continue
        top, left = found.picture.boxes[int(np.argmax(found.alignment[colour]))]
        side = found.picture.side
        looked.append(bool((found.picture.pixels[top : top + side, left : left + side] > 100).any()))
    assert np.mean(looked) > 0.9, "it looks at a patch with a shape in it when it names a colour"


def test_dates_are_read_whatever_their_spelling() -> None:
    assert trained("dates").measures["exact_match"] >= 0.98
