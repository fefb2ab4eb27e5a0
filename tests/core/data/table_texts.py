"""Tables for tests, from text, and how they are refused."""

from collections.abc import Callable

import pytest
from seqcore.data.corpus import Corpus
from seqcore.data.tables import Table, read_table
from seqcore.errors import SeqError


def table(text: str | bytes, name: str = "some.csv", *, skip: bool = False) -> Table:
    """The table in a file of that name."""
    data = text if isinstance(text, bytes) else text.encode()
    return read_table(Corpus("some", f"/folder/{name}", data), skip_bad_rows=skip)


def refusal(call: Callable[[], object]) -> str:
    """The one line with which something is refused."""
    with pytest.raises(SeqError) as caught:
        call()
    return checked(caught.value)


def checked(error: SeqError) -> str:
    """The message of an error, which must fit on one line of a terminal."""
    line = str(error)
    assert line.isprintable()
    assert len(line) < 300
    return line
