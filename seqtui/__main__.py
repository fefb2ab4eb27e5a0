"""`python -m seqtui`."""

from seqtui.cli.main import main

main()
