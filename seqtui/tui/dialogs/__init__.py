"""The dialogs over a view."""
