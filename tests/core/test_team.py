"""The team of threads: every item runs once, nobody is waited for who does not come, and all of it ends."""

import contextlib
import ctypes
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numba
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from seqcore import jit
from seqcore.records import I64
from seqcore.team import AWAKE, TEAM, add, load, nap, shared, store, team

from tests.core.compare import threads

COUNTS = [0, 1, 2, 3, 1000]
THREADS = [1, 2, 3, 5, 16]
DEADLINE = 60  # seconds after which something that should happen is given up
NAPS = 20_000  # rounds after which an item gives up waiting: a second or two
POSIX = pytest.mark.skipif(not hasattr(os, "fork"), reason="needs POSIX processes")


def _compiled(function: Callable[..., Any]) -> Any:
    return numba.njit(nogil=True)(function)


@jit.device
def wait_a_while(array: Any, at: Any, least: Any) -> Any:
    """Wait until array[at] >= least; returns False if that takes too long."""
    for _ in range(NAPS):
        if load(array, at) >= least:
            return True
        nap()
    return False


def _count_item(item: Any, worker: Any, runs: Any, workers: Any) -> None:
    add(runs, item, 1)
    workers[item] = max(workers[item], worker)


def _slow_item(item: Any, worker: Any, workers: Any) -> None:
    """Take so long that whoever may come does."""
    for _ in range(10):
        nap()
    workers[item] = worker


def _chain_item(item: Any, worker: Any, totals: Any, done: Any) -> None:
    """Add the item to the total of the one before."""
    if item > 0 and not wait_a_while(done, item - 1, 1):
        return
    totals[item] = item + (totals[item - 1] if item > 0 else 0)
    store(done, item, 1)


@jit.device
def _meet(arrived: Any, workers: Any, item: Any, worker: Any) -> None:
    store(workers, item, worker)
    add(arrived, 0, 1)
    wait_a_while(arrived, 0, workers.size)


def _meet_item(item: Any, worker: Any, arrived: Any, workers: Any) -> None:
    """Wait until as many items run at once as there are; worse than anything a kernel may do."""
    _meet(arrived, workers, item, worker)


def _late_item(item: Any, worker: Any, begun: Any, done: Any) -> None:
    """Two items: the caller is through first, if another worker comes."""
    if worker == 0:
        wait_a_while(begun, 0, 1)
    else:
        store(begun, 0, 1)
        for _ in range(20):
            nap()
    store(done, item, 1)


def _large_item(item: Any, worker: Any, runs: Any, large: Any, size: Any) -> None:
    add(runs, item, 1)
    if item == large:
        runs[item] += np.empty(size, np.int8).size


def _apart_item(item: Any, worker: Any, arrived: Any, workers: Any, who: Any, size: Any) -> None:
    """As `_meet_item`, and fail on one of the workers."""
    _meet(arrived, workers, item, worker)
    if worker == who:
        arrived[0] += np.empty(size, np.int8).size


def _open_item(item: Any, worker: Any, signs: Any) -> None:
    """Say that the region is open, and keep it open until told."""
    store(signs, 0, 1)
    wait_a_while(signs, 1, 1)


def _failing_item(item: Any, worker: Any, signs: Any, size: Any) -> None:
    """Fail, then let the other region end first."""
    if item == 0:
        signs[3] = np.empty(size, np.int8).size
    else:
        store(signs, 1, 1)
        wait_a_while(signs, 2, 1)


count_loop, chain_loop, meet_loop, late_loop = (
    shared(item) for item in (_count_item, _chain_item, _meet_item, _late_item)
)
large_loop, open_loop, failing_loop = (shared(item) for item in (_large_item, _open_item, _failing_item))
slow_loop, apart_loop = shared(_slow_item), shared(_apart_item)


@_compiled
def count(rounds: int, runs: I64, workers: I64, words: I64) -> None:
    for _ in range(rounds):
        count_loop(words, runs.size, (runs, workers))


@_compiled
def chain(totals: I64, done: I64, words: I64) -> None:
    chain_loop(words, totals.size, (totals, done))


@_compiled
def meet(arrived: I64, workers: I64, words: I64) -> None:
    meet_loop(words, workers.size, (arrived, workers))


@_compiled
def late(begun: I64, done: I64, words: I64) -> int:
    """Return how many of two items are done when the loop returns."""
    late_loop(words, 2, (begun, done))
    return load(done, 0) + load(done, 1)  # type: ignore[no-any-return]


@_compiled
def allocate(runs: I64, large: int, size: int, words: I64) -> None:
    large_loop(words, runs.size, (runs, large, size))


@_compiled
def slow(workers: I64, words: I64) -> None:
    slow_loop(words, workers.size, (workers,))


@_compiled
def fail_apart(arrived: I64, workers: I64, who: int, size: int, words: I64) -> None:
    apart_loop(words, workers.size, (arrived, workers, who, size))


@_compiled
def keep_open(signs: I64, words: I64) -> None:
    open_loop(words, 2, (signs,))


