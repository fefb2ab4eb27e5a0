"""The command line: one file a command, thin, the engine imported inside the command."""
