"""The commands that every view has."""
