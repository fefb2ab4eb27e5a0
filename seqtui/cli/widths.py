"""The value of `--embedding`: a width, or `one-hot` for none."""

from typing import Any

import click
from seqcore.data.quoting import quoted

ONE_HOT = "one-hot"


class EmbeddingWidth(click.ParamType):  # type: ignore[type-arg]  # generic only in newer versions of click
    """Takes `one-hot`, which is the engine's width 0, or a whole number, which the engine checks."""

    name = "embedding width"

    def get_metavar(self, param: click.Parameter, ctx: click.Context) -> str:
        """Return how the help shows the value."""
        return f"{ONE_HOT}|N"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """Return the width. Raises click.BadParameter if the value is neither `one-hot` nor a whole number."""
        if value == ONE_HOT:
            return 0
        try:
            return int(value)
        except ValueError:
            self.fail(f"{quoted(str(value))} is neither {ONE_HOT} nor a whole number.", param, ctx)


def width_said(width: int) -> str:
    """Return a width as the user writes it."""
    return str(width) if width else ONE_HOT
