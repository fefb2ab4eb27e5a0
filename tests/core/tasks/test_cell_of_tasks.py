"""The equations of a unit know the ends of every task: what is predicted at each timestep, its name and its loss."""

from pathlib import Path

import numpy as np
import pytest
from seqcore.cellwork.work import cellwork
from seqcore.run import Run
from seqcore.serial import serial_model

from tests.core.tasks import pair_runs, picture_runs
from tests.core.tasks.test_tasks import start

pytestmark = pytest.mark.usefixtures("kernels")


def of(source: str, folder: Path) -> Run:
    """A run on a corpus; a name after a comma: of another model than the usual one."""
    source, _, kind = source.partition(",")
    if kind == "picture":
        made: Run = picture_runs.start(picture_runs.arrays(folder / "mine.npz"), model={"layers": 2})
        return made
    model = {"fed": {"input_feeding": True}, "attention": {"family": "attention", "heads": 2}}.get(kind)
    return pair_runs.start(source, model=model) if source.startswith("reverse") else start(source)


# The timesteps between the output of a target and the column of a probe at which its loss is shown.
@pytest.mark.parametrize(
    ("source", "later"),
    [
        ("brackets", 1), ("order:12", 0), ("adding:9", 0), ("waves", 1), ("reverse:5", 1), ("reverse:5,fed", 1),
        ("reverse:5,attention", 1), (",picture", 1),
    ],
)  # fmt: skip
def test_the_losses_of_the_outputs_are_those_of_the_probe(source: str, later: int, tmp_path: Path) -> None:
    run = of(source, tmp_path)
    model, vocabulary = serial_model(run.config.model, run.trainer.parameters), run.vocabulary
    example = run.data.example(vocabulary, 0, 12)
    probe = run.config.task.probe(model, vocabulary, example.inputs, 0, known=example)
    work, T = cellwork(model, probe, example.inputs, vocabulary), len(probe.tokens)
    losses = np.full(T, np.nan)
    for t in range(T - later):
        end = work.forward(t, 0, 1).end
        if end is not None:
            losses[t + later] = end.loss
            if end.target >= 0 and later:
                assert end.target_name == probe.symbols[t + 1]
    np.testing.assert_allclose(losses, probe.loss, rtol=1e-4, atol=1e-6)
    assert np.isfinite(losses).any()
    back = work.backward(0, 0, 1)
    assert any(step.gradient > 0 for step in back.path)
    if source == ",picture":
        names = {term.name for term in work.forward(0, 0, 1).quantity("a_t").terms if term.source == "x"}
        assert names == {f"y{y}x{x} {colour}" for y in (1, 2) for x in (1, 2) for colour in ("red", "green", "blue")}
