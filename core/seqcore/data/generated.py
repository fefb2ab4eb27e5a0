"""Corpora that are generated while a model trains on them, by name: diagnostics and transductions."""

from seqcore.data.diagnostics import diagnostic
from seqcore.data.transductions import transduction


def generated_name(source: str) -> str | None:
    """Return the full name of a generated corpus ("reverse" is "reverse:20"), or None if `source` names none.

    Raises SeqError if its dial is out of range.
    """
    if diagnostic(source) is not None:
        return source
    found = transduction(source)
    if found is None:
        return None
    one, dial = found
    return f"{one.name}:{dial}" if one.most else one.name
