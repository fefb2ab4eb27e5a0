"""Files that a command writes: checked before it does any work."""

from pathlib import Path


def free_place(path: Path, force: bool) -> Path:
    """Return `path` if it can be written to. Raises SeqError if not, or if it exists and `force` is not set."""
    from seqcore.data.quoting import quoted
    from seqcore.errors import SeqError

    name = quoted(str(path))
    try:
        if path.is_dir():
            raise SeqError(f"{name} is a folder: give a file")
        if not path.parent.is_dir():
            raise SeqError(f"there is no folder {quoted(str(path.parent))}: create it first")
        if path.exists() and not force:
            raise SeqError(f"{name} already exists: add --force to overwrite it, or give another name")
    except (OSError, ValueError) as error:  # ValueError: a NUL in the name
        reason = error.strerror if isinstance(error, OSError) else "invalid file name"
        raise SeqError(f"{name} cannot be written ({reason})") from None
    return path
