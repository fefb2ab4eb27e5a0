"""The twin of the transformer with encoder and decoder matches central finite differences, and pads nothing."""

from collections.abc import Callable
from itertools import product

import numpy as np
import pytest
from seqcore.config import POSITIONS, ModelConfig
from seqcore.models.pair_transformer_weights import shapes

from tests.core import twin, twin_pair_transformer, twin_pairs
from tests.core.test_twin import check
from tests.core.test_twin_families import check_along
from tests.core.twin import Ints, Named


def config_of(positions: str = "rotary", bias: bool = True, layers: int = 1, **more: int) -> ModelConfig:
    values = {"hidden": 8, "heads": 2, "context": 6} | more
    return ModelConfig(4, "attention", outputs=5, decodes=True, positions=positions, bias=bias, layers=layers, **values)


CASES = {
    f"{positions} {'bias' if bias else 'no bias'} {layers}": config_of(positions, bias, layers)
    for positions, bias, layers in product(POSITIONS, (False, True), (1, 2))
}


def made(config: ModelConfig) -> Named:
    return twin_pair_transformer.weights(shapes(config), 0)


def batch(config: ModelConfig, S: int = 5, U: int = 4) -> tuple[Ints, Ints]:
    """Sources of 4, 1 and 2 symbols, targets of 1, 3 and 2."""
    plain = twin_pairs.PairConfig(config.vocabulary_size, config.outputs)
    return twin_pairs.drawn(plain, (4, 1, 2), (1, 3, 2), seed=3, S=S, U=U)


def loss_of(p: Named, config: ModelConfig, inputs: Ints, targets: Ints) -> Callable[[], float]:
    return lambda: twin.mean_loss(twin_pair_transformer.step(p, config, inputs, targets))


@pytest.mark.parametrize("label", CASES)
def test_gradients_are_the_finite_differences(label: str) -> None:
    config = CASES[label]
    p, (inputs, targets) = made(config), batch(config)
    told = twin_pair_transformer.step(p, config, inputs, targets).gradients
    draw = np.random.default_rng(0)
    for name, value in p.items():
        assert told[name].any(), f"{name} has an effect"
        for _ in range(2):
            check_along(loss_of(p, config, inputs, targets), value, told[name], draw.normal(size=value.shape), name)


def test_every_element_of_a_gradient_is_its_finite_difference() -> None:
    config = config_of(hidden=4, context=3)
    p = made(config)
    inputs, targets = twin_pairs.drawn(twin_pairs.PairConfig(4, 5), (3, 1), (1, 2), seed=3)
    told = twin_pair_transformer.step(p, config, inputs, targets).gradients
    for name, value in p.items():
        check(loss_of(p, config, inputs, targets), value, told[name], name)


@pytest.mark.parametrize("label", CASES)
def test_padding_and_company_change_no_loss_and_no_gradient(label: str) -> None:
    config = CASES[label]
    p, answers = made(config), (1, 3, 2)
    inputs, targets = batch(config, 6, 5)
    whole = twin_pair_transformer.step(p, config, inputs, targets)
    total = {name: np.zeros_like(value) for name, value in p.items()}
    for b, (n, m) in enumerate(zip((4, 1, 2), answers, strict=True)):
        rows = slice(6 - n, 6 + m)
        alone = twin_pair_transformer.step(p, config, inputs[rows, b : b + 1], targets[rows, b : b + 1])
        np.testing.assert_allclose(whole.losses[rows, b], alone.losses[:, 0], rtol=1e-12)
        for name, value in alone.gradients.items():
            total[name] += value * m / sum(answers)
    for name, value in total.items():
        np.testing.assert_allclose(whole.gradients[name], value, rtol=1e-9, atol=1e-12, err_msg=name)


def test_an_empty_source_leaves_the_attention_over_it_at_its_bias() -> None:
    config = config_of("learned")
    p, (inputs, targets) = made(config), batch(config)
    inputs[:5, 1] = -1
    told = twin_pair_transformer.step(p, config, inputs, targets)
    draw = np.random.default_rng(0)
    for name, value in p.items():
        check_along(
            loss_of(p, config, inputs, targets), value, told.gradients[name], draw.normal(size=value.shape), name
        )
