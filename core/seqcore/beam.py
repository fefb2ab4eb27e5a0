"""Decoding: the sequence of symbols that a decoder finds likely, up to its end symbol.

Greedy decoding takes the likeliest symbol each time. Beam search (width N) keeps the N likeliest beginnings; it ranks
what is finished by

    log p(y) / ((5 + n) / 6)^penalty            n symbols with the end symbol (Wu et al. 2016)

and stops when no beginning can overtake the best. With a width as large as the number of all beginnings, it is an
exhaustive search.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np

from seqcore.errors import SeqError
from seqcore.records import F32, F64, Beginning, path_to

MOST_WIDTH = 64


class Decoder(Protocol):
    """What reads a symbol and says what may follow: a `SerialModel`."""

    def read(self, token: int, state: Any) -> F32:
        """Read a symbol, update `state`, and return logits (K,)."""

    def fork(self, state: Any) -> Any:
        """Return a copy of a state."""


@dataclass
class Decoded:
    """The result of a search."""

    nodes: list[Beginning]
    finished: list[int]  # the numbers of the finished nodes, best first; without any, of unfinished ones
    scores: list[float]  # of those nodes
    end: int

    def symbols(self, rank: int = 0) -> list[int]:
        """Return the symbols of the result of that rank, without the end symbol."""
        found = [self.nodes[number].symbol for number in path_to(self.nodes, self.finished[rank])]
        return found[:-1] if found and found[-1] == self.end else found

    @property
    def ended(self) -> bool:
        """True if the best result ends with the end symbol."""
        return bool(self.finished) and self.nodes[self.finished[0]].symbol == self.end


@dataclass
class _Open:
    """A beginning from which the search goes on."""

    number: int
    state: Any
    log_shares: F64 = field(default_factory=lambda: np.zeros(0))
    weights: F32 = field(default_factory=lambda: np.zeros(0, np.float32))


def decoded(
    model: Decoder,
    state: Any,
    end: int,
    most: int,
    width: int = 1,
    penalty: float = 0.0,
    begun: Sequence[int] = (),
    offered: int = 0,
) -> Decoded:
    """Search from a state of the decoder before its first symbol, for at most `most` symbols; `state` is used up.

    The search goes on after the symbols `begun`, which are not questioned. At each of them, and at the first symbol
    after them, it also lists the `offered` likeliest symbols, which it does not follow.

    Raises SeqError: width or penalty out of range, a symbol that there is none of, or predictions that are not finite.
    """
    if not 1 <= width <= MOST_WIDTH:
        raise SeqError(f"beam {width}: must be a number from 1 to {MOST_WIDTH}")
    if not 0 <= penalty <= 10:
        raise SeqError(f"length penalty {penalty:g}: must be a number from 0 to 10")
    nodes: list[Beginning] = []
    ended: list[tuple[float, int]] = []
    beam = [_read(model, end, _Open(-1, state))]
    for depth, symbol in enumerate(begun, 1):
        (one,) = beam
        if not 0 <= symbol < one.log_shares.size:
            raise SeqError(f"symbol {symbol}: must be a number from 0 to {one.log_shares.size - 1}")
        nodes.append(_following(nodes, one, symbol, depth, True))
        number = len(nodes) - 1
        _offer(nodes, one, depth, offered, (symbol,))
        if symbol == end:
            return Decoded(nodes, [number], [_score(nodes[number].total, depth, penalty)], end)
        beam = [_read(model, symbol, _Open(number, one.state))]
    if len(begun) >= most:
        ended = [(_score(nodes[one.number].total, len(begun), penalty), one.number) for one in beam if one.number >= 0]
    for depth in range(len(begun) + 1, most + 1):
        some = _likeliest(nodes, beam, width)
        if depth == len(begun) + 1:
            _offer(nodes, beam[0], depth, offered, [symbol for _, symbol, _ in some])
        following: list[_Open] = []
        for at, symbol, total in some:
            parent = beam[at]
            kept = symbol == end or len(following) < width
            nodes.append(_following(nodes, parent, symbol, depth, kept))
            if symbol == end:
                ended.append((_score(total, depth, penalty), len(nodes) - 1))
            elif kept:
                following.append(_Open(len(nodes) - 1, model.fork(parent.state) if width > 1 else parent.state))
        ended.sort(key=lambda one: -one[0])
        bound = max((_score(nodes[one.number].total, most, penalty) for one in following), default=-math.inf)
        if not following or (ended and (width == 1 or (ended[0][0] >= bound and len(ended) >= width))):
            break
        if depth < most:
            beam = [_read(model, nodes[one.number].symbol, one) for one in following]
        elif not ended:
            ended = [(_score(nodes[one.number].total, depth, penalty), one.number) for one in following]
    return Decoded(nodes, [number for _, number in ended], [score for score, _ in ended], end)


def _following(nodes: list[Beginning], parent: _Open, symbol: int, depth: int, kept: bool) -> Beginning:
    """Return the beginning that adds a symbol to an open one."""
    log_share = float(parent.log_shares[symbol])
    total = (nodes[parent.number].total if parent.number >= 0 else 0.0) + log_share
    return Beginning(parent.number, symbol, depth, math.exp(log_share), total, parent.weights, kept)


def _offer(nodes: list[Beginning], parent: _Open, depth: int, count: int, known: Sequence[int]) -> None:
    """List the `count` likeliest symbols after an open beginning but those `known`; the search does not follow them."""
    for symbol in np.argsort(-parent.log_shares, kind="stable")[:count].tolist() if count else []:
        if symbol not in known:
            nodes.append(_following(nodes, parent, symbol, depth, False))


def _score(total: float, length: int, penalty: float) -> float:
    return total / math.pow((5 + length) / 6, penalty)


def _read(model: Decoder, symbol: int, one: _Open) -> _Open:
    """Let a beginning read its last symbol."""
    logits = model.read(symbol, one.state).astype(np.float64)
    if not np.isfinite(logits).all():
        raise SeqError("the model's predictions are not finite: it has diverged; use an earlier checkpoint")
    logits -= logits.max()
    one.log_shares = logits - math.log(np.exp(logits).sum())
    one.weights = getattr(one.state, "weights", one.weights).copy()
    return one


def _likeliest(nodes: list[Beginning], beam: list[_Open], width: int) -> list[tuple[int, int, float]]:
    """Return the likeliest continuations of all beginnings, best first: (place in the beam, symbol, log p).

    Up to `width` for each beginning, and one more, so that the end symbol takes no place.
    """
    found: list[tuple[float, int, int]] = []
    for at, one in enumerate(beam):
        before = nodes[one.number].total if one.number >= 0 else 0.0
        count = min(one.log_shares.size, width + 1 if width > 1 else 1)
        for symbol in np.argsort(-one.log_shares, kind="stable")[:count].tolist():
            found.append((before + float(one.log_shares[symbol]), at, int(symbol)))
    found.sort(key=lambda one: (-one[0], one[1], one[2]))
    return [(at, symbol, total) for total, at, symbol in found[: 2 * width if width > 1 else 1]]
