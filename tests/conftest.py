"""Settings needed before any test imports Numba, and the distribution of tests over several processes."""

import atexit
import os
import shutil
import subprocess
import sys
import tempfile
from typing import Any

import pytest
from hypothesis import settings

# At least two threads, even on a single core: some tests compare results for different thread counts.
os.environ.setdefault("NUMBA_NUM_THREADS", str(max(2, os.cpu_count() or 1)))

# No test reads or writes what the user of this machine has set, or what the program remembers of them.
for _variable in ("SEQTUI_CONFIG_DIR", "SEQTUI_STATE_DIR"):
    os.environ[_variable] = tempfile.mkdtemp(prefix="seqtui-tests-")
    atexit.register(shutil.rmtree, os.environ[_variable], ignore_errors=True)

# Tests do not assert timing: a slow example on a busy machine is not a failure.
settings.register_profile("unhurried", deadline=None)
settings.load_profile("unhurried")

COMPILE_ALL = "from seqcore import jit, model, optimizer, serial; jit.compile_kernels()"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Start long tests first, so that none is still running when the other processes are done."""
    items.sort(key=lambda item: item.get_closest_marker("long") is None)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_setupnodes(config: pytest.Config) -> None:
    """Compile the kernels before any process needs them: otherwise each process would compile all of them."""
    config.get_terminal_writer().line("compiling the kernels that are not in the cache folder")
    subprocess.run([sys.executable, "-c", COMPILE_ALL], check=False)  # if it fails, the tests will report it


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Keep each file in one process, so that its shared fixtures are created once."""
    from xdist.scheduler import LoadFileScheduling

    config.option.loadscopereorder = False  # keep the order of the items
    return LoadFileScheduling(config, log)
