"""The live session without a screen: what it is told it does, and nothing it is told can end the training."""

import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from seqcore.checkpoint import checkpoint_steps
from seqcore.config import TrainingConfig
from seqcore.data.corpus import Corpus
from seqcore.folder import RunFolder
from seqcore.run import Run

from seqtui.live.observer import is_milestone
from seqtui.live.session import LiveSession
from seqtui.live.snapshot import ModelChoice, Phase, Snapshot

SMALL = ModelChoice(hidden=12, batch=4, length=8)
STORY = "".join(f"Then fox {n} met owl {n * 7 % 13}, and they spoke.\n" for n in range(120))


@pytest.fixture(autouse=True)
def _own_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SEQTUI_RUNS_DIR", str(tmp_path / "runs"))


@pytest.fixture
def story(tmp_path: Path) -> str:
    """A corpus of letters and digits."""
    path = tmp_path / "story.txt"
    path.write_text(STORY)
    return str(path)


@pytest.fixture
def live(story: str) -> Iterator[LiveSession]:
    """A session that trains a small model on the story."""
    session = LiveSession(story, choice=SMALL)
    session.start()
    yield session
    session.close(20)


def wait(session: LiveSession, met: Callable[[Snapshot], object], what: str, seconds: float = 120.0) -> Snapshot:
    """The first snapshot that meets it."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        now = session.snapshot()
        if met(now):
            return now
        time.sleep(0.01)
    raise AssertionError(f"no snapshot with {what}; the last: {session.snapshot()}")


def test_it_trains_probes_and_writes_with_no_question_asked(live: LiveSession) -> None:
    now = wait(live, lambda s: s.probe and s.sample and s.references and s.step > 50, "probe and sample")
    assert now.phase is Phase.TRAINING
    assert now.corpus == "story"
    assert now.run == "story-lstm12-1"
    assert now.history.step[-1] == now.step
    assert now.tokens_per_second > 0
    first = wait(live, lambda s: s.earlier, "kept samples").earlier[-1]
    assert first.step == 0
    assert all(is_milestone(sample.step) for sample in live.snapshot().earlier)


def test_the_serial_grows_with_everything_new_and_only_then(live: LiveSession) -> None:
    wait(live, lambda s: s.step > 5, "steps")
    live.pause()
    wait(live, lambda s: s.phase is Phase.PAUSED, "a pause")
    live.set_temperature(0.5)
    seen: dict[int, tuple[object, ...]] = {}
    serials = []
    until = time.monotonic() + 120
    while len(serials) < 100 or (len(seen) < 2 and time.monotonic() < until):
        now = live.snapshot()
        content = (now.phase, now.step, now.message, now.temperature, id(now.probe), id(now.sample), len(now.earlier))
        assert seen.setdefault(now.serial, content) == content
        serials.append(now.serial)
        time.sleep(0.01)
    assert serials == sorted(serials)
    assert len(seen) > 1, "nothing was new: the test tests nothing"


def test_pause_one_step_and_resume(live: LiveSession) -> None:
    wait(live, lambda s: s.step > 3, "steps")
    live.pause()
    still = wait(live, lambda s: s.phase is Phase.PAUSED, "a pause").step
    live.one_step()
    wait(live, lambda s: s.step == still + 1 and s.phase is Phase.PAUSED, "one step")
    time.sleep(0.1)
    assert live.snapshot().step == still + 1
    live.resume()
    wait(live, lambda s: s.step > still + 5 and s.phase is Phase.TRAINING, "more steps")


def test_another_model_and_another_corpus_keep_text_and_prompt(live: LiveSession, tmp_path: Path) -> None:
    wait(live, lambda s: s.step > 3, "steps")
    live.set_probe_text("Then fox")
    live.set_prompt("owl")
    live.change_model(ModelChoice(hidden=9, layers=2, batch=4, length=8))
    now = wait(live, lambda s: s.model.layers == 2 and s.probe and s.probe.staves[-1].layer == 1, "two layers")
    assert "".join(now.probe.symbols if now.probe else ()) == "Then fox"
    assert (now.prompt, now.run) == ("owl", "story-lstm9x2-1")
    numbers = tmp_path / "numbers.txt"
    numbers.write_text("0123456789 " * 300)
    live.change_corpus(str(numbers))
    # The prompt means nothing there: it is dropped, and told; probing and writing go on.
    now = wait(live, lambda s: s.corpus == "numbers" and s.probe and s.sample and s.earlier, "the other corpus")
    assert now.prompt == ""
    old = RunFolder(tmp_path / "runs" / "story-lstm12-1")
    assert old.newest()[1] > 0, "the run that was left is saved"
    old.lock()  # and let go of
    old.unlock()


def test_what_cannot_be_opened_leaves_the_run_as_it_is(live: LiveSession, tmp_path: Path) -> None:
    wait(live, lambda s: s.step > 3, "steps")
    (tmp_path / "empty.txt").write_text("")
    for name, word in (("no/such/file", "no corpus"), (str(tmp_path / "empty.txt"), "empty")):
        live.change_corpus(name)
        before = wait(live, lambda s, word=word: word in s.message, word).step  # type: ignore[misc]  # a default
        now = wait(live, lambda s, n=before: s.step > n and s.phase is Phase.TRAINING, "training")  # type: ignore[misc]
        assert now.corpus == "story"
    live.change_model(ModelChoice(hidden=8192, layers=4, batch=4096, length=8192))
    wait(live, lambda s: "memory" in s.message, "a refusal")
    wait(live, lambda s: s.phase is Phase.TRAINING, "training")


def test_a_divergence_freezes_and_nothing_of_it_is_saved(live: LiveSession, tmp_path: Path) -> None:
    folder = tmp_path / "runs" / "story-lstm12-1"
    wait(live, lambda s: s.step > 3, "steps")
    live.save()
    good = wait(live, lambda s: "saved" in s.message, "a checkpoint").checkpoint_step
    live._trainer.request(lambda _: live._trainer.run.trainer.parameters.flat.fill(np.float32("nan")))  # type: ignore[union-attr]
    now = wait(live, lambda s: s.phase is Phase.DIVERGED, "a divergence")
    assert "not finite" in now.message
    live.set_probe_text("Then é")  # the observer has something to say: the divergence stays in sight
    live.save()
    live.scale_rate(1.0)
    time.sleep(0.3)
    assert "diverged" in live.snapshot().message or "not finite" in live.snapshot().message
    assert checkpoint_steps(folder)[0] == good
    live.recover()
    now = wait(live, lambda s: s.phase is Phase.TRAINING and s.step > (good or 0), "training again")
    trainer = live._trainer.run.trainer  # type: ignore[union-attr]
    assert trainer.rate_scale == 0.5
    assert now.learning_rate <= trainer.training.learning_rate / 2


def test_closing_saves_and_the_run_goes_on_where_it_was(live: LiveSession) -> None:
    wait(live, lambda s: s.step > 20, "steps")
    assert live.close(20)
    last = live.snapshot()
    assert last.checkpoint_step == last.step
    again = LiveSession(run=last.run, paused=True)
    again.start()
    try:
        now = wait(again, lambda s: s.phase is Phase.PAUSED and s.probe, "the run again")
        assert now.step == last.step
        assert now.history.step[-1] <= last.step
        assert now.history.step.size > 0
    finally:
        assert again.close(20)


def test_a_run_is_reopened_on_a_corpus_that_moved_and_on_one_that_changed(story: str, tmp_path: Path) -> None:
    from seqcore.data.corpus import read_corpus

    Run.start({"hidden": 8}, TrainingConfig(batch=2, length=4), read_corpus(story), tmp_path / "r").close()
    new = Path(story).rename(tmp_path / "elsewhere.txt")
    run = str(tmp_path / "r")

    def opened(**settings: object) -> Snapshot:
        live = LiveSession(run=run, **settings)  # type: ignore[arg-type]  # settings of its own
        live.start()
        try:
            return wait(live, lambda s: s.step > 0 or s.phase is Phase.FAILED, "a step or a failure")
        finally:
            assert live.close(20)

    assert "is no longer at" in opened().message
    assert opened(corpus=str(new)).corpus == "story"
    assert opened().step > 0, "its new path is remembered"
    new.write_text(STORY * 2)
    refused = opened()
    assert refused.phase is Phase.FAILED
    assert "--corpus-changed-ok" in refused.message
    assert "has changed" in opened(changed_ok=True).message
    assert opened().step > 0, "and so is its new content"


def test_a_run_by_words_from_standard_input_changes_its_model_without_reading_again(tmp_path: Path) -> None:
    corpus = Corpus("stdin", "-", STORY.encode(), "utf-8")
    Run.start({"hidden": 8}, TrainingConfig(batch=2, length=4, tokens_by="word"), corpus, tmp_path / "w").close()
    live = LiveSession(run=str(tmp_path / "w"))
    live.start()
    try:
        assert wait(live, lambda s: s.step > 3, "steps").reopen == str(tmp_path / "w")
        live.change_model(ModelChoice(hidden=10, batch=2, length=4))
        now = wait(live, lambda s: s.model.hidden == 10 and s.step > 3, "the other model")
        assert now.tokens_by == "word"
        assert now.reopen == now.run, "it lies with all other runs"
    finally:
        assert live.close(20)


def test_another_corpus_is_learnt_by_the_same_model_in_the_same_way(story: str, tmp_path: Path) -> None:
    from seqcore.data.corpus import read_corpus

    shape: dict[str, object] = {
        "family": "attention",
        "hidden": 8,
        "heads": 2,
        "context": 12,
        "bias": True,
        "tied": False,
    }
    training = TrainingConfig(batch=2, length=4, steps=900, schedule="cosine", learning_rate=0.003, weight_decay=0.2)
    Run.start(shape, training, read_corpus(story), tmp_path / "r").close()
    numbers = tmp_path / "numbers.txt"
    numbers.write_text("0123456789 " * 300)
    live = LiveSession(run=str(tmp_path / "r"))
    live.start()
    try:
        wait(live, lambda s: s.step > 3, "steps")
        live.change_corpus(str(numbers))
        name = wait(live, lambda s: s.corpus == "numbers" and s.step > 3, "the other corpus").run
        live.change_model(replace(live.snapshot().model, hidden=12))
        after = wait(live, lambda s: s.model.hidden == 12 and s.step > 3, "the other width").run
    finally:
        assert live.close(20)
    for run, hidden in ((name, 8), (after, 12)):
        config = RunFolder.find(run).config()
        assert config.model.to_dict().items() >= (shape | {"hidden": hidden}).items()
        found = config.training
        assert (found.schedule, found.steps, found.learning_rate, found.weight_decay) == ("constant", None, 0.003, 0.2)
        assert found.sampling == "streams", "not what an attention begins with"


def test_more_threads_than_there_are_fail_before_a_run_is_made(story: str, tmp_path: Path) -> None:
    live = LiveSession(story, choice=SMALL, threads=999)
    live.start()
    assert "threads" in wait(live, lambda s: s.phase is Phase.FAILED, "a failure").message
    assert live.close(20)
    assert not (tmp_path / "runs").exists()


def test_the_end_of_a_run_is_not_overrun_by_single_steps(story: str, tmp_path: Path) -> None:
    from seqcore.data.corpus import read_corpus

    Run.start({"hidden": 8}, TrainingConfig(batch=2, length=4, steps=2), read_corpus(story), tmp_path / "r").close()
    live = LiveSession(run=str(tmp_path / "r"), paused=True)
    live.start()
    try:
        wait(live, lambda s: s.phase is Phase.PAUSED, "the run")
        for _ in range(4):
            live.one_step()
            time.sleep(0.1)
        assert wait(live, lambda s: s.phase is Phase.FINISHED, "the end").step == 2
        live.resume()  # asked for more, it trains on without an end
        wait(live, lambda s: s.step > 4 and s.phase is Phase.TRAINING, "more steps")
    finally:
        assert live.close(20)
