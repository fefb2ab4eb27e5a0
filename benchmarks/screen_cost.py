"""Cost of the screen: training speed with and without it, and its response time to a key during training.

Speed: tokens per second of wall-clock time, including validation, checkpoints and probes, for four ways to train that
alternate: the bare loop over `Run.advance`, a session without a screen, and the screen at two sizes. Each trains the
same run from the start and is measured over the same seconds of it. The speed by training time, which counts only the
time within training steps, is reported too.

Keys: at random moments a key with a readable effect is pressed (on the playhead's position or the loss pane's title);
measured is the time until the terminal has received the updated text.
"""

from __future__ import annotations

import argparse
import json
import random
import re
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from processes import BenchmarkError, Children
from reporting import machine, main_guard, note, percentile, positive, table, tell
from terminal import Terminal

from seqtui.tui.standpoint import SMOOTHING

if TYPE_CHECKING:
    from rich.table import Table

SCREENS = ((120, 36), (200, 50))
TARGET_SHARE, TARGET_ANSWER = 0.9, 0.1  # share of headless speed; seconds, 99th percentile
START = 300.0  # timeout for the first step in seconds: kernels may have to be compiled
PAUSE = (0.1, 0.5)  # seconds between an answer and the next key
WATCHED = str(Path(__file__).with_name("watched.py"))

Line = dict[str, float]


def read_log(path: Path) -> list[Line]:
    """Return the complete lines so far."""
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return []
    return [json.loads(line) for line in text.splitlines(keepends=True) if line.endswith("\n")]


def speed(lines: Sequence[Line], warm: float, seconds: float) -> dict[str, float]:
    """Return tokens per second from `warm` to `warm + seconds` after the first step, by wall-clock and training time.

    Raises BenchmarkError if fewer than two steps fall into that interval.
    """
    begun = next((line["time"] for line in lines if line["step"] >= 1), float("inf"))
    within = [line for line in lines if begun + warm <= line["time"] <= begun + warm + seconds]
    if len(within) < 2:
        raise BenchmarkError("fewer than two steps in the measured interval: increase --seconds")
    first, last = within[0], within[-1]
    tokens = last["tokens"] - first["tokens"]
    return {
        "wall": tokens / (last["time"] - first["time"]),
        "training": tokens / max(last["seconds"] - first["seconds"], 1e-9),
    }


class Ways:
    """The ways to train, each in its own process with an empty runs folder."""

    def __init__(self, children: Children, arguments: argparse.Namespace) -> None:
        self.children, self.arguments = children, arguments
        self.warm, self.seconds = arguments.warm, arguments.seconds

    def names(self) -> list[str]:
        """Return the names in order of measurement."""
        return ["loop", "session", *(f"screen {columns}x{rows}" for columns, rows in self.arguments.screens)]

    def measure(self, name: str) -> dict[str, float]:
        """Train in one of the ways and return its speeds. Raises BenchmarkError."""
        with tempfile.TemporaryDirectory(prefix="seqtui-benchmark-", ignore_cleanup_errors=True) as folder:
            log, runs = Path(folder) / "log", {"SEQTUI_RUNS_DIR": str(Path(folder) / "runs")}
            if not name.startswith("screen"):
                command = [sys.executable, WATCHED, name, str(log), str(self.arguments.hidden), self.arguments.corpus]
                process = self.children.start(command, runs, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL)
                try:
                    self._wait(log, process)
                finally:
                    self.children.end(process)
            else:
                columns, rows = (int(part) for part in name.split()[1].split("x"))
                with self.screen(log, runs, columns, rows) as terminal:
                    self._wait(log, terminal.process)
            return speed(read_log(log), self.warm, self.seconds)

    def screen(self, log: Path, runs: dict[str, str], columns: int, rows: int) -> Terminal:
        """Start the program in a terminal of the given size."""
        words = [self.arguments.corpus, "--hidden", str(self.arguments.hidden)]
        command = [sys.executable, WATCHED, "screen", str(log), *words]
        return Terminal(self.children, command, columns, rows, runs)

    def _wait(self, log: Path, process: subprocess.Popen[bytes]) -> None:
        """Wait until the log covers the measured interval. Raises BenchmarkError."""
        until = time.monotonic() + START
        while not any(line["step"] >= 1 for line in read_log(log)):
            if process.poll() is not None:
                raise BenchmarkError("training ended before its first step")
            if time.monotonic() > until:
                raise BenchmarkError(f"no training step within {START:g} s")
            time.sleep(0.1)
        time.sleep(self.warm + self.seconds + 0.3)


