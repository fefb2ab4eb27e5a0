"""What the top units say at one timestep, what the loss is there, and the gradient that it sends back."""

from typing import NamedTuple

import numpy as np

from seqcore.cellwork.records import Choice, EndFacts, Quantity, Softmax, Term
from seqcore.cellwork.terms import Names, Read, bias, largest, terms_of
from seqcore.records import F32, F64, Targets

SHOWN = 5  # symbols, the likeliest ones


class Top(NamedTuple):
    """The product that the output comes from at one timestep."""

    read: Read  # (H,)
    W: F32  # (H, K)
    b: F32  # (K,), or empty
    formula: str = "W_hy h_t + b_y"

    @property
    def by(self) -> str:
        """The name of the matrix."""
        return self.formula.split()[0]


class Losses(NamedTuple):
    """The loss L that a backward pass starts from."""

    dlogits: F32  # (T, K) its gradient at the logits, or values, of each timestep
    said: str  # what it is
    cut: int = 0  # no gradient goes back over a timestep that is a multiple of this; 0: it does everywhere

    @property
    def last(self) -> int:
        """The last timestep with a gradient; -1: none."""
        rows = np.flatnonzero(np.abs(self.dlogits).max(axis=1, initial=0) > 0)
        return int(rows[-1]) if rows.size else -1


def known(targets: Targets) -> "np.ndarray[tuple[int], np.dtype[np.bool_]]":
    """Return which timesteps have a target, (T,)."""
    return ~np.isnan(targets[:, 0]) if targets.ndim == 2 else targets >= 0


def losses_of(logits: F32, targets: Targets, only: int | None) -> Losses:
    """Return the sum of the losses at all timesteps, or the loss of the output at timestep `only`.

    logits (T, K); targets (T,) symbols or (T, K) values, see `records.Targets`. Where no target is known, the loss is
    that of the likeliest symbol; of values, it is the sum of the values themselves. Without any target and without
    `only`, it is that at the last timestep.
    """
    asked, T = known(targets), len(logits)
    at = only if only is not None else (None if asked.any() else T - 1)
    where = f"at timestep {at}" if at is not None else "at every timestep with a target"
    with np.errstate(invalid="ignore", over="ignore"):
        if targets.ndim == 2:
            errors = 2 / logits.shape[1] * (logits - targets)
            rows = np.where(asked[:, None], errors, np.float32(1))
            said = "squared error" if at is None or asked[at] else "sum of the predicted values"
        else:
            rows = _shares(logits)
            wanted = np.where(asked, targets, logits.argmax(axis=1))
            rows[np.arange(T), wanted] -= 1
            said = "loss" if at is None or asked[at] else "loss of the likeliest symbol"
    counted = np.arange(T) == at if at is not None else asked
    dlogits = np.where(counted[:, None], rows, 0).astype(np.float32)
    return Losses(dlogits, f"the sum of the {said} {where}" if at is None else f"the {said} {where}")


def _shares(logits: F32) -> F64:
    """Return the softmax of each row, in float64."""
    raised: F64 = np.exp(logits - logits.max(axis=1, keepdims=True), dtype=np.float64)
    raised /= raised.sum(axis=1, keepdims=True)
    return raised


def end_facts(top: Top, logits: F32, target: Targets, names: Names, shown: int = SHOWN) -> EndFacts:
    """Return what is predicted at a timestep with logits or values (K,); `target`: a symbol (1,) or values (1, K)."""
    if target.ndim == 2:
        outputs = tuple(_output(top, k, float(value), names, "y") for k, value in enumerate(logits))
        asked = bool(known(target)[0])
        with np.errstate(invalid="ignore", over="ignore"):
            loss = float(np.mean(np.square(logits - target[0], dtype=np.float64))) if asked else np.nan
        return EndFacts(outputs, None, -1, "", tuple(target[0].tolist()) if asked else (), loss)
    right = int(target[0])
    scores = logits.astype(np.float64)
    with np.errstate(invalid="ignore", over="ignore"):
        log_total = float(scores.max() + np.log(np.exp(scores - scores.max()).sum()))
        shares = np.exp(scores - log_total)
    best = np.argsort(-scores, kind="stable")[:shown].tolist()
    best += [right] if right >= 0 and right not in best else []
    choices = tuple(Choice(k, names.output(k), float(scores[k]), float(shares[k])) for k in best)
    softmax = Softmax("p_t", "output", f"p_t = softmax({top.formula})", choices, log_total, "logit_t")
    outputs = tuple(_output(top, k, float(scores[k]), names, "logit") for k in best)
    name = names.output(right) if right >= 0 else ""
    return EndFacts(outputs, softmax, right, name, (), log_total - float(scores[right]) if right >= 0 else np.nan)


def _output(top: Top, k: int, value: float, names: Names, kind: str) -> Quantity:
    terms = [*top.read.terms(top.by, top.W[:, k]), *bias("b_y", top.b, k)]
    return Quantity(f"{kind}_t", names.output(k), f"{kind}_t = {top.formula}", "", value, largest(terms))


def head_terms(top: Top, unit: int, dlogits: F32, names: Names) -> list[Term]:
    """Return the terms of the gradient of a top unit that come from the output: a term for each of dlogits (K,)."""
    some = np.flatnonzero(dlogits)
    return terms_of("head", top.read.at, names.output, top.by, top.W[unit, some], dlogits[some], some)
