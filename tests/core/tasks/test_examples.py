"""Batches of examples: every example once per epoch, by similar length, and padding that changes no bit."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from seqcore.config import ModelConfig
from seqcore.data.batches import Batch
from seqcore.data.examples import (
    ExampleBatches,
    Examples,
    held_out_batches,
    held_out_lengths,
    masked,
    padded_length,
)
from seqcore.errors import SeqError
from seqcore.model import workspace

from tests.core.cases import CLASSES, VALUES
from tests.core.families import made

LONGEST = 9


def some(count: int, longest: int = LONGEST, seed: int = 0) -> Examples:
    """Examples of 1 to `longest` tokens; the target at the end of example i is i % 2."""
    draw = np.random.default_rng(seed)
    tokens = [draw.integers(0, 13, draw.integers(1, longest + 1)).astype(np.int32) for _ in range(count)]
    targets = [np.append(np.full(part.size - 1, -1), i % 2).astype(np.int32) for i, part in enumerate(tokens)]
    return Examples.of(tokens, targets)


ENDS = CLASSES | VALUES


def examples_for(config: ModelConfig, count: int) -> Examples:
    """Examples that a model reads: a class at the end, or a value at every timestep."""
    draw, tokens = np.random.default_rng(count), some(count)
    lengths = tokens.lengths.tolist()
    inputs = [tokens.example(i) for i in range(count)]
    if config.inputs:
        inputs = [draw.standard_normal((length, config.inputs)).astype(np.float32) for length in lengths]
    targets = [tokens.wanted(i) for i in range(count)]
    if config.values:
        targets = [draw.standard_normal((length, config.values)).astype(np.float32) for length in lengths]
    return Examples.of(inputs, targets)


def padded_to(batch: Batch, T: int, garbage: float = 0) -> Batch:
    """A batch cut or padded to T timesteps; `garbage` stands in the inputs that pad it."""
    short = min(T, len(batch.inputs))
    inputs = np.full((T, *batch.inputs.shape[1:]), garbage, batch.inputs.dtype)
    targets = np.full((T, *batch.targets.shape[1:]), masked(batch.targets), batch.targets.dtype)
    inputs[:short], targets[:short] = batch.inputs[:short], batch.targets[:short]
    return Batch(inputs, targets, True)


def test_a_batch_is_padded_at_the_end_and_masked_there() -> None:
    tokens, targets = ([5, 6, 7], [8]), ([-1, -1, 1], [0])
    examples = Examples.of(*([np.array(part, np.int32) for part in parts] for parts in (tokens, targets)))
    batch = examples.batch(np.array([1, 0]), 3)
    assert batch.inputs.shape == batch.targets.shape == (8, 3)
    assert batch.inputs[:4].T.tolist() == [[8, 0, 0, 0], [5, 6, 7, 0], [0, 0, 0, 0]]
    assert batch.targets[:4].T.tolist() == [[0, -1, -1, -1], [-1, -1, 1, -1], [-1, -1, -1, -1]]
    assert (batch.targets[4:] == -1).all()
    assert (batch.fresh, batch.which.tolist()) == (True, [1, 0])


@settings(deadline=None, max_examples=60)
@given(count=st.integers(4, 90), batch=st.integers(1, 4), seed=st.integers(0, 5), longest=st.integers(1, 40))
def test_an_epoch_has_every_example_at_most_once_and_leaves_out_less_than_a_batch(
    count: int, batch: int, seed: int, longest: int
) -> None:
    examples = some(count, longest)
    feed = ExampleBatches(examples, batch, seed)
    for epoch in (0, 1):
        steps = range(epoch * feed.steps_per_epoch, (epoch + 1) * feed.steps_per_epoch)
        batches = [feed.at(step) for step in steps]
        seen = np.concatenate([one.which for one in batches])
        assert len(set(seen.tolist())) == seen.size > count - batch
        assert {len(one.inputs) for one in batches} <= set(feed.lengths)
        for step, one in zip(steps, batches, strict=True):
            assert feed.tokens(step + 1) - feed.tokens(step) == examples.lengths[one.which].sum()


def test_a_batch_follows_from_seed_and_step_alone() -> None:
    examples = some(100)
    there, here = ExampleBatches(examples, 8, 3), ExampleBatches(examples, 8, 3)
    steps = [40, 3, 12, 41, 0]
    expected = {step: there.at(step).which.tolist() for step in sorted(steps)}
    assert {step: here.at(step).which.tolist() for step in steps} == expected
    assert here.tokens(41) == ExampleBatches(examples, 8, 3).tokens(41)
    assert (ExampleBatches(examples, 8, 4).at(0).which != here.at(0).which).any()
    assert here.at(0).which.tolist() != here.at(here.steps_per_epoch).which.tolist(), "another order in each epoch"


def test_the_examples_of_a_batch_have_similar_lengths() -> None:
    examples = some(3000, 60)
    feed = ExampleBatches(examples, 16, 1)
    padded = sum(feed.at(step).inputs.size for step in range(feed.steps_per_epoch))
    assert feed.tokens(feed.steps_per_epoch) > 0.85 * padded, "at random it is 0.5"


def test_too_few_examples_for_a_batch_are_refused_with_a_batch_that_works() -> None:
    with pytest.raises(SeqError, match=r"3 examples.*--batch 3 would work"):
        ExampleBatches(some(3), 4, 1)


def test_held_out_batches_have_every_example_once() -> None:
    examples = some(150)
    batches = list(held_out_batches(examples))
    assert sorted(np.concatenate([one.which for one in batches]).tolist()) == list(range(150))
    assert {one.inputs.shape[1] for one in batches} == {64}
    assert sum(int((one.targets >= 0).sum()) for one in batches) == 150
    assert tuple(sorted({len(one.inputs) for one in batches})) == held_out_lengths(examples)


@pytest.mark.usefixtures("kernels")
@pytest.mark.parametrize("label", ENDS)
def test_neither_padding_nor_the_other_examples_change_a_bit_of_an_example(label: str) -> None:
    config = ENDS[label]
    examples = examples_for(config, 11)
    net, _, _ = made(config, 2, 2)

    def losses(which: list[int], rows: int, T: int) -> list[bytes]:
        batch = padded_to(examples.batch(np.array(which), rows), T)
        work = workspace(config, T, rows)
        work.reset()
        found = net.losses(batch.inputs, batch.targets, work)
        scores = work.scores(T)[..., : config.logits]
        last = examples.lengths[which] - 1
        return [found[t, b].tobytes() + scores[t, b].tobytes() for b, t in enumerate(last)]

    together = losses(list(range(11)), 13, 11)
    for i in range(11):
        assert losses([i], 1, int(examples.lengths[i])) == [together[i]], f"example {i} alone, without padding"
        assert losses([i], 3, 10) == [together[i]], f"example {i} alone, padded"
    assert losses(list(range(10, -1, -1)), 11, 9) == together[::-1]


@pytest.mark.usefixtures("kernels")
@pytest.mark.parametrize("label", ENDS)
def test_padding_and_masked_rows_add_nothing_to_the_gradient(label: str) -> None:
    config = ENDS[label]
    examples = examples_for(config, 7)
    net, _, _ = made(config, 2, 2)
    found = []
    for T, rows in ((9, 7), (11, 12)):
        batch = padded_to(examples.batch(np.arange(7), rows), T, garbage=5)  # whatever stands there
        work = workspace(config, T, rows)
        work.reset()
        net.losses_and_gradient(batch.inputs, batch.targets, work)
        found.append(net.gradient.flat.copy())
    assert np.abs(found[0]).max() > 0
    np.testing.assert_allclose(found[1], found[0], rtol=1e-4, atol=1e-6 * float(np.abs(found[0]).max()))


def test_lengths_of_batches_are_multiples_of_eight_but_for_single_timesteps() -> None:
    assert [padded_length(length) for length in (1, 2, 8, 9, 60)] == [1, 8, 8, 16, 64]
