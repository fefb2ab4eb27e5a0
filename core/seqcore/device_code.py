"""How device functions are compiled: to LLVM IR only, which each kernel links, optimises and turns into machine code.

Numba optimises every function that it compiles, together with everything that it calls, and generates machine code for
it. Only kernels call a device function, so none of that is used, and it is repeated at every level of calls: without
it, the kernels of a transformer take half the time.

Each kernel keeps its device functions to itself. Numba names a function after its place in the source, its types and a
number that counts the functions of the process, and links it so that the linker may take one of the same name from
another kernel. Kernels that two processes compiled, each from a function of its own in the same place (the scans of two
cells), may have the same names for different code: whichever was loaded first would run for both.
"""

import ctypes
from typing import Any

from llvmlite.binding import Linkage
from numba.core.codegen import JITCodeLibrary
from numba.core.compiler import Compiler


def _refuse(closure: Any, arguments: Any, keywords: Any) -> None:
    """Return no object, which Python reports as a SystemError."""


_REFUSE = ctypes.PYFUNCTYPE(*4 * (ctypes.c_void_p,))(_refuse)
_REFUSE_ADDRESS = ctypes.cast(_REFUSE, ctypes.c_void_p).value


class _NoEnvironment:
    """Stands in for the code generator where Numba stores the environment of a Python wrapper: there is none."""

    def set_env(self, name: str, environment: Any) -> None:
        """Do nothing."""


class _LinkedOnly(JITCodeLibrary):  # type: ignore[misc]
    """The IR of one device function and of those that it calls."""

    codegen = _NoEnvironment()

    def get_pointer_to_function(self, name: str) -> int | None:
        """Return the address of a function that raises SystemError, to be called from Python."""
        self._ensure_finalized()
        return _REFUSE_ADDRESS

    def _optimize_final_module(self) -> None:
        """Leave the IR as it is."""

    def _finalize_final_module(self) -> None:
        """Generate no machine code."""
        self._finalize_dynamic_globals()
        self._finalized = True


class DeviceCompiler(Compiler):  # type: ignore[misc]
    """Numba's compiler for a function that only compiled functions call."""

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self.state.flags.no_cpython_wrapper = self.state.flags.no_cfunc_wrapper = True
        if self.state.library is None:
            self.state.library = _LinkedOnly(self.state.targetctx.codegen(), "device")
            self.state.library.enable_object_caching()


class _Closed(JITCodeLibrary):  # type: ignore[misc]
    """A kernel and all that it calls; see above."""

    def _optimize_final_module(self) -> None:
        """Make what was linked in private to this kernel, then optimise as usual."""
        for function in self._final_module.functions:
            if not function.is_declaration and function.linkage == Linkage.linkonce_odr:
                function.linkage = Linkage.internal
        super()._optimize_final_module()


class KernelCompiler(Compiler):  # type: ignore[misc]
    """Numba's compiler for a kernel."""

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        if self.state.library is None:
            self.state.library = _Closed(self.state.targetctx.codegen(), "kernel")
            self.state.library.enable_object_caching()
