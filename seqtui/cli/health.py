"""`seqtui inspect RUN --health`: whether a model is well, with a sentence for each measure that says what is good."""

import json
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from seqcore.folder import At
    from seqcore.health.examine import Health
    from seqcore.surgery.cut import Cut

    from seqtui.cli.loading import LoadedRun


def show_health(run: str, at: "At", as_json: bool, silence: "tuple[Cut, ...]" = ()) -> None:
    """Measure the model of a run, and print what was found. Raises SeqError."""
    from seqcore.health.examine import TIMESTEPS, examine
    from seqcore.history import HistoryLog
    from seqcore.neurons.passage import held_out_passage

    from seqtui.cli.cutting import cut_run
    from seqtui.cli.kernels import Status
    from seqtui.cli.loading import load

    loaded = cut_run(load(run, at), silence)
    config, model = loaded.config, loaded.serial()
    lines = ([line for line in part if line["step"] <= loaded.step]
             for part in (loaded.folder.metrics(), loaded.folder.updates()))  # fmt: skip
    history = HistoryLog.of(*lines)
    passage, references = None, {}
    data, problem = _data(loaded)
    if data is not None:
        references = data.baselines(config.vocabulary).losses
        if model.states:
            passage = held_out_passage(config.task, data, config.vocabulary, model, TIMESTEPS)
    with Status() as status:
        found = examine(
            model, passage, history.record(), history.updates(), references,
            lambda done, total: status.say(f"reading: {done / total:.0%}"),
        )  # fmt: skip
    assert found is not None  # nothing stops it
    if as_json:
        click.echo(json.dumps(_as_json(found) | {"run": loaded.folder.name, "step": loaded.step}))
    else:
        _print(found, loaded)
    if problem:
        from seqtui.cli.boundary import complain

        complain(f"{problem}: gates, units and heads were not looked at")


def _data(loaded: "LoadedRun") -> tuple[Any, str]:
    """Return the examples of the run, or None and why there are none."""
    from seqcore.errors import SeqError

    try:
        return loaded.held_out()[1], ""
    except SeqError as error:
        return None, str(error)


def _finite(values: Any) -> Any:
    """Return an array as lists, with None for what is not finite."""
    import numpy as np

    found: Any = np.where(np.isfinite(values), values.astype(object), None)
    return found.tolist()


def _as_json(found: "Health") -> dict[str, Any]:
    """Return what was found as a JSON object; what the model does not have is absent."""
    from seqcore.health.sentences import GOOD

    made: dict[str, Any] = {
        "verdict": [{name: value for name, value in remark._asdict().items() if value is not None}
                    for remark in found.remarks],
        "timesteps": found.timesteps,
        "units": found.units,
        "dead": [unit._asdict() for unit in found.dead],
        "saturation": [{"gate": one.gate, "layer": one.layer, "left": _finite(one.left), "right": _finite(one.right)}
                       for one in found.saturation],
        "singular": [one._asdict() for one in found.singular if one.value == one.value],
        "updates": {"names": list(found.updates.names), "step": found.updates.step.tolist(),
                    "gradient_norm": _finite(found.updates.gradient_norm),
                    "update_ratio": _finite(found.updates.update_ratio)},
        "good": GOOD,
    }  # fmt: skip
    return made | ({"entropy": _finite(found.entropy)} if found.entropy is not None else {})


def _print(found: "Health", loaded: "LoadedRun") -> None:
    """Print tables, each under its sentence."""
    from seqtui.cli.terminal import console, print_table, shown, table

    screen = console()

    def title(name: str, line: str) -> None:
        from seqcore.health.sentences import GOOD

        screen.print(shown(line, "bold"), soft_wrap=True)
        screen.print(shown(GOOD[name], "dim"), soft_wrap=True)

    title("loss", f"{loaded.folder.name}, step {loaded.step:,}: {' · '.join(one.words for one in found.remarks)}")
    if found.saturation:
        title("saturation", f"gates over {found.timesteps:,} held-out timesteps: below 0.1 (shut), above 0.9 (open)")
        made = table("layer", "gate", "shut", "open", "always shut", "always open",
                     right=("layer", "shut", "open", "always shut", "always open"))  # fmt: skip
        for gate in found.saturation:
            shares = (float(gate.left.mean()), float(gate.right.mean()), *gate.extreme)
            made.add_row(str(gate.layer), gate.gate, *(f"{share:.1%}" for share in shares))
        print_table(made)
    if found.singular:
        title("singular", "largest singular value of W_hh")
        made = table("matrix", "gate", "value", "vanishes below", right=("value", "vanishes below"))
        for one in found.singular:
            made.add_row(one.name, one.gate, f"{one.value:.3f}", f"{one.edge:g}")
        print_table(made)
    if found.units:
        named = ", ".join(f"{unit.layer}.{unit.unit}" for unit in found.dead[:16])
        more = f" and {len(found.dead) - 16} more" if len(found.dead) > 16 else ""
        title("dead", f"dead units: {len(found.dead):,} of {found.units:,}{f' ({named}{more})' if named else ''}")
    if found.entropy is not None:
        title("entropy", "entropy of heads, as a share of the largest possible")
        made = table("layer", *(f"head {n}" for n in range(found.entropy.shape[1])))
        for layer, row in enumerate(found.entropy.tolist()):
            made.add_row(str(layer), *(f"{share:.2f}" for share in row))
        print_table(made)
    if found.updates.step.size:
        title("updates", f"updates at step {int(found.updates.step[-1]):,}, relative to the weights")
        screen.print(shown(_gradients(), "dim"), soft_wrap=True)
        made = table("matrix", "update / weight", "gradient norm", right=("update / weight", "gradient norm"))
        last = (found.updates.update_ratio[-1].tolist(), found.updates.gradient_norm[-1].tolist())
        for name, ratio, norm in zip(found.updates.names, *last, strict=True):
            made.add_row(shown(name), f"{ratio:.1e}", f"{norm:.1e}")
        print_table(made)


def _gradients() -> str:
    from seqcore.health.sentences import GOOD

    return f"Gradients: {GOOD['gradients'][0].lower()}{GOOD['gradients'][1:]}"
