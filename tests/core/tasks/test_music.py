"""Music: the examples of language modelling, tunes that are judged, copies, and files that are no tunes."""

from collections.abc import Iterator
from itertools import count, islice
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from seqcore.config import TrainingConfig
from seqcore.data.abc import AbcError
from seqcore.data.corpus import Corpus, read_corpus
from seqcore.data.vocabulary import Vocabulary
from seqcore.errors import SeqError
from seqcore.folder import RunFolder
from seqcore.run import Run
from seqcore.sampling import Sampling
from seqcore.serial import SerialModel, serial_model
from seqcore.tasks import music
from seqcore.tasks.language import Language
from seqcore.tasks.music import Music, TuneData, is_abc
from seqcore.tasks.table import guessed, is_language
from seqcore.tasks.tune_writing import WrittenTune, _Lines, written_tunes

from tests.core import runs
from tests.core.compare import threads

HEADER = "X:{number}\nT:The {title}\nR:jig\nM:6/8\nL:1/8\nK:D\n"
SHAPE = {"family": "gru", "hidden": 12, "embedding": 6}


def tune(number: int, body: str = "|:d2f a2f|d3 D3:|", title: str = "Kettle") -> str:
    return HEADER.format(number=number, title=title) + body + "\n\n"


TEXT = "".join(tune(n, f"|:{'abcdefg'[n % 7]}2f a2f|{'gfedcba'[n % 7]}3 D3:|") for n in range(1, 61))


@pytest.fixture
def tunes(tmp_path: Path) -> Path:
    path = tmp_path / "mine.abc"
    path.write_text(TEXT)
    return path


def start(source: str, out: Path | None = None, task: Any = Music, **training: Any) -> Run:
    fields = {"batch": 4, "length": 16, "eval_every": 0, "checkpoint_every": 0, "learning_rate": 0.01} | training
    return Run.start(dict(SHAPE), TrainingConfig(**fields), read_corpus(source), out, keep=bool(out), task=task)


def test_the_task_is_guessed_by_name(tmp_path: Path) -> None:
    names = ("tunes", "sample:tunes", "a.abc", "/x/A.ABC", "a.abc.gz", "tales", "a.txt", "abc", "-")
    assert [guessed(name) is Music for name in names] == [True] * 5 + [False] * 4
    assert all(is_language(name) for name in ("tunes", "a.abc", "tales"))
    assert not is_abc("x.abc/readme")
    assert read_corpus(_written(tmp_path / "set.abc")).name == "set"


def _written(path: Path, data: bytes = TEXT.encode()) -> str:
    path.write_bytes(data)
    return str(path)


@pytest.mark.usefixtures("kernels")
def test_a_run_has_the_bits_of_language_modelling_on_the_same_text(tunes: Path) -> None:
    found = []
    for task in (Music, Language):
        run = start(str(tunes), task=task)
        for _ in range(15):
            assert run.advance().step.finite
        found.append((runs.weights(run), run.trainer.validate(), run.data.baselines(run.vocabulary)))
    assert found[0] == found[1]


@pytest.mark.usefixtures("kernels")
def test_threads_change_nothing_and_a_cut_run_equals_a_whole_one(tunes: Path, tmp_path: Path) -> None:
    found = []
    for name, count_of_threads, stops in (("whole", 1, [40]), ("cut", 2, [17, 23])):
        with threads(count_of_threads):
            run = start(str(tunes), tmp_path / name, steps=40)
            for place, steps in enumerate(stops):
                if place:
                    run.save()
                    run.close()
                    run = Run.resume(RunFolder(tmp_path / name))
                    assert isinstance(run.config.task, Music)
                for _ in range(steps):
                    run.advance()
            run.close()
            found.append(runs.weights(run))
    assert found[0] == found[1]


def test_the_data_counts_tunes(tunes: Path) -> None:
    run = start(str(tunes))
    assert isinstance(run.data, TuneData)
    assert run.data.summary(run.vocabulary).startswith("60 tunes · ")
    other = Corpus("one", "/one.abc", tune(3).encode())
    assert run.config.task.test_data(other, run.vocabulary, None).summary(run.vocabulary).startswith("1 tune · ")


class Recited:
    """In place of `written_tunes`: these tunes, over and over."""

    def __init__(self, *texts: str) -> None:
        self.texts = texts

    def __call__(self, *_: object) -> Iterator[WrittenTune]:
        for n in count():
            text = self.texts[n % len(self.texts)]
            yield WrittenTune(text, text.encode(), text.endswith("\n\n"), "")