@_compiled
def fail(signs: I64, size: int, words: I64) -> None:
    failing_loop(words, 2, (signs, size))


def zeros(size: int) -> I64:
    return np.zeros(size, np.int64)


def check(size: int, rounds: int = 1) -> I64:
    """Run `size` items on the threads in use; returns for each the largest number of a worker that ran it."""
    runs, workers = zeros(size), np.full(size, -1)
    count(rounds, runs, workers, team())
    np.testing.assert_array_equal(runs, rounds)
    assert ((workers >= 0) & (workers < TEAM.threads)).all()
    return workers


def eventually(condition: Callable[[], bool], what: str) -> None:
    until = time.monotonic() + DEADLINE
    while not condition():
        assert time.monotonic() < until, f"{what}: not within {DEADLINE} s"
        time.sleep(0.005)


def all_come() -> bool:
    """Whether every worker takes part in a region; one that is just falling asleep may miss it."""
    workers = np.full(TEAM.threads, -1)
    meet(zeros(1), workers, team())
    return sorted(workers) == list(range(TEAM.threads))


@pytest.mark.parametrize("size", COUNTS)
@pytest.mark.parametrize("number", THREADS)
def test_every_item_runs_once(number: int, size: int) -> None:
    with threads(number):
        workers = check(size)
        check(size, 50)
    if number == 1 or size == 1:
        assert not workers.any(), "the caller alone"


def test_every_item_of_thousands_of_regions_runs_once() -> None:
    for number in (2, 3):
        with threads(number):
            check(300, 4000)


@settings(max_examples=40)
@given(st.lists(st.tuples(st.integers(1, 9), st.integers(0, 40)), min_size=1, max_size=12))
def test_the_number_of_threads_may_change_between_regions(regions: list[tuple[int, int]]) -> None:
    for number, size in regions:
        with threads(number):
            check(size)


@pytest.mark.parametrize("number", [1, 2, 3])
def test_workers_beyond_the_number_of_threads_in_use_stay_out(number: int) -> None:
    """Items have no memory for them."""
    with threads(5):
        eventually(all_come, "five threads at work")
        TEAM.use(number)
        workers = np.full(60, -1)
        slow(workers, team())
    assert ((workers >= 0) & (workers < number)).all()


@pytest.mark.parametrize("number", THREADS)
def test_every_worker_comes_and_has_a_number_of_its_own(number: int) -> None:
    with threads(number):
        eventually(all_come, f"{number} threads at work")


@POSIX
def test_the_caller_is_worker_0() -> None:
    identity = ctypes.CDLL(None).pthread_self
    identity.restype, identity.argtypes = ctypes.c_size_t, ()

    def item(item: Any, worker: Any, arrived: Any, identities: Any) -> None:
        add(arrived, 0, 1)
        wait_a_while(arrived, 0, 3)
        store(identities, worker, np.int64(identity()))

    loop = shared(item)

    @_compiled
    def ask(arrived: I64, identities: I64, words: I64) -> None:
        loop(words, 3, (arrived, identities))

    with threads(3):
        seen = zeros(3)
        ask(zeros(1), seen, team())
    assert seen[0] == threading.get_ident()
    assert threading.get_ident() not in seen[1:]


@pytest.mark.parametrize("number", THREADS)
def test_an_item_may_wait_for_a_lower_one(number: int) -> None:
    with threads(number):
        for size in (2, 3, 200):
            totals = zeros(size)
            chain(totals, zeros(size), team())
            np.testing.assert_array_equal(totals, np.arange(size).cumsum())


def test_the_loop_returns_when_all_items_are_done_not_when_all_are_taken() -> None:
    with threads(2):
        eventually(all_come, "two threads at work")
        for _ in range(30):
            assert late(zeros(1), zeros(2), team()) == 2


def test_two_threads_may_open_regions_at_once() -> None:
    """One of them runs its items alone, and neither takes the other's."""
    sizes, together = (64, 37), threading.Barrier(2)

    def work(size: int) -> None:
        together.wait(DEADLINE)
        check(size, 5000)  # without Python between them
        for _ in range(500):
            check(size)

    with threads(3), ThreadPoolExecutor(2) as pool:
        check(3)  # compiles
        for done in [pool.submit(work, size) for size in sizes]:
            done.result()
        eventually(all_come, "all threads for one again")


