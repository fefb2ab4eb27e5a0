"""Label smoothing: the gradient is that of the smoothed cross-entropy, for every model; the losses stay plain."""

from typing import Any

import numpy as np
import pytest
from seqcore.config import ModelConfig, TrainingConfig
from seqcore.errors import SeqError
from seqcore.gemm import padded
from seqcore.model import build, workspace
from seqcore.models.teaching import Teaching

from tests.core import test_loss, test_pairs, twin
from tests.core.cases import EVERY
from tests.core.compare import assert_close, threads
from tests.core.families import SEED, STEP, drawn, parameters

E = 0.15
SYMBOLS = {label: config for label, config in EVERY.items() if not config.values}
PAIRS = [test_pairs.CONFIGS[0], test_pairs.CONFIGS[9], test_pairs.FED[5]]


def gradient_of(config: ModelConfig, inputs: Any, targets: Any, weights: Any, e: float) -> tuple[Any, Any]:
    """The gradient of a step, float64, and the losses."""
    net, work = build(config, weights), workspace(config, *targets.shape)
    net.pack()
    losses = net.losses_and_gradient(inputs, targets, work, SEED, STEP, Teaching(smoothing=e)).copy()
    return net.gradient.flat.astype(np.float64), losses


def check(config: ModelConfig, inputs: Any, targets: Any, weights: Any) -> None:
    """The smoothed loss is a weighted sum of plain ones, of the target and of every symbol; so is its gradient."""
    smoothed, losses = gradient_of(config, inputs, targets, weights, E)
    plain, expected_losses = gradient_of(config, inputs, targets, weights, 0.0)
    assert losses.tobytes() == expected_losses.tobytes()
    assert np.abs(smoothed - plain).max() > 1e-4
    expected = (1 - E) * plain
    for symbol in range(config.logits):
        every = np.where(targets >= 0, symbol, -1).astype(np.int32)
        expected += E / config.logits * gradient_of(config, inputs, every, weights, 0.0)[0]
    assert_close(smoothed, expected, 1e-5, "gradient", np.abs(plain).max())


@pytest.mark.parametrize("label", SYMBOLS)
def test_every_family_learns_from_the_smoothed_targets(label: str) -> None:
    config = SYMBOLS[label]
    check(config, *drawn(config, 6, 4, 0.3), parameters(config))


@pytest.mark.parametrize("config", PAIRS, ids=test_pairs.said)
def test_encoder_decoders_learn_from_the_smoothed_targets(config: ModelConfig) -> None:
    inputs, targets = test_pairs.batch(config)
    check(config, test_pairs.scored(inputs, targets, 11), targets, test_pairs.weighted(config))


@pytest.mark.parametrize(("M", "V"), [(1, 2), (17, 33), (40, 100)])
def test_the_head_matches_the_twin_and_threads_change_no_bit(M: int, V: int) -> None:
    found = []
    for count in (1, 2, 3):
        head, h, targets = test_loss.made(M, 13, V, "some")
        logits, dh = np.zeros((M, padded(V)), np.float32), np.zeros((M, padded(13)), np.float32)
        losses = np.zeros(M, np.float32)
        with threads(count):
            head.forward(h, targets, 0.1, logits, losses, dh, E)
        found.append((losses.tobytes(), logits.tobytes(), dh.tobytes()))
    assert found[0] == found[1] == found[2]
    x, W, b = (a.astype(np.float64) for a in (h, head.linear.W, head.linear.b))
    scores = twin.linear(x, W, b)
    dlogits = twin.cross_entropy_backward(scores, targets, 0.1, E)
    assert_close(losses, twin.cross_entropy(scores, targets), 2e-6, "losses", np.abs(scores).max())
    assert_close(logits[:, :V], dlogits, 5e-6, "dlogits", 0.1)
    assert_close(dh[:, :13], twin.linear_backward(x, W, dlogits)[0], 5e-6, "dh", 0.1 * np.abs(W).max())
    assert not logits[targets < 0, :V].any()


def test_the_twin_is_the_finite_difference_of_the_smoothed_loss() -> None:
    draw = np.random.default_rng(2)
    logits, targets = draw.normal(size=(3, 2, 5)), np.array([[0, -1], [4, 2], [-1, 2]], np.int32)
    d, step = twin.cross_entropy_backward(logits, targets, 0.7, E), 1e-6
    for place in np.ndindex(logits.shape):
        sides = []
        for sign in (1, -1):
            moved = logits.copy()
            moved[place] += sign * step
            sides.append(0.7 * np.nansum(twin.smoothed_cross_entropy(moved, targets, E)))
        assert d[place] == pytest.approx((sides[0] - sides[1]) / (2 * step), abs=1e-8)


def test_settings_that_mean_nothing_are_refused() -> None:
    values, text = ModelConfig(0, inputs=2, values=2), ModelConfig(5)
    pairs = ModelConfig(5, outputs=4, decodes=True)
    for training, model, said in (
        (TrainingConfig(label_smoothing=0.1), values, r"label smoothing 0\.1: .* this task predicts values"),
        (TrainingConfig(teacher_forcing=0.5), text, r"teacher forcing 0\.5: only the decoder"),
        (TrainingConfig(steps=9, final_teacher_forcing=0.5), text, r"final teacher forcing 0\.5: only the decoder"),
    ):
        with pytest.raises(SeqError, match=said):
            training.check(model)
    TrainingConfig(label_smoothing=0.1).check(text)
    TrainingConfig(label_smoothing=0.1, teacher_forcing=0.0).check(pairs)
    TrainingConfig().check(values)
    for fields, said in (
        ({"label_smoothing": 0.95}, "label smoothing"),
        ({"teacher_forcing": 1.5}, "teacher forcing"),
        ({"final_teacher_forcing": 0.5}, "needs an end"),
    ):
        with pytest.raises(SeqError, match=said):
            TrainingConfig(**fields)  # type: ignore[arg-type]  # all are numbers


def test_teacher_forcing_decays_linearly_to_the_end_of_the_run() -> None:
    training = TrainingConfig(steps=100, teacher_forcing=0.9, final_teacher_forcing=0.4, warmup_steps=50)
    assert [training.forcing(step, 0.0) for step in (0, 50, 100, 200)] == pytest.approx([0.9, 0.65, 0.4, 0.4])
    assert TrainingConfig(teacher_forcing=0.7).forcing(1000, 5.0) == 0.7
    assert TrainingConfig(steps=10).forcing(10, 0.0) == 1.0
