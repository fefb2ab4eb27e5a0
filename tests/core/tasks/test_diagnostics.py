"""Diagnostic sequences follow their definitions, and their blind losses are those of the best model without memory."""

import math
from collections import Counter, defaultdict

import numpy as np
import pytest
from seqcore.data.corpus import read_corpus
from seqcore.data.diagnostics import DIAGNOSTICS, diagnostic
from seqcore.errors import SeqError

DIALS = {"copy": 12, "order": 40, "parity": 9, "anbn": 7, "recall": 5, "repeat": 9}


SYMBOLIC = [name for name, one in DIAGNOSTICS.items() if one.symbols]


def rows(name: str, dial: int, B: int = 40, seed: int = 0) -> list[tuple[str, list[int], list[bool]]]:
    """Drawn sequences as text, with their targets and which of them are asked."""
    one = DIAGNOSTICS[name]
    drawn = one.draw(np.random.default_rng(seed), dial, B)
    assert drawn.inputs.shape == drawn.targets.shape == drawn.asked.shape
    assert len(drawn.inputs) in one.lengths(dial)
    assert 0 <= drawn.inputs.min() <= drawn.inputs.max() < len(one.symbols)
    assert -1 <= drawn.targets.min() <= drawn.targets.max() < len(one.classes or one.symbols)
    assert (drawn.targets[drawn.asked] >= 0).all()
    columns = [part.T.tolist() for part in drawn[:3]]
    return [
        ("".join(one.symbols[token] for token in tokens), targets, asked)
        for tokens, targets, asked in zip(*columns, strict=True)
    ]


def test_copy_repeats_ten_symbols_after_the_marker() -> None:
    for text, targets, asked in rows("copy", 12):
        assert len(text) == 32
        assert text[10:] == "_" * 11 + "?" + "_" * 10
        assert set(text[:10]) <= set("12345678")
        symbols = DIAGNOSTICS["copy"].symbols
        assert "".join(symbols[target] for target in targets) == "_" * 22 + text[:10]
        assert asked == [False] * 22 + [True] * 10


def test_order_names_the_two_marks_in_their_windows() -> None:
    classes = Counter()
    for text, targets, asked in rows("order", 40, 200):
        places = [place for place, symbol in enumerate(text) if symbol in "XY"]
        assert len(places) == 2
        assert 4 <= places[0] < 8
        assert 16 <= places[1] < 20
        assert targets[:-1] == [-1] * 39
        assert DIAGNOSTICS["order"].classes[targets[-1]] == text[places[0]] + text[places[1]]
        assert asked == [False] * 39 + [True]
        classes[targets[-1]] += 1
    assert len(classes) == 4


def test_parity_asks_at_the_end_of_strings_of_every_length() -> None:
    seen = set()
    for seed in range(60):
        for text, targets, asked in rows("parity", 9, 4, seed):
            (last,) = np.flatnonzero(np.array(targets) >= 0)
            assert targets[last] == text[: last + 1].count("1") % 2
            assert np.flatnonzero(asked).tolist() == [last]
            seen.add(int(last) + 1)
    assert seen == set(range(1, 10))


def test_anbn_asks_for_what_the_number_of_a_determines() -> None:
    counts = set()
    for text, targets, asked in rows("anbn", 7, 300):
        n = text.count("a")
        symbols = "".join("$ab"[target] for target in targets if target >= 0)
        assert text[: 2 * n + 1] == "$" + "a" * n + "b" * n
        assert symbols == "a" * n + "b" * n + "$"
        assert np.flatnonzero(asked).tolist() == list(range(n + 1, 2 * n + 1)), "from the first b on"
        counts.add(n)
    assert counts == set(range(1, 8))


