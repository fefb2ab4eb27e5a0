"""Drawing primitives of the panes: rows, heatmaps, curves, bars, text, axes and numbers."""