class Keys:
    """Keys with a readable effect, pressed during training."""

    def __init__(self, terminal: Terminal, seed: int, patience: float) -> None:
        self.terminal, self.draw, self.patience = terminal, random.Random(seed), patience
        self._level = 0  # of smoothing

    def press(self) -> float | None:
        """Press one of the two keys at random; return the seconds until its effect is shown, None on timeout."""
        time.sleep(self.draw.uniform(*PAUSE))
        keys, effect = self._playhead() if self.draw.random() < 0.5 else self._smoothing()
        since = self.terminal.end
        pressed = self.terminal.send(keys)
        seen = self.terminal.wait_for(effect, self.patience, since)
        return seen.time - pressed if seen else None

    def _playhead(self) -> tuple[bytes, str]:
        """Return an arrow key and the pattern of the resulting playhead position."""
        shown = self.terminal.find_last(r"playhead +(\d+)/(\d+)")
        assert shown is not None  # `ready` waited for it
        place, last = int(shown[1]), int(shown[2])
        left = place == last or (place > 0 and self.draw.random() < 0.5)
        return (b"\x1b[D", rf"playhead +{place - 1}/") if left else (b"\x1b[C", rf"playhead +{place + 1}/")

    def _smoothing(self) -> tuple[bytes, str]:
        """Return the key that smooths the loss more, at last not at all, and the resulting title."""
        self._level = (self._level + 1) % len(SMOOTHING)
        return b"v", f"log · {SMOOTHING[self._level] if self._level else 'raw'}"

    def ready(self) -> None:
        """Wait until both texts are on the screen. Raises BenchmarkError."""
        for what in (r"playhead +\d+/\d+", re.escape("log · raw")):
            if self.terminal.wait_for(what, START) is None:
                raise BenchmarkError(f"the screen never showed the text of a key: {self.terminal.last_words()}")


def measure_keys(ways: Ways, count: int, patience: float, columns: int, rows: int) -> dict[str, Any]:
    """Press `count` keys; a response that takes longer than `patience` seconds counts as `patience`."""
    with tempfile.TemporaryDirectory(prefix="seqtui-benchmark-", ignore_cleanup_errors=True) as folder:
        log, runs = Path(folder) / "log", {"SEQTUI_RUNS_DIR": str(Path(folder) / "runs")}
        with ways.screen(log, runs, columns, rows) as terminal:
            keys = Keys(terminal, 1, patience)
            keys.ready()
            time.sleep(ways.warm)
            before = read_log(log)[-1]
            answers = [keys.press() for _ in range(count)]
            after = read_log(log)[-1]
    if after["step"] == before["step"]:
        raise BenchmarkError("training made no progress while keys were pressed")
    waited = [patience if answer is None else answer for answer in answers]
    return {
        "columns": columns,
        "lines": rows,
        "keys": count,
        "unanswered": answers.count(None),
        "median": statistics.median(waited),
        "p95": percentile(waited, 95),
        "p99": percentile(waited, 99),
        "most": max(waited),
        "target_p99": TARGET_ANSWER,
        "tokens_per_second": (after["tokens"] - before["tokens"]) / (after["time"] - before["time"]),
        "all": waited,
    }


def measure_speed(ways: Ways, rounds: int) -> list[dict[str, Any]]:
    """Measure every way in every round, every other round in reverse order; ratios are within a round."""
    found: dict[str, list[dict[str, float]]] = {name: [] for name in ways.names()}
    for number in range(rounds):
        for name in ways.names() if number % 2 == 0 else ways.names()[::-1]:
            note(f"round {number + 1} of {rounds}: {name}")
            found[name].append(ways.measure(name))
    rows = []
    for name, all_ in found.items():
        ratios = {
            f"{kind}_ratio": statistics.median(a[kind] / b[kind] for a, b in zip(all_, found["session"], strict=True))
            for kind in ("wall", "training")
        }
        medians = {kind: statistics.median(each[kind] for each in all_) for kind in ("wall", "training")}
        rows.append({"way": name, **medians, **ratios, "rounds": all_})
    return rows


