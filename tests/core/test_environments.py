"""The engine once with every index checked, and once for each older family of processors that this one can run.

Each runs in a process of its own, because machine code is chosen when the engine is imported.
"""

import os
import re
import subprocess
import sys
from collections.abc import Iterator

import pytest
from llvmlite import binding as llvm

pytestmark = [
    pytest.mark.skipif(
        bool(os.environ.get("NUMBA_BOUNDSCHECK") or os.environ.get("NUMBA_CPU_NAME")),
        reason="already in such a process",
    ),
    pytest.mark.long,
]

HERE = "tests/core"
WHOLE_STEP = f"{HERE}/test_model.py::test_losses_and_every_gradient"
PRODUCTS = [f"{HERE}/test_gemm.py::test_products_of_any_shape", f"{HERE}/test_outer.py"]
FUNCTIONS = f"{HERE}/test_elementwise.py"
STEPS = {  # a whole step of each family, whose kernels are its own
    label: f"{HERE}/test_families.py::test_losses_every_gradient_and_what_is_carried[{label}-0.4]"
    for label in ("rnn relu one-hot", "gru", "attention rotary untied bias", "feedforward")
}
FAMILIES = [STEPS["gru"], STEPS["attention rotary untied bias"]]  # those that call the tile in ways of their own


PYTEST = "import sys, pytest; sys.exit(pytest.main(sys.argv[1:]))"
PRETEND_ARM = "import llvmlite.binding as llvm; llvm.get_default_triple = lambda: 'aarch64-linux-gnu'; "


class Environment:
    """Tests that run in a process with that environment, `before` first."""

    def __init__(self, tests: list[str], before: str = "", **environment: str) -> None:
        command = [sys.executable, "-c", before + PYTEST, "-p", "no:cacheprovider", *tests]
        self.process = subprocess.Popen(
            command, env=os.environ | environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )

    def check(self) -> None:
        """All must pass and none be skipped."""
        told, _ = self.process.communicate(timeout=600)
        assert self.process.returncode == 0, told[-4000:]
        assert re.search(r"^\d+ passed in", told, re.MULTILINE), told[-500:]


def missing(*features: str) -> str:
    """Why this processor cannot run such code; empty if it can."""
    if not llvm.get_process_triple().startswith("x86_64"):
        return "not an x86-64 processor"
    lacks = [feature for feature in features if not llvm.get_host_cpu_features().get(feature)]
    return f"this processor has no {', '.join(lacks)}" if lacks else ""


NO_AVX2 = missing("avx2", "fma", "bmi", "bmi2", "lzcnt", "movbe")
NO_SSE2 = missing()


@pytest.fixture(scope="module")
def environments(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Environment]]:
    """All of them, side by side: each spends most of its time on one core, compiling."""
    optimizer = f"{HERE}/test_optimizer.py::test_ten_steps_follow_the_twin"
    inside = f"{HERE}/inside.py::test"
    checked = [f"{inside}_indices_are_checked", WHOLE_STEP, *STEPS.values(), optimizer]
    # Every index is checked however far the code is optimised, and a little of that compiles faster.
    started = {"checked": Environment(checked, NUMBA_BOUNDSCHECK="1", NUMBA_OPT="1")}
    if not NO_AVX2:
        tests = [f"{inside}_the_tile_and_the_code_are_avx2", *PRODUCTS, FUNCTIONS, WHOLE_STEP, *FAMILIES]
        started["avx2"] = Environment(tests, NUMBA_CPU_NAME="haswell")
    if not NO_SSE2:
        tests = [f"{inside}_the_tile_and_the_code_are_sse2", *PRODUCTS, FUNCTIONS, *FAMILIES]
        started["sse2"] = Environment(tests, NUMBA_CPU_NAME="x86-64")
        # Machine code is kept by processor, and this pretence shares that of the one above: a cache of its own.
        cache = str(tmp_path_factory.mktemp("neon"))
        tests = [f"{inside}_the_tile_is_neon_s", *PRODUCTS]
        started["neon"] = Environment(tests, PRETEND_ARM, NUMBA_CPU_NAME="x86-64", SEQTUI_CACHE_DIR=cache)
    yield started
    for environment in started.values():
        environment.process.kill()


def test_no_index_leaves_its_array(environments: dict[str, Environment]) -> None:
    environments["checked"].check()


@pytest.mark.skipif(bool(NO_AVX2), reason=NO_AVX2)
def test_a_processor_with_avx2_and_no_more(environments: dict[str, Environment]) -> None:
    environments["avx2"].check()


@pytest.mark.skipif(bool(NO_SSE2), reason=NO_SSE2)
def test_a_processor_with_sse2_and_no_more(environments: dict[str, Environment]) -> None:
    environments["sse2"].check()


@pytest.mark.skipif(bool(NO_SSE2), reason=NO_SSE2)
def test_the_tile_of_neon_multiplies_right_on_any_processor(environments: dict[str, Environment]) -> None:
    environments["neon"].check()
