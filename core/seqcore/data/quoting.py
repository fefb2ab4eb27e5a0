"""Quote untrusted names and characters for error messages: on one line, without control sequences."""

from collections.abc import Iterable


def quoted(text: str, longest: int = 80) -> str:
    r"""Return `text` in quotes; unprintable characters are escaped as in Python (`\x1b`).

    It is cut to `longest` characters, escapes included, besides the quotes and a mark of the cut.
    """
    line = repr(text if len(text) <= longest else text[: longest - 1] + "…")
    return line if len(line) <= longest + 2 else f"{line[: longest + 1]}…{line[0]}"


def listed(texts: Iterable[str], most: int = 5) -> str:
    """Return the first `most` of `texts`, quoted and separated by commas, and the number of the rest."""
    texts = list(texts)
    shown = ", ".join(quoted(text, 24) for text in texts[:most])
    more = len(texts) - most
    return f"{shown} and {more} more" if more > 0 else shown


def printable(text: str) -> str:
    """Return `text` with every unprintable character replaced by U+FFFD: a name that is safe to show."""
    return "".join(character if character.isprintable() else "�" for character in text)
