"""The options --silence and --context: cuts of a model, and of what it reads."""

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from seqcore.surgery.context import ContextCut
    from seqcore.surgery.cut import Cut

    from seqtui.cli.loading import LoadedRun


class CutType(click.ParamType["Cut"]):
    """LAYER.UNIT, LAYER.QUANTITY or LAYER.QUANTITY.UNIT, each also with =VALUE."""

    name = "LAYER[.QUANTITY][.UNIT][=VALUE]"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> "Cut":
        """Return the cut. Raises BadParameter."""
        from seqcore.errors import SeqError
        from seqcore.surgery.cut import parse

        try:
            return parse(str(value))
        except SeqError as error:
            self.fail(str(error), param, ctx)


class ContextType(click.ParamType["ContextCut"]):
    """reset:T, keep:N or shuffle:T."""

    name = "reset:T|keep:N|shuffle:T"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> "ContextCut":
        """Return the cut. Raises BadParameter."""
        from seqcore.errors import SeqError
        from seqcore.surgery.context import ContextCut

        try:
            return ContextCut.parse(str(value))
        except SeqError as error:
            self.fail(str(error), param, ctx)


silence_option = click.option(
    "--silence",
    type=CutType(),
    multiple=True,
    help="Silence a unit (0.118), a gate (0.forget, 0.forget.7=1) or a head (1.head.3); may be repeated.",
)
context_option = click.option(
    "--context",
    type=ContextType(),
    multiple=True,
    help="Reset the state at T, read only the last N tokens, or shuffle those before T; may be repeated.",
)


def cut_run(loaded: "LoadedRun", cuts: "tuple[Cut, ...]") -> "LoadedRun":
    """Return the run with cuts applied to its parameters. Raises UsageError if the model has no such place."""
    from seqcore.errors import SeqError
    from seqcore.surgery.cut import checked
    from seqcore.surgery.edits import cut_weights

    if not cuts:
        return loaded
    config, parameters = loaded.config.model, loaded.parameters.copy()
    try:
        cut_weights(config, parameters, [checked(config, one) for one in cuts])
    except SeqError as error:
        raise click.UsageError(f"--silence {error}") from None
    return replace(loaded, parameters=parameters)
