"""Tasks: what a model is for. One file per task, and one table, `table.TASKS`."""
