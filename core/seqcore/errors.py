"""The one exception that leaves the engine because of what somebody asked of it."""


class SeqError(Exception):
    """What was wrong, where, and what would be right, in one line that is meant for the person who caused it."""
