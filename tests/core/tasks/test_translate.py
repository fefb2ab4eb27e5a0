"""Translation: pairs from a table or two files, what is measured of them, and one pair at a time."""

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from seqcore.config import TrainingConfig
from seqcore.data.corpus import Corpus, read_corpus
from seqcore.errors import SeqError
from seqcore.evaluation import measured
from seqcore.run import Run
from seqcore.serial import serial_model
from seqcore.tasks.pairs import BAR
from seqcore.tasks.table import guessed
from seqcore.tasks.translate import Translate

from tests.core.tasks.pair_runs import WORDS, advance, sentences, start, table

pytestmark = pytest.mark.usefixtures("kernels")

ATTENDING = {"cross_attention": "general", "bidirectional": True}


@pytest.fixture
def small(tmp_path: Path) -> str:
    return table(tmp_path / "small.tsv")


def serial(run: Run) -> Any:
    return serial_model(run.config.model, run.trainer.parameters)


def greedy(run: Run, number: int) -> list[int]:
    """What the model of a run writes for a held-out source, the end symbol included if it comes."""
    data, model = run.data, serial(run)
    source = data.validation.source(number)
    state, symbol, found = model.begin(source[::-1].copy() if data.train.reverse else source), data.end, []
    while len(found) < 40 and (not found or symbol != data.end):
        symbol = int(np.argmax(model.read(symbol, state)))
        found.append(symbol)
    return found


def held_out_losses(run: Run, rows: int) -> Any:
    """The summed loss of every held-out pair, (n,), in batches of `rows`."""
    from seqcore.model import build, workspace

    part, found = run.data.validation, np.zeros(run.data.validation.count)
    model = build(run.config.model, run.trainer.parameters)
    model.pack(backward=False)
    for first in range(0, part.count, rows):
        batch = part.batch(np.arange(first, min(part.count, first + rows)), rows)
        work = workspace(run.config.model, *batch.inputs.shape)
        losses = model.losses(batch.inputs, batch.targets, work)[:, : batch.which.size]
        found[batch.which] = np.nansum(losses, axis=0, dtype=np.float64)
    return found


def test_a_table_of_two_named_columns_and_two_parallel_files_are_for_translation(small: str, tmp_path: Path) -> None:
    assert guessed(small) is Translate
    folder = tmp_path / "both"
    folder.mkdir()
    pairs = sentences()
    for ending, n in (("en", 0), ("es", 1)):
        (folder / f"train.{ending}").write_text("\n".join(pair[n] for pair in pairs) + "\n")
    assert guessed(str(folder)) is Translate
    one, other = start(small), start(str(folder))
    task = other.config.task
    assert isinstance(task, Translate)
    assert (task.source_column, task.target_column) == ("en", "es")
    for name in ("sources", "targets", "source_starts", "target_starts"):
        for part in ("train", "validation"):
            assert np.array_equal(getattr(getattr(one.data, part), name), getattr(getattr(other.data, part), name))
    assert (one.vocabulary, one.config.task.target) == (other.vocabulary, task.target)
    assert any("taken as the source (--source-column changes it)" in line for line in other.notes)
    turned = start(str(folder), options={"source-column": "es"})
    assert turned.vocabulary == one.config.task.target


def test_columns_are_chosen_by_option_and_an_unknown_one_is_named(tmp_path: Path) -> None:
    pairs = [(f"{source}\t{n}", target) for n, (source, target) in enumerate(sentences())]
    source = table(tmp_path / "three.tsv", pairs, "said\tn\tmeant")
    columns = {"source-column": "meant", "target-column": "said"}
    task, vocabulary = Translate.start(read_corpus(source), TrainingConfig(tokens_by="word"), columns)
    assert (task.source_column, task.target_column) == ("meant", "said")
    assert " casa" in vocabulary.symbols
    assert " house" in task.target.symbols
    with pytest.raises(SeqError, match=r"no column 'sayd' \(--source-column\): did you mean 'said'"):
        Translate.start(read_corpus(source), TrainingConfig(), {"source-column": "sayd", "target-column": "meant"})


