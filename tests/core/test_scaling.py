"""The expected time of a step by number of threads keeps its limits: work, items, barriers and the given ceiling."""

import pytest
from seqcore import scaling
from seqcore.bench import StepTime, trainer_of
from seqcore.config import FAMILIES, ModelConfig, TrainingConfig
from seqcore.errors import SeqError
from seqcore.jit import entry
from seqcore.layers import loss
from seqcore.models.clocked import PHASES
from seqcore.outer import GROUP, group_size
from seqcore.presets import with_defaults
from seqcore.team import OPENED, TEAM, set_threads


def timed(
    family: str = "lstm", phases: dict[str, float] | None = None, B: int = 32, T: int = 64, **model: int
) -> StepTime:
    """A step with every phase of 10 ms, unless said."""
    architecture, training = with_defaults({"family": family, **model}, {"batch": B, "length": T})
    config, trained = ModelConfig(65, **architecture), TrainingConfig(**training)
    spent = phases or dict.fromkeys(["rest", *scaling.regions(config, trained)], 0.01)
    return StepTime(config, trained, sum(spent.values()), 1e9, spent, {})


@pytest.mark.parametrize("family", FAMILIES)
def test_one_thread_takes_what_was_measured(family: str) -> None:
    step = timed(family)
    assert scaling.expected(step, 1) == pytest.approx(step.seconds)
    assert scaling.expected(step, 1, 1.0) == pytest.approx(step.seconds)
    assert set(step.phases) <= set(PHASES), "the model knows phases that no clock counts"


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("threads", [2, 3, 8, 64])
def test_no_step_is_faster_than_the_ceiling_or_than_its_serial_part(family: str, threads: int) -> None:
    step = timed(family)
    for ceiling in (1.2, 1.9, float(threads)):
        assert scaling.expected(step, threads, ceiling) > step.seconds / ceiling
    assert scaling.expected(step, threads, 0.9) > step.seconds, "a peak that looks lower with more threads is noise"
    assert scaling.expected(step, threads) > step.phases["rest"]
    lower, higher = (scaling.expected(step, threads, ceiling) for ceiling in (1.5, 1.9))
    assert lower > higher


def test_what_runs_on_one_thread_takes_the_same_with_any_number() -> None:
    step = timed(phases={"table": 0.01, "rest": 0.01}, embedding=0)  # one-hot codes need no product
    assert scaling.expected(step, 16) == pytest.approx(0.02)
    assert 0.01 < scaling.expected(timed(phases=step.phases, embedding=64), 16) < 0.02
    small = timed(phases={"pack": 0.01}, B=2, T=4, hidden=8)
    assert scaling.expected(small, 16) == pytest.approx(0.01), "few weights are packed by one thread"


def test_a_phase_shrinks_by_the_items_it_has() -> None:
    three = timed(phases={"head": 0.03}, B=1, T=3 * loss.ROWS)
    open_2, open_3 = scaling.opening(2), scaling.opening(3)
    assert scaling.expected(three, 2) == pytest.approx(0.02 + open_2)
    assert scaling.expected(three, 3) == pytest.approx(0.01 + open_3)
    assert scaling.expected(three, 8) == pytest.approx(0.01 + scaling.opening(8)), "five have no item"
    assert scaling.opening(1) == 0 < open_2 < open_3


@pytest.mark.parametrize("family", FAMILIES)
def test_a_step_with_more_items_than_threads_keeps_getting_faster(family: str) -> None:
    step = timed(family, B=128, hidden=512)
    spent = [scaling.expected(step, threads) for threads in (1, 2, 4, 8)]
    assert spent == sorted(spent, reverse=True)
    assert spent[0] / spent[1] > 1.6


def test_more_layers_share_a_phase_by_their_work() -> None:
    one, three = (scaling.regions(step.config, step.training) for step in (timed(), timed(layers=3)))
    assert len(one["scan forward"]) == 1
    scans, between = three["scan forward"][:3], three["scan forward"][3:]
    assert len(between) == 2
    assert {region.work for region in scans} == {one["scan forward"][0].work}
    assert 0 < between[0].work < 3 * scans[0].work
    assert all(region.share(1) == 1 for parts in three.values() for region in parts)


def test_groups_of_panels_are_claimed_by_whoever_is_free() -> None:
    assert scaling.uneven(lambda threads: [2, 1, 1])(2) == 0.5
    assert scaling.uneven(lambda threads: [1, 1, 2])(2) == 0.75
    assert scaling.even(5)(2) == 0.6
    threads, columns = 4, 100 * scaling.NR
    _, sums = scaling.weight_gradient(2048, 64, columns)
    sizes, left = [], 100
    while left:
        sizes.append(int(entry(group_size)(left, threads)))
        left -= sizes[-1]
    assert sizes[0] == GROUP
    assert sums.share(threads) == scaling.uneven(lambda threads: sizes)(threads)


@pytest.mark.parametrize(("family", "layers"), [*((family, 0) for family in FAMILIES), ("gru", 3), ("attention", 1)])
def test_every_region_that_a_step_opens_is_known(family: str, layers: int) -> None:
    step = timed(family, **({"layers": layers} if layers else {}))
    known = scaling.regions(step.config, step.training)
    trainer = trainer_of(step.config, step.training)
    set_threads(2)
    try:
        before = int(TEAM.words[OPENED])
        trainer.step()
        opened = int(TEAM.words[OPENED]) - before
    finally:
        set_threads(None)
    tanh = 2 if family == "feedforward" else 0  # in the phase "rest"
    assert opened == sum(region.share(2) < 1 for parts in known.values() for region in parts) + tanh


def test_the_numbers_of_threads_are_powers_of_two_and_the_most() -> None:
    assert [scaling.counts(most) for most in (1, 2, 6, 8)] == [[1], [1, 2], [1, 2, 4, 6], [1, 2, 4, 8]]
    assert [scaling.beyond(most) for most in (1, 6, 32, 64)] == [[2, 4], [12, 24], [64], []]


def test_no_threads_at_all_are_refused() -> None:
    with pytest.raises(SeqError, match="0 threads"):
        scaling.expected(timed(), 0)
