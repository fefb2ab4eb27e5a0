"""The engine once with every index checked, and once for each older family of processors that this one can run.

Each runs in a process of its own, because machine code is chosen when the engine is imported.
"""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from llvmlite import binding as llvm

pytestmark = pytest.mark.skipif(
    bool(os.environ.get("NUMBA_BOUNDSCHECK") or os.environ.get("NUMBA_CPU_NAME")), reason="already in such a process"
)

HERE = "tests/core"
WHOLE_STEP = f"{HERE}/test_model.py::test_losses_and_every_gradient"
PRODUCTS = [f"{HERE}/test_gemm.py::test_{name}_of_any_shape" for name in ("products", "weight_gradients")]
FUNCTIONS = f"{HERE}/test_elementwise.py"
STEPS = {  # a whole step of each family, whose kernels are its own
    label: f"{HERE}/test_families.py::test_losses_every_gradient_and_what_is_carried[{label}-0.4]"
    for label in ("rnn relu one-hot", "gru", "attention rotary untied bias", "feedforward")
}
FAMILIES = [STEPS["gru"], STEPS["attention rotary untied bias"]]  # those that call the tile in ways of their own


PYTEST = "import sys, pytest; sys.exit(pytest.main(sys.argv[1:]))"
PRETEND_ARM = "import llvmlite.binding as llvm; llvm.get_default_triple = lambda: 'aarch64-linux-gnu'; "


def run(tests: list[str], before: str = "", **environment: str) -> None:
    """Run those tests in a process with that environment, `before` first; all must pass and none be skipped."""
    command = [sys.executable, "-c", before + PYTEST, "-p", "no:cacheprovider", *tests]
    done = subprocess.run(
        command, env=os.environ | environment, capture_output=True, text=True, timeout=600, check=False
    )
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-2000:]
    assert re.search(r"^\d+ passed in", done.stdout, re.MULTILINE), done.stdout[-500:]


def test_no_index_leaves_its_array() -> None:
    optimizer = f"{HERE}/test_optimizer.py::test_ten_steps_follow_the_twin"
    tests = [f"{HERE}/inside.py::test_indices_are_checked", WHOLE_STEP, *STEPS.values(), optimizer]
    run(tests, NUMBA_BOUNDSCHECK="1")


def needs(*features: str) -> None:
    """Skip where this processor cannot run such code."""
    if not llvm.get_process_triple().startswith("x86_64"):
        pytest.skip("not an x86-64 processor")
    missing = [feature for feature in features if not llvm.get_host_cpu_features().get(feature)]
    if missing:
        pytest.skip(f"this processor has no {', '.join(missing)}")


def test_a_processor_with_avx2_and_no_more() -> None:
    needs("avx2", "fma", "bmi", "bmi2", "lzcnt", "movbe")
    tests = [f"{HERE}/inside.py::test_the_tile_and_the_code_are_avx2", *PRODUCTS, FUNCTIONS, WHOLE_STEP, *FAMILIES]
    run(tests, NUMBA_CPU_NAME="haswell")


def test_a_processor_with_sse2_and_no_more() -> None:
    needs()
    tests = [f"{HERE}/inside.py::test_the_tile_and_the_code_are_sse2", *PRODUCTS, FUNCTIONS, *FAMILIES]
    run(tests, NUMBA_CPU_NAME="x86-64")


def test_the_tile_of_neon_multiplies_right_on_any_processor(tmp_path: Path) -> None:
    needs()
    tests = [f"{HERE}/inside.py::test_the_tile_is_neon_s", *PRODUCTS]
    # Machine code is kept by processor, and this pretence shares the processor of another test: a cache of its own.
    run(tests, PRETEND_ARM, NUMBA_CPU_NAME="x86-64", SEQTUI_CACHE_DIR=str(tmp_path))
