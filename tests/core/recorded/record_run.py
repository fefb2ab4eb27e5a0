"""Record run folders, for the test that later versions still read and continue them. The folders stay as they are.

    python -m tests.core.recorded.record_run

They were recorded at version 0.1.0, before the engine had tasks, on an x86-64 processor with AVX-512.
"""

import json
import shutil
from pathlib import Path
from typing import Any

from seqcore import jit, model, optimizer, serial  # noqa: F401  # registers the kernels

from tests.core import runs

PLACE = Path(__file__).parent / "run_folders"
MODELS: dict[str, dict[str, Any]] = {
    "lstm": {"family": "lstm"},
    "gru": {"family": "gru", "embedding": 0},
    "attention": {"family": "attention", "hidden": 12, "heads": 2, "context": 7, "positions": "rotary"},
}
STEPS, CUT = 20, 10


def main() -> None:
    jit.compile_kernels()
    shutil.rmtree(PLACE, ignore_errors=True)
    for name, shape in MODELS.items():
        run = runs.start(PLACE / name, shape, steps=STEPS, checkpoint_every=CUT, eval_every=CUT, log_every=5)
        for _ in range(STEPS):
            run.advance()
        run.close()
        (PLACE / name / "checkpoint-0.safetensors").unlink()
        (PLACE / name / ".lock").unlink(missing_ok=True)
    (PLACE / "processor.json").write_text(json.dumps({"name": jit.host()[0]}) + "\n")


if __name__ == "__main__":
    main()
