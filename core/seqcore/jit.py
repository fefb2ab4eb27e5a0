"""The only place that knows Numba: its options, its threads, its cache folder, and the list of kernels.

A *kernel* is a compiled function that Python calls; its signature is written down, so that all kernels can be
compiled before the first step, visibly, and none by surprise in the middle of one. A *device* function is called
by kernels only and compiled into each of them.

Measured reasons for the options:

- ``error_model="numpy"``: Python's model raises on x / 0, and that early exit stops LLVM from vectorising every loop
  that divides (tanh: 2.1 ns an element with it, 0.3 without).
- ``fastmath``: ``contract`` allows fused multiply-add; ``reassoc`` lets sums be split over lanes and is given only
  where sums are. Never ``True``: that promises LLVM that there are no NaNs, and it deletes the tests for them.
- ``nogil``: the screen's thread runs while kernels do.
"""

import contextlib
import hashlib
import os
import re
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

# GNU OpenMP reads this once, when it is loaded. Workers that wait between parallel regions spin only briefly: at
# 20,000 rounds nothing is lost at any size, fully passive costs 0.3 ms a step, and the default burns a core.
os.environ.setdefault("GOMP_SPINCOUNT", "20000")

import llvmlite.binding as llvm
import numba
import numpy as np
from llvmlite import ir
from numba import config as numba_config
from numba import types
from numba.core import codegen
from numba.extending import intrinsic
from platformdirs import user_cache_path

from seqcore.compilers import COMPILERS
from seqcore.errors import SeqError
from seqcore.records import CompileProgress

if numba_config.CPU_NAME and numba_config.CPU_FEATURES is None:
    numba_config.CPU_FEATURES = ""  # a named CPU brings its own features, not this host's

f4, i4, i8, u4, boolean = types.float32, types.int32, types.int64, types.uint32, types.boolean
f8, f8_1 = types.float64, types.float64[::1]
f1, f2, f3 = f4[::1], f4[:, ::1], f4[:, :, ::1]
i1 = i4[::1]
i8_1 = i8[::1]
void = types.void

F = TypeVar("F", bound=Callable[..., Any])

CACHE_VARIABLE = "SEQTUI_CACHE_DIR"
_FOLDER = re.compile(r"[0-9a-f]{12}-[0-9a-f]{8}")  # of the sources, of the host


# What a parallel kernel is called with: [the next chunk to claim, how many workers to start]. (Numba's own
# get_num_threads inside a kernel reads a C pointer, and such a kernel cannot be cached.) Used by the one thread that
# runs parallel kernels.
TEAM = np.array([0, numba_config.NUMBA_NUM_THREADS], np.int64)


@dataclass(frozen=True)
class Kernel:
    """A compiled function: what people call it, what it takes, and the groups that need it, separated by spaces.

    "train" and "look" are for every family of models, "train-gru" for one; see `kernel_groups`.
    """

    label: str
    group: str
    signature: Any
    dispatcher: Any

    @property
    def name(self) -> str:
        """As the cache folder calls it: file.function."""
        function = self.dispatcher.py_func
        name = f"{function.__module__.rsplit('.', 1)[-1]}.{function.__qualname__}"
        return name.replace("<", "").replace(">", "")

    @property
    def kept(self) -> tuple[str, str]:
        """Where its machine code is kept, and its name there; see `_cached`."""
        return str(self.dispatcher.stats.cache_path), self.name

    @property
    def compiled(self) -> bool:
        """True once machine code for its signature is in this process."""
        return self.signature.args in self.dispatcher.overloads

    def needed_by(self, groups: Sequence[str] | None) -> bool:
        """True if one of `groups` needs it; None stands for all groups."""
        return groups is None or any(name in groups for name in self.group.split())


KERNELS: list[Kernel] = []


def host() -> tuple[str, str]:
    """The CPU's name and features that code is made for, as LLVM writes them."""
    name = numba_config.CPU_NAME or llvm.get_host_cpu_name()
    features = numba_config.CPU_FEATURES if numba_config.CPU_FEATURES is not None else codegen.get_host_cpu_features()
    return name, features


def _sources_digest() -> str:
    """A hash of every source file that may hold kernels: Numba does not notice a change in an imported file."""
    digest = hashlib.sha256()
    for path in sorted(Path(__file__).parent.rglob("*.py")):
        source = path.read_bytes()
        if b"seqcore.jit" in source or path == Path(__file__):
            digest.update(path.name.encode() + b"\0" + source)
    return digest.hexdigest()[:12]


def _writable(folder: Path) -> bool:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            return True
    except OSError:
        return False


def _cache_folder() -> Path:
    """Where machine code is kept: the user's cache folder, or a temporary one if that cannot be written."""
    name, features = host()
    setup = f"{name}|{features}|{numba.__version__}|{numba_config.BOUNDSCHECK}|{numba_config.OPT}"
    folder = f"{_sources_digest()}-{hashlib.sha256(setup.encode()).hexdigest()[:8]}"
    chosen = os.environ.get(CACHE_VARIABLE)
    root = Path(chosen) if chosen else user_cache_path("seqtui", appauthor=False)
    if _writable(root / "kernels" / folder):
        return root / "kernels" / folder
    if hasattr(os, "getuid"):  # a folder of a known name in a place for everybody must be our own
        fallback = Path(tempfile.gettempdir()) / f"seqtui-{os.getuid()}"
        if _writable(fallback / folder) and fallback.stat().st_uid == os.getuid() and not fallback.is_symlink():
            return fallback / folder
    lone = Path(tempfile.mkdtemp(prefix="seqtui-")) / folder
    lone.mkdir()
    return lone


