"""The search: which units follow something nameable, better than by chance and than any unit of an untrained model."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from seqcore.model import initial
from seqcore.neurons.chance import beyond, rotated, shifted
from seqcore.neurons.features import Feature, features
from seqcore.neurons.passage import Passage
from seqcore.neurons.recording import Progress, Recording, Unit, midranks, record, state_of
from seqcore.neurons.scores import Scored, held_out_scores
from seqcore.records import F64
from seqcore.serial import SerialModel, serial_model

ALPHA = 0.01  # the probability of reporting anything of a model that learnt nothing
UNTRAINED = 8  # models that a trained one is compared with
_SEED = 0xD1CE  # of their weights


class Finding(NamedTuple):
    """A unit, and what it follows. The first half of the passage chose it, the scores are those of the second half."""

    layer: int
    unit: int
    feature: str  # in `features.FEATURES`
    follows: str  # in words, raw: sanitise before drawing
    measure: str  # "auc": the probability that the unit tells yes from no; "correlation"
    score: float  # in the direction of `sign`; the AUC of a coin is 0.5, its correlation 0
    sign: int  # 1: the unit is high where the feature is; -1: low
    untrained: float  # what the best unit of an untrained model scores, on average
    chance: float  # the probability of such a score for any feature, by chance: corrected for all that was searched

    @property
    def holds(self) -> bool:
        """Whether it is reported."""
        return self.chance <= ALPHA


@dataclass(frozen=True)
class Untrained:
    """How well the best units of untrained models do: it depends on the passage and the shape of the model alone."""

    strength: F64  # (k, F) of k models and F features, see `Scored.strength`


@dataclass(frozen=True)
class Search:
    """The result of a search."""

    findings: tuple[Finding, ...]  # those that hold, the best score first
    best: tuple[Finding, ...]  # the best unit for each feature, whether it holds or not
    missing: dict[str, str]  # the features that could not be asked for, and why
    recording: Recording
    untrained: Untrained  # for another search of the same passage, state, layer and features


def search(
    model: SerialModel,
    passage: Passage,
    state: str | None = None,
    layer: int | None = None,
    names: Sequence[str] = (),
    untrained: Untrained | None = None,
    progress: Progress = lambda done, total: None,
    stop: Callable[[], bool] = lambda: False,
) -> Search | None:
    """Return which units of a state (None: the first one) in all layers, or one, follow features; None on `stop`.

    `names` restricts the features. `progress` counts the timesteps that models have read, the untrained ones included.
    `untrained`: those of an earlier search of the same kind, which need not be recorded again. Single-threaded.
    Raises SeqError: unknown state, too many timesteps, or the model has diverged.
    """
    name = state_of(model, state)
    total = len(passage) * (1 if untrained else 1 + UNTRAINED)
    recording = record(model, passage, name, layer, _counting(progress, 0, total), stop)
    asked, missing = features(passage, names)
    if recording is None:
        return None
    for k in range(0 if untrained or not asked else UNTRAINED):
        other = serial_model(model.config, initial(model.config, _SEED + k))
        before = (1 + k) * len(passage)
        found = record(other, passage, name, layer, _counting(progress, before, total), stop)
        if found is None:
            return None
        untrained = _joined(untrained, untrained_of(found, asked, passage.middle))
        del found  # it takes as much memory as the next one
    return found_in(recording, passage, asked, missing, untrained or Untrained(np.zeros((0, 0))))


def _counting(progress: Progress, before: int, total: int) -> Progress:
    """Return a progress of one of several recordings, that comes after `before` timesteps of `total`."""
    return lambda done, _: progress(before + done, total)


def untrained_of(recording: Recording, asked: Sequence[Feature], middle: int) -> Untrained:
    """Return how well the best units of one untrained model do, (1, F)."""
    kept = held_out_scores(recording.values, asked, middle)
    return Untrained(np.array([[row[0].strength(f.either) for row, f in zip(kept, asked, strict=True)]]))


def _joined(one: Untrained | None, other: Untrained) -> Untrained:
    return other if one is None else Untrained(np.concatenate([one.strength, other.strength]))


def found_in(
    recording: Recording, passage: Passage, asked: Sequence[Feature], missing: dict[str, str], untrained: Untrained
) -> Search:
    """Return what the units of a recording follow, compared with untrained models.

    The units chosen for a feature are tested in the order that the first half gave them, and the first that fails ends
    it: so only the number of features needs a correction (Bonferroni's), as each allows one false start.
    """
    kept = held_out_scores(recording.values, asked, passage.middle) if asked else []
    findings, best = [], []
    for column, (feature, row) in enumerate(zip(asked, kept, strict=True)):
        going = True
        for n, scored in enumerate(row):
            if not going:
                break
            chance = max(
                _luck(recording, scored, feature, passage.middle),
                beyond(scored.strength(feature.either), column, untrained.strength),
            )
            one = _finding(recording, scored, feature, untrained, column, min(1.0, chance * len(asked)))
            if n == 0:
                best.append(one)
            going = one.holds
            if going:
                findings.append(one)

    def by_score(one: Finding) -> float:
        return -(abs(2 * one.score - 1) if one.measure == "auc" else abs(one.score))

    return Search(tuple(sorted(findings, key=by_score)), tuple(best), missing, recording, untrained)


def _luck(recording: Recording, scored: Scored, feature: Feature, middle: int) -> float:
    """Return how likely the score on the second half is for two series that have nothing to do with each other."""
    values = recording.values[middle:, scored.unit]
    series = scored.sign * (midranks(values) if feature.either else values.astype(np.float64))
    told = feature.values[middle:].astype(np.float64)
    if feature.blocks is None:
        return shifted(series, told)
    starts = feature.blocks[feature.blocks > middle] - middle
    return rotated(series, told, np.concatenate([[0], starts]))


def _finding(
    recording: Recording, scored: Scored, feature: Feature, untrained: Untrained, column: int, chance: float
) -> Finding:
    unit: Unit = recording.units[scored.unit]
    measure = "auc" if feature.either else "correlation"
    usual = float(untrained.strength[:, column].mean())
    usual = (1 + usual) / 2 if feature.either else usual
    return Finding(
        unit.layer, unit.unit, feature.name, feature.follows, measure, scored.score, scored.sign, usual, chance
    )
