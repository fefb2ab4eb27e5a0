"""Measuring a model on the held-out part of a task's examples."""

from collections.abc import Callable

from seqcore.config import ModelConfig
from seqcore.model import Model, Workspace, build, workspaces
from seqcore.parameters import Parameters
from seqcore.tasks.task import Data, Measures


class Evaluator:
    """Measures a model; keeps its workspaces for the next time. Parallel: only for the training thread."""

    def __init__(self, config: ModelConfig, model: Model) -> None:
        self.config, self.model = config, model
        self._works: dict[int, Workspace] = {}  # by T, for `_data`
        self._data: Data | None = None

    def measures(self, data: Data, stop: Callable[[], bool] = lambda: False) -> Measures:
        """Return the measures of the held-out part of `data`; empty without one, or if `stop` returns True.

        The model must be packed.
        """
        measure = data.measure()
        if data is not self._data:
            lengths, rows = data.held_out_shape(self.config)
            self._works, self._data = workspaces(self.config, lengths, rows, backward=False), data
        for batch in data.held_out(self.config):
            if stop():
                return {}
            work = self._works[len(batch.inputs)]
            if batch.fresh:
                work.reset()
            elif batch.restart:
                work.reset(slice(0, batch.restart))
            losses = self.model.losses(batch.inputs, batch.targets, work)
            measure.add(batch, losses, work.scores(len(batch.inputs)))
            work.carry()
        return measure.result()


def measured(config: ModelConfig, parameters: Parameters, data: Data) -> Measures:
    """Return the measures of a model with these parameters on the held-out part of `data`. Raises SeqError.

    Runs parallel kernels: only for the training thread.
    """
    data.check(config)
    model = build(config, parameters)
    model.pack(backward=False)
    return Evaluator(config, model).measures(data)