def report(monkeypatch: pytest.MonkeyPatch, source: str, *texts: str) -> dict[str, Any]:
    """The report on a model that writes these texts."""
    monkeypatch.setattr(music, "written_tunes", Recited(*texts))
    monkeypatch.setattr(music, "WRITTEN", len(texts))
    run = start(source)
    return run.data.report({"loss": 1.0}, run.vocabulary, serial_model(run.config.model))


def test_legal_tunes_are_counted_and_the_faults_of_others(monkeypatch: pytest.MonkeyPatch, tunes: Path) -> None:
    found = report(
        monkeypatch, str(tunes),
        tune(1, "|:A|BAB c2c|d3 d2:|"),  # the last bar completes the pickup
        tune(2, "|:BAB c2c|d3 d2:|"),
        tune(3, "|:BAB c2|d3 d2:|"),
        tune(4, "|:BAB c2c2|d3 d3:|"),
        tune(5, "BAB c2c|d3 d3|").replace("T:The Kettle\n", ""),
        tune(6, "BAB c2c|d3 d3|").replace("X:6", "X:abc def"),
        tune(7, "BAB c2c|d3")[:-1],
    )  # fmt: skip
    assert found["legal_tunes"] == 1 / 7
    assert list(found["tune_faults"].items()) == [
        ("the bar is too short", 2), ("the bar is too long", 1), ("missing field T", 1), ("invalid number", 1),
        ("the tune does not end", 1),
    ]  # fmt: skip
    assert (found["generated_tunes"], found["temperature"], found["seed"]) == (7, music.TEMPERATURE, music.SEED)
    assert found["copied_tunes"] == 0
    assert found["held_out_legal_tunes"] == 1.0
    assert found["perplexity"] == pytest.approx(np.e)


def test_a_copy_has_the_music_of_a_training_tune_under_any_title(monkeypatch: pytest.MonkeyPatch, tunes: Path) -> None:
    body = "|:a2f a2f|g3 D3:|"  # of every seventh tune
    assert body in TEXT
    found = report(
        monkeypatch, str(tunes),
        tune(900, body, "New Name"),
        tune(901, " |:a2f  a2f|\ng3 D3:|", "New Name"),
        tune(902, body.replace("g3", "c3"), "Kettle"),
        tune(903, "", "Nothing"),
    )  # fmt: skip
    assert found["copied_tunes"] == 2


