"""The view of the encodings on real training runs: the map moves and holds still, whatever the model reads."""

from pathlib import Path

import numpy as np
import pytest
from seqcore.config import TrainingConfig
from seqcore.data.corpus import read_corpus
from seqcore.run import Run

from seqtui.live.embedding import EmbeddingMap
from seqtui.live.snapshot import ModelChoice
from seqtui.tui.screens.encodings import Encodings
from tests.tui.test_end_to_end import SMALL, TEXT, Live, folders, live

__all__ = ["folders"]  # a fixture, applied to every test


@pytest.fixture
def corpus(tmp_path: Path) -> str:
    path = tmp_path / "geese.txt"
    path.write_text(TEXT, encoding="utf-8")
    return str(path)


async def opened(s: Live) -> Encodings:
    await s.training()
    await s.press("f2")
    await s.until(lambda: isinstance(s.app.screen, Encodings), "the view")
    await s.until(lambda: "of the variance" in s.text(), "the map")
    view = s.app.view
    assert isinstance(view, Encodings)
    return view


def mapped(s: Live) -> EmbeddingMap | None:
    return s.now.looks.get("embedding")


async def next_map(s: Live) -> EmbeddingMap:
    before = mapped(s)
    await s.until(lambda: mapped(s) is not None and mapped(s) is not before, "another map")
    found = mapped(s)
    assert found is not None
    return found


@pytest.mark.parametrize(
    "choice", [SMALL, ModelChoice("attention", 32, 2, batch=4, length=16), ModelChoice("feedforward", 16)]
)
async def test_the_map_follows_the_training_and_holds_still(corpus: str, choice: ModelChoice) -> None:
    async with live(corpus=corpus, choice=choice, keep=False) as s:
        view = await opened(s)
        first = await next_map(s)
        second = await next_map(s)
        assert second.step > first.step
        assert second.vectors.shape[0] == len(second.symbols) == s.now.vocabulary
        assert not np.array_equal(first.places, second.places), "it moves"
        upright = float((first.places * second.places).sum(axis=0).min())
        assert upright > 0, "and neither turns nor flips"
        token = view.subject.token
        assert token is not None
        assert f"is token {token} of {s.now.vocabulary}" in s.text()
        assert s.now.phase.value == "training"


async def test_nothing_is_mapped_in_the_lab(corpus: str) -> None:
    async with live(corpus=corpus, choice=SMALL, keep=False) as s:
        await opened(s)
        await s.press("escape")
        await s.until(lambda: s.app.screen is s.app.lab, "the Lab")
        await s.until(lambda: not s.session._observer.take_requests().asks, "the request to end")
        step = s.now.step
        await s.until(lambda: s.now.step > step + 50, "steps")
        last = mapped(s)
        await s.until(lambda: s.now.step > step + 100, "more steps")
        assert mapped(s) is last


async def test_another_model_and_corpus_are_mapped_anew(corpus: str) -> None:
    async with live(corpus=corpus, choice=SMALL, keep=False) as s:
        view = await opened(s)
        size = s.now.vocabulary
        s.session.change_corpus("brackets")
        await s.until(lambda: s.now.vocabulary not in (0, size), "the other corpus")
        await s.until(lambda: view.subject.vectors is not None and mapped(s) is not None
                      and len(mapped(s).symbols) == s.now.vocabulary, "its map")  # fmt: skip
        s.session.change_model(ModelChoice("gru", 8, 1, batch=4, length=16))
        await s.until(
            lambda: s.now.model.family == "gru" and mapped(s) is not None,
            "the map of the other model",
        )


async def test_a_model_with_one_hot_vectors_shows_the_rows_it_reads(corpus: str, tmp_path: Path) -> None:
    training = TrainingConfig(batch=4, length=16)
    model = {"family": "gru", "hidden": 8, "embedding": 0}
    run = Run.start(model, training, read_corpus(corpus), tmp_path / "hot")
    run.save()
    run.close()
    async with live(run=str(tmp_path / "hot")) as s:
        await opened(s)
        assert mapped(s) is not None
        assert mapped(s).vectors.shape == (s.now.vocabulary, 24)
        assert "no embedding: the one-hot vector times W_xh is row" in s.text()
