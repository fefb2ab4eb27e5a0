"""Panes are saved by keys: the picture, the text and the data of each, and nothing is replaced unasked."""

import csv
import io
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
from textual.widgets import Input

from seqtui.live.snapshot import Snapshot
from seqtui.tui.panes.second import SECOND
from seqtui.tui.widgets.saved import FORMATS, Saved, write
from seqtui.views import VIEWS
from tests.core.neurons.passages import written
from tests.tui.judging import JudgingSession, judged_snapshot
from tests.tui.paired import EARLIER, PairingSession, paired_snapshot
from tests.tui.panes.drawn import staged
from tests.tui.panes.made import made_sample, made_snapshot
from tests.tui.reading import SIZES, Stage, stage
from tests.tui.scripted import ScriptedSession
from tests.tui.test_end_to_end import SMALL, Live, live
from tests.tui.valued import ROWS, graded, shown, thrown

ENDINGS = list(FORMATS)


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SEQTUI_RUNS_DIR", str(tmp_path / "runs"))
    return tmp_path


async def saved(s: Stage, ending: str) -> Path:
    """Save the focused pane under the suggested name with an ending, by keys."""
    await s.press("W", *["tab"] * ENDINGS.index(ending))
    name = s.app.screen.query_one(Input).value
    assert name.endswith(ending)
    await s.press("enter")
    await s.app.workers.wait_for_complete()
    await s.pull()
    assert f"Saved {name.split('-')[0]}" in s.text()
    return Path(name)


def words_of(picture: bytes) -> str:
    """The words in an SVG, blanks as drawn."""
    root = ElementTree.fromstring(picture)  # we wrote it
    found = ["".join(node.itertext()) for node in root.iter() if node.tag.endswith("text")]
    return " ".join(found).replace("\xa0", " ")


def table_of(contents: bytes) -> list[list[str]]:
    return list(csv.reader(io.StringIO(contents.decode(), newline="")))


def arrays_of(contents: bytes) -> dict[str, np.ndarray]:
    with np.load(io.BytesIO(contents), allow_pickle=False) as found:
        return {name: found[name] for name in found}


async def test_the_loss_is_saved_as_it_is_drawn_and_as_it_is(folder: Path) -> None:
    async with stage(size=(200, 50)) as s:
        await s.press("space", "1")
        drawn = s.lab.loss.drawn()
        paths = {ending: await saved(s, ending) for ending in ENDINGS}
        history, step = s.session.snapshot().history, s.session.snapshot().step
        assert {path.name for path in folder.iterdir()} == {f"loss-tales-lstm-2x64-step-{step}{e}" for e in ENDINGS}
        assert paths[".txt"].read_text(encoding="utf-8").splitlines() == [strip.text.rstrip() for strip in drawn]
        words = words_of(paths[".svg"].read_bytes())
        assert "1 loss · log · raw" in words
        assert "trigram 1.93" in words
        arrays = arrays_of(paths[".npz"].read_bytes())
        assert np.array_equal(arrays["step"], history.step)
        assert np.array_equal(arrays["train_loss"], history.train_loss)
        known = np.isfinite(arrays["validation_loss"])
        assert np.array_equal(arrays["step"][known], history.validation_step)
        assert np.array_equal(arrays["validation_loss"][known], history.validation_loss)
        assert arrays["reference.trigram"] == 1.93
        header, *rows = table_of(paths[".csv"].read_bytes())
        assert header == list(arrays)
        assert np.array_equal([np.float32(row[header.index("train_loss")]) for row in rows], history.train_loss)
        await s.press("d")
        by_position = arrays_of((await saved(s, ".npz")).read_bytes())
        assert np.array_equal(by_position["loss"], s.session.snapshot().position_loss)


@pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
async def test_the_score_holds_every_timestep_at_every_size(size: tuple[int, int]) -> None:
    async with stage(size=size) as s:
        await s.press("space", "3")
        probe = s.session.snapshot().probe
        assert probe is not None
        header, *rows = table_of((await saved(s, ".csv")).read_bytes())
        assert [row[header.index("symbol")] for row in rows] == list(probe.symbols)
        forget = probe.stave("forget", 1).values
        for t, unit in ((0, 0), (5, 63)):
            assert np.float32(rows[t][header.index(f"forget.1[{unit}]")]) == forget[t, unit]
        text = (await saved(s, ".txt")).read_text(encoding="utf-8")
        assert "the score" in text.splitlines()[0]
        assert "".join(probe.symbols[:20]) in text


