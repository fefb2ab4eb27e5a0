"""Runs on pictures: resume, threads, what is measured, what is written for a picture, and what the probe shows."""

import json
from pathlib import Path

import numpy as np
import pytest
from seqcore.data.corpus import read_corpus
from seqcore.errors import SeqError
from seqcore.folder import RunFolder
from seqcore.run import Run
from seqcore.serial import serial_model
from seqcore.tasks.caption import Caption
from seqcore.tasks.table import as_json, stored_task

from tests.core import runs
from tests.core.compare import threads
from tests.core.tasks.pair_runs import advance
from tests.core.tasks.picture_runs import arrays, pictures, start

pytestmark = pytest.mark.usefixtures("kernels")

MODEL = {"family": "lstm", "dropout": 0.2, "cross_attention": "general"}


def test_a_resumed_run_and_any_number_of_threads_give_the_same_bytes(tmp_path: Path) -> None:
    source, found = arrays(tmp_path / "mine.npz"), []
    for name, stops, count in (("whole", [16], 1), ("cut", [7, 9], 2), ("more", [16], 3)):
        with threads(count):
            run = start(source, tmp_path / name, MODEL, steps=16, log_every=4, eval_every=8)
            for place, steps in enumerate(stops):
                if place:
                    run.save()
                    run.close()
                    run = Run.resume(RunFolder(tmp_path / name))
                advance(run, steps)
            run.close()
            found.append((runs.weights(run), json.dumps(run.trainer.validate())))
    assert found[0] == found[1] == found[2]


def test_a_run_knows_its_pictures_and_the_task_survives_json(tmp_path: Path) -> None:
    run = advance(start(arrays(tmp_path / "mine.npz"), None, MODEL), 2)
    task, data = run.config.task, run.data
    assert isinstance(task, Caption)
    assert stored_task(json.loads(json.dumps(as_json(task)))) == task
    assert data.summary(run.vocabulary) == ("54 pictures of 6x4, 6 held out · 5x3 patches of 2x2 · vocabulary of 10")
    assert (run.config.model.patches, run.config.model.inputs) == (15, 12)
    measures = run.trainer.validate()
    assert measures["examples"] == 6
    assert [(band["from"], band["to"]) for band in measures["by_length"]]
    for values in ({"grid": {}}, {"levels": {"mean": 1}}, {"grid": {"rows": 1 << 30}}, {"levels": None}):
        with pytest.raises(SeqError, match="its task has no valid"):
            stored_task(as_json(task) | values)


def test_the_probe_of_an_example_shows_its_picture_and_caption(tmp_path: Path) -> None:
    run = advance(start(arrays(tmp_path / "mine.npz"), None, MODEL), 3)
    model, task = serial_model(run.config.model, run.trainer.parameters), run.config.task
    made, captions = pictures()
    for number in range(6):
        example = run.data.example(run.vocabulary, number, 0)
        probe = task.probe(model, run.vocabulary, example.inputs, 3, known=example)
        found = probe.translation
        assert found is not None
        assert found.wanted is not None
        assert found.picture is not None
        said = "".join(found.symbols[k] for k in found.wanted).strip()
        shown = [n for n in range(60) if np.array_equal(made[n], found.picture.pixels)]
        assert [captions[n] for n in shown] == [said]
        assert probe.symbols[:6] == ("r1c1", "r1c2", "r1c3", "r1c4", "r1c5", "r2c1")
        assert probe.symbols[15] == "‖"
        assert found.alignment is not None
        np.testing.assert_allclose(found.alignment[16:].sum(axis=1), 1, rtol=1e-5)
        assert np.isnan(probe.loss[:16]).all()
        assert (probe.reach_input[-1, :15] > 0).all()
        assert (probe.tokens[:15] == -1).all()


def test_a_picture_is_named_by_its_file_or_by_its_number_in_a_corpus(tmp_path: Path) -> None:
    source = arrays(tmp_path / "mine.npz")
    run = advance(start(source, None, MODEL), 3)
    model, task = serial_model(run.config.model, run.trainer.parameters), run.config.task
    assert isinstance(task, Caption)
    inputs, _ = task.encode(run.vocabulary, f"{source}:7")
    assert np.array_equal(task.picture(inputs).pixels, pictures()[0][6])
    assert len(task.answer(model, run.vocabulary, f"{source}:7", 3)[0]) == 3
    probe = task.probe(model, run.vocabulary, inputs, 3)
    assert probe.translation is not None
    assert probe.translation.wanted is None
    for text, said in (
        (f"{source}:61", "has pictures 1 to 60, no picture 61"),
        (f"{source}:0", "no picture 0"),
        ("shapes:1", "has 16x16 pixels: this model reads pictures of 6x4"),
        ("nowhere:1", "there is no corpus 'nowhere'"),
        ("tales:1", "'sample:tales' has no pictures"),
    ):
        with pytest.raises(SeqError, match=said):
            task.encode(run.vocabulary, text)
    image = pytest.importorskip("PIL.Image")
    image.fromarray(pictures()[0][6]).save(tmp_path / "seven.png")
    assert np.array_equal(task.encode(run.vocabulary, str(tmp_path / "seven.png"))[0], inputs)


def test_pictures_of_another_size_do_not_fit_a_trained_model(tmp_path: Path) -> None:
    run = start(arrays(tmp_path / "mine.npz"), None, MODEL)
    with pytest.raises(SeqError, match="pictures of 16x16 pixels: this model reads pictures of 6x4"):
        run.config.task.test_data(read_corpus("shapes"), run.vocabulary, run.data)
