"""From bytes to text: encodings, byte order marks, and what to say about bytes that are not text."""

import codecs

from seqcore.data.files import looks_binary
from seqcore.data.quoting import quoted
from seqcore.errors import SeqError

_OTHERWISE = "give a text, or train on its bytes with --tokens-by byte"
# Longest first: the mark of UTF-32 in little-endian order begins with that of UTF-16.
_MARKS = (
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)


def marked_encoding(data: bytes, encoding: str) -> str:
    """Return "utf-16" or "utf-32" if `data` begins with its byte order mark, or else "".

    Only where `encoding` is UTF-8, the default: no valid UTF-8 begins so, and another encoding was asked for.
    """
    try:
        if codecs.lookup(encoding).name != "utf-8":
            return ""
    except (LookupError, ValueError):  # ValueError: a NUL or half a character in the name
        return ""
    return next((name for mark, name in _MARKS if data.startswith(mark)), "")


def decoded(data: bytes, encoding: str, name: str) -> str:
    """Return `data` as text: line ends are newlines, a byte order mark at its head is removed.

    A byte order mark of UTF-16 or UTF-32 overrules UTF-8. `name` stands for the data in error messages.
    Raises SeqError that says what to do about bytes that are not text in that encoding.
    """
    marked = marked_encoding(data, encoding)
    try:
        text = data.decode(marked or encoding)
    except UnicodeDecodeError as error:
        raise SeqError(_undecodable(data, encoding, marked, error, name)) from error
    except LookupError as error:
        raise SeqError(f"unknown text encoding {quoted(encoding)}: common ones are utf-8, latin-1, cp1252") from error
    except Exception as error:  # a codec may raise anything: punycode an AssertionError, idna a UnicodeError
        raise SeqError(f"{name} cannot be read as {quoted(encoding)}: give another --encoding") from error
    if "\0" in text:
        place = f"a NUL at offset {text.index(chr(0)):,}"
        raise SeqError(f"{name} is binary, not text ({place}): {_OTHERWISE}")
    if not text.isascii():
        # some codecs (utf-7, unicode_escape) make half characters, which no encoding could write again
        text = text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    return text.removeprefix("\ufeff").replace("\r\n", "\n")


def is_wide(encoding: str) -> bool:
    """Return whether plain letters have NUL bytes in this encoding."""
    return encoding.lower().replace("_", "-").startswith(("utf-16", "utf-32", "utf16", "utf32"))


def _undecodable(data: bytes, encoding: str, marked: str, error: UnicodeDecodeError, name: str) -> str:
    """Return the message about bytes that are not valid in the encoding."""
    encoding = codecs.lookup(encoding).name  # as given it may hold characters that are not for a terminal
    if marked:
        return (
            f"{name} begins with the byte order mark of {marked.upper()} but is not valid {marked.upper()} "
            f"at offset {error.start:,}: give another --encoding, or train on its bytes with --tokens-by byte"
        )
    if looks_binary(data) and not is_wide(encoding):
        return f"{name} is binary, not text: {_OTHERWISE}"
    line = data.count(b"\n", 0, error.start) + 1
    other = "latin-1" if encoding == "utf-8" else "utf-8"
    return (
        f"{name} is not {encoding}: byte 0x{data[error.start]:02x} at offset {error.start:,} (line {line:,}); "
        f"give its encoding, for instance --encoding {other}, or train on bytes with --tokens-by byte"
    )