async def test_what_is_saved_is_what_was_there_when_the_key_was_pressed() -> None:
    async with stage() as s:
        await s.press("1", "W")
        name = s.app.screen.query_one(Input).value
        step = s.session.snapshot().step
        await s.frames(10)
        await s.press("tab", "tab", "tab", "enter")
        await s.app.workers.wait_for_complete()
        path = Path(name).with_suffix(".npz")
        assert arrays_of(path.read_bytes())["step"][-1] == step < s.session.snapshot().step


async def test_nothing_is_replaced_unasked(folder: Path) -> None:
    (folder / "a.txt").write_text("mine", encoding="utf-8")
    (folder / "b.svg").mkdir()
    async with stage() as s:
        await s.press("space", "2", "W", "ctrl+u", *"a.txt", "enter")
        assert "a.txt is there already" in s.text()
        await s.press("x", "backspace", "enter")  # another name in between: asked again
        assert "a.txt is there already" in s.text()
        assert (folder / "a.txt").read_text(encoding="utf-8") == "mine"
        await s.press("enter")
        await s.app.workers.wait_for_complete()
        assert "writing" in (folder / "a.txt").read_text(encoding="utf-8")
        for name, wrong in (("a.doc", "End the name with .svg"), ("b.svg", "b.svg is a folder"), ("~", "End the name")):
            await s.press("W", "ctrl+u", *name, "enter")
            assert wrong in s.text()
            await s.press("escape")
        await s.press("W", "ctrl+u", *"no/c.csv", "enter")
        await s.app.workers.wait_for_complete()
        await s.pull()
        assert "Not saved" in s.text()
        assert "No such file" in " ".join(s.text().split())
    assert sorted(path.name for path in folder.iterdir()) == ["a.txt", "b.svg"]


def test_a_file_that_appears_meanwhile_is_kept(folder: Path) -> None:
    path = folder / "c.txt"
    path.write_text("mine", encoding="utf-8")
    with pytest.raises(FileExistsError):
        write(Saved("title", False, (), {}), path, replace=False)
    assert path.read_text(encoding="utf-8") == "mine"


async def test_a_pane_without_data_says_so_and_saves_what_it_shows(folder: Path) -> None:
    async with stage(ScriptedSession(), frames=0) as s:
        await s.press("1", "W", "tab", "tab", "enter")
        assert "no data yet: save what it shows as .svg or .txt" in s.text()
        await s.press("escape")
        path = await saved(s, ".txt")
        assert "waiting for" in path.read_text(encoding="utf-8")


@pytest.mark.parametrize("frames", [0, 40], ids=["loading", "training"])
@pytest.mark.parametrize("view", VIEWS)
async def test_every_pane_is_copied_and_saved_before_there_is_anything(view: str, frames: int) -> None:
    """A scripted session looks at nothing, so that most views wait for ever."""
    async with stage(frames=frames) as s:
        await s.press("space", VIEWS[view].key)
        for key in "123":
            await s.press(key, "y")
            assert "Nothing to copy yet" in s.text() or "Copied the" in s.text()
            text = (await saved(s, ".txt")).read_text(encoding="utf-8")
            await s.press("W", "tab", "tab", "enter")
            await s.app.workers.wait_for_complete()
            if "no data yet" in s.text():
                assert len(text.split()) > 4  # it says what it waits for
                await s.press("escape")
            assert "internal error" not in s.text()


TASKS: dict[str, Snapshot] = {
    "writing": made_snapshot(),
    "verdict": judged_snapshot(),
    "values": shown(thrown()),
    "boundary": shown(graded(), ROWS),
    "tune": made_snapshot(sample=made_sample(3, "X:1\nT:a\nK:C\nCDEF|GABc|\n")),
    "translation": paired_snapshot(earlier_runs=(EARLIER,)),
    "caption": paired_snapshot(),
}


@pytest.mark.parametrize("name", SECOND)
async def test_the_pane_of_every_task_has_data_and_text(name: str) -> None:
    pane, snapshot = SECOND[name](), TASKS[name]
    async with staged(pane, snapshot, (90, 30)):
        taken = Saved.of(pane)
        arrays = arrays_of(taken.npz())
        assert all(array.dtype.kind in "iufbU" for array in arrays.values())
        assert len(table_of(taken.csv())) > 1
        assert pane.heading in taken.txt().decode() + words_of(taken.svg())
        assert pane.copied_text(snapshot)[0]
    probe = snapshot.probe
    if name == "verdict" and probe is not None and probe.verdict is not None:
        assert np.array_equal(arrays["verdict.probability"], probe.verdict.probability)
        assert arrays["validation.confusion"].tolist() == [[18, 2], [1, 19]]
    elif name == "values" and probe is not None and probe.series is not None:
        assert np.array_equal(arrays["series.ran"], probe.series.ran)
    elif name == "boundary" and probe is not None and probe.boundary is not None:
        assert np.array_equal(arrays["boundary.shares"], probe.boundary.shares)
    elif name in ("translation", "caption") and probe is not None and probe.translation is not None:
        assert np.array_equal(arrays["translation.alignment"], probe.translation.alignment, equal_nan=True)
        assert len(arrays["translation.beginnings.symbol"]) == len(probe.translation.beginnings)
    else:
        assert snapshot.sample is not None
        assert arrays["sample.probability"].tolist() == snapshot.sample.probability.tolist()


