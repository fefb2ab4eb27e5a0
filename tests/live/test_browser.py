"""Walking through held-out examples: by length, and to those that the model gets wrong."""

from pathlib import Path

import numpy as np
import pytest
from seqcore.config import TrainingConfig
from seqcore.data.corpus import read_corpus
from seqcore.run import Run
from seqcore.tasks.table import guessed

from seqtui.live.browser import Browser
from seqtui.live.seen import Weights
from tests.core.tasks.test_tasks import reviews

pytestmark = pytest.mark.usefixtures("kernels")


@pytest.fixture(scope="module")
def kernels() -> None:
    """Compile the serial kernels that a search needs."""
    from seqcore.jit import compile_kernels, kernel_groups

    compile_kernels(kernel_groups("gru", "look"))


@pytest.fixture
def run(tmp_path: Path) -> Run:
    path = tmp_path / "small.tsv"
    path.write_text(reviews(), encoding="utf-8")
    task = guessed(str(path))
    training = TrainingConfig(batch=4, **task.defaults(str(path)))
    return Run.start({"family": "gru", "hidden": 8}, training, read_corpus(str(path)), keep=False, task=task)


def test_longer_and_shorter_are_the_nearest_lengths_and_end_at_the_ends(run: Run) -> None:
    browser, lengths = Browser(run), run.data.example_lengths
    number: int | None = int(np.argmin(lengths))
    seen = []
    while number is not None:
        seen.append(int(lengths[number]))
        number = browser.by_length(number, 1)
    assert seen == sorted(set(lengths.tolist()))
    number = int(np.argmax(lengths))
    seen.clear()
    while number is not None:
        seen.append(int(lengths[number]))
        number = browser.by_length(number, -1)
    assert seen == sorted(set(lengths.tolist()), reverse=True)


def test_a_search_finds_every_error_once_in_order_and_ends(run: Run) -> None:
    browser = Browser(run)
    weights = Weights(run, 7, run.trainer.parameters.flat.copy())
    from seqcore.serial import serial_model

    model = serial_model(run.config.model, run.trainer.parameters)
    wrong = [n for n in range(browser.count) if run.data.errs(model, n)]
    assert wrong
    found: list[int] = []
    at = browser.count - 1
    for _ in wrong:
        browser.search(weights, at)
        assert browser.step == 7
        number = None
        while browser.step is not None:
            number = browser.look()
        assert number is not None
        found.append(number)
        at = number
    assert found == wrong
    object.__setattr__(run.data, "errs", lambda model, number: False)
    browser.search(weights, 3)
    while browser.step is not None:
        assert browser.look() is None
    assert browser.looked == browser.count, "it looked at all of them, and ended"


def test_a_search_takes_little_time_at_once(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("seqtui.live.browser.TURN", 0.0)
    browser = Browser(run)
    browser.search(Weights(run, 0, run.trainer.parameters.flat.copy()), 0)
    browser.look()
    assert browser.looked <= 1
