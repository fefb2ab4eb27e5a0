"""The lines of a table's text, counted as an editor counts them; no row grows without bound."""

from collections.abc import Iterator

from seqcore.errors import SeqError

_LONGEST_ROW = 1 << 22  # characters: a row that long comes from a quote that is never closed, or is no row


class RowLines:
    """Iterates over lines, each with its newline. A reader that takes several lines for a row calls `start_row`."""

    def __init__(self, text: str, name: str):
        """`name` stands for the table in messages."""
        # the line ends of old Macs, where no other is found
        self._text = text.replace("\r", "\n") if "\r" in text and "\n" not in text else text
        self._name = name
        self._at = 0
        self._row_at = 0
        self.number = 0  # of the line handed out last; the first is 1
        self.first = 1  # line of the current row
        self.ended = False  # whether a line was asked for after the last one

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        """Return the next line. Raises SeqError if the row has become too long."""
        if self._at >= len(self._text):
            self.ended = True
            raise StopIteration
        end = self._text.find("\n", self._at) + 1 or len(self._text)
        if end - self._row_at > _LONGEST_ROW:
            raise SeqError(
                f"{self._name}, line {self.first:,}: this row has more than {_LONGEST_ROW:,} characters: "
                "check for a quote that is not closed"
            )
        line = self._text[self._at : end]
        self._at = end
        self.number += 1
        return line

    def start_row(self) -> None:
        """Note that the next line starts a new row."""
        self._row_at = self._at
        self.first = self.number + 1
