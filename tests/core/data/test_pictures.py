"""Pictures with captions are read from arrays and from PNG files, and whatever is wrong with them is one clear line."""

import io
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from seqcore.data.corpus import read_corpus
from seqcore.data.patch_grid import PatchGrid
from seqcore.data.picture_examples import Levels, PictureExamples
from seqcore.data.pictures import CaptionedPictures, read_pictures
from seqcore.errors import SeqError
from seqcore.tasks.table import guessed

from tests.core.tasks.picture_runs import arrays, pictures


def read(source: str, skip: bool = False) -> CaptionedPictures:
    return read_pictures(read_corpus(source), skip_bad_rows=skip)


def fails(source: str, skip: bool = False) -> str:
    with pytest.raises(SeqError) as caught:
        read(source, skip)
    line = str(caught.value)
    assert "\n" not in line
    assert line.isprintable()
    return line


def test_arrays_are_read_and_the_task_is_guessed(tmp_path: Path) -> None:
    source, (made, captions) = arrays(tmp_path / "mine.npz"), pictures()
    assert guessed(source).name == guessed("shapes").name == "caption"
    found = read(source)
    assert np.array_equal(found.pictures, made)
    assert found.captions == tuple(captions)
    assert found.places[6] == "picture 7"
    grey = read(arrays(tmp_path / "grey.npz", pictures=made[..., 0]))
    assert grey.pictures.shape == (60, 4, 6, 1)


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"captions": None}, "has no array 'captions': it needs pictures and captions, not 'pictures'"),
        ({"pictures": np.zeros((60, 4), np.uint8)}, "pictures has shape (60, 4), expected"),
        ({"pictures": np.zeros((60, 4, 6, 2), np.uint8)}, "pictures has shape (60, 4, 6, 2), expected"),
        ({"pictures": np.zeros((0, 4, 6, 3), np.uint8)}, "pictures has shape (0, 4, 6, 3), expected"),
        ({"pictures": np.zeros((60, 4, 6, 3))}, "pictures has dtype float64, expected 8-bit levels"),
        ({"pictures": np.zeros((1, 4, 600, 3), np.uint8)}, "600x4 pixels: the limit is 256x256"),
        ({"pictures": np.zeros((59, 4, 6, 3), np.uint8)}, "has 59 pictures and 60 captions"),
        ({"captions": np.arange(60)}, "captions has dtype int64 and shape (60,), expected a string for each"),
        ({"captions": np.array(["a \x1b[31m", " ", *"b" * 58])}, "picture 2: its caption is empty"),
        ({"captions": np.array(["a" * 10_001] * 60)}, "more than 10,000 characters"),
    ],
)
def test_what_is_wrong_with_arrays_is_said_in_a_line(tmp_path: Path, changed: dict[str, Any], said: str) -> None:
    assert said in fails(arrays(tmp_path / "mine.npz", **changed))


def test_a_picture_without_caption_can_be_skipped(tmp_path: Path) -> None:
    found = read(arrays(tmp_path / "mine.npz", captions=np.array(["a", " ", *"b" * 58])), skip=True)
    assert len(found.pictures) == 59
    assert found.places[1] == "picture 3"
    assert found.remarks == ("1 picture skipped: 1 with an empty caption (picture 2)",)


def test_nothing_is_unpickled_and_no_header_is_believed(tmp_path: Path) -> None:
    path = tmp_path / "mine.npz"
    assert "captions has dtype object" in fails(arrays(path, captions=np.array([{"a": 1}] * 60, object)))
    whole = Path(arrays(path)).read_bytes()
    for damaged in (whole[:300], b"PK\x03\x04" + bytes(100), b"not a zip"):
        path.write_bytes(damaged)
        assert "not a valid .npz file" in fails(str(path))
    for count, said in ((100_000_000, "pictures takes 286 MiB, the limit is 256 MiB"), (60, "not a valid .npz file")):
        with zipfile.ZipFile(path, "w") as archive:
            for name, kind, shape in (("pictures", "|u1", (count, 1, 1, 3)), ("captions", "<U1", (count,))):
                header = io.BytesIO()
                np.lib.format.write_array_header_1_0(header, {"descr": kind, "fortran_order": False, "shape": shape})
                archive.writestr(f"{name}.npy", header.getvalue())  # and nothing of what it promises
        assert said in fails(str(path))


def png_table(folder: Path, rows: list[tuple[str, str]], head: str = "picture\tcaption") -> str:
    path = folder / "mine.tsv"
    path.write_text("\n".join([head, *("\t".join(row) for row in rows)]) + "\n", encoding="utf-8")
    return str(path)


def test_png_files_are_read_by_name(tmp_path: Path) -> None:
    image = pytest.importorskip("PIL.Image")
    (made, captions), rows = pictures(8), []
    (tmp_path / "in").mkdir()
    for n, (picture, caption) in enumerate(zip(made, captions, strict=True)):
        image.fromarray(picture).save(tmp_path / "in" / f"{n}.png")
        rows.append((f"in/{n}.png", caption))
    source = png_table(tmp_path, rows)
    assert guessed(source).name == "caption"
    found = read(source)
    assert np.array_equal(found.pictures, made)
    assert found.places[2] == "line 4"
    digest = found.digest
    image.fromarray(made[::-1][0]).save(tmp_path / "in" / "0.png")
    assert read(source).digest != digest
    image.new("RGBA", (6, 4), (255, 0, 0, 0)).save(tmp_path / "in" / "0.png")
    assert not read(source).pictures[0].any(), "what is transparent is black"


