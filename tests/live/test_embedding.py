"""The map of the embedding: principal components that stay steady, and neighbours by cosine similarity."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from seqcore.config import TrainingConfig
from seqcore.data.corpus import read_corpus
from seqcore.records import F32
from seqcore.run import Run
from seqcore.serial import serial_model
from seqcore.tasks.table import guessed

from seqtui.live.embedding import MOST_MAPPED, EmbeddingMap, by_frequency, places_of
from seqtui.live.embedding_watch import EmbeddingWatch
from seqtui.live.lookers import Scene
from seqtui.live.seen import Weights


def cloud(seed: int, tokens: int = 60, width: int = 16) -> np.ndarray:
    """Vectors whose spread differs from direction to direction, so that their components are well defined."""
    random = np.random.default_rng(seed)
    return (random.normal(size=(tokens, width)) * np.geomspace(4, 0.1, width)).astype(np.float32)


def turned(vectors: np.ndarray, seed: int) -> np.ndarray:
    """The same vectors after a random rotation with a random reflection of the whole space."""
    random = np.random.default_rng(seed)
    matrix, _ = np.linalg.qr(random.normal(size=(vectors.shape[1],) * 2))
    return (vectors @ (matrix * random.choice([-1, 1], vectors.shape[1]))).astype(np.float32)


def made(vectors: np.ndarray, counts: np.ndarray | None = None) -> EmbeddingMap:
    counts = np.full(len(vectors), 100, np.int64) if counts is None else counts
    order = by_frequency(counts)
    places, shares = places_of(vectors, order, None)
    return EmbeddingMap(0, "embedding.E", tuple(map(str, range(len(vectors)))), counts, order, vectors, places, shares)


@given(seed=st.integers(0, 10**6))
@settings(deadline=None)
def test_a_rotation_or_reflection_of_the_space_changes_no_place(seed: int) -> None:
    vectors = cloud(seed)
    order = np.arange(len(vectors))
    before, shares = places_of(vectors, order, None)
    again, same = places_of(turned(vectors, seed), order, before)
    assert np.allclose(again, before, atol=2e-3)
    assert same == pytest.approx(shares, abs=1e-4)
    first, _ = places_of(turned(vectors, seed), order, None)  # nor does it when there is no map before
    assert np.allclose(first, before, atol=2e-3)


def test_a_turn_of_the_axes_within_the_plane_is_undone() -> None:
    vectors = np.zeros((40, 5), np.float32)
    angle = np.linspace(0, 2 * np.pi, 40, endpoint=False)
    vectors[:, 0], vectors[:, 1] = np.cos(angle), np.sin(angle)  # a circle has no preferred axes
    order = np.arange(40)
    places, shares = places_of(vectors, order, None)
    assert sum(shares) == pytest.approx(1)
    for seed in range(5):
        shaken = vectors + np.random.default_rng(seed).normal(0, 0.01, vectors.shape).astype(np.float32)
        moved, _ = places_of(shaken, order, places)
        assert np.abs(moved - places).max() < 0.1


def test_places_are_the_principal_components_and_keep_their_distances() -> None:
    vectors = cloud(3)
    places, shares = places_of(vectors, np.arange(60), None)
    centred = vectors.astype(np.float64) - vectors.mean(axis=0)
    values = np.linalg.svd(centred, compute_uv=False) ** 2
    assert shares == pytest.approx(values[:2] / values.sum(), rel=1e-3)
    far = np.random.default_rng(0).normal(size=places.shape).astype(np.float32)
    aligned, _ = places_of(vectors, np.arange(60), far)
    assert np.allclose(np.linalg.norm(aligned, axis=1), np.linalg.norm(places, axis=1), atol=1e-3)


def test_only_the_most_frequent_tokens_determine_the_map() -> None:
    vectors = cloud(1, tokens=MOST_MAPPED + 200)
    counts = np.arange(len(vectors), 0, -1)
    order = by_frequency(counts)
    places, _ = places_of(vectors, order, None)
    changed = vectors.copy()
    changed[MOST_MAPPED:] *= 50
    again, _ = places_of(changed, order, places)
    assert np.allclose(again[:MOST_MAPPED], places[:MOST_MAPPED], atol=1e-3)


@pytest.mark.parametrize(("tokens", "width"), [(2, 1), (2, 8), (3, 2), (5, 64), (700, 3)])
def test_any_shape_has_a_map(tokens: int, width: int) -> None:
    vectors = cloud(2, tokens, width)
    places, shares = places_of(vectors, np.arange(tokens), None)
    assert places.shape == (tokens, 2)
    assert np.isfinite(places).all()
    assert 0 < sum(shares) <= 1.0001


def test_equal_vectors_are_in_one_place_and_numbers_that_are_not_finite_in_none() -> None:
    places, shares = places_of(np.ones((5, 4), np.float32), np.arange(5), None)
    assert not places.any()
    assert shares == (0.0, 0.0)
    vectors = cloud(1)
    vectors[3, 2] = np.nan
    places, shares = places_of(vectors, np.arange(60), None)
    assert np.isnan(places).all()
    after, _ = places_of(cloud(1), np.arange(60), places)
    assert np.isfinite(after).all()


def test_neighbours_are_those_with_the_highest_cosine() -> None:
    vectors = np.array([[1, 0], [3, 0.1], [0, 1], [-1, 0], [1, 1], [0, 0]], np.float32)
    found = made(vectors).nearest(0, 3)
    assert [token for token, _ in found] == [1, 4, 2]
    assert found[1][1] == pytest.approx(np.sqrt(0.5), abs=1e-6)
    assert made(vectors).nearest(5, 3) == [], "a zero vector has no direction"


def test_tokens_that_are_hardly_read_are_no_neighbours() -> None:
    vectors = cloud(4, tokens=80)
    vectors[79] = vectors[0]
    counts = np.where(np.arange(80) < 60, 100, 3)
    assert made(vectors).nearest(0, 1)[0][0] == 79
    assert all(token < 60 for token, _ in made(vectors, counts).nearest(0, 70))
    few = np.where(np.arange(80) < 10, 100, 3)
    assert made(vectors, few).nearest(0, 1)[0][0] == 79, "with so few, all are listed"


@pytest.mark.parametrize("source", ["tales", "reviews", "recall:4"])
def test_every_task_has_a_map_and_counts_what_it_reads(
    source: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("seqtui.live.embedding_watch.PAUSE", 0.0)
    monkeypatch.setattr("seqtui.live.embedding_watch.SHARE", 1e9)
    task = guessed(source)
    training = TrainingConfig(**(task.defaults(source) | {"batch": 4, "steps": 1}))
    run = Run.start(
        {"family": "gru", "hidden": 8, "embedding": 4}, training, read_corpus(source), tmp_path / "run", task=task
    )
    watch, flat = EmbeddingWatch(run), run.trainer.parameters.flat.copy()
    model, example = serial_model(run.config.model), run.data.example(run.vocabulary, 0, 8)

    def seen(step: int, weights: F32) -> EmbeddingMap | None:
        return watch.look(Scene(Weights(run, step, weights), model, example, None), None)

    first = seen(0, flat)
    assert seen(0, flat) is None, "weights that are not new are not mapped again"
    second = seen(1, flat + np.float32(0.01))
    assert first is not None
    assert second is not None
    assert np.allclose(first.places, second.places, atol=1e-2)
    assert first.vectors.shape == (run.vocabulary.size, 4)
    assert bool(first.counts.any()) is (source != "recall:4")
    run.close()