def test_the_vocabularies_are_those_of_the_training_part(tmp_path: Path) -> None:
    pairs = sentences()
    run = start(table(tmp_path / "plain.tsv", pairs))
    kept = {tuple(run.data.validation.source(i)) for i in range(run.data.validation.count)}
    encoded = [tuple(run.vocabulary.encode_prompt(f" {source}")[0]) for source, _ in pairs]
    held = next(i for i, one in enumerate(encoded) if one in kept and encoded.count(one) == 1)
    trained = next(i for i, one in enumerate(encoded) if one not in kept)
    pairs[held] = ("the zebra opens", "abre cebra")
    pairs[trained] = ("the yak opens", "abre yac")
    run = start(table(tmp_path / "rare.tsv", pairs))
    task = run.config.task
    assert isinstance(task, Translate)
    for vocabulary, seen, unseen in ((run.vocabulary, " yak", " zebra"), (task.target, " yac", " cebra")):
        assert seen in vocabulary.symbols
        assert unseen not in vocabulary.symbols
        assert vocabulary.unknown is not None
    held_out = [run.data.source_text(run.data.validation, i) for i in range(run.data.validation.count)]
    assert "the <unk> opens" in held_out


def test_what_is_written_ends_with_the_end_symbol_which_is_the_last_one(small: str) -> None:
    run = start(small)
    task, data = run.config.task, run.data
    assert isinstance(task, Translate)
    assert task.classes == (*task.target.symbols, "<end>")
    assert run.config.model.outputs == task.target.size + 1
    assert data.end == task.target.size == len(task.classes) - 1
    batch = run.trainer.feed.at(0)
    V = run.vocabulary.size
    for column in range(6):
        targets = batch.targets[:, column]
        asked = targets[targets >= 0]
        assert asked[-1] == data.end
        assert (asked[:-1] < data.end).all()
        after = batch.inputs[:, column][targets >= 0] - V
        assert after.tolist() == [data.end, *asked[:-1]], "the decoder reads the symbol that it should have written"


def test_a_tenth_is_held_out_and_does_not_depend_on_the_seed(small: str) -> None:
    one, other = start(small, seed=1), start(small, seed=2)
    assert (one.data.train.count, one.data.validation.count) == (108, 12)
    for run in (one, other):
        assert np.array_equal(run.data.validation.sources, one.data.validation.sources)
        assert np.array_equal(run.data.train.sources, one.data.train.sources)
    assert one.trainer.feed.at(0).inputs.tobytes() != other.trainer.feed.at(0).inputs.tobytes()
    assert start(small, validation=0.25).data.validation.count == 30
    pairs = sorted(sentences())
    data = one.data
    found = [
        (data.source_text(part, i), data.target_text(part.target(i)))
        for part in (data.train, data.validation)
        for i in range(part.count)
    ]
    assert sorted(found) == pairs


def test_pairs_that_are_longer_than_the_length_are_left_out_with_a_note(tmp_path: Path) -> None:
    pairs = sentences()
    pairs[3] = ("the " * 9, "casa")
    pairs[7] = ("the", "casa " * 9)
    source = table(tmp_path / "long.tsv", pairs)
    run = start(source, length=8)
    assert run.data.train.count + run.data.validation.count == 118
    assert "2 of 120 pairs longer than 8 words left out (--length)" in run.notes
    for part in (run.data.train, run.data.validation):
        assert max(part.source_lengths.max(), part.target_lengths.max()) <= 8
    assert not any("left out" in line for line in start(source, length=9).notes)
    with pytest.raises(SeqError, match="all pairs are longer than --length 1: give a greater one"):
        start(table(tmp_path / "all.tsv"), length=1)


def half_right(small: str, **more: Any) -> Run:
    """A run trained until a part of the held-out targets is right, but not all."""
    run = start(small, validation=0.5, model={"hidden": 24, **ATTENDING}, steps=2000, **more)
    for _ in range(40):
        measures = advance(run, 10).validate()
        assert measures is not None
        if measures["exact_match"] >= 0.3:
            break
    assert 0.3 <= measures["exact_match"] <= 0.8
    return run


