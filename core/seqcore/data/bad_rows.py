"""Rows that cannot be used: the first one ends the reading, or all are skipped and counted by reason."""

from typing import NoReturn

from seqcore.errors import SeqError

_MOST_REASONS = 4  # in one remark


class BadRows:
    """What to do about bad rows of one table: raise SeqError for the first one, or skip and count them."""

    def __init__(self, name: str, skip: bool, noun: str = "row"):
        """`name` stands for the table in messages, `noun` for one example in it."""
        self.name = name
        self.skip = skip
        self._noun = noun
        self._found: dict[str, tuple[int, str]] = {}  # by reason: how many, and where the first is

    def copy(self) -> "BadRows":
        """Return the same counts, to be continued on their own."""
        other = BadRows(self.name, self.skip, self._noun)
        other._found = dict(self._found)
        return other

    @property
    def count(self) -> int:
        """Number of rows that were skipped."""
        return sum(number for number, _ in self._found.values())

    def add(self, place: int | str, reason: str, message: str, rows: int = 1) -> None:
        """Skip `rows` rows, or raise SeqError with `message`.

        `place` is a line number or a phrase. `reason` completes the phrase "3 rows": "with an empty text".
        """
        where = f"line {place:,}" if isinstance(place, int) else place
        if not self.skip:
            raise SeqError(f"{self.name}, {where}: {message} (--skip-bad-rows skips such {self._noun}s)")
        number, first = self._found.get(reason, (0, where))
        self._found[reason] = number + rows, first

    def fail(self, place: int | str, message: str) -> NoReturn:
        """Raise SeqError about something at `place` that skipping a row does not repair."""
        raise SeqError(f"{self.name}, {f'line {place:,}' if isinstance(place, int) else place}: {message}")

    def check_left(self, number: int) -> None:
        """Raise SeqError if no row is left: `number` is how many are."""
        if number == 0:
            why = f": {self.remarks()[0]}" if self.count else f": give at least two {self._noun}s"
            raise SeqError(f"{self.name} has no usable {self._noun}s{why}")

    def remarks(self) -> tuple[str, ...]:
        """Return one line about what was skipped and why, most frequent reason first; () if nothing was."""
        if not self._found:
            return ()
        found = sorted(self._found.items(), key=lambda item: -item[1][0])
        parts = [
            f"{number:,} {reason} ({'' if number == 1 else 'first: '}{first})"
            for reason, (number, first) in found[:_MOST_REASONS]
        ]
        rest = sum(number for _, (number, _) in found[_MOST_REASONS:])
        parts += [f"{rest:,} for other reasons"] if rest else []
        return (f"{self.count:,} {self._noun}{'' if self.count == 1 else 's'} skipped: {', '.join(parts)}",)
