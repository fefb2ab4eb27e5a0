"""What a person types to mean a run again."""

import os
import shlex
from pathlib import Path


def called(folder: Path) -> str:
    """What to type for the run in `folder`, as a shell reads it: its name, or its path where it lies elsewhere."""
    from seqcore.folder import runs_root

    at_home = os.path.abspath(folder.parent) == os.path.abspath(runs_root())
    word = folder.name if at_home else str(folder)
    return shlex.quote(f"./{word}" if word.startswith("-") else word)
