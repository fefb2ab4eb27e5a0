"""What a probe records as named arrays whose first axis are the timesteps of the text."""

from seqcore.records import Probe

from seqtui.tui.widgets.arrays import Arrays, flat


def by_timestep(probe: Probe) -> Arrays:
    """Return tokens, losses, guesses, staves ("forget.0": of the lowest layer), reach and attention of T timesteps.

    Of a pair the losses of the source are NaN; what is not by timestep (a translation) is left out.
    """
    shown: dict[str, object] = {
        "step": probe.step,
        "token": probe.tokens,
        "symbol": probe.symbols,
        "loss": probe.loss,
        "target": probe.targets,
        "guess": probe.top_symbols,
        "guess_probability": probe.top_probability,
    }
    shown |= {f"{stave.name}.{stave.layer}": stave.values for stave in probe.staves}
    shown |= {f"reach.{layer}": rows for layer, rows in enumerate(probe.reach_hidden)}
    shown["reach.input"] = probe.reach_input
    for layer, heads in enumerate(probe.attention if probe.attention is not None else ()):
        shown |= {f"attention.{layer}.{head}": rows for head, rows in enumerate(heads)}
    if probe.verdict is not None:
        shown |= {"class_probability": probe.verdict.probability, "class": probe.verdict.targets}
    if probe.series is not None:
        shown |= {"read": probe.series.read, "predicted": probe.series.predicted, "wanted": probe.series.wanted}
    return {name: array for name, array in flat(shown).items() if not array.ndim or len(array) == len(probe.symbols)}
