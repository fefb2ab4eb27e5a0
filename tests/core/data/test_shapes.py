"""The shapes equal the output of their program, and every caption says what its picture shows."""

import importlib
import json
import re
import subprocess
import sys
from collections import Counter
from pathlib import Path
from types import ModuleType

import numpy as np
import numpy.typing as npt
import pytest
from seqcore.data.samples import sample_info, sample_names, sample_path
from seqcore.tasks.labelled_data import split

FOLDER = Path(__file__).resolve().parents[3] / "sample_corpora"
README = re.sub(r"\s+", " ", (FOLDER / "README.md").read_text(encoding="utf-8")).split("## shapes")[1].split(" ## ")[0]
with np.load(sample_path("shapes"), allow_pickle=False) as FILE:
    PICTURES, CAPTIONS = FILE["pictures"], FILE["captions"].tolist()
Bytes = npt.NDArray[np.uint8]
LOOK = r"(small|large) (red|green|blue|yellow|white|purple) (square|circle|ring|triangle|cross)"
PLACE = r"at the (?:top|bottom)(?: (?:left|right))?|at the (?:left|right)|in the middle"
RELATION = r"left of|above|above and left of|above and right of"
PAIR = rf"a {LOOK} ({RELATION}) a {LOOK}"


@pytest.fixture(scope="module")
def make_shapes() -> ModuleType:
    sys.path.insert(0, str(FOLDER))
    try:
        return importlib.import_module("make_shapes")
    finally:
        sys.path.remove(str(FOLDER))


def test_the_entry_and_the_arrays() -> None:
    assert sample_names("caption") == ("shapes",)
    assert "shapes" not in sample_names()
    info = sample_info("shapes")
    assert (info.task, info.file, info.rows) == ("caption", "shapes.npz", 24_000)
    assert sample_path("shapes").stat().st_size < 1_000_000
    assert PICTURES.shape == (24_000, 16, 16, 3)
    assert PICTURES.dtype == np.uint8
    assert len(CAPTIONS) == 24_000
    assert len({picture.tobytes() for picture in PICTURES}) == 24_000


def test_check_notices_changed_arrays_and_a_missing_entry(tmp_path: Path) -> None:
    for name in ("make_shapes.py", "writing_arrays.py", "shapes.npz"):
        (tmp_path / name).write_bytes((FOLDER / name).read_bytes())
    (tmp_path / "index.json").write_text('{"other": {"description": "kept", "characters": 1}}')

    def run(*arguments: str) -> int:
        program = [sys.executable, str(tmp_path / "make_shapes.py"), *arguments]
        return subprocess.run(program, capture_output=True, check=False).returncode

    assert run("--check") == 1
    assert run() == 0
    assert run("--check") == 0
    assert run("--chekc") == 2
    assert list(json.loads((tmp_path / "index.json").read_text())) == ["other", "shapes"]
    written = (tmp_path / "shapes.npz").read_bytes()
    assert run() == 0
    assert (tmp_path / "shapes.npz").read_bytes() == written, "the file does not depend on when it is written"
    changed = PICTURES.copy()
    changed[7, 0, 0, 0] ^= 1
    np.savez_compressed(tmp_path / "shapes.npz", pictures=changed, captions=np.array(CAPTIONS))
    assert run("--check") == 1
    np.savez_compressed(tmp_path / "shapes.npz", pictures=PICTURES, captions=np.array(CAPTIONS))
    assert run("--check") == 0, "the arrays count, not the compressed bytes"
    (tmp_path / "shapes.npz").write_bytes(written[:1000])
    assert run("--check") == 1


def test_captions_have_the_documented_forms_lengths_and_words() -> None:
    forms = Counter[str]()
    for caption in CAPTIONS:
        for name, form in (
            ("one", rf"a {LOOK} (?:{PLACE})"),
            ("two", PAIR),
            ("alike", rf"two {LOOK}e?s(?: side by side| one above the other)?"),
            ("three", rf"a {LOOK} (?:{PLACE}) , {PAIR}"),
        ):
            forms[name] += bool(re.fullmatch(form, caption))
    assert forms.total() == len(CAPTIONS)
    assert min(forms["one"], forms["two"], forms["three"]) > 1200
    assert forms["alike"] > 300
    lengths = [len(caption.split()) for caption in CAPTIONS]
    words = {word for caption in CAPTIONS for word in caption.split()}
    assert f"{min(lengths)} to {max(lengths)} tokens, separated by spaces, of {len(words)} words" in README


