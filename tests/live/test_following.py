"""A run in the Lab takes over from the one before it what was not chosen."""

from dataclasses import replace

import pytest
from seqcore.config import FAMILIES, ModelConfig, TrainingConfig
from seqcore.presets import with_defaults

from seqtui.live.following import decided, following, on_another_task
from seqtui.live.snapshot import ModelChoice

LSTM = ModelConfig(65, hidden=24, embedding=7)
TRAINING = TrainingConfig(
    batch=4, length=16, sampling="windows", learning_rate=0.02, schedule="cosine", warmup_steps=3, final_rate=0.1,
    weight_decay=0.3, clip=2.0, beta1=0.8, beta2=0.95, steps=100, tokens=9999, minutes=2.0, validation=0.2,
    eval_every=7, checkpoint_every=9, log_every=3, tokens_by="byte", vocabulary_limit=77, seed=5,
)  # fmt: skip
ENDLESS = replace(TRAINING, steps=None, tokens=None, minutes=None, schedule="constant")
SHAPES = {
    "rnn": ModelConfig(65, family="rnn", hidden=24, embedding=0, activation="relu", dropout=0.1),
    "gru": ModelConfig(65, family="gru", hidden=24, embedding=9, layers=2),
    "lstm": LSTM,
    "attention": ModelConfig(65, family="attention", hidden=24, heads=2, context=128, bias=True, tied=False),
    "feedforward": ModelConfig(65, family="feedforward", hidden=24, context=3, embedding=11),
}


def choice_of(shape: ModelConfig) -> ModelChoice:
    return ModelChoice(
        shape.family, shape.hidden, shape.layers, shape.dropout, TRAINING.batch, TRAINING.length, shape.activation,
        shape.heads, shape.positions, shape.context,
    )  # fmt: skip


@pytest.mark.parametrize("family", FAMILIES)
def test_the_same_choice_is_the_same_model_trained_in_the_same_way_but_without_an_end(family: str) -> None:
    shape = SHAPES[family]
    model, training = following(choice_of(shape), shape, TRAINING)
    assert ModelConfig(99, **model) == replace(shape, vocabulary_size=99)
    assert TrainingConfig(**training) == ENDLESS


@pytest.mark.parametrize("family", FAMILIES)
def test_what_was_chosen_alone_is_changed(family: str) -> None:
    shape = SHAPES[family]
    model, training = following(replace(choice_of(shape), hidden=40, batch=5), shape, TRAINING)
    assert ModelConfig(65, **model) == replace(shape, hidden=40)
    assert TrainingConfig(**training) == replace(ENDLESS, batch=5)


def test_attention_sees_as_much_as_a_length_that_was_changed() -> None:
    shape = SHAPES["attention"]
    assert following(replace(choice_of(shape), length=32), shape, TRAINING)[0]["context"] == 32
    assert following(replace(choice_of(shape), heads=1), shape, TRAINING)[0]["context"] == 128


def test_another_family_begins_as_it_always_does_on_the_same_text() -> None:
    choice = ModelChoice("attention", 32, 2, batch=3, length=8)
    model, training = following(choice, LSTM, TRAINING)
    usual = with_defaults(choice.fields(), {"batch": 3, "length": 8})
    assert model == usual[0]
    same = {"validation": 0.2, "tokens_by": "byte", "vocabulary_limit": 77, "seed": 5, "log_every": 3}
    assert training == usual[1] | same


def test_the_first_run_begins_with_the_family_s_own() -> None:
    choice = ModelChoice("rnn", 32)
    assert following(choice, None, None) == with_defaults(choice.fields(), {"batch": 32, "length": 64})


REVIEWS = {"length": 512, "tokens_by": "word"}


def test_another_task_keeps_the_model_and_takes_its_own_length_and_the_family_s_training() -> None:
    before = replace(LSTM, embedding=7, outputs=0)
    model, training = on_another_task(ModelChoice("lstm", 24, batch=5), REVIEWS, before, TRAINING)
    assert ModelConfig(99, outputs=3, **model) == replace(before, vocabulary_size=99, outputs=3)
    made = TrainingConfig(**training)
    assert (made.batch, made.length, made.tokens_by, made.seed, made.validation) == (5, 512, "word", 5, 0.2)
    assert (made.learning_rate, made.sampling, made.schedule) == (0.005, "streams", "constant")


def test_attention_on_another_task_has_a_context_of_its_length() -> None:
    model, training = on_another_task(ModelChoice("attention", 24, 2), REVIEWS, None, None)
    assert (model["context"], training["length"]) == (512, 512)
    model, training = on_another_task(ModelChoice("attention", 24, 2), {}, SHAPES["attention"], TRAINING)
    assert (model["context"], training["length"]) == (128, 128), "back on a text, as attention begins on one"


def test_what_the_task_decides_overrules_the_choice() -> None:
    model, training = decided({"family": "attention", "context": 9}, {"length": 9, "batch": 2}, {"length": 30})
    assert (model["context"], training) == (30, {"length": 30, "batch": 2})
    assert decided({"family": "gru"}, {"length": 9}, {}) == ({"family": "gru"}, {"length": 9})
