"""Cuts of an example: what is read, in which order, and which losses can then be compared."""

import numpy as np
import pytest
from seqcore.config import ModelConfig
from seqcore.data.vocabulary import Vocabulary
from seqcore.errors import SeqError
from seqcore.probe import probe
from seqcore.records import Example
from seqcore.serial import serial_model
from seqcore.surgery.beside import beside
from seqcore.surgery.context import ContextCut, cut_example

from tests.core.families import parameters
from tests.core.test_pairs import CONFIGS as PAIRS
from tests.core.test_pairs_serial import SOURCE, score

LSTM = ModelConfig(26, "lstm", hidden=9, embedding=5)
LETTERS = Vocabulary("char", tuple("abcdefghijklmnopqrstuvwxyz"))
TEXT = np.arange(20, dtype=np.int32)


def cut(*texts: str, inputs: np.ndarray = TEXT, config: ModelConfig = LSTM) -> tuple[list[int], int]:
    found = cut_example(config, Example.unlabelled(inputs), [ContextCut.parse(text) for text in texts])
    assert np.array_equal(found.example.inputs, inputs[found.origin])
    assert len(found.example.targets) == len(found.example.asked) == len(found.origin)
    return found.origin.tolist(), found.first


def test_a_reset_and_a_short_context_leave_the_end() -> None:
    assert cut("reset:7") == (list(range(7, 20)), 0)
    assert cut("keep:5") == (list(range(15, 20)), 0)
    assert cut("keep:50") == (list(range(20)), 0)
    assert cut("reset:7", "reset:9") == cut("reset:9")
    assert cut("reset:7", "keep:5") == cut("keep:5")


def test_a_shuffle_leaves_what_follows_in_its_place() -> None:
    order, first = cut("shuffle:8")
    assert sorted(order[:8]) == list(range(8))
    assert order[:8] != list(range(8))
    assert order[8:] == list(range(8, 20))
    assert order[first:] == list(range(first, 20))
    assert first <= 8
    assert cut("shuffle:8") == (order, first), "the order is always the same"
    assert cut("shuffle:2")[0][:3] == [1, 0, 2]
    after = cut("reset:4", "shuffle:8")[0]
    assert sorted(after[:4]) == [4, 5, 6, 7]
    assert after[4:] == list(range(8, 20))


def test_of_a_pair_the_source_is_cut() -> None:
    config = next(one for one in PAIRS if one.layers == 1)
    S, T = len(SOURCE), len(score())
    assert cut("reset:2", inputs=score(), config=config)[0] == list(range(2, T))
    assert cut("keep:1", inputs=score(), config=config)[0] == list(range(S - 1, T))
    order, _ = cut(f"shuffle:{S}", inputs=score(), config=config)
    assert order[S:] == list(range(S, T))
    assert order[:S] != list(range(S))
    with pytest.raises(SeqError, match="from 1 to 4; 5 are read"):
        cut("reset:6", inputs=score(), config=config)


@pytest.mark.parametrize(("text", "says"), [
    ("reset:20", "from 1 to 19"), ("reset:0", "from 1 to 19"), ("shuffle:21", "from 2 to 20"),
    ("keep:0", "one timestep"), ("reset", "give reset:T"), ("cut:3", "give reset:T"), ("reset:-1", "give reset:T"),
])  # fmt: skip
def test_what_cannot_be_cut_is_said_in_a_line(text: str, says: str) -> None:
    with pytest.raises(SeqError, match=says):
        cut(text)


def test_one_row_has_no_context() -> None:
    with pytest.raises(SeqError, match="no context to cut where 1 of 1"):
        cut("reset:1", inputs=TEXT[:1])


@pytest.mark.usefixtures("kernels")
@pytest.mark.parametrize("text", ["reset:7", "keep:13", "shuffle:7"])
def test_losses_stand_beside_those_of_the_same_symbols(text: str) -> None:
    model = serial_model(LSTM, parameters(LSTM, 3))
    untouched = probe(model, LETTERS, TEXT, 0)
    example, origin, first = cut_example(LSTM, Example.unlabelled(TEXT), [ContextCut.parse(text)])
    found = beside(untouched, probe(model, LETTERS, example.inputs, 0), origin, first)
    compared = np.flatnonzero(np.isfinite(found.more))
    assert compared[-1] == 19
    assert compared[0] == (max(first, 1) if text == "shuffle:7" else 8)
    for t in compared:
        assert found.cut.symbols[found.at[t]] == untouched.symbols[t]
        assert found.loss[t] == found.cut.loss[found.at[t]]
        assert found.guesses(t) == found.cut.top_symbols[found.at[t]]
    assert not found.guesses(0) or text == "shuffle:7"
    state = model.initial_state()
    for token in example.inputs[: len(example.inputs) - 1]:
        logits = model.read(int(token), state).astype(np.float64)
    assert found.loss[19] == pytest.approx(np.log(np.exp(logits).sum()) - logits[19], abs=1e-4)
    before, after = found.means
    assert after == pytest.approx(found.loss[compared].mean(), rel=1e-5)
    assert before == pytest.approx(untouched.loss[compared].mean(), rel=1e-5)
