"""The threads that run parallel kernels: a small team of our own, which never waits for a worker that has not come.

A parallel kernel splits its work into items and calls the loop that `shared` makes. The calling thread and every worker
that is awake claim items until none is left; the call returns once all items are done. A worker that the system does
not run at that moment takes no item, so nobody waits for it: beside another busy process a training keeps most of its
speed (`benchmarks/beside_others.py`). A region of OpenMP, by contrast, ends when its last thread has come and gone.

Which worker runs which item varies; what an item computes does not, so results are bit-identical for any number of
threads. Nothing is summed across items.

Workers are threads that run `serve`, which holds no lock of Python's. After a region they watch for the next one, first
spinning, then in naps of some 35 microseconds, which leave the core to others; after some 0.2 seconds they go to sleep,
and `team()` wakes them.

One thread at a time may open a region; a second one that tries runs its items alone.
"""

import contextlib
import ctypes
import os
import sys
import threading
from collections.abc import Callable
from typing import Any

import numpy as np
from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from seqcore.atomics import add, change, load, nap, pause, store, wait_until, word
from seqcore.cores import most_threads
from seqcore.errors import SeqError
from seqcore.jit import device, i8, i8_1, kernel, void
from seqcore.records import I64

# Places in the array that all threads share. Each has two cache lines of its own, so that writing one does not slow
# down the readers of another.
WANTED = 0  # threads in use, the caller included
CLAIMED = 16  # the next item
OPEN = 32  # number of the region that may be entered; 0 if none
JOB = 48  # address of the function, address of its arguments, number of items
INSIDE = 64  # workers inside the region
AWAKE = 80  # workers that watch for regions
FAILED = 96  # 1 if an item of the open region could not allocate memory on a worker
OPENED = 112  # regions opened so far
OWNED = 128  # 1 while a thread has a region open
SIZE = 144

SPINS = 2000  # rounds of watching for the next region before the first nap: about 0.1 ms
IDLE = 5000  # naps before sleep: about 0.2 s on Linux
PR_SET_TIMERSLACK = 29  # of prctl, Linux


def _borrowed(context, build, kind, value):
    """Return an argument without reference counts, for arrays that the caller keeps alive.

    The count of an array is one word for all threads. Slices count up and down, and two cores that do so at the same
    time hand the word's line to and fro: 2 microseconds per timestep of a scan.
    """
    if isinstance(kind, types.Array):
        array = context.make_array(kind)(context, build, value)
        for name in ("meminfo", "parent"):
            setattr(array, name, ir.Constant(getattr(array, name).type, None))
        return array._getvalue()
    if isinstance(kind, types.BaseTuple):
        for n, part in enumerate(kind.types):
            value = build.insert_value(value, _borrowed(context, build, part, build.extract_value(value, n)), n)
    return value


def _runner(context, builder, body, signature, packed):
    """Return a new function (arguments, claimed, count, worker): claim items and run them until none is left.

    `arguments` points to the tuple of what `body` takes after the item and the worker, `claimed` to the next item.
    The function returns 1 if an item failed that it ran, else 0.
    """
    i64, pointer, words = ir.IntType(64), ir.IntType(8).as_pointer(), ir.IntType(64).as_pointer()
    kind = ir.FunctionType(i64, [pointer, words, i64, i64])
    function = ir.Function(builder.module, kind, builder.module.get_unique_name("seqcore.items"))
    function.linkage = "internal"
    arguments, claimed, count, worker = function.args
    build = ir.IRBuilder(function.append_basic_block("entry"))
    result = build.alloca(i64)
    build.store(i64(0), result)
    values = build.load(build.bitcast(arguments, packed.as_pointer()))
    loop, run, failed, done = (function.append_basic_block(part) for part in ("claim", "run", "failed", "done"))
    build.branch(loop)
    build.position_at_end(loop)
    item = build.atomic_rmw("add", claimed, i64(1), "monotonic")
    build.cbranch(build.icmp_signed("<", item, count), run, done)
    build.position_at_end(run)
    fields = [
        _borrowed(context, build, kind, build.extract_value(values, n)) for n, kind in enumerate(signature.args[2:])
    ]
    compiled = body.overloads[signature.args]
    callee = context.declare_function(builder.module, compiled.fndesc)
    context.active_code_library.add_linking_library(compiled.library)
    status, _ = context.call_conv.call_function(
        build, callee, signature.return_type, signature.args, [item, worker, *fields]
    )
    build.cbranch(status.is_error, failed, loop)
    build.position_at_end(failed)
    build.store(i64(1), result)
    build.branch(loop)
    build.position_at_end(done)
    build.ret(build.load(result))
    return function


def _job_of(body):
    """Return an intrinsic (arguments): the addresses of a function that runs items of `body`, of its arguments, and of
    a counter at 0. They are valid until the calling function returns."""

    @intrinsic
    def job(typingctx, arguments):
        own = types.Dispatcher(body).get_call_type(typingctx, (types.int64, types.int64, *arguments.types), {})

        def codegen(context, build, signature, args):
            i64 = ir.IntType(64)
            slot, counter = build.alloca(args[0].type), build.alloca(i64)
            build.store(args[0], slot)
            build.store(i64(0), counter)
            function = _runner(context, build, body, own, args[0].type)
            addresses = [build.ptrtoint(pointer, i64) for pointer in (function, slot, counter)]
            return context.make_tuple(build, signature.return_type, addresses)

        return types.UniTuple(types.int64, 3)(arguments), codegen

    return job