def tables(document: dict[str, Any]) -> Iterator[Table | str]:
    """Yield the speeds relative to the headless session, then the response times."""
    if document["speed"]:
        columns = ("tokens/s, wall clock", "vs session", "tokens/s, training time", "vs session")
        made = table("", *columns)
        for row in document["speed"]:
            wall, training = f"{row['wall']:,.0f}", f"{row['training']:,.0f}"
            made.add_row(row["way"], wall, f"{row['wall_ratio']:.1%}", training, f"{row['training_ratio']:.1%}")
        yield made
        yield f"target: the screen at {TARGET_SHARE:.0%} of the session without a screen, wall clock, all included"
    if document["answers"]:
        answers = document["answers"]
        made = table("", "keys", "median ms", "p95", "p99", "max", "unanswered")
        times = (f"{answers[key] * 1e3:.0f}" for key in ("median", "p95", "p99", "most"))
        name = f"keypress to screen update, {answers['columns']}x{answers['lines']}"
        made.add_row(name, str(answers["keys"]), *times, str(answers["unanswered"]))
        yield made
        yield f"target: {TARGET_ANSWER * 1e3:.0f} ms at the 99th percentile, while training at full speed"


def size(text: str) -> tuple[int, int]:
    """Parse COLUMNSxROWS from the command line."""
    found = re.fullmatch(r"(\d{1,4})x(\d{1,4})", text)
    if not found or int(found[1]) < 100 or int(found[2]) < 30:
        raise argparse.ArgumentTypeError(f"{text!r}: expected COLUMNSxROWS, 100x30 or more, for example 120x36")
    return int(found[1]), int(found[2])


def parse(words: Sequence[str] | None = None) -> argparse.Namespace:
    """Parse the command line."""
    parser = argparse.ArgumentParser(description="Training speed with and without the screen; key response time.")
    add = parser.add_argument
    add("--corpus", default="tales", help="corpus to train on; default: the sample corpus tales")
    add("--hidden", type=positive(int), default=256, help="hidden size of the LSTM; default 256")
    add("--screens", type=size, nargs="+", metavar="SIZE", default=SCREENS, help="screen sizes; default: 120x36 200x50")
    add(
        "--parts", choices=["speed", "keys"], nargs="+", default=["speed", "keys"], help="what to measure; default both"
    )
    add("--rounds", type=positive(int), default=4, help="rounds over all ways to train; default 4")
    add("--seconds", type=positive(float), default=15.0, help="seconds to measure per round and way; default 15")
    add("--warm", type=positive(float), default=4.0, help="seconds of training before measuring; default 4")
    add("--keys", type=positive(int), default=300, help="number of keypresses; default 300")
    add("--patience", type=positive(float), default=3.0, help="seconds to wait for the response to a key; default 3")
    add("--quick", action="store_true", help="use 2 rounds of 5 seconds, and 60 keys")
    add("--json", action="store_true", help="print one JSON document")
    arguments = parser.parse_args(words)
    if arguments.quick:
        arguments.rounds, arguments.seconds, arguments.keys = 2, 5.0, 60
    return arguments


def main() -> None:
    arguments = parse()
    found = machine()
    with Children() as children:
        ways = Ways(children, arguments)
        rows = measure_speed(ways, arguments.rounds) if "speed" in arguments.parts else []
        if "keys" in arguments.parts:
            note(f"pressing {arguments.keys} keys")
        answers = (
            measure_keys(ways, arguments.keys, arguments.patience, *arguments.screens[0])
            if "keys" in arguments.parts
            else {}
        )
    document = {"benchmark": "screen_cost", "machine": found, "corpus": arguments.corpus, "hidden": arguments.hidden,
                "seconds": arguments.seconds, "warm": arguments.warm, "speed": rows, "answers": answers}  # fmt: skip
    tell(document, arguments.json, lambda: tables(document))


if __name__ == "__main__":
    main_guard(main)
