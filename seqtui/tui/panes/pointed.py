"""What a pane says when the user points at a timestep."""

from textual.message import Message


class Pointed(Message):
    """Posted when the user points at a timestep, of the text as it is read."""

    def __init__(self, timestep: int) -> None:
        super().__init__()
        self.timestep = timestep
