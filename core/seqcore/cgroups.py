"""The control groups of this process (container, service): what they allow of memory and processor time."""

from collections.abc import Iterator
from pathlib import Path


def groups(controller: str, membership: Path, root: Path) -> Iterator[Path]:
    """Yield the folder of the process's group that limits `controller`, and those of all groups above it.

    `membership` is /proc/self/cgroup, `root` /sys/fs/cgroup: version 2 has one tree, version 1 one for each controller.
    A file that is missing, or lines of another form, give no folders.
    """
    try:
        lines = membership.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return
    for line in lines:
        if line.count(":") < 2:
            continue
        _, controllers, path = line.split(":", 2)
        if not controllers or controller in controllers.split(","):
            own = root / controllers / path.strip("/")
            yield own
            yield from (parent for parent in own.parents if parent.is_relative_to(root))
