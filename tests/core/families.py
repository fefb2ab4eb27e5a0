"""Run the engine and the float64 twin of any family with the same weights, carried state and dropout masks."""

import numpy as np
from seqcore.arrays import unmasked
from seqcore.config import RECURRENT, ModelConfig
from seqcore.layers.dropout import dropout, dropout_key
from seqcore.model import Model, Workspace, build, shapes, workspace
from seqcore.parameters import Parameters
from seqcore.records import F32, I32, Inputs, Targets

from tests.core import twin, twin_families
from tests.core.compare import UNIT, assert_close
from tests.core.twin import F64, Named
from tests.core.twin_families import Carried

SEED, STEP = 11, 4  # dropout key


def put(config: ModelConfig, work: Workspace, carried: Carried) -> None:
    """Copy the twin's carried state into a workspace."""
    views = work.state()
    if config.family in RECURRENT:
        assert isinstance(carried, list)
        names = twin_families.cell(config).states
        assert views.keys() == {f"{n}.{name}" for n in range(config.layers) for name in names}
        for n, state in enumerate(carried):
            for name, value in zip(names, state, strict=True):
                views[f"{n}.{name}"][:] = value
    elif config.family == "feedforward":
        assert isinstance(carried, np.ndarray)
        (view,) = views.values()
        assert view.shape == carried.swapaxes(0, 1).shape, "rows first"
        view[:] = carried.swapaxes(0, 1)
    else:
        assert not views


def carried_in(config: ModelConfig, work: Workspace) -> Carried:
    """The workspace's carried state in the twin's layout."""
    views = work.state()
    if config.family in RECURRENT:
        names = twin_families.cell(config).states
        return [tuple(views[f"{n}.{name}"].astype(np.float64) for name in names) for n in range(config.layers)]
    if config.family == "feedforward":
        (view,) = views.values()
        return view.swapaxes(0, 1).astype(np.float64 if config.inputs else np.int32)
    assert not views
    return None


def parameters(config: ModelConfig, seed: int = 0) -> Parameters:
    """The twin's random weights, scaled so that every parameter affects the loss."""
    made = Parameters(shapes(config))
    drawn = twin_families.weights(config, seed)
    assert {name: view.shape for name, view in made.items()} == {name: value.shape for name, value in drawn.items()}
    for name, view in made.items():
        view[:] = drawn[name]
    return made


def named(given: Parameters) -> Named:
    """The parameters in float64, for the twin."""
    return twin.doubles(dict(given.items()))


def made(config: ModelConfig, T: int, B: int, seed: int = 0) -> tuple[Model, Workspace, Carried]:
    """A packed model with NaN gradients, its workspace, and a random carried state."""
    net, work, draw = build(config, parameters(config, seed)), workspace(config, T, B), np.random.default_rng(seed)
    net.gradient.flat[:] = np.nan
    net.pack()
    carried = twin_families.nothing(config, B)
    if isinstance(carried, list):
        carried = [
            tuple(np.float32(0.7 * draw.standard_normal(s.shape)).astype(float) for s in state) for state in carried
        ]
    elif config.inputs and carried is not None:
        carried = draw.standard_normal(carried.shape).astype(np.float32).astype(float)
    elif carried is not None and carried.size:
        seen = draw.random(carried.shape) < 0.7
        seen[-1] |= seen.any(axis=0)
        carried = np.where(np.maximum.accumulate(seen), draw.integers(0, config.vocabulary_size, seen.shape), carried)
        carried = carried.astype(np.int32)  # "nothing before" first, then only tokens
    put(config, work, carried)
    return net, work, carried


def drawn(of: ModelConfig | int, T: int, B: int, masked: float = 0.0, seed: int = 0) -> tuple[Inputs, Targets]:
    """Inputs and targets of a model, or of a vocabulary, (T, B, ...); about the share `masked` of them is masked."""
    config = ModelConfig(of) if isinstance(of, int) else of
    draw, V = np.random.default_rng(seed), config.vocabulary_size
    symbols = [draw.integers(0, most, (T, B)).astype(np.int32) for most in (V or 1, config.outputs or V or 1)]
    hidden = draw.random((T, B)) < masked
    symbols[1][hidden] = -1
    inputs, targets = symbols
    if config.inputs:
        inputs = draw.standard_normal((T, B, config.inputs)).astype(np.float32)
    if config.values:
        targets = draw.standard_normal((T, B, config.values)).astype(np.float32)
        targets[hidden] = np.nan
    return inputs, targets