def test_every_look_and_relation_occurs_about_equally_often() -> None:
    looks = Counter(match for caption in CAPTIONS for match in re.findall(LOOK, caption))
    assert len(looks) == 60
    assert min(looks.values()) > 0.7 * max(looks.values())
    relations = Counter(match for caption in CAPTIONS for match in re.findall(rf" ({RELATION}) a ", caption))
    assert len(relations) == 4
    assert min(relations.values()) > 500


def test_held_out_captions_are_mostly_new() -> None:
    train, held = split(len(CAPTIONS), 0.1)
    known = {CAPTIONS[i] for i in train}
    new = sum(CAPTIONS[i] not in known for i in held) / len(held)
    assert f"{new:.0%} of the held-out captions do not occur" in README
    words = {word for caption in known for word in caption.split()}
    assert all(word in words for i in held for word in CAPTIONS[i].split())


def seen(picture: Bytes, program: ModuleType) -> list[tuple[str, str, str, float, float]]:
    """Read a picture without knowing how it was drawn: size, colour, kind and middle (y, x) of each shape."""
    background = Counter(map(tuple, picture.reshape(-1, 3).tolist())).most_common()
    dark = next(colour for colour, _ in background if max(colour) <= 32)
    left = (picture != dark).any(axis=2)
    found = []
    while left.any():
        inside, todo = set(), [tuple(map(int, np.argwhere(left)[0]))]
        while todo:
            y, x = todo.pop()
            if 0 <= y < 16 and 0 <= x < 16 and left[y, x]:
                left[y, x] = False
                inside.add((y, x))
                todo += [(y + dy, x + dx) for dy in (-1, 0, 1) for dx in (-1, 0, 1)]
        ys, xs = zip(*inside, strict=True)
        top, start, wide = min(ys), min(xs), max(xs) - min(xs) + 1
        assert wide == max(ys) - top + 1
        lines = tuple("".join("#" if (top + y, start + x) in inside else "." for x in range(wide)) for y in range(wide))
        size = {5: "small", 7: "large"}[wide]
        kinds = [kind for kind, pattern in program.PATTERNS[size].items() if pattern == lines]
        pixel = picture[ys[0], xs[0]].astype(float)
        colours = program.COLOURS
        colour = min(
            colours, key=lambda name: np.abs(pixel / pixel.max() - np.divide(colours[name], max(colours[name]))).sum()
        )
        found.append((size, colour, *kinds, top + (wide - 1) / 2, start + (wide - 1) / 2))
    return found


def test_the_caption_says_what_the_picture_shows(make_shapes: ModuleType) -> None:
    for picture, caption in zip(PICTURES[::4], CAPTIONS[::4], strict=True):
        # from top to bottom in three rows, and from left to right within a row
        shapes = sorted(seen(picture, make_shapes), key=lambda one: (one[3] * 3 // 16, one[4]))
        said = re.findall(LOOK, caption)
        said += said if caption.startswith("two") else []
        assert said == [one[:3] for one in shapes], caption
        first, last = shapes[0], shapes[-1]
        cells = [(int(one[3] * 3 // 16), int(one[4] * 3 // 16)) for one in shapes]
        place = re.search(rf"^a {LOOK} ({PLACE})", caption)
        if place:
            words = (("top", "", "bottom")[cells[0][0]], ("left", "", "right")[cells[0][1]])
            where = " ".join(("at", "the", *filter(None, words)))
            assert place[4] == (where if any(words) else "in the middle"), caption
        relation = re.search(rf" ({RELATION}) a ", caption)
        if relation:
            (y, x), (below, beside) = cells[-2:]
            assert ("above" in relation[1]) == (y < below), caption
            assert ("left" in relation[1]) == (x < beside), caption
            assert ("right" in relation[1]) == (x > beside), caption
        if len(shapes) == 2 and caption.startswith("two"):
            assert caption.endswith("side by side") == (first[3] * 3 // 16 == last[3] * 3 // 16)
            assert caption.endswith("other") == (cells[0][1] == cells[1][1])
