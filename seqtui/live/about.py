"""What the screen knows of a run's task and of the corpora that can be chosen.

This file does not import the engine's kernels.
"""

from dataclasses import dataclass

from seqcore.records import Dial


@dataclass(frozen=True)
class TaskInfo:
    """The task of a run, as far as a screen needs to know it; before a run is open: language modelling."""

    name: str = "language"
    pane: str = "writing"  # the pane beside the loss
    unit: str = ""  # what a loss is of; "": a token
    loss_unit: str = ""  # "nats per example", "squared error"; "": nats per token
    input_unit: str = ""  # what a timestep reads; "": a token
    tokens: bool = True  # it reads tokens, not numbers
    generates: bool = True  # it continues a prompt
    passages: bool = True  # it reads passages of one text, at any position of which there is a loss
    classes: tuple[str, ...] = ()  # of the verdict, raw: sanitise before drawing
    measures: tuple[str, ...] = ()  # what a validation gives besides the loss
    fixed: tuple[str, ...] = ()  # settings that the task decides
    dial: Dial | None = None
    examples: int = 0  # held-out examples that can be looked at one by one
    decodes: bool = False  # an encoder reads, a decoder writes
    batches: tuple[tuple[int, ...], tuple[int, ...], int] | None = None  # `memory.Sizes`; None: language modelling

    @property
    def features(self) -> frozenset[str]:
        """What commands may need of a task; see `tui.registry.Command`."""
        has = {"prompt": self.generates, "passages": self.passages, "examples": self.examples > 0, "dial": self.dial}
        has |= {
            "tokens": self.tokens,
            "verdict": bool(self.classes),
            "pages": self.pane != "writing",
            "pairs": self.decodes,
            "directions": self.decodes and "bidirectional" not in self.fixed,
        }
        return frozenset({self.pane, *(name for name, there in has.items() if there)})


@dataclass(frozen=True)
class CorpusChoice:
    """One line of the corpus picker."""

    name: str
    description: str
    characters: int  # 0 if it is not a text
    form: str = ""  # the shape of its task: the heading over it
    rows: int = 0  # of a table
    dial: Dial | None = None