def masks(config: ModelConfig, T: int, B: int) -> list[F64]:
    """Dropout masks (T, B, H) of every site, obtained by applying the kernel to arrays of ones.

    The kernel's rows are time-major; in attention, batch-major.
    """
    made = []
    for site in range(twin_families.sites(config)):
        kept: F32 = np.ones((T * B, config.hidden), np.float32)
        if config.dropout:
            dropout(kept, kept, config.hidden, config.dropout, dropout_key(SEED, STEP, site))
        drawn_for = kept.astype(np.float64)
        if config.family == "attention":
            made.append(drawn_for.reshape(B, T, config.hidden).transpose(1, 0, 2))
        else:
            made.append(drawn_for.reshape(T, B, config.hidden))
    return made


def cancelling(
    config: ModelConfig, net: Model, tokens: I32, targets: I32, truth: twin_families.Step
) -> dict[str, float]:
    """Error that rounding alone may cause in each gradient when the norm is over fewer than 8 units.

    Normalising two numbers to mean 0 and variance 1 leaves little more than a sign: the gradient cancels, and what
    remains is multiplied by up to 1 / sqrt(eps) = 316 in each norm. Allowed: 20 times the change caused by perturbing
    every weight by one rounding error, and at least 316 rounding errors of the largest gradient (below 4 units, a
    thousandth of it).
    """
    if config.hidden >= 8:
        return {}
    (T, B), expected = tokens.shape[:2], truth.gradients.parameters
    largest = max(float(np.abs(value).max()) for value in expected.values())
    terms = dict.fromkeys(expected, (1e-3 if config.hidden < 4 else 316 * UNIT) * largest)
    for seed in range(3):
        draw, p = np.random.default_rng(seed), named(net.parameters)
        p = {name: value * (1 + UNIT * draw.choice([-1, 1], value.shape)) for name, value in p.items()}
        other = twin_families.step(config, p, tokens, targets, None, masks(config, T, B)).gradients.parameters
        for name, value in other.items():
            terms[name] = max(terms[name], 20 * float(np.abs(value - expected[name]).max()))
    return terms


def check(config: ModelConfig, T: int, B: int, masked: float = 0.0, tolerance: float = 5e-5) -> None:
    """Compare every loss and gradient of one step, and the state carried to the next, with the twin."""
    net, work, carried = made(config, T, B)
    tokens, targets = drawn(config, T, B, masked, T * 31 + B)
    truth = twin_families.step(config, named(net.parameters), tokens, targets, carried, masks(config, T, B))

    losses = net.losses_and_gradient(tokens, targets, work, SEED, STEP)
    assert_close(losses, truth.losses, tolerance / 3, "losses")
    assert {name for name, _ in net.gradient.items()} == truth.gradients.parameters.keys()
    rounding = cancelling(config, net, tokens, targets, truth) if config.family == "attention" else {}
    largest = max(float(np.abs(value).max()) for value in truth.gradients.parameters.values())
    largest = max(largest, 1 / max(1, int(unmasked(targets).sum())))  # what one target adds to a logit's gradient
    for name, gradient in net.gradient.items():  # sums may cancel: allow 8 rounding errors of the largest term
        terms = max(8 * UNIT * largest, rounding.get(name, 0.0)) / tolerance
        assert_close(gradient, truth.gradients.parameters[name], tolerance, name, terms)
    work.carry()
    left = carried_in(config, work)
    if isinstance(left, list):
        assert isinstance(truth.carried, list)
        for n, (here, there) in enumerate(zip(left, truth.carried, strict=True)):
            for k, (state, expected) in enumerate(zip(here, there, strict=True)):
                assert_close(state, expected, tolerance / 3, f"state {k} of layer {n}")
    elif left is not None:
        np.testing.assert_array_equal(left, truth.carried)  # exact: they are inputs
