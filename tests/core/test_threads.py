"""A training that may choose its number of threads tries some, keeps the fastest, and asks again later."""

from collections.abc import Iterator

import pytest
from seqcore import threads
from seqcore.team import TEAM
from seqcore.threads import AGAIN, SOON, Fastest, candidates


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[float]]:
    """Eight threads to choose from, and the time that the module sees, in a list of one number."""
    before, now = (TEAM.threads, TEAM.most, TEAM.free), [0.0]
    monkeypatch.setattr(threads.time, "monotonic", lambda: now[0])
    TEAM.most, TEAM.free = 8, True
    TEAM.use(8)
    yield now
    TEAM.threads, TEAM.most, TEAM.free = before
    TEAM.use(before[0])


def steps(choice: Fastest, seconds: dict[int, float], count: int) -> list[int]:
    """Take steps that last `seconds` by number of threads; return the numbers that they were taken with."""
    used = []
    for _ in range(count):
        choice.before()
        used.append(TEAM.threads)
        choice.after(seconds[TEAM.threads], 100)
    return used


def test_the_candidates_are_halves_down_to_one() -> None:
    assert [candidates(most) for most in (1, 2, 6, 16)] == [[1], [2, 1], [6, 3, 1], [16, 8, 4, 2, 1]]


@pytest.mark.parametrize("fastest", [1, 2, 4, 8])
def test_the_fastest_is_found_and_kept(clock: list[float], fastest: int) -> None:
    choice = Fastest()
    seconds = {count: 1.0 if count == fastest else 2.0 for count in (1, 2, 4, 8)}
    tried = steps(choice, seconds, 60)
    assert set(tried) == {1, 2, 4, 8}
    assert tried.count(fastest) > 30, "the clearly slower ones are tried once"
    assert set(steps(choice, seconds, 100)) == {fastest}


def test_of_two_as_fast_as_each_other_the_one_with_fewer_threads_is_kept(clock: list[float]) -> None:
    choice = Fastest()
    seconds = {1: 4.0, 2: 2.0, 4: 1.01, 8: 1.0}
    steps(choice, seconds, 100)
    assert set(steps(choice, seconds, 10)) == {4}


def test_the_question_is_asked_again(clock: list[float]) -> None:
    choice = Fastest()
    steps(choice, {1: 1.0, 2: 2.0, 4: 2.0, 8: 2.0}, 100)
    later = {1: 8.0, 2: 4.0, 4: 2.0, 8: 1.0}
    assert set(steps(choice, later, 10)) == {1}
    clock[0] = SOON
    steps(choice, later, 100)
    assert set(steps(choice, later, 10)) == {8}
    earlier = {1: 1.0, 2: 2.0, 4: 2.0, 8: 2.0}
    clock[0] = SOON + AGAIN - 0.1
    assert set(steps(choice, earlier, 100)) == {8}
    clock[0] = SOON + AGAIN
    steps(choice, earlier, 100)
    assert set(steps(choice, earlier, 10)) == {1}


def test_a_moment_in_which_something_else_ran_decides_nothing(clock: list[float]) -> None:
    choice = Fastest()
    steps(choice, {1: 2.0, 2: 1.5, 4: 9.0, 8: 9.0}, 8)  # the program starts, and keeps most cores busy
    steps(choice, {1: 2.0, 2: 1.5, 4: 1.2, 8: 1.0}, 100)
    assert TEAM.threads == 2, "what was clearly slower is not tried again at once"
    clock[0] = SOON
    steps(choice, {1: 2.0, 2: 1.5, 4: 1.2, 8: 1.0}, 100)
    assert TEAM.threads == 8


def test_one_disturbed_step_decides_nothing(clock: list[float]) -> None:
    choice, taken = Fastest(), 0
    for _ in range(100):
        choice.before()
        taken += TEAM.threads == 8
        choice.after(
            50.0 if TEAM.threads == 8 and taken in (4, 6) else {1: 1.2, 2: 1.1, 4: 1.1, 8: 1.0}[TEAM.threads], 1
        )
    assert TEAM.threads == 8


def test_a_number_that_the_person_chose_is_not_touched(clock: list[float]) -> None:
    TEAM.free = False
    TEAM.use(2)
    assert set(steps(Fastest(), {2: 1.0}, 100)) == {2}


def test_steps_of_different_lengths_are_compared_by_their_size(clock: list[float]) -> None:
    choice = Fastest()
    for n in range(200):
        choice.before()
        size = 50 + 37 * n % 100
        choice.after(size * {1: 1.0, 2: 0.5, 4: 0.7, 8: 0.9}[TEAM.threads], size)
    assert TEAM.threads == 2
