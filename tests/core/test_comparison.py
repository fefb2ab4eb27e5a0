"""Reach by lag and wrong bracket closings, checked against known values."""

import math
from typing import Any

import numpy as np
import pytest
from seqcore.comparison import (
    LAGS,
    PASSAGE,
    Reach,
    guessed,
    has_brackets,
    reach_by_lag,
    strays,
    written,
    wrong_closings,
)
from seqcore.config import ModelConfig, TrainingConfig
from seqcore.data.corpus import read_corpus
from seqcore.data.vocabulary import Vocabulary
from seqcore.errors import SeqError
from seqcore.evaluation import measured
from seqcore.model import initial
from seqcore.probe import probe
from seqcore.records import F32
from seqcore.serial import SerialModel, serial_model
from seqcore.tasks.language import TokenData
from seqcore.trainer import Trainer

pytestmark = pytest.mark.usefixtures("kernels")

BRACKETS = read_corpus("brackets")
VOCABULARY = Vocabulary.build("char", BRACKETS)
LINES = BRACKETS.text[:6000].rpartition("\n")[0] + "\n"


def model(family: str, **fields: Any) -> SerialModel:
    config = ModelConfig(VOCABULARY.size, family, **({"hidden": 8, "embedding": 4} | fields))
    return serial_model(config, initial(config, 1))


def test_reach_is_what_probes_say_over_the_same_losses() -> None:
    lstm, tokens = model("lstm"), VOCABULARY.encode(LINES[:PASSAGE])  # only one passage fits, so every draw is the same
    found = reach_by_lag(lstm, VOCABULARY, tokens, seed=3)
    reach = probe(lstm, VOCABULARY, tokens, 0).reach_input.astype(np.float64)
    losses = range(max(LAGS), PASSAGE)
    for lag in LAGS:
        shares = [reach[t, t - lag] / reach[t, t - 1] for t in losses]
        assert found.typical[lag] == pytest.approx(np.median(shares))
        mean = np.mean([reach[t, t - lag] for t in losses]) / np.mean([reach[t, t - 1] for t in losses])
        assert found.mean[lag] == pytest.approx(mean)


def test_reach_ends_where_a_window_ends() -> None:
    tokens = VOCABULARY.encode(LINES)
    found = reach_by_lag(model("feedforward", context=5), VOCABULARY, tokens)
    assert found.typical[1] == found.mean[1] == 1
    assert found.typical[5] > 0
    assert found.typical[10] == found.mean[10] == found.mean[40] == 0


def test_reach_is_told_of_what_fits_into_the_text() -> None:
    lstm = model("lstm")
    assert list(reach_by_lag(lstm, VOCABULARY, VOCABULARY.encode(LINES[:11])).typical) == [1, 2, 5, 10]
    assert reach_by_lag(lstm, VOCABULARY, VOCABULARY.encode(LINES[:1])) == Reach({}, {})


def test_the_same_seed_takes_the_same_passages() -> None:
    lstm, tokens = model("lstm"), VOCABULARY.encode(LINES)
    assert reach_by_lag(lstm, VOCABULARY, tokens, 1) == reach_by_lag(lstm, VOCABULARY, tokens, 1)
    assert reach_by_lag(lstm, VOCABULARY, tokens, 1) != reach_by_lag(lstm, VOCABULARY, tokens, 2)


def test_a_model_that_diverged_has_no_reach() -> None:
    broken = model("lstm")
    broken.load(np.full_like(broken.parameters.flat, np.nan))
    assert reach_by_lag(broken, VOCABULARY, VOCABULARY.encode(LINES)) == Reach({}, {})


def test_wrong_closings_are_told_by_distance() -> None:
    text = "(a [b b] a)\n[c {d d} {e e} {f f} g]\n(h\nx\n"
    near, far = wrong_closings(text, [(1, 9), (10, 99)])
    assert (near.wrong, near.closings) == (1, 6)  # (h is never closed
    assert (far.wrong, far.closings, far.share) == (1, 1, 1.0)
    assert strays(text) == 1
    assert math.isnan(wrong_closings("")[0].share)


def test_only_a_text_of_right_brackets_is_one() -> None:
    assert has_brackets(LINES)
    for text in ("", "no brackets at all\n", LINES.replace("a)", "b)", 1)):
        assert not has_brackets(text)


class Asked:
    """A stand-in for a model: predicts the correct closing bracket (`knows`), or always the same one."""

    longest = None

    def __init__(self, knows: bool) -> None:
        self.knows = knows

    def initial_state(self) -> list[str]:
        return []

    def read(self, token: int, state: list[str]) -> F32:
        state.append(VOCABULARY.symbol(token))
        likely = self.right("".join(state)) if self.knows else "a)"
        logits = np.zeros(VOCABULARY.size, np.float32)
        logits[VOCABULARY.encode("(")] = 9  # an opening bracket is more likely still, but does not count
        for symbol in likely:
            logits[VOCABULARY.encode(symbol)] = 5
        return logits

    @staticmethod
    def right(read: str) -> str:
        """The closing of the innermost open bracket in the text read, including its label if it has one."""
        line, opened = read.rpartition("\n")[2], list[str]()
        for n, symbol in enumerate(line):
            if symbol in "([{<":
                opened.append(line[n : n + 2])
            elif symbol in ")]}>":
                opened.pop()
        return opened[-1][1:] + ")]}>"["([{<".index(opened[-1][0])] if opened else ""


def test_a_model_that_knows_closes_everything_right_and_another_nothing_else() -> None:
    assert guessed(Asked(True), VOCABULARY, LINES) == LINES  # type: ignore[arg-type]  # only its `read` is used
    same = guessed(Asked(False), VOCABULARY, LINES)  # type: ignore[arg-type]  # as above
    assert len(same) == len(LINES)
    right = [n for n in range(1, len(LINES)) if LINES[n] in ")]}>" and LINES[n - 1 : n + 1] == "a)"]
    found, truth = wrong_closings(same, [(1, 10**9)])[0], wrong_closings(LINES, [(1, 10**9)])[0]
    assert (found.closings, found.wrong) == (truth.closings, truth.closings - len(right))
    assert truth.wrong == 0


def test_words_cannot_be_asked() -> None:
    words = Vocabulary.build("word", BRACKETS)
    config = ModelConfig(words.size, hidden=4, embedding=4)
    with pytest.raises(SeqError, match="characters"):
        guessed(serial_model(config, initial(config, 1)), words, LINES)


def test_writing_is_of_the_length_asked_for_and_of_the_seed() -> None:
    lstm = model("lstm")
    assert len(written(lstm, VOCABULARY, 50, 1.0, seed=1)) == 50
    assert written(lstm, VOCABULARY, 50, 1.0, 1) == written(lstm, VOCABULARY, 50, 1.0, 1)
    assert written(lstm, VOCABULARY, 50, 1.0, 1) != written(lstm, VOCABULARY, 50, 1.0, 2)


def test_the_loss_measured_is_the_one_that_training_measures() -> None:
    tokens = VOCABULARY.encode(LINES)
    training = TrainingConfig(batch=3, length=7)
    config = ModelConfig(VOCABULARY.size, hidden=8, embedding=4)
    trainer = Trainer(config, training, TokenData(tokens, tokens[:2000]))
    held_out = TokenData(tokens[:0], tokens[:2000])
    assert measured(config, trainer.parameters, held_out)["loss"] == trainer.validate()["loss"]
    trainer.parameters.flat[:] = np.nan
    assert math.isnan(measured(config, trainer.parameters, held_out)["loss"])
