"""The vectors that stand for tokens, and a map of them in two dimensions that stays steady while they are learned.

The map is a principal component analysis of the most frequent tokens. Components are only defined up to sign, and may
rotate between two frames although the vectors hardly moved; every map is therefore turned, and mirrored if necessary,
onto the one before it (orthogonal Procrustes). Distances are not changed by that.

This file does not import the engine, so that the screen can be painted and tested without one.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from seqcore.records import F32, F64, I64

LEAST_READ = 10  # times in an epoch, for a neighbour
FEW = 24  # tokens: with fewer than that, all may be neighbours
DIRECTIONS, ITERATIONS, PRECISION = 8, 80, 1e-9  # of the search for the components
MOST_MAPPED = 512  # tokens that determine the components: the most frequent ones


@dataclass(frozen=True)
class EmbeddingMap:
    """The vectors of all tokens at a step, and their places on the map."""

    step: int
    name: str  # of the matrix, e.g. "embedding.E", or "layers.0.W_xh" for a model that reads one-hot vectors
    symbols: tuple[str, ...]  # (V,) the tokens as text, raw: sanitise before drawing
    counts: I64  # (V,) how often each token is read in one epoch of the training part; zeros if it has no end
    order: I64  # (V,) token ids, most frequent first
    vectors: F32  # (V, I)
    places: F32  # (V, 2) in the units of the vectors, around the mean of the mapped tokens; NaN if not finite
    shares: tuple[float, float]  # of the variance of the mapped tokens, along each axis of the map

    @property
    def one_hot(self) -> bool:
        """Whether the model reads one-hot vectors: the vectors are then rows of its first weight matrix."""
        return not self.name.endswith("embedding.E")

    @property
    def mapped(self) -> int:
        """The number of tokens that determine the map."""
        return min(len(self.symbols), MOST_MAPPED)

    @cached_property
    def norms(self) -> F32:
        """The Euclidean norm of every token's vector, (V,)."""
        found: F32 = np.sqrt(np.einsum("vi,vi->v", self.vectors, self.vectors))
        return found

    @cached_property
    def _similar(self) -> dict[int, F32]:
        """The similarities to the token that was asked for last."""
        return {}

    def similarities(self, token: int) -> F32:
        """Return the cosine similarity of every token to this one, (V,); NaN for a zero vector, or one not finite."""
        if token not in self._similar:
            with np.errstate(all="ignore"):
                products = np.einsum("vi,i->v", self.vectors, self.vectors[token])
                found: F32 = products / (self.norms * self.norms[token])
            self._similar.clear()
            self._similar[token] = found
        return self._similar[token]

    @property
    def least(self) -> int:
        """How often a token must be read in an epoch to count as a neighbour: `LEAST_READ`, or 0 if few tokens are.

        A vector that is hardly ever read stays where it began, and is near others by chance only.
        """
        return LEAST_READ if np.count_nonzero(self.counts >= LEAST_READ) > FEW else 0

    def nearest(self, token: int, count: int) -> list[tuple[int, float]]:
        """Return up to `count` other tokens with the highest cosine similarity to this one, and those similarities.

        Only those that are read `least` times or more.
        """
        found = self.similarities(token)
        known = np.isfinite(found) & (self.counts >= self.least)
        known[token] = False
        order = np.argsort(-np.where(known, found, -np.inf), kind="stable")[:count]
        return [(int(other), float(found[other])) for other in order if known[other]]


def by_frequency(counts: I64) -> I64:
    """Return token ids (V,), most frequent first; equally frequent ones in order of their ids."""
    order: I64 = np.argsort(-counts, kind="stable")
    return order


def places_of(vectors: F32, order: I64, before: F32 | None) -> tuple[F32, tuple[float, float]]:
    """Return the places of all tokens (V, 2), and the share of the variance along each axis.

    Args:
        vectors: (V, I).
        order: token ids, most frequent first; the first `MOST_MAPPED` determine the components.
        before: the places (V, 2) of the previous map, onto which this one is turned; None for the first one.

    Places are NaN and shares 0 if a vector of the mapped tokens is not finite.
    """
    mapped = order[:MOST_MAPPED]
    chosen = vectors[mapped].astype(np.float64)
    if not np.isfinite(chosen).all():
        return np.full((len(vectors), 2), np.nan, np.float32), (0.0, 0.0)
    mean = chosen.mean(axis=0)
    chosen -= mean
    start = None if before is None else before[mapped].astype(np.float64)
    if start is not None and not (np.isfinite(start).all() and start.any()):
        start = None
    axes = _components(chosen, start)
    axes = axes @ _turn(np.einsum("ni,ik->nk", chosen, axes), start)
    places = np.einsum("vi,ik->vk", vectors, axes.astype(np.float32)) - np.einsum("i,ik->k", mean, axes)
    total = float(np.square(chosen).sum())
    along = np.square(np.einsum("ni,ik->nk", chosen, axes)).sum(axis=0) / total if total > 0 else np.zeros(2)
    return places.astype(np.float32), (float(along[0]), float(along[1]))


def _components(centred: F64, start: F64 | None) -> F64:
    """Return the first two principal components (I, 2) of centred rows (n, I); a missing one is zero.

    Orthogonal iteration on a few directions, from those in which the rows spread before: `start` (n, 2). With einsum,
    which computes in this thread: the products of a library for eigenvalues would wake threads beside the training.
    """
    n, width = centred.shape
    count = min(DIRECTIONS, n, width)
    scores = np.random.default_rng(0).normal(size=(n, count))
    if start is not None:
        scores[:, :2] = start[:, :count] / np.sqrt(np.square(start).mean())
    axes, sums = np.zeros((width, count)), np.zeros(count)
    for _ in range(ITERATIONS):
        axes, _ = np.linalg.qr(np.einsum("ni,nk->ik", centred, scores))
        scores = np.einsum("ni,ik->nk", centred, axes)
        values, turn = np.linalg.eigh(np.einsum("nj,nk->jk", scores, scores))
        axes, scores = axes @ turn[:, ::-1], scores @ turn[:, ::-1]
        before, sums = sums, values[::-1]
        if np.abs(sums - before)[:2].max() <= PRECISION * max(float(sums[0]), 1e-30):
            break
    first = np.where(sums[:2] > 1e-20, axes[:, :2], 0.0)
    return np.pad(first, ((0, 0), (0, 2 - first.shape[1])))


def _turn(places: F64, before: F64 | None) -> F64:
    """Return the orthogonal matrix (2, 2) that turns places (n, 2) onto those before; a sign rule if there are none.

    The rule: on each axis, the place that is farthest out is positive.
    """
    if before is None:
        far = places[np.abs(places).argmax(axis=0), [0, 1]]
        return np.diag(np.where(far < 0, -1.0, 1.0))
    left, _, right = np.linalg.svd(np.einsum("nj,nk->jk", places, before))
    turned: F64 = left @ right
    return turned
