"""What the user looks at, whichever the view: it travels along from view to view."""

from dataclasses import dataclass

AXES = ("step", "tokens", "time")  # see `History.along`
SMOOTHING = ("none", "light", "medium", "strong")


@dataclass(frozen=True)
class Lens:
    """How curves over training are looked at, wherever there are any."""

    axis: str = "step"
    smoothing: int = 0  # number of `SMOOTHING`
    crosshair: int | None = None  # a step; None: there is no crosshair


@dataclass(frozen=True)
class Standpoint:
    """A timestep of the text, and a unit of a layer. A view keeps of it what its model has."""

    playhead: int = 0
    layer: int = 0
    quantity: str = ""  # the name of a stave; "": the view chooses
    unit: int | None = None  # of that stave; None: none is picked
    lens: Lens = Lens()
