"""A tour of every view while a model trains: what the program keeps, which keys it loses, how fast it trains meanwhile.

The real program in a pseudo-terminal. After a warm-up in the Lab, each view is visited in turn and stays open for some
seconds while the playhead moves. Measured are the resident memory (VmRSS, with shared libraries) at the end of the
warm-up and after each round of the views, and the tokens per second of wall-clock time over the tour, beside those of a
session without a screen before and after it.
"""

from __future__ import annotations

import argparse
import re
import statistics
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from memory import PROC
from processes import BenchmarkError, Children
from reporting import machine, main_guard, note, positive, table, tell
from screen_cost import Ways, read_log, speed
from terminal import Terminal

from seqtui.views import LAB, VIEWS

if TYPE_CHECKING:
    from rich.table import Table

COLUMNS, ROWS = 200, 50
START, PATIENCE = 300.0, 5.0  # seconds until the first step, and until a view is shown
WARM = 20.0  # default seconds in the Lab before the memory is read first
BESIDE = 30.0  # seconds of each session without a screen
STAY, MOVES = 6.0, 4  # default seconds in a view, and the moves of the playhead in it
MOST_GROWTH, LEAST_SHARE = 30e6, 0.9  # bytes; of the speed without a screen
FUNCTION_KEYS = {f"f{n}": code for n, code in zip(range(1, 13), (
    "OP", "OQ", "OR", "OS", "[15~", "[17~", "[18~", "[19~", "[20~", "[21~", "[23~", "[24~"), strict=True)}  # fmt: skip
RIGHT = b"\x1b[C"


def resident(process: int) -> int:
    """Return the resident memory of a process in bytes. Raises BenchmarkError if it has ended."""
    try:
        lines = (PROC / str(process) / "status").read_text(encoding="ascii", errors="replace").splitlines()
        return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmRSS:"))
    except (OSError, StopIteration):
        raise BenchmarkError("the program exited early") from None


def key_of(view: str) -> bytes:
    """Return what a terminal sends for the key of a view."""
    return b"\x1b" + FUNCTION_KEYS.get(VIEWS[view].key, "").encode()


def visit(terminal: Terminal, view: str, stay: float) -> float | None:
    """Go to a view, and move the playhead in it; return the seconds until it was shown, or None if it never was."""
    since = terminal.end
    pressed = terminal.send(key_of(view))
    seen = terminal.wait_for(re.escape(VIEWS[view].question), PATIENCE, since)
    for _ in range(MOVES):
        time.sleep(stay / MOVES)
        terminal.send(RIGHT)
    return seen.time - pressed if seen else None


def tour(ways: Ways, arguments: argparse.Namespace) -> dict[str, Any]:
    """Visit every view, again and again. Raises BenchmarkError."""
    views = [view for view in VIEWS if view != LAB]
    with tempfile.TemporaryDirectory(prefix="seqtui-benchmark-", ignore_cleanup_errors=True) as folder:
        log, runs = Path(folder) / "log", {"SEQTUI_RUNS_DIR": str(Path(folder) / "runs")}
        with ways.screen(log, runs, COLUMNS, ROWS) as terminal:
            if terminal.wait_for(r"step +[1-9]", START) is None:
                raise BenchmarkError(f"no training step within {START:g} s: {terminal.last_words()}")
            time.sleep(arguments.first)
            process = terminal.process.pid
            memory, answers, until = [resident(process)], [], time.monotonic() + 60 * arguments.minutes
            while time.monotonic() < until:
                for view in views:
                    answers.append((view, visit(terminal, view, arguments.stay)))
                terminal.send(key_of(LAB))
                time.sleep(arguments.stay)
                memory.append(resident(process))
        lines = read_log(log)
    whole = lines[-1]["time"] - next(line["time"] for line in lines if line["step"] >= 1)
    found = speed(lines, arguments.first, whole - arguments.first)
    return {"memory": memory, "answers": answers, "speed": found["wall"]}


