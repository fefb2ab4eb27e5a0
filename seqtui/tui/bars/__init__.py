"""The lines around the panes: status line, tabs, footer."""
