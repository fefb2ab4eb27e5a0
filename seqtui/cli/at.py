"""The option --at: which checkpoint of a run a command uses."""

from typing import Any

import click


class At(click.ParamType[str | int]):
    """best, last, or a step."""

    name = "best|last|STEP"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str | int:
        """Return "best", "last" or the step. Raises BadParameter."""
        if value in ("best", "last"):
            return str(value)
        digits = str(value).replace(",", "").replace("_", "")
        if not (digits.isascii() and digits.isdecimal()):
            self.fail(f"{value!r}: give best, last or a step, for instance --at 1000", param, ctx)
        return int(digits[:18])


at_option = click.option(
    "--at",
    type=At(),
    default="last",
    show_default=True,
    metavar="WHICH",
    help="Checkpoint to use: best (lowest validation loss), last, or a step.",
)
