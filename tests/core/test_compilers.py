"""Background compiler processes: which kernels are waited for, and what happens to those they do not compile."""

import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from seqcore.compilers import Compilers

ANSWER = "for line in __import__('sys').stdin: print(line, end='', flush=True)"
# Logs each name with its process id, and answers once a file of that name exists in the folder.
SLOW = """
import os, pathlib, sys, time
for line in sys.stdin:
    name = line.strip()
    with open("done", "a") as file:
        file.write(f"{name} {os.getpid()}\\n")
    while not pathlib.Path(name).exists():
        time.sleep(0.01)
    print(line, end="", flush=True)
"""


def of(program: str) -> Compilers:
    """Compilers that run `program` instead."""
    compilers = Compilers()
    compilers.command = [sys.executable, "-c", program]
    return compilers


def waiting(compilers: Compilers, name: str, stop: Callable[[], bool] = lambda: False) -> threading.Event:
    """An event that is set once `wait_for(name)` returns."""
    passed = threading.Event()
    threading.Thread(target=lambda: (compilers.wait_for(name, stop), passed.set()), daemon=True).start()
    return passed


@pytest.fixture
def slow(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Compilers]:
    """Two compiler processes that finish a kernel only when the test allows it."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(os, "cpu_count", lambda: 2)
    compilers = of(SLOW)
    yield compilers
    compilers.stop()


def lives(process: int) -> bool:
    """Whether the process is running."""
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    return True


def taken(count: int) -> list[list[str]]:
    """Wait until `count` names were started, then return every [name, process id] so far."""
    path = Path("done")
    while not path.exists() or len(path.read_text().splitlines()) < count:
        threading.Event().wait(0.01)
    return [line.split() for line in path.read_text().splitlines()]


def test_two_work_at_a_time_each_takes_the_next_and_all_are_waited_for(slow: Compilers) -> None:
    slow.ask(["a", "b", "c"])
    (first, one), (second, other) = taken(2)
    assert {first, second} == {"a", "b"}
    assert one != other
    assert not waiting(slow, "a").wait(0.1)
    slow.wait_for("never asked for")
    Path("b").touch()
    slow.wait_for("b")
    process = {first: one, second: other}["b"]
    assert taken(3)[2] == ["c", process], "the one that is free goes on"
    assert not waiting(slow, "c").wait(0.1)
    Path("a").touch()
    Path("c").touch()
    slow.wait_for("a")
    slow.wait_for("c")


def test_what_is_asked_for_later_comes_after_it_and_nothing_twice(slow: Compilers) -> None:
    slow.ask(["a", "b", "c"])
    taken(2)
    slow.ask(["c", "a", "d"])
    for name in "abcd":
        Path(name).touch()
    for name in "abcd":
        slow.wait_for(name)
    assert sorted(name for name, _ in taken(4)) == ["a", "b", "c", "d"]


def test_they_end_when_nothing_is_left_and_others_begin_when_there_is_more(slow: Compilers) -> None:
    for name in "abcd":
        Path(name).touch()
    slow.ask(["a", "b"])
    slow.wait_for("a")
    slow.wait_for("b")
    for _, process in taken(2):
        while lives(int(process)):
            threading.Event().wait(0.01)
    slow.ask(["c", "d"])
    slow.wait_for("c")
    slow.wait_for("d")
    assert len(taken(4)) == 4


@pytest.mark.parametrize("program", ["raise SystemExit(3)", "input(); raise SystemExit(3)"])
def test_what_a_process_that_ends_has_not_done_is_left_to_who_waits(program: str) -> None:
    compilers = of(program)
    compilers.ask(["a", "b", "c", "d", "e", "f"])
    for name in "fedcba":
        assert waiting(compilers, name).wait(60)


def test_stopping_ends_them_and_leaves_the_rest(slow: Compilers) -> None:
    slow.ask(["a", "b", "c"])
    taken(2)
    slow.stop()
    for name in "abc":
        assert waiting(slow, name).wait(60)
    assert len(taken(2)) == 2


def test_nobody_waits_who_has_another_thing_to_do(slow: Compilers) -> None:
    slow.ask(["a", "b"])
    taken(2)
    leaving = threading.Event()
    passed = waiting(slow, "a", leaving.is_set)
    assert not passed.wait(0.3)
    leaving.set()
    assert passed.wait(60)


def test_one_alone_and_all_of_them_where_there_is_no_process_are_left_to_the_caller(tmp_path: Path) -> None:
    compilers = of(ANSWER)
    compilers.ask(["a"])
    assert waiting(compilers, "a").wait(60)
    compilers.command = [str(tmp_path / "no such program")]
    compilers.ask(["a", "b"])
    assert waiting(compilers, "b").wait(60)
    compilers.command = []
    compilers.ask(["a", "b"])
    assert waiting(compilers, "b").wait(60)


def test_the_program_that_they_run_answers_every_name_and_nothing_of_the_folder_one_is_in_is_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "numba.py").write_text("import pathlib; pathlib.Path('ran').write_text('')")
    monkeypatch.chdir(tmp_path)
    names = "no such kernel\nrnn.scan_forward\n"
    done = subprocess.run(Compilers().command, input=names, capture_output=True, text=True, check=True, timeout=300)
    assert done.stdout == names
    assert not (tmp_path / "ran").exists()
