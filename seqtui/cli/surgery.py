"""`seqtui inspect --silence`: the loss of a cut model beside that of the untouched one, as text and as JSON."""

import math
from typing import TYPE_CHECKING, Any

from seqtui.cli.plain import lists

if TYPE_CHECKING:
    from seqcore.surgery.beside import Beside


def columns(beside: "Beside") -> dict[str, list[str]]:
    """Return columns, with a row for each timestep of the cut probe, empty where the two cannot be compared.

    They show the untouched model's loss, the change, and its best guess where the cut model has another one.
    """
    from seqtui.cli.terminal import drawn

    found: dict[str, list[str]] = {"untouched": [], "change": []}
    guessed = []
    for t, was in enumerate(beside.from_untouched.tolist()):
        loss = float(beside.untouched.loss[was]) if was >= 0 else math.nan
        more = float(beside.cut.loss[t]) - loss
        found["untouched"].append(f"{loss:.3f}" if math.isfinite(loss) else "")
        found["change"].append(f"{more:+.3f}" if math.isfinite(more) else "")
        guess, before = beside.cut.top_symbols[t][:1], beside.untouched.top_symbols[was][:1] if was >= 0 else ()
        guessed.append(drawn(before[0]) if before and before != guess else "")
    return found | ({"guessed before": guessed} if any(guessed) else {})


def summary(beside: "Beside") -> str:
    """Return a line on the mean loss of both."""
    if not beside.compared:
        return "there is no loss that can be compared with that of the untouched model"
    before, after = beside.means
    return (
        f"mean loss over {beside.compared:,} compared timesteps: {after:.4f}, untouched {before:.4f}, "
        f"change {after - before:+.4f}"
    )


def compared_as_json(cuts: tuple[str, ...], beside: "Beside") -> dict[str, Any]:
    """Return the cuts, and the untouched model's losses and guesses."""
    whole, (before, after) = beside.untouched, beside.means
    return {
        "cuts": list(cuts),
        "untouched": {
            "symbols": list(whole.symbols),
            "loss": lists(whole.loss),
            "top_symbols": [list(row) for row in whole.top_symbols],
            "top_probability": lists(whole.top_probability),
        },
        "untouched_timestep": [t if t >= 0 else None for t in beside.from_untouched.tolist()],
        "compared": beside.compared,
        "mean_loss": after if math.isfinite(after) else None,
        "untouched_mean_loss": before if math.isfinite(before) else None,
    }
