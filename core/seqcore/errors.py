"""The exceptions that the engine raises because of what the user asked of it."""


class SeqError(Exception):
    """What is wrong, where, and what would be right: one line for the user."""


class CorpusChanged(SeqError):  # noqa: N818  # it names what happened
    """The corpus of a run is not what it was when the run began. The caller says what can be done."""
