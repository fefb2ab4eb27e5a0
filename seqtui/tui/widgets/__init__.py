"""What the panes draw with: rows, heatmaps, curves, bars, text, axes and numbers."""
