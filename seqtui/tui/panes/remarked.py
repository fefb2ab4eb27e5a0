"""The verdict in words on the curves of a run, computed anew only when they have changed enough to matter."""

from collections.abc import Sequence

from seqcore.health.verdict import Remark, remarks
from seqcore.records import History, References

_GROWN = 1.02  # times the steps: the curves are cut into 40 parts, which hardly change by less


class Remarked:
    """Keeps the remarks on one run."""

    def __init__(self) -> None:
        self._steps = -1
        self._validations = -1
        self._references: References | None = None
        self._found: tuple[Remark, ...] = ()

    def of(self, history: History, references: References | None) -> Sequence[Remark]:
        """Return what can be said of the curves, the most urgent first."""
        steps, validations = history.step.size, history.validation_loss.size
        grown = not 0 <= steps - self._steps <= (_GROWN - 1) * self._steps
        if grown or validations != self._validations or references is not self._references:
            self._steps, self._validations, self._references = steps, validations, references
            self._found = remarks(history, references.losses if references is not None else None)
        return self._found


def words_of(found: Sequence[Remark]) -> str:
    """Return the remarks in one line."""
    return " · ".join(remark.words for remark in found)
