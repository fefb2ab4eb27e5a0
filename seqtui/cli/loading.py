"""A run's model, loaded from one of its checkpoints, ready to read text on one thread."""

from dataclasses import dataclass

from seqcore.config import ModelConfig
from seqcore.data.corpus import Corpus
from seqcore.errors import CorpusChanged, SeqError
from seqcore.folder import At, RunFolder
from seqcore.jit import kernel_groups
from seqcore.model import shapes
from seqcore.parameters import Parameters
from seqcore.run_config import RunConfig
from seqcore.serial import SerialModel, serial_model
from seqcore.tasks.task import Data

from seqtui.cli.boundary import complain
from seqtui.cli.kernels import Status, compile_with


@dataclass(frozen=True)
class LoadedRun:
    """A run's configuration and the parameters of one of its checkpoints."""

    folder: RunFolder
    config: RunConfig
    parameters: Parameters
    step: int

    def serial(self) -> SerialModel:
        """Return the model for one thread; compiles its kernels if necessary."""
        with Status() as status:
            compile_with(status.compiling, kernel_groups(self.config.model.kernels, "look"))
            return serial_model(self.config.model, self.parameters)

    def held_out(self, otherwise: str = "") -> tuple[Corpus, Data]:
        """Return the corpus of the run, and its examples, some of which are held out.

        Raises SeqError if there are none; `otherwise` says what else the command can do.
        """
        config, hint = self.config, f": {otherwise}" if otherwise else ""
        if not config.corpus.source:
            raise SeqError(f"{self.folder.name} was imported without a corpus{hint}")
        try:
            corpus = self.folder.corpus(config)
        except CorpusChanged as error:
            raise SeqError(f"{error}{hint}") from None
        data = config.task.data(corpus, config.vocabulary, config.training)
        if not data.held_out_shape(config.model)[0]:
            raise SeqError(f"this run has no held-out part (--validation 0){hint}")
        return corpus, data


def load(run: str, at: At = "last") -> LoadedRun:
    """Load a checkpoint of the run of that name or path; reports damaged ones on standard error. Raises SeqError."""
    folder = RunFolder.find(run)
    config = folder.config()
    checkpoint, step, damaged = folder.checkpoint(at)
    for line in damaged:
        complain(f"{line}; using the checkpoint of step {step:,}")
    return LoadedRun(folder, config, _parameters(config.model, checkpoint.arrays, folder), step)


def _parameters(config: ModelConfig, arrays: object, folder: RunFolder) -> Parameters:
    parameters = Parameters(shapes(config))
    assert hasattr(arrays, "get")
    for name, view in parameters.items():
        array = arrays.get(f"parameters.{name}")
        if array is None or array.shape != view.shape or array.dtype != view.dtype:
            raise SeqError(f"the checkpoint in {folder.path} belongs to another model than its config.json describes")
        view[:] = array
    return parameters