@intrinsic
def _run(typingctx, function, arguments, claimed, count, worker):
    """Call the function of a job, and return what it returns; see `_runner`."""

    def codegen(context, build, signature, args):
        i64, pointer, words = ir.IntType(64), ir.IntType(8).as_pointer(), ir.IntType(64).as_pointer()
        kind = ir.FunctionType(i64, [pointer, words, i64, i64])
        address, at, counter, count, worker = args
        return build.call(
            build.inttoptr(address, kind.as_pointer()),
            [build.inttoptr(at, pointer), build.inttoptr(counter, words), count, worker],
        )

    return types.int64(*(types.int64,) * 5), codegen


@intrinsic
def _address(typingctx, array, at):
    """Return the address of array[at]."""

    def codegen(context, build, signature, args):
        return build.ptrtoint(word(build, context, signature, *args), ir.IntType(64))

    return types.int64(array, types.intp), codegen


def shared(function: Callable[..., None]) -> Any:
    """Make a function (item, worker, ...) the loop over its items, shared among the team: run(team, count, (...)).

    The loop, for kernels to call, runs every item in [0, count) on all workers that come, and then returns. `worker` is
    0 for the calling thread and below the number of threads for the others: an item finds memory of its own with it.
    Items are claimed in rising order: one may wait for a lower one, never for a higher one.
    The loop raises MemoryError if an item could not allocate memory.
    """
    job = _job_of(device(function))

    @device
    def run(team, count, arguments):
        address, at, alone = job(arguments)
        if team[WANTED] < 2 or count < 2 or not change(team, OWNED, 0, 1):
            failed = _run(address, at, alone, count, 0)
        else:
            team[JOB], team[JOB + 1], team[JOB + 2] = address, at, count
            team[CLAIMED] = team[FAILED] = 0
            team[OPENED] += 1
            store(team, OPEN, team[OPENED])
            failed = _run(address, at, _address(team, CLAIMED), count, 0)
            store(team, OPEN, 0)
            wait_until(team, INSIDE, 0)
            failed += load(team, FAILED)
            store(team, OWNED, 0)
        if failed:
            raise MemoryError("a worker ran out of memory")

    return run


@kernel("workers", "train", void(i8_1, i8))
def serve(team, worker):
    """Take part in every region as number `worker`, until none has been opened for IDLE naps."""
    seen, idle = np.int64(0), 0
    claimed = _address(team, CLAIMED)
    add(team, AWAKE, 1)
    while idle < SPINS + IDLE:
        region = load(team, OPEN)
        if region == 0 or region == seen or worker >= team[WANTED]:
            idle += 1
            if idle < SPINS:
                pause()
            else:
                nap()
            continue
        add(team, INSIDE, 1)
        if load(team, OPEN) == region:  # the caller waits for us from here on
            failed = _run(team[JOB], team[JOB + 1], claimed, team[JOB + 2], worker)
            if failed:
                store(team, FAILED, 1)
        add(team, INSIDE, -1)
        seen, idle = region, 0
    add(team, AWAKE, -1)


def prompt() -> None:
    """Let the naps of the calling thread end on time, where the system can do that.

    Linux may wake a sleeping thread 50 microseconds late, to save power by waking several at once.
    """
    if sys.platform == "linux":
        with contextlib.suppress(OSError, AttributeError):
            ctypes.CDLL(None).prctl(PR_SET_TIMERSLACK, 1000, 0, 0, 0)  # nanoseconds


class Team:
    """The worker threads, started when they are first needed; they end with the process."""

    def __init__(self, threads: int) -> None:
        self.words: I64 = np.zeros(SIZE, np.int64)
        self.words[WANTED] = threads
        self._calls: list[threading.Event] = []
        self._starting = threading.Lock()  # two threads at once would start two workers of one number
        self._awake = self.words.data[AWAKE : AWAKE + 1]
        self.threads = self.most = threads
        self.free = False  # whether a training may choose a smaller number, if that is faster
        if hasattr(os, "register_at_fork"):
            os.register_at_fork(after_in_child=self._alone)

    def use(self, threads: int) -> None:
        """Use that many threads from now on, the calling one included."""
        self.threads = self.words[WANTED] = threads

    def ready(self) -> I64:
        """Return the array that kernels take, with the workers awake."""
        if self._awake[0] < self.threads - 1:
            self._rouse()
        return self.words

    def _rouse(self) -> None:
        with self._starting:
            while len(self._calls) < self.threads - 1:
                call, worker = threading.Event(), len(self._calls) + 1
                name = f"seqcore worker {worker}"
                threading.Thread(target=self._work, args=(call, worker), name=name, daemon=True).start()
                self._calls.append(call)
        for call in self._calls[: self.threads - 1]:
            call.set()

    def _work(self, call: threading.Event, worker: int) -> None:
        words = self.words
        prompt()
        while True:
            call.wait()
            call.clear()
            serve(words, worker)

    def _alone(self) -> None:
        """Forget the workers in a forked process, which has none."""
        self._starting = threading.Lock()  # another thread may have held it
        self._calls.clear()
        self.words[[OPEN, INSIDE, AWAKE, OWNED]] = 0


TEAM = Team(most_threads())


def team() -> I64:
    """Return the array of the team that every parallel kernel takes as its last argument, with the workers awake."""
    return TEAM.ready()


def set_threads(count: int | None) -> int:
    """Use `count` threads from now on; returns the count. Raises SeqError if out of range.

    If None or 0, use as many as `cores.most_threads`, or fewer where a training finds that faster; see `threads`.
    """
    most = most_threads()
    if count is not None and not 0 <= count <= most:
        raise SeqError(f"--threads {count}: this machine runs 1 to {most} threads")
    TEAM.most, TEAM.free = count or most, not count
    TEAM.use(TEAM.most)
    return TEAM.threads