def test_what_is_wrong_with_png_files_is_said_by_line(tmp_path: Path) -> None:
    image = pytest.importorskip("PIL.Image")
    inside = tmp_path / "in"
    inside.mkdir()
    image.new("RGB", (6, 4)).save(inside / "good.png")
    image.new("RGB", (4, 4)).save(inside / "small.png")
    image.new("RGB", (6, 4)).save(tmp_path / "outside.png")
    image.new("RGB", (600, 1)).save(inside / "wide.png")
    image.new("RGB", (6, 4)).save(inside / "jpeg.jpg")
    image.new("I;16", (6, 4)).save(inside / "deep.png")
    image.fromarray(np.random.default_rng(1).integers(0, 256, (4, 6, 3), np.uint8)).save(inside / "cut.png")
    (inside / "cut.png").write_bytes((inside / "cut.png").read_bytes()[:60])
    (inside / "text.png").write_text("no picture")
    (inside / "link.png").symlink_to(tmp_path / "outside.png")
    good = ("good.png", "a")
    for name, said in (
        ("none.png", "there is no picture 'none.png'"),
        ("../outside.png", "not the name of a file below the folder"),
        (str(tmp_path / "outside.png"), "not the name of a file below the folder"),
        ("link.png", "a link that leads out of the folder"),
        ("small.png", "'small.png' has 4x4 pixels, the first picture 6x4"),
        ("wide.png", "600x1 pixels: the limit is 256x256"),
        ("jpeg.jpg", "'jpeg.jpg' is not a PNG picture"),
        ("deep.png", "more than 8 bits"),
        ("cut.png", "damaged PNG picture"),
        ("text.png", "'text.png' is not a PNG picture"),
        ("", "not the name of a file"),
    ):
        source = png_table(inside, [good, (name, "b"), good])
        line = fails(source)
        assert "line 3" in line, line
        assert said in line
        assert len(read(source, skip=True).pictures) == 2
    assert "line 3: the caption is empty" in fails(png_table(inside, [good, ("good.png", " ")]))
    assert "no column caption" in fails(png_table(inside, [good], "picture\twords"))


def test_without_pillow_a_line_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "PIL", None)
    monkeypatch.setitem(__import__("sys").modules, "PIL.Image", None)
    assert 'pip install "seqtui[pictures]"' in fails(png_table(tmp_path, [("a.png", "a")]), skip=True)


@pytest.mark.parametrize(("shape", "side"), [((16, 16, 3), None), ((4, 6, 3), 3), ((7, 5, 1), 2), ((5, 5, 3), 5)])
def test_patches_cover_the_picture_and_give_it_back(shape: tuple[int, ...], side: int | None) -> None:
    grid = PatchGrid.over(shape, side)
    made = np.random.default_rng(1).integers(0, 256, (3, *shape), np.uint8)
    cut = grid.cut(made)
    assert cut.shape == (grid.count, 3, grid.numbers)
    assert len(grid.names) == grid.count
    levels = Levels.learnt(made)
    for n in range(3):
        read_back = levels.undo(levels.read(cut[:, n]))
        assert np.array_equal(grid.assembled(read_back), made[n])
    assert PatchGrid.from_json(grid.to_json()) == grid
    assert grid.count == (9 if side is None else grid.count)


def test_a_patch_must_fit_the_picture() -> None:
    with pytest.raises(SeqError, match=r"--patch 5: must be from 1 to 4 for pictures of 6x4"):
        PatchGrid.over((4, 6, 3), 5)
    with pytest.raises(SeqError, match="makes 65,536 patches"):
        PatchGrid.over((256, 256, 3), 1)


def test_the_layout_of_a_batch_of_pictures() -> None:
    made, _ = pictures(4)
    grid, levels = PatchGrid.over((4, 6, 3), 4), Levels(0.0, 1.0)
    captions = [np.array(one, np.int32) for one in ([1, 2], [0], [3, 1, 2], [2])]
    batch = PictureExamples.of(made, captions, 9, grid, levels).batch(np.array([0, 3]), 3)
    P = grid.count
    assert batch.inputs.shape == (P + 4, 3, grid.numbers + 1)
    assert (batch.inputs[:P, :, -1] == -1).all()
    assert batch.inputs[P:, :, -1].T.tolist() == [[9, 1, 2, 9], [9, 2, 9, 9], [9, 9, 9, 9]]
    assert batch.targets.T.tolist() == [[-1] * P + [1, 2, 9, -1], [-1] * P + [2, 9, -1, -1], [-1] * (P + 4)]
    assert np.array_equal(batch.inputs[0, 0, :-1], made[0, :4, :4].reshape(-1))
    assert np.array_equal(batch.inputs[1, 1, :-1], made[3, :4, 2:].reshape(-1))
    assert not batch.inputs[:P, 2, :-1].any()