async def test_control_characters_of_a_corpus_reach_no_file() -> None:
    odd = ("\x1b[31m", "日本", "\u202e", "<b>&", "\x00")
    pane = SECOND["verdict"]()
    async with staged(pane, judged_snapshot(odd), (90, 30)):
        taken = Saved.of(pane)
        for ending in (".svg", ".txt", ".csv"):
            contents = FORMATS[ending](taken).decode()
            assert not set(contents) & {"\x1b", "\u202e", "\x00"}
        assert arrays_of(taken.npz())["symbols"].tolist() == ["␛[31m", "日本", "\ufffd", "<b>&", "␀"]
        assert "日本" in words_of(taken.svg())


@pytest.mark.parametrize("session", [JudgingSession, PairingSession])
async def test_every_pane_of_the_lab_is_copied_and_saved_for_other_tasks(session: type[ScriptedSession]) -> None:
    async with stage(session()) as s:
        await s.press("space")
        for key in "123":
            await s.press(key, "y")
            assert "Copied the" in s.text()
            arrays = arrays_of((await saved(s, ".npz")).read_bytes())
            assert any(array.size > 1 for array in arrays.values())


# Every view, on a real session


async def file_of(s: Live, ending: str) -> bytes:
    """Save the focused pane of a live view by keys, and return what the file holds."""
    await s.press("W")
    await s.until(lambda: s.app.screen is not s.app.view and s.app.focused is not None, "the dialog")
    field = s.app.screen.query_one(Input)
    for suffix in ENDINGS[: ENDINGS.index(ending) + 1]:
        await s.until(lambda suffix=suffix: field.has_focus and field.value.endswith(suffix), suffix)  # type: ignore[misc]  # bound now
        await s.press("enter" if suffix == ending else "tab")
    path = Path(field.value)
    await s.until(lambda: s.app.screen is s.app.view and path.exists() and not len(s.app.workers), f"{path}")
    return path.read_bytes()


@pytest.mark.parametrize("view", [name for name in VIEWS if name != "lab"])
async def test_every_pane_of_every_view_is_copied_and_saved(folder: Path, view: str) -> None:
    (folder / "owls.txt").write_text(written(16_000), encoding="utf-8")
    async with live(corpus=str(folder / "owls.txt"), choice=SMALL, keep=False) as s:
        await s.training()
        await s.until(lambda: s.now.probe is not None and s.now.step > 120, "a probe, and sizes of updates")
        await s.press("space", VIEWS[view].key)
        await s.until(lambda: view == s.app.view.VIEW, "the view")
        shows = s.app.view
        if view == "neurons":
            await s.press("i", "right", "right", "o", *["comma"] * 6)  # a selection, and the units that are on in it
        if view == "surgery":
            await s.until(lambda: shows.seen is not None, "the comparison")  # type: ignore[attr-defined]  # of that view
            await s.press("enter")  # a cut
        if view == "write":
            await s.press("right", "right")
        for key, (name, pane) in enumerate(shows.panes.items(), start=1):  # type: ignore[attr-defined]  # a `PanesScreen`
            await s.press(str(key))
            await s.until(lambda name=name: shows.current == name, name)  # type: ignore[misc]  # bound now
            await s.until(lambda pane=pane: pane.data() and pane.said()[0], f"data of {name}")  # type: ignore[misc]  # bound now
            await s.press("y")
            await s.until(lambda: "Copied the" in s.text(), f"{name} copied")
            assert s.app.clipboard
            assert any(line.strip() for line in (await file_of(s, ".txt")).decode().splitlines()[1:])
            assert pane._title.split(":")[0] in words_of(await file_of(s, ".svg"))
            assert len(table_of(await file_of(s, ".csv"))) > 1
            arrays = arrays_of(await file_of(s, ".npz"))
            assert any(array.size for array in arrays.values()), name