@pytest.mark.parametrize("reverse", [False, True])
def test_exact_match_is_that_of_greedy_decoding(small: str, reverse: bool) -> None:
    run = half_right(small, options={"reverse-source": reverse})
    measures, data = run.validate(), run.data
    assert measures is not None
    count = data.validation.count
    right = [greedy(run, i) == [*data.validation.target(i).tolist(), data.end] for i in range(count)]
    assert measures["exact_match"] == sum(right) / count
    assert measures["examples"] == count == 60
    assert [data.errs(serial(run), i) for i in range(count)] == [not one for one in right]
    by_length = measures["by_length"]
    assert len(by_length) > 2
    assert sum(band["count"] for band in by_length) == count
    lengths = data.validation.source_lengths
    for band, following in zip(by_length, [*by_length[1:], None], strict=True):
        inside = (lengths >= band["from"]) & (lengths <= band["to"])
        assert band["count"] == inside.sum()
        assert band["exact_match"] == pytest.approx(np.mean(np.array(right)[inside]))
        assert following is None or band["to"] < following["from"]
    mean = sum(band["count"] * band["exact_match"] for band in by_length) / count
    assert mean == pytest.approx(measures["exact_match"])
    asked = data.validation.target_lengths + 1
    weights = [asked[(lengths >= band["from"]) & (lengths <= band["to"])].sum() for band in by_length]
    for name in ("loss", "token_accuracy"):
        mean = np.average([band[name] for band in by_length], weights=weights)
        assert mean == pytest.approx(measures[name]), name
    assert measures["loss"] == pytest.approx(held_out_losses(run, 7).sum() / asked.sum(), rel=1e-5)


def test_the_size_of_a_batch_changes_no_held_out_loss(small: str, monkeypatch: pytest.MonkeyPatch) -> None:
    run = advance(start(small, validation=0.5, model={"layers": 2, **ATTENDING}), 20)
    alone = held_out_losses(run, 1)
    for rows in (3, 17, 64):
        np.testing.assert_allclose(held_out_losses(run, rows), alone, rtol=1e-5)
    before = measured(run.config.model, run.trainer.parameters, run.data)
    monkeypatch.setattr("seqcore.data.examples.HELD_OUT_ROWS", 5)
    after = measured(run.config.model, run.trainer.parameters, run.data)
    assert after["loss"] == pytest.approx(before["loss"], rel=1e-6)
    assert (after["exact_match"], after["token_accuracy"]) == (before["exact_match"], before["token_accuracy"])


@pytest.mark.parametrize("tokens_by", ["word", "char"])
def test_settings_survive_their_json(small: str, tokens_by: str) -> None:
    for options in ({}, {"reverse-source": True, "skip-bad-rows": True}):
        task, _ = Translate.start(read_corpus(small), TrainingConfig(tokens_by=tokens_by), options)
        again = Translate.from_settings(json.loads(json.dumps(task.settings())))
        assert again == task
        assert again.reverse_source is bool(options)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"source_column": None}, "no columns"),
        ({"target_column": 3}, "no columns"),
        ({"target": None}, "no symbols to write"),
        ({"target": ["a", "b"]}, "no symbols to write"),
        ({"target": {}}, "vocabulary"),
        ({"target": {"kind": "word", "symbols": "ab"}}, "vocabulary"),
        ({"target": {"kind": "runes", "symbols": ["a", "b"]}}, "vocabulary"),
        ({"target": {"kind": "word", "symbols": ["a", 3]}}, "vocabulary"),
        ({"target": {"kind": "word", "symbols": ["a", "a"]}}, "vocabulary"),
    ],
)
def test_damaged_settings_are_refused(small: str, changes: dict[str, Any], words: str) -> None:
    task, _ = Translate.start(read_corpus(small), TrainingConfig(), {})
    with pytest.raises(SeqError, match=words):
        Translate.from_settings(task.settings() | changes)