def test_illegal_held_out_tunes_lower_the_share_to_compare_with(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    text = "".join(tune(n, "d3 d3|" if n % 2 else "d3 d2|") for n in range(1, 101))
    found = report(monkeypatch, _written(tmp_path / "half.abc", text.encode()), tune(1, "d3 d3|"))
    assert found["held_out_legal_tunes"] == pytest.approx(0.5, abs=0.1)
    assert found["copied_tunes"] == 1


def test_without_a_model_or_a_finite_loss_nothing_is_generated(tunes: Path) -> None:
    run = start(str(tunes))
    assert "legal_tunes" not in run.data.report({"loss": 1.0}, run.vocabulary)
    assert "legal_tunes" not in run.data.report({}, run.vocabulary, serial_model(run.config.model))


def test_a_model_that_has_not_learnt_is_judged_the_same_each_time(tunes: Path) -> None:
    run = start(str(tunes))
    found = [run.data.report({"loss": 1.0}, run.vocabulary, serial_model(run.config.model)) for _ in range(2)]
    assert found[0] == found[1]
    assert found[0]["legal_tunes"] == 0
    assert sum(found[0]["tune_faults"].values()) == music.WRITTEN


def ends(*pieces: str) -> list[bool]:
    lines = _Lines()
    return [lines.end_a_tune(piece) for piece in pieces]


def test_a_tune_ends_with_an_empty_line_after_its_lines() -> None:
    assert ends(*"\n\nX:1\nab|\n\n") == [False] * 10 + [True]
    assert ends("X:1\n", "ab|", "\n", " \t\r\n") == [False, False, False, True]
    assert ends("X:1\n\n", "\n", "K:C\n", "\n") == [True, False, False, True]  # prompts may hold tunes
    assert ends("X:1", "\n\n") == [False, True]  # a token of a vocabulary by word


def written(vocabulary: Vocabulary, prompt: str | bytes, length: int, model: SerialModel) -> WrittenTune:
    return next(written_tunes(model, vocabulary, prompt, Sampling(1.0), 5, length))


@pytest.mark.parametrize("tokens_by", ["char", "byte", "word"])
def test_what_is_written_is_the_prompt_and_its_continuation(tunes: Path, tokens_by: str) -> None:
    run = start(str(tunes), tokens_by=tokens_by, length=8)
    model = serial_model(run.config.model)
    for prompt in ("", tune(1) + "X:2\n"):
        one = written(run.vocabulary, prompt, 60, model)
        assert one.text.startswith(prompt)
        assert one.data.startswith(prompt.encode())
        assert one.data.decode("utf-8", "replace") == one.text
        assert len(one.text) > len(prompt)
        assert one == written(run.vocabulary, prompt, 60, model)
    several = islice(written_tunes(model, run.vocabulary, "", Sampling(), 5, 60), 3)
    assert len({one.text for one in several}) == 3


def test_bytes_are_kept_as_they_are(tunes: Path) -> None:
    run = start(str(tunes), tokens_by="byte")
    one = written(run.vocabulary, b"X:1\nK:C\n\xff", 0, serial_model(run.config.model))
    assert one == WrittenTune("X:1\nK:C\n�", b"X:1\nK:C\n\xff", False, "")


def test_the_tune_of_a_prompt_with_several_is_the_last() -> None:
    text = tune(1, "d3 $") + "\n" + tune(2, "d3 d3|", "Spoon")
    assert WrittenTune(text, b"", True, "").parsed().field("T") == "The Spoon"
    with pytest.raises(AbcError, match=r"line 7: unexpected '\$'"):
        WrittenTune(tune(1, "d3 $"), b"", True, "").parsed()
    with pytest.raises(SeqError, match="it is empty"):
        WrittenTune(" \n\n", b"", False, "").parsed()


@pytest.mark.parametrize(
    ("data", "field"),
    [
        (b"Once upon a time\nthere was a kettle.\n" * 9, "X:"),
        (b"X:1\nT:no key\nabc|\n" * 9, "K:"),
        (b"X:1\nT:a\n\nK:C\nabc|\n\n" * 9, "both X: and K:"),
        (b"A poem with K: and X: within its lines\nand more\n" * 9, "X:"),
    ],
)
def test_a_file_without_a_tune_is_refused(tmp_path: Path, data: bytes, field: str) -> None:
    source = _written(tmp_path / "bad.abc", data)
    for tokens_by in ("char", "byte"):
        with pytest.raises(SeqError, match=rf"bad\.abc' has no tune in ABC notation: .* has the field {field};"):
            start(source, tokens_by=tokens_by)
    assert start(source, task=Language).data.train.size
    run = start("tunes")
    with pytest.raises(SeqError, match="no tune in ABC notation"):
        run.config.task.test_data(read_corpus(source), run.vocabulary, run.data)


@pytest.mark.parametrize(
    ("data", "encoding"),
    [
        (b"\xef\xbb\xbf" + TEXT.encode(), "utf-8"),
        (TEXT.replace("\n", "\r\n").encode(), "utf-8"),
        (TEXT.replace("Kettle", "Köttle").encode("latin-1"), "latin-1"),
        (TEXT.encode("utf-16"), "utf-8"),
    ],
)
def test_encodings_and_line_ends(tmp_path: Path, data: bytes, encoding: str) -> None:
    corpus = read_corpus(_written(tmp_path / "odd.abc", data), encoding=encoding)
    for tokens_by in ("char", "byte", "word"):
        training = TrainingConfig(tokens_by=tokens_by)
        task, vocabulary = Music.start(corpus, training, {})
        assert task.data(corpus, vocabulary, training).count == 60


def test_crlf_tunes_by_byte_end_where_they_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = _written(tmp_path / "dos.abc", TEXT.replace("\n", "\r\n").encode())
    monkeypatch.setattr(music, "written_tunes", Recited(tune(1, "d3 d3|").replace("\n", "\r\n") + "\n\n"))
    run = start(source, tokens_by="byte")
    found = run.data.report({"loss": 1.0}, run.vocabulary, serial_model(run.config.model))
    assert (found["legal_tunes"], found["held_out_legal_tunes"]) == (1.0, 1.0)


def test_a_generated_text_is_judged_by_its_last_tune() -> None:
    judge = Music().judge
    assert judge(tune(1) + tune(2, title="Second")) == ("The Second", "")
    short = judge(tune(1) + tune(2, "|:d2f a2|d3 D3:|", "Short"))
    assert short is not None
    assert short.title == "The Short"
    assert "the bar is too short: 5/8 of 6/8" in short.fault
    unfinished = judge(tune(1) + tune(2, title="Half")[:-1])
    assert unfinished == ("The Half", "the tune does not end")
    assert judge("") == ("", "the tune does not end")
    assert Language().judge(tune(1)) is None
