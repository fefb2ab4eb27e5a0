"""The unit that is shown while nobody picks one: the first one stays, for each layer and part of the model."""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest
from seqcore.run import Run
from seqcore.serial import serial_model

from seqtui.live.cell_watch import CellAsked, CellSeen, CellWatch
from seqtui.live.lookers import Scene
from seqtui.live.seen import Weights
from tests.core.tasks import pair_runs


@pytest.fixture
def run() -> Iterator[Run]:
    made = pair_runs.start("reverse:5", model={"layers": 2})
    yield made
    made.close()


def scene_of(run: Run, quiet: dict[str, int] | None = None) -> Scene:
    """A scene with a probe. `quiet`: the unit of each layer, by prefix, that is near 0 at every timestep."""
    model, flat = serial_model(run.config.model), run.trainer.parameters.flat.copy()
    model.load(flat)
    H = run.config.model.hidden
    for prefix, unit in (quiet or {}).items():
        for name in ("W_xh", "W_hh"):
            matrix = model.parameters[f"{prefix}.{name}"]
            matrix[:, [block * H + unit for block in range(matrix.shape[1] // H)]] = 0
    model.load(model.parameters.flat.copy())
    example = run.data.example(run.vocabulary, 0, 12)
    probe = run.config.task.probe(model, run.vocabulary, example.inputs, 1, known=example)
    return Scene(Weights(run, 1, flat), model, example, probe)


def looked(watch: CellWatch, scene: Scene, asked: CellAsked) -> CellSeen:
    found = watch.look(scene, asked)
    assert found is not None
    assert found.asked == asked
    return found


def test_the_unit_shown_first_stays_while_nobody_picks_one(run: Run) -> None:
    watch, first = CellWatch(run), scene_of(run)
    assert first.probe is not None
    bar = first.probe.bar
    asked = {"layers.0": CellAsked(2), "layers.1": CellAsked(2, 1), "decoder.0": CellAsked(bar + 1)}
    units = {prefix: looked(watch, first, one).facts.unit for prefix, one in asked.items()}
    later = scene_of(run, units)
    for prefix, one in asked.items():
        assert looked(CellWatch(run), later, one).facts.unit != units[prefix], "another unit varies most now"
        assert looked(watch, later, one).facts.unit == units[prefix]
        assert looked(watch, later, one._replace(t=one.t + 1)).facts.unit == units[prefix]
    picked = (units["layers.0"] + 1) % run.config.model.hidden
    assert looked(watch, later, CellAsked(2, 0, picked)).facts.unit == picked
    assert looked(watch, later, asked["layers.0"]).facts.unit == units["layers.0"], "it was picked, and is no more"
    assert looked(watch, later, CellAsked(2, 1)).facts.layer == 1


def test_a_direction_that_is_not_there_is_said(run: Run) -> None:
    found = looked(CellWatch(run), scene_of(run), CellAsked(1, 0, 3, second=True, back=True))
    assert found.said == "the encoder of this model reads in one direction only"
    assert (found.facts.part, found.facts.unit) == ("encoder", 3)
    assert found.back is not None


def test_a_probe_is_explained_once(run: Run) -> None:
    watch, scene = CellWatch(run), scene_of(run)
    assert watch.look(scene, CellAsked(1)) is not None
    assert watch.look(scene, CellAsked(1)) is None
    assert watch.look(replace(scene, probe=None), CellAsked(2)) is None
    again = looked(watch, scene_of(run), CellAsked(1))
    assert np.isfinite(again.facts.quantities[-1].value)
