"""What is cut of a run under observation: copies of its weights, and its example."""

from types import SimpleNamespace
from typing import Any, cast

import numpy as np
from seqcore.config import ModelConfig
from seqcore.model import parameter_count, shapes
from seqcore.parameters import Parameters
from seqcore.records import Example
from seqcore.surgery.context import ContextCut
from seqcore.surgery.cut import Cut

from seqtui.live.seen import Weights
from seqtui.live.table import Table

CONFIG = ModelConfig(9, "gru", hidden=6, embedding=3)
RUN = cast(Any, SimpleNamespace(config=SimpleNamespace(model=CONFIG)))


def given() -> Weights:
    return Weights(RUN, 7, np.ones(parameter_count(CONFIG), np.float32))


def test_a_copy_of_the_weights_is_cut_once() -> None:
    table, weights = Table(), given()
    assert table.cut(weights) is weights
    table.take((Cut(0, "h", 2), ContextCut("reset", 3)))
    cut = table.cut(weights)
    assert table.cut(weights) is cut
    assert cut.step == 7
    assert (weights.flat == 1).all(), "what the trainer handed over stays as it is"
    assert not Parameters(shapes(CONFIG), cut.flat)["layers.0.W_hh"][2].any()
    assert table.cut(given()) is not cut
    table.take(())
    assert table.cut(weights) is weights


def test_cuts_that_an_example_does_not_allow_are_dropped_and_named() -> None:
    table = Table()
    table.take((Cut(0, "h", 2), ContextCut("reset", 3), ContextCut("shuffle", 8)))
    long, short = (Example.unlabelled(np.arange(size, dtype=np.int32)) for size in (9, 3))
    example, refused = table.lay(long, CONFIG)
    assert refused == ""
    assert sorted(example.inputs) == list(range(3, 9))
    assert table.whole is long
    example, refused = table.lay(short, CONFIG)
    assert "give a timestep from 1 to 2" in refused
    assert example.inputs.tolist() == [0, 1, 2]
    assert table.cuts == (Cut(0, "h", 2),)
