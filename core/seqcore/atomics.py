"""What threads that share an array of words need: reading and writing in one piece and in order, and waiting."""

import platform
import sys
from typing import Any

from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from seqcore.jit import device

MACHINE = platform.machine().lower()
PATIENCE = 300  # rounds of waiting before the first nap: then the other's thread may need this core
NAP = 30  # microseconds asked for; Linux adds some 50, or 5 for threads with `team.prompt` naps


def word(build, context, signature, array, at):
    """Return the address of array[at]; the array is the first argument of `signature`."""
    data = context.make_array(signature.args[0])(context, build, array).data
    return build.gep(data, [at])


@intrinsic
def load(typingctx, array, at):
    """Return array[at], and see what other threads wrote before they wrote it."""

    def codegen(context, build, signature, args):
        return build.load_atomic(word(build, context, signature, *args), "seq_cst", 8)

    return types.int64(array, types.intp), codegen


def _make_store(ordering: str) -> Any:
    """Return an intrinsic that sets array[at], with one of LLVM's orderings."""

    @intrinsic
    def put(typingctx, array, at, value):
        def codegen(context, build, signature, args):
            build.store_atomic(args[2], word(build, context, signature, *args[:2]), ordering, 8)
            return context.get_dummy_value()

        return types.void(array, types.intp, types.int64), codegen

    return put


store = _make_store("seq_cst")  # after everything written before, and before anything read after
release = _make_store("release")  # after everything written before, without waiting until that is done


@intrinsic
def add(typingctx, array, at, value):
    """Add to array[at] in one piece; returns the value before."""

    def codegen(context, build, signature, args):
        return build.atomic_rmw("add", word(build, context, signature, *args[:2]), args[2], "seq_cst")

    return types.int64(array, types.intp, types.int64), codegen


@intrinsic
def change(typingctx, array, at, before, after):
    """Set array[at] to `after` if it is `before`, in one piece; returns whether it was."""

    def codegen(context, build, signature, args):
        found = build.cmpxchg(word(build, context, signature, *args[:2]), args[2], args[3], "acq_rel", "monotonic")
        return build.extract_value(found, 1)

    return types.boolean(array, types.intp, types.int64, types.int64), codegen


def _external(module, name, result, *arguments):
    found = module.globals.get(name)
    return found or ir.Function(module, ir.FunctionType(result, arguments), name)


@intrinsic
def pause(typingctx):
    """Tell the core that this thread is spinning: some 50 nanoseconds on x86."""

    def codegen(context, build, signature, args):
        if MACHINE in ("x86_64", "amd64"):
            build.call(_external(build.module, "llvm.x86.sse2.pause", ir.VoidType()), [])
        elif MACHINE in ("aarch64", "arm64"):
            hint = _external(build.module, "llvm.aarch64.hint", ir.VoidType(), ir.IntType(32))
            build.call(hint, [ir.IntType(32)(1)])
        return context.get_dummy_value()

    return types.void(), codegen


@intrinsic
def nap(typingctx):
    """Give the core away for as short a time as the system knows: 35 to 80 microseconds on Linux."""

    def codegen(context, build, signature, args):
        i32 = ir.IntType(32)
        if sys.platform == "win32":
            build.call(_external(build.module, "Sleep", ir.VoidType(), i32), [i32(1)])
        else:
            build.call(_external(build.module, "usleep", i32, i32), [i32(NAP)])
        return context.get_dummy_value()

    return types.void(), codegen


@device
def wait_until(array, at, value):
    """Wait until array[at] == value."""
    spins = 0
    while load(array, at) != value:
        spins += 1
        if spins < PATIENCE:
            pause()
        else:
            nap()
