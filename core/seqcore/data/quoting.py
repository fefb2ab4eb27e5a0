"""How untrusted names and characters are written into an error message: on one line, nothing that a terminal obeys."""

from collections.abc import Iterable


def quoted(text: str, longest: int = 80) -> str:
    r"""`text` in quotes, cut to `longest` characters; whatever is not printable is escaped as in Python (`\x1b`)."""
    return repr(text if len(text) <= longest else text[: longest - 1] + "…")


def listed(texts: Iterable[str], most: int = 5) -> str:
    """The first `most` of `texts`, quoted and separated by commas, and how many more there are."""
    texts = list(texts)
    shown = ", ".join(quoted(text, 24) for text in texts[:most])
    more = len(texts) - most
    return f"{shown} and {more} more" if more > 0 else shown


def printable(text: str) -> str:
    """`text` with one U+FFFD for every character that is not printable: a name that may be shown as it is."""
    return "".join(character if character.isprintable() else "�" for character in text)