def test_two_threads_that_need_workers_at_once_start_one_of_each() -> None:
    script = """
import sys, threading
from seqcore.team import TEAM, team
TEAM.use(9)
sys.setswitchinterval(1e-6)
together = threading.Barrier(4)
def rouse():
    together.wait()
    team()
callers = [threading.Thread(target=rouse) for _ in range(4)]
for caller in callers: caller.start()
for caller in callers: caller.join()
names = sorted(thread.name for thread in threading.enumerate() if thread.name.startswith("seqcore worker"))
print(names == [f"seqcore worker {n}" for n in range(1, 9)] or names)
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=DEADLINE, check=True)
    assert done.stdout.strip() == "True"


def test_idle_workers_fall_asleep_and_wake_for_the_next_region() -> None:
    with threads(3):
        for _ in range(2):
            eventually(all_come, "all at work")
            eventually(lambda: not TEAM.words[AWAKE], "all asleep")
            check(100, 3)
        eventually(lambda: not TEAM.words[AWAKE], "all asleep")
        eventually(all_come, "all at work again")


@pytest.mark.parametrize("number", [1, 2, 5])
def test_an_item_without_memory_raises_and_leaves_the_team_usable(number: int) -> None:
    with threads(number):
        for size, large in ((1, 0), (2, 1), (50, 17)):
            runs = zeros(size)
            with pytest.raises(MemoryError):
                allocate(runs, large, 1 << 50, team())
            np.testing.assert_array_equal(runs, 1)
            allocate(runs, -1, 1 << 50, team())
            check(size, 20)


@pytest.mark.parametrize("who", [0, 1, 2])
def test_it_raises_for_the_caller_whoever_ran_the_item(who: int) -> None:
    def ran() -> bool:
        workers, raised = np.full(3, -1), False
        try:
            fail_apart(zeros(1), workers, who, 1 << 50, team())
        except MemoryError:
            raised = True
        assert raised == (who in workers)
        check(3)
        return raised

    with threads(3):
        eventually(ran, f"worker {who} at work")


def test_a_region_does_not_answer_for_the_items_of_another() -> None:
    """Else the one raises for nothing, and the other returns as if all of its items had run."""
    signs = zeros(4)
    for compile_only in (keep_open, fail):
        compile_only.compile((jit.i8_1, *[jit.i8] * (compile_only is fail), jit.i8_1))

    def first() -> None:
        try:
            keep_open(signs, team())
        finally:
            signs[2] = 1

    with threads(2), ThreadPoolExecutor(2) as pool:
        one = pool.submit(first)
        eventually(lambda: bool(signs[0]), "a region open")
        other = pool.submit(lambda: fail(signs, 1 << 50, team()))
        one.result()
        with pytest.raises(MemoryError):
            other.result()


TRAIN = """
import hashlib, os, signal, sys, threading
import numpy as np
from seqcore import jit, team
from seqcore.optimizer import AdamW
from tests.core import runs

signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell may have set it to be ignored
jit.compile_kernels(jit.kernel_groups("lstm", "train"))
team.TEAM.use(3)
run = runs.start(None, {"hidden": 48}, batch=16)
for _ in range(3):
    run.advance()
"""

FORK = """
def trained():
    for _ in range(3):
        run.advance()
    workers = sum(thread.name.startswith("seqcore worker") for thread in threading.enumerate())
    line = f"{workers} {hashlib.sha256(runs.weights(run)).hexdigest()}"
    os.write(1, (line + chr(10)).encode())  # in one piece: five processes write to one pipe

done = threading.Event()

def measure():  # has a region open most of the time
    other, g = AdamW(100_000), np.ones(100_000, np.float32)
    while not done.is_set():
        other.norm(g)

beside = threading.Thread(target=measure)
beside.start()
children = []
for _ in range(4):
    child = os.fork()
    if child == 0:
        trained()
        sys.exit(7)  # the usual way out, with everything it waits for
    children.append(child)
done.set()
beside.join()
trained()
assert [os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children] == [7] * 4
"""


@contextlib.contextmanager
def started(script: str) -> Iterator[subprocess.Popen[str]]:
    """Run a script in a group of processes of its own, and kill what is left of it."""
    process = subprocess.Popen(
        [sys.executable, "-c", script],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    try:
        yield process
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.communicate()


def gone(group: int) -> bool:
    """Whether no process of the group is left, nor a thread of its first."""
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return not os.path.exists(f"/proc/{group}/task")
    return False


@POSIX
@pytest.mark.usefixtures("kernels")
def test_a_forked_process_has_workers_of_its_own_and_ends_normally() -> None:
    with started(TRAIN + FORK) as process:
        told, errors = process.communicate(timeout=2 * DEADLINE)
        assert process.returncode == 0, errors
        lines = told.splitlines()
        assert len(lines) == 5
        assert len(set(lines)) == 1, "the children train as their parent does"
        assert lines[0].startswith("2 ")


@POSIX
@pytest.mark.usefixtures("kernels")
@pytest.mark.parametrize("end", ["by itself", "SIGINT", "SIGKILL"])
def test_a_process_with_workers_ends_and_leaves_nothing_running(end: str) -> None:
    rest = "\nprint('training', flush=True)\n" + ("" if end == "by itself" else "while True: run.advance()\n")
    with started(TRAIN + rest) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "training\n"
        if end != "by itself":
            process.send_signal(getattr(signal, end))
        errors = process.communicate(timeout=DEADLINE)[1]
        if end == "by itself":
            assert (process.returncode, errors) == (0, "")
        elif end == "SIGINT":
            assert process.returncode != 0
            assert "KeyboardInterrupt" in errors.splitlines()[-1]
        else:
            assert process.returncode == -signal.SIGKILL
        eventually(lambda: gone(process.pid), "all of it gone")