def test_another_table_is_measured_as_a_whole(small: str, tmp_path: Path) -> None:
    run = advance(start(small), 5)
    task = run.config.task
    other = read_corpus(table(tmp_path / "other.tsv", [("the red door", "puerta roja"), ("old zebra", "cebra vieja")]))
    data = task.test_data(other, run.vocabulary, run.data)
    assert (data.train.count, data.validation.count) == (0, 2)
    found = measured(run.config.model, run.trainer.parameters, data)
    assert found["examples"] == sum(band["count"] for band in found["by_length"]) == 2
    losses = data.baselines(run.vocabulary).losses
    assert losses
    assert losses.keys() == run.data.baselines(run.vocabulary).losses.keys()
    assert data.source_text(data.validation, 1).startswith("old <unk>")


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("source\ttarget\nthe door\tla puerta\nthe house\n", "line 3: 1 field instead of 2"),
        ("source\ttarget\nthe door\tla puerta\n\tla casa\n", r"line 3: the source \(column 'source'\) is empty"),
        ("source\ttarget\nthe door\tla puerta\nthe house\t \n", r"line 3: the target \(column 'target'\) is empty"),
    ],
)
def test_an_error_in_a_table_names_the_file_and_the_line(small: str, content: str, words: str) -> None:
    run = start(small)
    corpus = Corpus("bad", "/somewhere/bad.tsv", content.encode())
    for call in (
        lambda: Translate.start(corpus, TrainingConfig(), {}),
        lambda: run.config.task.test_data(corpus, run.vocabulary, None),
    ):
        with pytest.raises(SeqError, match=words) as caught:
            call()
        assert "bad.tsv" in str(caught.value)


def test_a_character_that_is_not_known_is_named_with_its_line(tmp_path: Path) -> None:
    run = start(table(tmp_path / "chars.tsv"), tokens_by="char")
    corpus = Corpus("greek", "/somewhere/greek.tsv", "source\ttarget\nthe door\tpuerta\nλ\tpuerta\n".encode())
    with pytest.raises(SeqError, match=r"greek\.tsv.*line 3: not in the vocabulary: 'λ'"):
        run.config.task.test_data(corpus, run.vocabulary, None)


def test_a_typed_source_with_unknown_words_warns_and_is_answered(small: str) -> None:
    run = advance(start(small), 3)
    task = run.config.task
    assert isinstance(task, Translate)
    tokens, warning = task.encode(run.vocabulary, "the zebra opens")
    assert len(tokens) == 3
    assert "zebra" in warning
    answers, again = task.answer(serial(run), run.vocabulary, "the zebra opens")
    assert again == warning
    assert len(answers) == 1
    assert task.answer(serial(run), run.vocabulary, "the door opens")[1] == ""
    assert len(task.answer(serial(run), run.vocabulary, "the door", 3, 0.6)[0]) <= 3
    with pytest.raises(SeqError, match="the text is empty"):
        task.answer(serial(run), run.vocabulary, "  ")


def test_sources_that_are_read_backwards_change_what_the_model_reads(small: str) -> None:
    plain, back = start(small), start(small, options={"reverse-source": True})
    assert plain.vocabulary == back.vocabulary
    for step in range(3):
        one, other = plain.trainer.feed.at(step), back.trainer.feed.at(step)
        assert np.array_equal(one.targets, other.targets)
        V = plain.vocabulary.size
        for column in range(6):
            forward, backward = (
                batch.inputs[:, column][(batch.inputs[:, column] >= 0) & (batch.inputs[:, column] < V)]
                for batch in (one, other)
            )
            assert forward.tolist() == backward[::-1].tolist()
    assert [plain.data.source_text(plain.data.validation, i) for i in range(12)] == [
        back.data.source_text(back.data.validation, i) for i in range(12)
    ], "people see sources as they stand in the table"


