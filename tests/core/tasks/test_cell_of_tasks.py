"""The equations of a unit know the ends of every task: what is predicted at each timestep, its name and its loss."""

import numpy as np
import pytest
from seqcore.cellwork.work import cellwork
from seqcore.run import Run
from seqcore.serial import serial_model

from tests.core.tasks import pair_runs
from tests.core.tasks.test_tasks import start

pytestmark = pytest.mark.usefixtures("kernels")


def of(source: str) -> Run:
    return pair_runs.start(source) if source.startswith("reverse") else start(source)


# The timesteps between the output of a target and the column of a probe at which its loss is shown.
@pytest.mark.parametrize(
    ("source", "later"), [("brackets", 1), ("order:12", 0), ("adding:9", 0), ("waves", 1), ("reverse:5", 1)]
)
def test_the_losses_of_the_outputs_are_those_of_the_probe(source: str, later: int) -> None:
    run = of(source)
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
