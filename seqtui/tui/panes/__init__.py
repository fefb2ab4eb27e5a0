"""The panes of the Lab: each draws one part of a snapshot."""