@pytest.mark.parametrize("dial", [2, 3, 40])
def test_adding_asks_for_the_sum_of_one_marked_number_of_each_half(dial: int) -> None:
    drawn = DIAGNOSTICS["adding"].draw(np.random.default_rng(1), dial, 200)
    numbers, marks = drawn.inputs[..., 0], drawn.inputs[..., 1]
    assert drawn.inputs.shape == (dial, 200, 2)
    assert drawn.targets.shape == (dial, 200, 1)
    assert 0 <= numbers.min() <= numbers.max() < 1
    assert numbers.mean() == pytest.approx(0.5, abs=0.06)
    assert (marks[: dial // 2].sum(axis=0) == 1).all()
    assert (marks[dial // 2 :].sum(axis=0) == 1).all()
    assert set(np.unique(marks)) <= {0, 1}
    assert np.isnan(drawn.targets[:-1]).all()
    np.testing.assert_allclose(drawn.targets[-1, :, 0], (numbers * marks).sum(axis=0), rtol=1e-6)
    assert np.flatnonzero(drawn.asked.any(axis=1)).tolist() == [dial - 1]
    places = {int(place) for place in marks.argmax(axis=0)}
    assert places == set(range(dial // 2)) or dial == 40, "every place of the first half"


def test_the_blind_loss_of_adding_is_the_variance_of_its_targets() -> None:
    one = DIAGNOSTICS["adding"]
    sums = one.draw(np.random.default_rng(2), 20, 40_000).targets[-1, :, 0]
    assert one.blind(20) == pytest.approx(sums.var(), rel=0.02)


def test_recall_asks_for_the_value_of_every_key_in_any_order() -> None:
    orders = set()
    for text, targets, asked in rows("recall", 5, 400):
        pairs = dict(zip(text[:10:2], text[1:10:2], strict=True))
        assert len(pairs) == 5, "keys are different"
        assert sorted(text[10:]) == sorted(pairs)
        assert [DIAGNOSTICS["recall"].symbols[target] for target in targets[10:]] == [pairs[key] for key in text[10:]]
        assert np.flatnonzero(asked).tolist() == np.flatnonzero(np.array(targets) >= 0).tolist() == list(range(10, 15))
        orders.add(tuple(text[:10:2].index(key) for key in text[10:]))
    assert len(orders) > 100, "of the 120 orders"


@pytest.mark.parametrize("name", ["recall", "repeat"])
def test_a_lag_leads_back_to_the_answer(name: str) -> None:
    one, found = DIAGNOSTICS[name], set()
    for seed in range(10):
        drawn = one.draw(np.random.default_rng(seed), DIALS[name], 3)
        assert drawn.lags is not None
        for t, row in np.argwhere(drawn.asked).tolist():
            lag = int(drawn.lags[t, row])
            assert drawn.inputs[t - lag, row] == drawn.targets[t, row]
            found.add(lag)
    assert len(found) > 2


def test_repeat_asks_for_the_second_time_from_its_second_symbol_on() -> None:
    lengths = set()
    for seed in range(40):
        for text, targets, asked in rows("repeat", 9, 2, seed):
            inside = np.flatnonzero(np.array(targets) >= 0)
            n = int(inside[0])
            assert inside.tolist() == list(range(n, 2 * n - 1))
            assert text[:n] == text[n : 2 * n]
            assert "".join(DIAGNOSTICS["repeat"].symbols[targets[t]] for t in inside) == text[n + 1 : 2 * n]
            assert asked == (np.array(targets) >= 0).tolist()
            lengths.add(n)
    assert lengths == set(range(4, 10)), "no fixed distance back"


@pytest.mark.parametrize("name", ["order", "parity", "anbn", "recall", "repeat"])
def test_the_blind_loss_is_that_of_counting_what_follows_each_symbol(name: str) -> None:
    one, dial = DIAGNOSTICS[name], DIALS[name]
    follows: dict[int, Counter[int]] = defaultdict(Counter)
    for seed in range(400):
        drawn = one.draw(np.random.default_rng(seed), dial, 64)
        inside = drawn.targets >= 0
        for (token, target), count in Counter(zip(drawn.inputs[inside], drawn.targets[inside], strict=True)).items():
            follows[int(token)][int(target)] += count
    total = sum(sum(counts.values()) for counts in follows.values())
    loss = -sum(count * math.log(count / counts.total()) for counts in follows.values() for count in counts.values())
    assert one.blind(dial) == pytest.approx(loss / total, rel=0.02)


@pytest.mark.parametrize(("dial", "loss"), [(20, 0.520), (50, 0.297), (100, 0.173), (200, 0.0945), (500, 0.040)])
def test_the_blind_loss_of_copy_is_that_of_the_paper(dial: int, loss: float) -> None:
    assert DIAGNOSTICS["copy"].blind(dial) == pytest.approx(loss, abs=6e-4)  # Arjovsky et al. 2016: 10 ln 8 / (T + 20)


@pytest.mark.parametrize("name", SYMBOLIC)
def test_every_dial_from_least_to_most_draws_sequences_of_its_lengths(name: str) -> None:
    one = DIAGNOSTICS[name]
    for dial in (one.least, one.least + 1, one.dial, min(one.most, 120)):
        for seed in range(5):
            rows(name, dial, 3, seed)


@pytest.mark.parametrize(
    "source", ["copy", "copy:", "copy:x", "copies:3", "copy:1e3", "./copy:20", "COPY:20", "copy:1234567"]
)
def test_what_names_no_diagnostic(source: str) -> None:
    assert diagnostic(source) is None


@pytest.mark.parametrize(("source", "words"), [("copy:0", "from 1 to 2,000"), ("recall:27", "from 1 to 26")])
def test_a_dial_out_of_range_is_refused_with_the_range(source: str, words: str) -> None:
    with pytest.raises(SeqError, match=words):
        diagnostic(source)


def test_a_diagnostic_is_read_as_a_corpus_again_and_again() -> None:
    corpus = read_corpus("copy:20")
    assert (corpus.name, corpus.source) == ("copy-20", "copy:20")
    assert corpus.digest == read_corpus("copy:20").digest != read_corpus("copy:21").digest
