"""A live training session: a trainer thread, an observer thread, and the snapshots that a screen reads."""
