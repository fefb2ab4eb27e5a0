"""Presets and family defaults are valid, and the preset named after nanoGPT's CPU example matches it."""

import math

import numpy as np
import pytest
from seqcore.config import FAMILIES, ModelConfig, TrainingConfig
from seqcore.model import build, initial, shapes
from seqcore.presets import PRESETS, family_defaults, preset, with_defaults
from seqcore.tasks.language import TokenData
from seqcore.trainer import Trainer


@pytest.mark.parametrize("name", [entry.name for entry in PRESETS])
def test_every_preset_is_a_model_and_a_training(name: str) -> None:
    model, training = with_defaults(preset(name).model, preset(name).training)
    config = ModelConfig(65, **model)
    assert build(config, initial(config, 0)).parameters.size > 0
    assert TrainingConfig(**training).last_step()


@pytest.mark.parametrize("family", FAMILIES)
def test_what_a_family_begins_with_makes_sense_and_gives_way_to_what_is_said(family: str) -> None:
    model, training = with_defaults({"family": family}, {})
    config = ModelConfig(65, **model)
    assert TrainingConfig(**training).length == (config.context if family == "attention" else 64)
    model, training = with_defaults({"family": family, "hidden": 96}, {"learning_rate": 0.5})
    assert (model["hidden"], training["learning_rate"]) == (96, 0.5)
    assert family_defaults("hidden") == {"attention": 128}


def test_attention_sees_as_far_as_a_step_is_long_unless_both_are_said() -> None:
    assert with_defaults({"family": "attention"}, {"length": 32})[0]["context"] == 32
    assert with_defaults({"family": "attention", "context": 48}, {})[1]["length"] == 48
    model, training = with_defaults({"family": "attention", "context": 48}, {"length": 16})
    assert (model["context"], training["length"]) == (48, 16)
    model, training = with_defaults({"family": "attention"}, {})
    assert model["context"] == training["length"] == family_defaults("length")["attention"]


def nanogpt() -> tuple[ModelConfig, TrainingConfig]:
    """The preset, on tinyshakespeare's 65 characters."""
    chosen = preset("nanogpt")
    return ModelConfig(65, **chosen.model), TrainingConfig(**chosen.training)


def test_nanogpt_s_model_has_its_parameters() -> None:
    """Its README counts 0.80 M: n_layer 4, n_head 4, n_embd 128, block_size 64, no bias, wte and lm_head tied."""
    config, _ = nanogpt()
    C, block = 128, 12 * 128 * 128 + 2 * 128
    assert sum(math.prod(shape) for shape in shapes(config).values()) == 65 * C + 64 * C + 4 * block + C
    drawn = initial(config, 1)
    for name, view in drawn.items():
        if view.ndim < 2:
            assert (view == 1).all(), name
            continue
        expected = 0.02 / math.sqrt(8) if name.endswith(("W_o", "W_proj")) else 0.02
        assert np.std(view) == pytest.approx(expected, rel=0.05), name
    assert drawn.decayed == sum(view.size for _, view in drawn.items() if view.ndim == 2), "embeddings decay too"


def test_nanogpt_s_schedule_step_by_step() -> None:
    """get_lr of its train.py: warm-up of 100, then a cosine from 1e-3 at 100 to 1e-4 at 2000."""
    config, training = nanogpt()
    tokens = np.zeros(2000, np.int32)
    trainer = Trainer(config, training, TokenData(tokens, tokens[:0]))
    for step in (0, 1, 50, 99, 100, 101, 1050, 1999):
        trainer.steps = step
        share = (step - 100) / 1900
        cosine = 1e-4 + 0.5 * (1 + math.cos(math.pi * share)) * 9e-4
        assert trainer.learning_rate == pytest.approx(1e-3 * (step + 1) / 101 if step < 100 else cosine)
    assert (training.beta1, training.beta2, training.weight_decay, training.clip) == (0.9, 0.99, 0.1, 1.0)
    assert (training.batch, training.length, training.sampling) == (12, 64, "windows")
    assert (config.positions, config.layers, config.heads, config.context) == ("learned", 4, 4, 64)
