"""`seqtui doctor`: check the installation, the machine and the terminal, with a hint for each problem."""

import os
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import click


@dataclass(frozen=True)
class Finding:
    """A fact about the system, with a hint if something looks wrong."""

    name: str
    value: str
    hint: str = ""


@click.command("doctor", epilog="\b\nExample:\n  seqtui doctor      paste the output into a bug report")
def command() -> None:
    """Check the installation: versions, threads, vector width, folders, terminal.

    If something looks wrong, the line below it says what to do.
    """
    from seqtui.cli.terminal import console, facts, shown

    screen = console()
    findings = [finding for part in (_versions, _engine, _folders, _terminal) for finding in _safely(part)]
    width = max(len(finding.name) for finding in findings)
    for finding in findings:
        facts(screen, [(f"{finding.name:<{width}}", finding.value)])
        if finding.hint:
            screen.print(shown(f"{'':<{width}}  ! {finding.hint}", "yellow"), soft_wrap=True)


def _safely(part: Callable[[], list[Finding]]) -> list[Finding]:
    """Run one check; if it fails, the error is its finding."""
    try:
        return part()
    except Exception as error:  # a broken installation is what this command reports
        name = part.__name__.strip("_")
        return [Finding(name, f"{type(error).__name__}: {error}", "this check failed")]


def _versions() -> list[Finding]:
    import platform
    from importlib.metadata import PackageNotFoundError, version

    found = [Finding("python", f"{platform.python_version()} on {platform.system()} {platform.machine()}")]
    for package in ("seqtui", "numpy", "numba", "llvmlite", "textual", "rich", "click", "safetensors"):
        try:
            found.append(Finding(package, version(package)))
        except PackageNotFoundError:
            found.append(Finding(package, "not installed", f"pip install {package}"))
    return found


def _engine() -> list[Finding]:
    from seqtui.cli.kernels import register

    register()
    import numba
    from seqcore import cores, jit
    from seqcore.gemm import SHAPE

    processor, _ = jit.host()
    threads, limit = cores.most_threads(), cores.quota()
    usable = cores.usable_cores()
    told = f"{threads} of {usable} cores"
    if limit is not None:
        told += f"; the container may use {limit:g} cores' time"
    few = ""
    if os.environ.get(cores.VARIABLE) and threads < usable:
        few = f"{cores.VARIABLE} limits it to fewer than the {usable} available cores"
    slow = "no supported vector instructions beyond SSE2: training will be slow" if SHAPE.name == "SSE2" else ""
    jitless = "NUMBA_DISABLE_JIT is set and makes everything slow: unset it" if numba.config.DISABLE_JIT else ""
    return [
        Finding("processor", processor, jitless),
        Finding("vectors", f"{SHAPE.name}, {SHAPE.lanes} floats; tile of {SHAPE.rows} × {SHAPE.columns}", slow),
        Finding("threads", told, few),
    ]


def _folders() -> list[Finding]:
    from platformdirs import user_cache_path
    from seqcore import jit
    from seqcore.folder import list_runs, runs_root

    total = len(jit.KERNELS)
    chosen = os.environ.get(jit.CACHE_VARIABLE)
    wanted = Path(chosen) if chosen else user_cache_path("seqtui", appauthor=False)
    temporary = wanted not in jit.CACHE_FOLDER.parents
    hint = f"{wanted} cannot be written: set {jit.CACHE_VARIABLE} to a persistent folder" if temporary else ""
    known = jit.cached()
    root, runs = runs_root(), len(list_runs())
    settings, mistake = _settings()
    unwritable = "" if _writable(root) else "cannot be written: give --out, or set SEQTUI_RUNS_DIR"
    return [
        Finding("cache folder", str(jit.CACHE_FOLDER), hint),
        Finding("kernels", f"{total}, {'all compiled' if known else 'not all compiled yet'}",
                "" if known else "the first start compiles them, in about 20 s: run seqtui warmup to do it now"),
        Finding("runs folder", f"{root}, {runs} run{'' if runs == 1 else 's'}", unwritable),
        Finding("settings", settings, mistake),
    ]  # fmt: skip


def _settings() -> tuple[str, str]:
    """Return where the settings lie, and what is wrong with them."""
    from seqcore.errors import SeqError

    from seqtui.settings.file import read_settings, settings_path
    from seqtui.tui.keymap import keymap

    path = settings_path()
    if not os.path.lexists(path):
        return f"{path}, none yet", ""
    try:
        keymap(read_settings())
    except SeqError as error:
        return str(path), str(error)
    return str(path), ""


def _writable(folder: Path) -> bool:
    """Return whether `folder`, or its nearest existing parent, is writable."""
    place = folder
    while not place.exists() and place != place.parent:
        place = place.parent
    return place.is_dir() and os.access(place, os.W_OK | os.X_OK)


def _terminal() -> list[Finding]:
    from rich.console import Console

    screen = Console()
    terminal = sys.stdin.isatty() and sys.stdout.isatty()
    encoding = (sys.stdout.encoding or "unknown").lower()
    found = [
        Finding("terminal", f"{os.environ.get('TERM', 'no TERM')}" if terminal else "none (redirected)",
                "TERM=dumb cannot show the screen" if terminal and screen.is_dumb_terminal else ""),
        Finding("text", encoding, "" if "utf" in encoding else "not UTF-8: set LANG=C.UTF-8 or PYTHONUTF8=1"),
    ]  # fmt: skip
    if terminal:
        columns, rows = os.get_terminal_size()
        small = "the screen needs at least 60 columns and 16 rows" if columns < 60 or rows < 16 else ""
        colours = {None: "none", "standard": "16", "256": "256", "truecolor": "16 million"}
        found.append(Finding("size", f"{columns} × {rows}", small))
        few = "for smooth heatmaps, set COLORTERM=truecolor if the terminal supports it"
        system = screen.color_system
        found.append(Finding("colours", colours.get(system, str(system)),
                             few if system in ("standard", "256") else ""))  # fmt: skip
    if os.environ.get("NO_COLOR"):
        found.append(Finding("NO_COLOR", "set: heatmaps are drawn with glyphs"))
    return found
