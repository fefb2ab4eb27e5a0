"""A decoder that reads its own symbols reads the likeliest ones, where its coins say so, and learns from these."""

from typing import Any

import numpy as np
import pytest
from seqcore.config import ModelConfig
from seqcore.model import build, workspace
from seqcore.models.pairs_steps import own_symbols
from seqcore.models.stack import Key
from seqcore.models.teaching import Teaching

from tests.core.compare import threads
from tests.core.test_pairs import batch, config_of, said, scored, weighted

pytestmark = pytest.mark.usefixtures("kernels")

V, K, SEED, STEP = 11, 9, 5, 7
CONFIGS = [
    config_of("rnn", "none", False, 1),
    config_of("gru", "none", True, 2),
    config_of("lstm", "general", True, 2),
    config_of("lstm", "additive", False, 1, embedding=0),
    config_of("gru", "dot", False, 2),
    config_of("gru", "additive", True, 2, input_feeding=True),
    config_of("lstm", "general", False, 1, input_feeding=True),
]
Batch = tuple[Any, Any]


def whole(config: ModelConfig) -> Batch:
    """Inputs as the engine numbers them, and targets."""
    inputs, targets = batch(config)
    return scored(inputs, targets, V), targets


def stepped(config: ModelConfig, made: Batch, forcing: float = 1.0, step: int = STEP) -> tuple[Any, bytes]:
    """Losses, and the bytes of the gradient, of one step."""
    inputs, targets = made
    model, work = build(config, weighted(config)), workspace(config, *targets.shape)
    model.pack()
    losses = model.losses_and_gradient(inputs, targets, work, SEED, step, Teaching(forcing=forcing)).copy()
    return losses, model.gradient.flat.tobytes()


def greedy(config: ModelConfig, made: Batch, own: Any) -> Any:
    """The inputs with the likeliest symbol where `own`, timestep by timestep: every one by a pass over all of them."""
    inputs, targets = made[0].copy(), made[1]
    S = len(inputs) - len(own)
    model, work = build(config, weighted(config)), workspace(config, *targets.shape, False)
    model.pack()
    for u in range(1, len(own)):
        model.losses(inputs, targets, work)
        likeliest = work.scores(len(inputs))[S + u - 1, :, :K].argmax(axis=1)
        inputs[S + u] = np.where(own[u], V + likeliest, inputs[S + u])
    return inputs


def coins(targets: Any, forcing: float, step: int = STEP) -> Any:
    S = int(np.argmax((targets >= 0).any(axis=1)))
    return own_symbols(targets[S:] >= 0, forcing, SEED, step)


@pytest.mark.parametrize("forcing", [0.0, 0.5])
@pytest.mark.parametrize("config", CONFIGS, ids=said)
def test_a_step_is_that_on_the_symbols_that_the_decoder_would_have_written(config: ModelConfig, forcing: float) -> None:
    made = whole(config)
    read = greedy(config, made, coins(made[1], forcing))
    assert (read != made[0]).any()
    losses, gradient = stepped(config, made, forcing)
    expected, same = stepped(config, (read, made[1]))
    assert losses.tobytes() == expected.tobytes() != stepped(config, made)[0].tobytes()
    assert gradient == same


@pytest.mark.parametrize("config", CONFIGS[2:4] + CONFIGS[5:], ids=said)
def test_with_dropout_it_reads_what_the_dropped_decoder_writes(config: ModelConfig) -> None:
    dropped = ModelConfig(**config.to_dict() | {"dropout": 0.4})
    inputs, targets = whole(dropped)
    model: Any = build(dropped, weighted(config))
    work: Any = workspace(dropped, *targets.shape)
    model.pack()
    own, S = coins(targets, 0.3), int(np.argmax((targets >= 0).any(axis=1)))
    before = work.decoder.layers[0].h.copy()
    x, _, read = model._forward(inputs, S, work, Key(SEED, STEP), own)
    logits = np.zeros((len(x), work.logits.shape[1]), np.float32)
    model.head.linear.forward(x, logits)
    likeliest = logits.reshape(*own.shape, -1)[:, :, :K].argmax(axis=2)
    assert (read[1:][own[1:]] == likeliest[:-1][own[1:]]).all()
    assert (read[~own] == inputs[S:][~own] - V).all()
    assert (work.decoder.layers[0].h != before).any()
    own_without = stepped(config, (inputs, targets), 0.3)[0]
    assert stepped(dropped, (inputs, targets), 0.3)[0].tobytes() != own_without.tobytes()


@pytest.mark.parametrize("config", [CONFIGS[2], CONFIGS[4], CONFIGS[5]], ids=said)
def test_padding_changes_no_bit(config: ModelConfig) -> None:
    inputs, targets = whole(config)
    before, after = np.full((5, inputs.shape[1]), -1, np.int32), np.full((3, inputs.shape[1]), V, np.int32)
    wide = np.concatenate([before, inputs, after]), np.concatenate([before, targets, 0 * after - 1])
    losses, gradient = stepped(config, (inputs, targets), 0.5)
    more, same = stepped(config, wide, 0.5)
    assert more[5:-3].tobytes() == losses.tobytes()
    assert same == gradient


@pytest.mark.parametrize("config", [CONFIGS[2], CONFIGS[5]], ids=said)
def test_the_number_of_threads_changes_no_bit(config: ModelConfig) -> None:
    found = []
    for count in (1, 2, 3):
        with threads(count):
            losses, gradient = stepped(config, whole(config), 0.5)
            found.append((losses.tobytes(), gradient))
    assert found[0] == found[1] == found[2]


def test_the_same_step_reads_the_same_and_another_one_something_else() -> None:
    config = CONFIGS[2]
    found = [stepped(config, whole(config), 0.5, step)[0].tobytes() for step in (0, 0, 1)]
    assert found[0] == found[1] != found[2]


def test_coins_are_fair_start_after_the_first_timestep_and_need_a_target() -> None:
    asked = np.ones((60, 500), np.bool_)
    asked[30:, 100:] = False
    own = own_symbols(asked, 0.8, 3, 4)
    assert own is not None
    assert not own[0].any()
    assert not own[~asked].any()
    counted = asked[1:].sum()
    assert abs(own[1:].sum() / counted - 0.2) < 4 * np.sqrt(0.16 / counted)
    assert own_symbols(asked, 1.0, 3, 4) is None
    assert own_symbols(asked[:1], 0.0, 3, 4) is None
    every = own_symbols(asked, 0.0, 3, 4)
    assert every is not None
    assert (every[1:] == asked[1:]).all()


def test_the_coin_of_a_timestep_does_not_depend_on_how_many_follow() -> None:
    asked = np.ones((20, 7), np.bool_)
    short, long = own_symbols(asked[:9], 0.5, 3, 4), own_symbols(asked, 0.5, 3, 4)
    assert short is not None
    assert long is not None
    assert (short == long[:9]).all()
    other = own_symbols(asked, 0.5, 4, 4)
    assert other is not None
    assert (other != long).any()