def beside(ways: Ways) -> float:
    """Return the tokens per second of a session without a screen."""
    return ways.measure("session")["wall"]


def row(found: dict[str, Any], sessions: Sequence[float], minutes: float) -> dict[str, Any]:
    """Return the JSON row."""
    memory = found["memory"]
    shown = [seconds for _, seconds in found["answers"] if seconds is not None]
    share, growth = found["speed"] / statistics.mean(sessions), max(memory) - memory[0]
    return {
        "minutes": minutes,
        "memory": memory,
        "growth": growth,
        "growth_after_first_round": max(memory[1:]) - memory[1],
        "visits": len(found["answers"]),
        "lost": [view for view, seconds in found["answers"] if seconds is None],
        "answer_median": statistics.median(shown) if shown else None,
        "answer_most": max(shown, default=None),
        "speed": found["speed"],
        "sessions": list(sessions),
        "share": share,
        "reached": growth < MOST_GROWTH and share >= LEAST_SHARE and len(shown) == len(found["answers"]),
    }


def tables(document: dict[str, Any]) -> Iterator[Table | str]:
    """Yield a table and a note."""
    entry = document["row"]
    made = table("tour", "measured", "target")
    made.add_row("memory after the warm-up", f"{entry['memory'][0] / 1e6:.0f} MB", "")
    made.add_row("growth", f"{entry['growth'] / 1e6:.1f} MB", f"< {MOST_GROWTH / 1e6:.0f} MB")
    made.add_row("growth after the first round", f"{entry['growth_after_first_round'] / 1e6:.1f} MB", "")
    made.add_row("share of the speed without a screen", f"{entry['share']:.0%}", f"{LEAST_SHARE:.0%}")
    made.add_row("views shown", f"{entry['visits'] - len(entry['lost'])} of {entry['visits']}", "all")
    if entry["answer_median"] is not None:
        made.add_row("time to a view, median", f"{1e3 * entry['answer_median']:.0f} ms", "")
        made.add_row("time to a view, longest", f"{1e3 * entry['answer_most']:.0f} ms", "")
    yield made
    yield f"{entry['minutes']:g} minutes at {COLUMNS}x{ROWS}; sessions without a screen before and after"


def parse(words: Sequence[str] | None = None) -> argparse.Namespace:
    """Parse the command line."""
    parser = argparse.ArgumentParser(description="Visit every view while a model trains.")
    add = parser.add_argument
    add("--corpus", default="tales", help="corpus to train on; default: the sample corpus tales")
    add("--hidden", type=positive(int), default=256, help="units of the LSTM; default 256")
    add("--minutes", type=positive(float), default=10.0, help="length of the tour; default 10")
    add("--beside", type=positive(float), default=BESIDE, help=f"seconds of a session; default {BESIDE:g}")
    add("--first", type=positive(float), default=WARM, help=f"seconds of the warm-up; default {WARM:g}")
    add("--stay", type=positive(float), default=STAY, help=f"seconds in each view; default {STAY:g}")
    add("--json", action="store_true", help="print one JSON document")
    return parser.parse_args(words)


def main() -> None:
    arguments = parse()
    if not (PROC / "self" / "status").exists():
        raise BenchmarkError("resident memory is read from /proc: this benchmark needs Linux")
    arguments.warm, arguments.seconds, arguments.screens = 5.0, arguments.beside, ()
    found = machine()
    with Children() as children:
        ways = Ways(children, arguments)
        note("a session without a screen")
        sessions = [beside(ways)]
        note(f"{arguments.minutes:g} minutes through every view")
        seen = tour(ways, arguments)
        note("a session without a screen")
        sessions.append(beside(ways))
    document = {"benchmark": "tour", "machine": found, "row": row(seen, sessions, arguments.minutes)}
    tell(document, arguments.json, lambda: tables(document))


if __name__ == "__main__":
    main_guard(main)
