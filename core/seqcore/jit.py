"""Numba setup in one place: compile options, cache folder, and the list of kernels.

A *kernel* is a compiled function that is called from Python. Its signature is declared, so all kernels can be compiled
before the first step with visible progress, and none unexpectedly during a step. A *device* function is called only by
kernels and compiled into each of them.

Measured reasons for the options:

- ``error_model="numpy"``: Python's model raises on x / 0, and that early exit stops LLVM from vectorising every loop
  that divides (tanh: 2.1 ns per element with it, 0.3 without).
- ``fastmath``: ``contract`` allows fused multiply-add; ``reassoc`` allows sums to be split over lanes and is set only
  for functions with sums. Never ``True``: that tells LLVM that there are no NaNs, and it removes the checks for them.
- ``nogil``: the UI thread keeps running while kernels run.
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

import llvmlite.binding as llvm
import numba
from numba import config as numba_config
from numba import types
from numba.core import codegen
from platformdirs import user_cache_path

from seqcore.compilers import COMPILERS
from seqcore.device_code import DeviceCompiler, KernelCompiler
from seqcore.records import CompileProgress

if numba_config.CPU_NAME and numba_config.CPU_FEATURES is None:
    numba_config.CPU_FEATURES = ""  # use the features of the named CPU, not this host's
if numba_config.CPU_FEATURES is None and "+avx512f" in (_features := codegen.get_host_cpu_features()).split(","):
    # LLVM avoids vectors of 512 bits where they once lowered the clock; the tile uses them anyway, and with them the
    # gates of an LSTM take 2.7 ns instead of 3.4 (Emerald Rapids).
    numba_config.CPU_FEATURES = f"{_features},-prefer-256-bit"

f4, i4, i8, u4, boolean = types.float32, types.int32, types.int64, types.uint32, types.boolean
f8, f8_1 = types.float64, types.float64[::1]
f1, f2, f3 = f4[::1], f4[:, ::1], f4[:, :, ::1]
i1 = i4[::1]
i8_1 = i8[::1]
void = types.void

F = TypeVar("F", bound=Callable[..., Any])

CACHE_VARIABLE = "SEQTUI_CACHE_DIR"
_FOLDER = re.compile(r"[0-9a-f]{12}-[0-9a-f]{8}")  # digests of the sources and of the host


@dataclass(frozen=True)
class Kernel:
    """A compiled function: its label, its signature, and the groups that need it, separated by spaces.

    "train" and "look" apply to all model families, "train-gru" to one; see `kernel_groups`.
    """

    label: str
    group: str
    signature: Any
    dispatcher: Any

    @property
    def name(self) -> str:
        """Its name in the cache folder: file.function."""
        function = self.dispatcher.py_func
        name = f"{function.__module__.rsplit('.', 1)[-1]}.{function.__qualname__}"
        return name.replace("<", "").replace(">", "")

    @property
    def kept(self) -> tuple[str, str]:
        """The folder of its cached machine code and its name there; see `_cached`."""
        return str(self.dispatcher.stats.cache_path), self.name

    @property
    def compiled(self) -> bool:
        """True once machine code for its signature is loaded in this process."""
        return self.signature.args in self.dispatcher.overloads

    def needed_by(self, groups: Sequence[str] | None) -> bool:
        """Return whether one of `groups` needs it; None means all groups."""
        return groups is None or any(name in groups for name in self.group.split())


KERNELS: list[Kernel] = []


def host() -> tuple[str, str]:
    """Return the target CPU's name and features, in LLVM's notation."""
    name = numba_config.CPU_NAME or llvm.get_host_cpu_name()
    features = numba_config.CPU_FEATURES if numba_config.CPU_FEATURES is not None else codegen.get_host_cpu_features()
    return name, features


def _sources_digest() -> str:
    """Return a hash of every source file that may define kernels: Numba does not notice changes in imported files."""
    digest = hashlib.sha256()
    for path in sorted(Path(__file__).parent.rglob("*.py")):
        source = path.read_bytes()
        if b"seqcore.jit" in source or path.name in ("jit.py", "device_code.py"):
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
    """Return the folder for machine code: in the user's cache folder, or a temporary one if that is not writable."""
    name, features = host()
    setup = f"{name}|{features}|{numba.__version__}|{numba_config.BOUNDSCHECK}|{numba_config.OPT}"
    folder = f"{_sources_digest()}-{hashlib.sha256(setup.encode()).hexdigest()[:8]}"
    chosen = os.environ.get(CACHE_VARIABLE)
    root = Path(chosen) if chosen else user_cache_path("seqtui", appauthor=False)
    if _writable(root / "kernels" / folder):
        return root / "kernels" / folder
    if hasattr(os, "getuid"):  # in a shared location, a folder with a predictable name must be our own
        fallback = Path(tempfile.gettempdir()) / f"seqtui-{os.getuid()}"
        if _writable(fallback / folder) and fallback.stat().st_uid == os.getuid() and not fallback.is_symlink():
            return fallback / folder
    lone = Path(tempfile.mkdtemp(prefix="seqtui-")) / folder
    lone.mkdir()
    return lone


