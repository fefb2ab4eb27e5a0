"""Export and import by family of models: a file each, and a line in `table`."""
