"""The engine passes its tests with bounds checking, and compiled for each older instruction set this processor can run.

Each environment runs in its own process, because the instruction set is chosen when the engine is imported. Products,
functions and the step of one family are always tested; the steps of all families, which take minutes to compile, are
a proof.
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
INSIDE = f"{HERE}/inside.py::test"
WHOLE_STEP = f"{HERE}/test_model.py::test_losses_and_every_gradient"
PRODUCTS = [f"{HERE}/test_gemm.py::test_products_of_any_shape", f"{HERE}/test_outer.py"]
FUNCTIONS = f"{HERE}/test_elementwise.py"
STEPS = {  # a full step of each family, which has its own kernels
    label: f"{HERE}/test_families.py::test_losses_every_gradient_and_what_is_carried[{label}-0.4]"
    for label in ("rnn relu one-hot", "gru", "attention rotary untied bias", "feedforward")
}
FAMILIES = [STEPS["gru"], STEPS["attention rotary untied bias"]]  # these call the tile in other ways


PYTEST = "import sys, pytest; sys.exit(pytest.main(sys.argv[1:]))"
PRETEND_ARM = "import llvmlite.binding as llvm; llvm.get_default_triple = lambda: 'aarch64-linux-gnu'; "


class Environment:
    """Tests running in a process with these environment variables; the code `before` is executed first."""

    def __init__(self, tests: list[str], before: str = "", **environment: str) -> None:
        command = [sys.executable, "-c", before + PYTEST, "-p", "no:cacheprovider", *tests]
        self.process = subprocess.Popen(
            command, env=os.environ | environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )

    def check(self) -> None:
        """Assert that all tests passed and none was skipped."""
        told, _ = self.process.communicate(timeout=600)
        assert self.process.returncode == 0, told[-4000:]
        assert re.search(r"^\d+ passed in", told, re.MULTILINE), told[-500:]


def checked(tests: list[str]) -> Environment:
    """With bounds checking: at every optimisation level, and a low one compiles faster."""
    return Environment(tests, NUMBA_BOUNDSCHECK="1", NUMBA_OPT="1")


def avx2(tests: list[str]) -> Environment:
    """As on a processor with AVX2 and no more."""
    return Environment(tests, NUMBA_CPU_NAME="haswell")


def sse2(tests: list[str]) -> Environment:
    """As on a processor with SSE2 and no more."""
    return Environment(tests, NUMBA_CPU_NAME="x86-64")


def missing(*features: str) -> str:
    """Why this processor cannot run code with these features; empty if it can."""
    if not llvm.get_process_triple().startswith("x86_64"):
        return "not an x86-64 processor"
    lacks = [feature for feature in features if not llvm.get_host_cpu_features().get(feature)]
    return f"this processor has no {', '.join(lacks)}" if lacks else ""


NO_AVX2 = missing("avx2", "fma", "bmi", "bmi2", "lzcnt", "movbe")
NO_SSE2 = missing()


@pytest.fixture(scope="module")
def environments(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Environment]]:
    """All environments, in parallel: each spends most of its time compiling on one core."""
    optimizer = f"{HERE}/test_optimizer.py::test_ten_steps_follow_the_twin"
    started = {"checked": checked([f"{INSIDE}_indices_are_checked", WHOLE_STEP, optimizer])}
    if not NO_AVX2:
        started["avx2"] = avx2([f"{INSIDE}_the_tile_and_the_code_are_avx2", *PRODUCTS, FUNCTIONS])
    if not NO_SSE2:
        started["sse2"] = sse2([f"{INSIDE}_the_tile_and_the_code_are_sse2", *PRODUCTS, FUNCTIONS])
        # The cache is keyed by processor, and this one uses the same processor as sse2: give it its own cache.
        cache = str(tmp_path_factory.mktemp("neon"))
        tests = [f"{INSIDE}_the_tile_is_neon_s", *PRODUCTS]
        started["neon"] = Environment(tests, PRETEND_ARM, NUMBA_CPU_NAME="x86-64", SEQTUI_CACHE_DIR=cache)
    yield started
    for environment in started.values():
        environment.process.kill()


@pytest.fixture(scope="module")
def steps() -> Iterator[dict[str, Environment]]:
    """Environments for whole steps of the families."""
    started = {"checked": checked([*STEPS.values()])}
    if not NO_AVX2:
        started["avx2"] = avx2([WHOLE_STEP, *FAMILIES])
    if not NO_SSE2:
        started["sse2"] = sse2(FAMILIES)
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


@pytest.mark.proof
@pytest.mark.parametrize(
    "name",
    [
        "checked",
        pytest.param("avx2", marks=pytest.mark.skipif(bool(NO_AVX2), reason=NO_AVX2)),
        pytest.param("sse2", marks=pytest.mark.skipif(bool(NO_SSE2), reason=NO_SSE2)),
    ],
)
def test_a_step_of_every_family(name: str, steps: dict[str, Environment]) -> None:
    steps[name].check()