def _forget_old(folder: Path, days: int = 60) -> None:
    """Mark `folder` as in use, and remove machine code of versions unused for `days` days."""
    with contextlib.suppress(OSError):
        os.utime(folder)
        for sibling in folder.parent.iterdir():
            ours = _FOLDER.fullmatch(sibling.name)  # anything else in there is not ours to remove
            if ours and time.time() - sibling.stat().st_mtime > days * 86_400:
                shutil.rmtree(sibling, ignore_errors=True)


CACHE_FOLDER = _cache_folder()


@contextlib.contextmanager
def _caching_here() -> Iterator[None]:
    """Use our cache folder for our kernels only: Numba reads the setting while it decorates."""
    before = numba_config.CACHE_DIR
    numba_config.CACHE_DIR = str(CACHE_FOLDER)
    try:
        yield
    finally:
        numba_config.CACHE_DIR = before


def device(function: F) -> F:
    """Compile a function for kernels to call: pure arithmetic on arrays, where sums may be split over lanes."""
    compiled: F = numba.njit(
        nogil=True, error_model="numpy", fastmath={"contract", "reassoc"}, pipeline_class=DeviceCompiler
    )(function)
    return compiled


def entry(function: Any) -> Any:
    """Return a function for Python that calls a device function, compiled at its first call."""

    @numba.njit(nogil=True, error_model="numpy", fastmath={"contract", "reassoc"})  # type: ignore[untyped-decorator]
    def call(*arguments: Any) -> Any:
        return function(*arguments)

    return call


def elementwise(function: F) -> F:
    """Compile a function of scalars, inlined into its callers so that the surrounding loop vectorises."""
    compiled: F = numba.njit(nogil=True, error_model="numpy", fastmath={"contract"}, inline="always")(function)
    return compiled


def kernel(label: str, group: str, signature: Any) -> Callable[[Callable[..., Any]], Any]:
    """Register a kernel. `label` is shown while it compiles; `group` names the parts of the program that need it."""

    def register(function: Callable[..., Any]) -> Any:
        with _caching_here():
            dispatcher = numba.njit(
                nogil=True, error_model="numpy", fastmath={"contract", "reassoc"}, cache=True,
                pipeline_class=KernelCompiler,
            )(function)  # fmt: skip
        KERNELS.append(Kernel(label, group, signature, dispatcher))
        return dispatcher

    return register


def compile_kernels(
    groups: Sequence[str] | None = None,
    report: Callable[[CompileProgress], None] | None = None,
    soon: Sequence[str] = (),
    stop: Callable[[], bool] = lambda: False,
) -> int:
    """Compile every kernel of `groups` (all if None) or load it from the cache; returns how many were not yet loaded.

    A compiled kernel is closed: a call with types other than the registered ones raises TypeError instead of compiling
    for seconds during a step. `report` is called before each kernel and once at the end. Worker processes do the
    compiling and continue with the kernels of the groups `soon`, without making the caller wait: see `compilers`.
    If `stop` returns True, the remaining kernels are skipped.
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
        if entry.compiled:  # including those already compiled by an earlier call
            entry.dispatcher.disable_compile()
    if report:
        report(CompileProgress(len(wanted), len(wanted), names))
    return len(wanted)


def kernel_groups(kinds: str | Sequence[str], *roles: str) -> list[str]:
    """Return the kernel groups that a model needs for `roles` ("train", "look"): the shared ones and those of `kinds`.

    `kinds` is a model family, or `ModelConfig.kernels`.
    """
    own = (kinds,) if isinstance(kinds, str) else kinds
    return [*roles, *(f"{role}-{kind}" for role in roles for kind in own)]


def cached(groups: Sequence[str] | None = None) -> bool:
    """Return whether the cache folder has every kernel of `groups` (all if None)."""
    known = _cached()
    return all(entry.kept in known for entry in KERNELS if entry.needed_by(groups))


def _cached() -> set[tuple[str, str]]:
    """Return folder and name of every kernel with an index file; Numba names it file.function-line.version.nbi.

    Numba uses one folder per source location: this installation cannot load what another one compiled.
    """
    return {(str(path.parent), path.name.split("-")[0]) for path in CACHE_FOLDER.rglob("*.nbi")}