@pytest.mark.parametrize("reverse", [False, True])
def test_example_probe_and_answer_agree_on_the_order_in_which_a_source_is_read(small: str, reverse: bool) -> None:
    run = half_right(small, options={"reverse-source": reverse})
    task, data, model = run.config.task, run.data, serial(run)
    assert isinstance(task, Translate)
    losses, part = held_out_losses(run, 4), data.validation
    for number in range(12):
        source, target = part.source(number), part.target(number).tolist()
        read = source[::-1] if reverse else source
        example = data.example(run.vocabulary, number, 0)
        S = len(source)
        assert example.inputs[:S].tolist() == read.tolist()
        probe = task.probe(model, run.vocabulary, example.inputs, 7, known=example)
        names = [run.vocabulary.symbol(int(token)) for token in read]
        assert list(probe.symbols) == [*names, BAR, *(task.classes[k] for k in target), "<end>"]
        assert probe.bar == S
        assert np.isnan(probe.loss[: S + 1]).all()
        assert probe.loss[S + 1 :].sum() == pytest.approx(losses[number], rel=1e-4)
        assert probe.translation is not None
        assert probe.translation.wanted == tuple(target)

        text = data.source_text(part, number)
        typed, warning = task.encode(run.vocabulary, text)
        assert not warning
        assert typed.tolist() == source.tolist(), "a typed source is in the order of the text"
        probed = task.probe(model, run.vocabulary, typed, 7)
        assert list(probed.symbols[:S]) == names
        assert probed.translation is not None
        assert probed.translation.wanted is None
        for rank in range(len(probe.translation.finished)):
            assert probed.translation.written(rank) == probe.translation.written(rank)
        np.testing.assert_allclose(probed.translation.scores, probe.translation.scores, rtol=1e-6)
        written = [*probed.translation.written(0)]
        assert list(probed.symbols[S:]) == [BAR, *(task.classes[k] for k in written), "<end>"]
        if probe.translation.alignment is not None:
            assert probe.translation.alignment.shape == (len(example.inputs), S)
            np.testing.assert_allclose(probe.translation.alignment[S + 1 :].sum(axis=1), 1, atol=1e-5)

        (answered, _), *_ = task.answer(model, run.vocabulary, text)[0]
        assert task.target.encode_prompt(f" {answered}")[0].tolist() == greedy(run, number)[:-1]
        best = task.answer(model, run.vocabulary, text, 4)[0]
        assert [score for _, score in best] == pytest.approx(list(probed.translation.scores)[:4], rel=1e-5)


def test_a_sample_shows_a_held_out_source_and_whether_what_is_written_is_right(small: str) -> None:
    run = half_right(small)
    kinds = set()
    for seed in range(20):
        line = run.data.sample(serial(run), run.vocabulary, 0, seed)
        found = re.fullmatch(r"(.*) → (.*) \((right|should be: (.*))\)", line)
        assert found is not None, line
        assert any(source == found[1] and target == (found[4] or found[2]) for source, target in sentences()), line
        kinds.add(found[3] == "right")
        assert set(found[2].split()) <= set(WORDS.values())
    assert kinds == {True, False}


def test_words_that_are_not_known_are_counted_in_a_note(small: str) -> None:
    run = start(small)
    corpus = Corpus("other", "/somewhere/other.tsv", b"source\ttarget\nthe zebra\tla cebra\nthe door\tcebra\n")
    notes = run.config.task.test_data(corpus, run.vocabulary, None).notes
    assert "1 word of the sources not in the vocabulary, read as <unk>" in notes
    assert "3 words of the targets not in the vocabulary, read as <unk>" in notes
    assert run.data.notes == ()


@pytest.mark.parametrize("tokens_by", ["char", "word"])
def test_the_vocabularies_hold_what_occurs_and_no_more(small: str, tokens_by: str) -> None:
    run = start(small, tokens_by=tokens_by)
    task = run.config.task
    assert isinstance(task, Translate)
    for vocabulary, part in ((run.vocabulary, "sources"), (task.target, "targets")):
        found = np.concatenate([getattr(run.data.train, part), getattr(run.data.validation, part)])
        assert {*range(vocabulary.size)} - {vocabulary.unknown} == {*found.tolist()}


def test_decoding_goes_as_far_as_the_longest_target(tmp_path: Path) -> None:
    long = " ".join(["casa", "roja"] * 12)
    run = start(table(tmp_path / "long.tsv", sentences(60) + [("the", long)] * 20), model=ATTENDING)
    assert run.config.task.settings()["longest"] == 24

    def answer() -> Any:
        return run.config.task.answer(serial(run), run.vocabulary, "the")[0][0][0]

    while run.trainer.steps < 3000 and answer() != long:
        advance(run, 20)
    assert answer() == long
    number = next(n for n in range(run.data.validation.count) if len(run.data.validation.target(n)) == 24)
    assert not run.data.errs(serial(run), number)
