"""Run folders saved by earlier versions are resumed exactly as those versions resumed them."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file
from seqcore import jit
from seqcore.checkpoint import checkpoint_path
from seqcore.folder import RunFolder
from seqcore.run import Run

from tests.core.recorded.record_run import CUT, MODELS, PLACE, STEPS

pytestmark = pytest.mark.usefixtures("kernels")

TIMES = ("seconds", "tokens_per_second")
SAME_PROCESSOR = json.loads((PLACE / "processor.json").read_text())["name"] == jit.host()[0]


@pytest.fixture(params=MODELS)
def folders(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[Path, Path]:
    """A recorded run, and a copy cut back to its halfway state."""
    recorded, copy = PLACE / request.param, tmp_path / "run"
    shutil.copytree(recorded, copy)
    checkpoint_path(copy, STEPS).unlink()
    lines = (copy / "metrics.jsonl").read_text().splitlines(keepends=True)
    (copy / "metrics.jsonl").write_text("".join(line for line in lines if json.loads(line)["step"] <= CUT))
    return recorded, copy


def test_a_recorded_run_goes_on_to_the_recorded_weights_and_metrics(folders: tuple[Path, Path]) -> None:
    recorded, copy = folders
    run = Run.resume(RunFolder(copy))
    assert run.trainer.steps == CUT
    assert run.notes == []
    while not run.trainer.done:
        run.advance()
    run.close()
    found, expected = (load_file(checkpoint_path(folder, STEPS)) for folder in (copy, recorded))
    assert list(found) == list(expected)
    for name, array in expected.items():
        if SAME_PROCESSOR:
            assert found[name].tobytes() == array.tobytes(), name
        else:  # other processors sum in a different order
            np.testing.assert_allclose(found[name], array, rtol=1e-3, atol=1e-5, err_msg=name)
    for one, other in zip(RunFolder(copy).metrics(), RunFolder(recorded).metrics(), strict=True):
        assert one.keys() == other.keys()
        for key in one.keys() - set(TIMES):
            assert one[key] == (other[key] if SAME_PROCESSOR else pytest.approx(other[key], rel=1e-4)), key