def _forget_old(folder: Path, days: int = 60) -> None:
    """Say that `folder` is in use, and remove the machine code of versions that nobody used for so long."""
    with contextlib.suppress(OSError):
        os.utime(folder)
        for sibling in folder.parent.iterdir():
            ours = _FOLDER.fullmatch(sibling.name)  # whatever else lies there is not ours to remove
            if ours and time.time() - sibling.stat().st_mtime > days * 86_400:
                shutil.rmtree(sibling, ignore_errors=True)


CACHE_FOLDER = _cache_folder()


@contextlib.contextmanager
def _caching_here() -> Iterator[None]:
    """Numba asks for its cache folder while it decorates: ours for our kernels, untouched for anybody else's."""
    before = numba_config.CACHE_DIR
    numba_config.CACHE_DIR = str(CACHE_FOLDER)
    try:
        yield
    finally:
        numba_config.CACHE_DIR = before


def device(function: F) -> F:
    """A function for kernels to call; pure arithmetic on arrays, where sums may be split over lanes."""
    compiled: F = numba.njit(nogil=True, error_model="numpy", fastmath={"contract", "reassoc"})(function)
    return compiled


def elementwise(function: F) -> F:
    """A function of scalars, inlined where it is called so that the loop around it vectorises."""
    compiled: F = numba.njit(nogil=True, error_model="numpy", fastmath={"contract"}, inline="always")(function)
    return compiled


def kernel(label: str, group: str, signature: Any, *, parallel: bool = False) -> Callable[[Callable[..., Any]], Any]:
    """Register a kernel. `label` is shown while it compiles; `group` says which parts of the program need it."""

    def register(function: Callable[..., Any]) -> Any:
        with _caching_here():
            dispatcher = numba.njit(
                nogil=True, error_model="numpy", fastmath={"contract", "reassoc"}, cache=True, parallel=parallel
            )(function)
        KERNELS.append(Kernel(label, group, signature, dispatcher))
        return dispatcher

    return register


def compile_kernels(
    groups: Sequence[str] | None = None,
    report: Callable[[CompileProgress], None] | None = None,
    soon: Sequence[str] = (),
    stop: Callable[[], bool] = lambda: False,
) -> int:
    """Compile, or load from the cache, every kernel of `groups` (all if None); returns how many were missing.

    A compiled kernel is closed: a call with other types than the registered ones raises TypeError rather than
    compiling for seconds in the middle of a step. `report` is told before each kernel and once at the end. Other
    processes compile, and go on with the kernels of the groups `soon`, which are not waited for: see `compilers`.
    Where `stop` says that nobody needs them any more, the rest is left.
    """
    wanted = [k for k in KERNELS if k.needed_by(groups) and not k.compiled]
    later = [k for k in KERNELS if k.needed_by(soon) and not k.compiled and k not in wanted]
    names = tuple(k.label for k in wanted)
    _forget_old(CACHE_FOLDER)
    known = _cached()
    COMPILERS.ask(entry.name for entry in (*wanted, *later) if entry.kept not in known)
    for done, entry in enumerate(wanted):
        if report:
            report(CompileProgress(done, len(wanted), names))
        COMPILERS.wait_for(entry.name, stop)
        if stop():
            return len(wanted)
        entry.dispatcher.compile(entry.signature)
    for entry in KERNELS:
        if entry.compiled:  # also one that was called, and so compiled, before
            entry.dispatcher.disable_compile()
    if report:
        report(CompileProgress(len(wanted), len(wanted), names))
    return len(wanted)


def kernel_groups(family: str, *roles: str) -> list[str]:
    """The groups that a family of models needs for those roles ("train", "look"): its own, and what all share."""
    return [*roles, *(f"{role}-{family}" for role in roles)]


def cached(groups: Sequence[str] | None = None) -> bool:
    """True if every kernel of `groups` was compiled on this machine before, as far as the cache folder tells."""
    known = _cached()
    return all(entry.kept in known for entry in KERNELS if entry.needed_by(groups))


def _cached() -> set[tuple[str, str]]:
    """Folder and name of the kernels that there is an index of; Numba calls it file.function-line.version.nbi.

    Numba has a folder for each place where sources lie: what another installation compiled, this one cannot load.
    """
    return {(str(path.parent), path.name.split("-")[0]) for path in CACHE_FOLDER.rglob("*.nbi")}


def set_threads(count: int | None) -> int:
    """Use `count` threads from now on (all cores if None or 0); returns how many. Raises SeqError.

    Only one thread of the process may run parallel kernels; call this from that thread.
    """
    most = int(numba_config.NUMBA_NUM_THREADS)
    if not count:
        count = most
    if not 1 <= count <= most:
        raise SeqError(f"--threads {count}: this machine runs 1 to {most} threads")
    numba.set_num_threads(count)
    TEAM[1] = count
    return count


def available_threads() -> int:
    """How many threads there are to use."""
    return int(numba_config.NUMBA_NUM_THREADS)


def threading_layer() -> str:
    """The name of Numba's thread layer (omp, tbb or workqueue); empty before the first parallel kernel ran."""
    try:
        return str(numba.threading_layer())
    except ValueError:
        return ""


@intrinsic  # type: ignore[untyped-decorator]  # Numba ships no types
def claim(typingctx: Any, team: Any) -> Any:
    """team[0]++, atomically; returns the value before. Workers claim chunks of work with it.

    Which worker gets which chunk varies; what a chunk computes does not, so results keep their bits.
    """
    signature = types.int64(team)

    def codegen_claim(context: Any, build: Any, signature: Any, args: Any) -> Any:
        data = context.make_array(signature.args[0])(context, build, args[0]).data
        return build.atomic_rmw("add", data, ir.Constant(ir.IntType(64), 1), "monotonic")

    return signature, codegen_claim
