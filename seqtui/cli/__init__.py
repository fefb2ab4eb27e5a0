"""The command line: one thin file per command, which imports the engine only when it runs."""
