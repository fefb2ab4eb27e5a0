"""Call a device function from a test: only compiled functions can."""

from typing import Any

from numba import njit


def called(function: Any) -> Any:
    """A function for Python that calls a device function, compiled with a kernel's options."""

    @njit(nogil=True, error_model="numpy", fastmath={"contract", "reassoc"})  # type: ignore[untyped-decorator]
    def call(*arguments: Any) -> Any:
        return function(*arguments)

    return call
