"""Settings that must be there before Numba is imported by any test, and how several processes share the tests."""

import os
import subprocess
import sys
from typing import Any

import pytest
from hypothesis import settings

# Two workers on a machine with one core too, so that comparing numbers of threads compares something.
os.environ.setdefault("NUMBA_NUM_THREADS", str(max(2, os.cpu_count() or 1)))

# Processes that share the cores with others: threads that wait for work there sleep, rather than spin where another one
# could run. (An LSTM that is trained beside two busy processes took five times as much of the processor.)
if "PYTEST_XDIST_WORKER" in os.environ:
    os.environ.setdefault("GOMP_SPINCOUNT", "0")

# A test asserts no time: an example that takes long on a machine that does other things is no failure.
settings.register_profile("unhurried", deadline=None)
settings.load_profile("unhurried")

COMPILE_ALL = "from seqcore import jit, model, optimizer, serial; jit.compile_kernels()"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What takes long begins first, so that no process is left with it when the others are done."""
    items.sort(key=lambda item: item.get_closest_marker("long") is None)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_setupnodes(config: pytest.Config) -> None:
    """Kernels are compiled before any process needs them: where there are none yet, each would compile all."""
    config.get_terminal_writer().line("compiling the kernels that are not in the cache folder")
    subprocess.run([sys.executable, "-c", COMPILE_ALL], check=False)  # where it fails, the tests tell it


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """A file stays in one process, so that what its tests share is made once."""
    from xdist.scheduler import LoadFileScheduling

    config.option.loadscopereorder = False  # the order is that of the items
    return LoadFileScheduling(config, log)
