"""Captions: a picture in, a sentence out (one to many)."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar

import numpy as np

from seqcore.config import TrainingConfig
from seqcore.data.corpus import Corpus, read_corpus
from seqcore.data.patch_grid import PatchGrid
from seqcore.data.picture_examples import Levels, PictureExamples, picture_patches
from seqcore.data.picture_files import picture_at
from seqcore.data.pictures import CaptionedPictures, read_pictures
from seqcore.data.quoting import quoted
from seqcore.data.vocabulary import Vocabulary
from seqcore.errors import SeqError
from seqcore.records import U8, Inputs, Picture
from seqcore.tasks.caption_data import CaptionData
from seqcore.tasks.labelled_data import split
from seqcore.tasks.language import UNITS
from seqcore.tasks.pair_texts import LONGEST, encoded, longest_of, unknown_said, vocabulary_of
from seqcore.tasks.pairs import OnPairs, stored_length, stored_vocabulary
from seqcore.tasks.task import Data, Ends


@dataclass(frozen=True)
class Caption(OnPairs):
    """The task, with the grid of patches and what standardises their levels."""

    name: ClassVar[str] = "caption"
    form: ClassVar[str] = "one to many"
    pane: ClassVar[str] = "caption"
    fixed: ClassVar[tuple[str, ...]] = ("sampling", "bidirectional")
    options: ClassVar[tuple[str, ...]] = ("patch", "skip-bad-rows")

    grid: PatchGrid = field(kw_only=True)
    levels: Levels = field(kw_only=True)
    skip_bad_rows: bool = False
    longest: int = LONGEST
    digest: str = ""  # of the pictures, if the corpus only names them

    @classmethod
    def defaults(cls, source: str) -> dict[str, Any]:
        """Return the defaults for sentences: by word, and 64 pictures in a batch."""
        return {"length": LONGEST, "tokens_by": "word", "batch": 64}

    @classmethod
    def start(
        cls, corpus: Corpus, training: TrainingConfig, options: Mapping[str, Any]
    ) -> tuple["Caption", Vocabulary]:
        """Return the task, with the words and levels of the training part, and no vocabulary of what is read.

        Raises SeqError.
        """
        skip = bool(options.get("skip-bad-rows", False))
        found = read_pictures(corpus, skip_bad_rows=skip)
        grid = PatchGrid.over(found.pictures.shape[1:], options.get("patch"))
        train, held_out = split(len(found.captions), training.validation)
        target = vocabulary_of(found.captions, train, held_out, corpus, training)
        levels = Levels.learnt(found.pictures[train])
        longest = longest_of(found.captions, target, training.length)
        made = cls(target, False, skip, longest, found.digest, grid=grid, levels=levels)
        return made, Vocabulary.none()

    @classmethod
    def from_settings(cls, values: Mapping[str, Any]) -> "Caption":
        """Return the task in an untrusted JSON object. Raises SeqError."""
        return cls(
            stored_vocabulary(values.get("target")),
            False,
            values.get("skip_bad_rows") is True,
            stored_length(values.get("longest", LONGEST)),
            str(values.get("digest", "")),
            grid=PatchGrid.from_json(values.get("grid")),
            levels=Levels.from_json(values.get("levels")),
        )

    def settings(self) -> dict[str, Any]:
        """Return the words, the grid, the levels, and the digest of the pictures."""
        return {
            "target": self.target.to_json(),
            "grid": self.grid.to_json(),
            "levels": vars(self.levels),
            "skip_bad_rows": self.skip_bad_rows,
            "longest": self.longest,
            "digest": self.digest,
            "patch": self.grid.side,
        }

    @property
    def ends(self) -> Ends:
        """The model reads patches of a picture and writes words."""
        return super().ends._replace(inputs=self.grid.numbers, patches=self.grid.count)

    def on(self, corpus: Corpus) -> "Caption":
        """Return the task: the words and the grid stay."""
        return self

    def input_unit(self, vocabulary: Vocabulary) -> str:
        """Return what is read: a patch, and then words."""
        return "timestep"

    def encode(self, vocabulary: Vocabulary, text: str) -> tuple[Inputs, str]:
        """Return the picture that is named: the path of a PNG file, or CORPUS:N, picture N of a corpus.

        CORPUS is a sample corpus, an .npz file, or a table that names PNG files; its first picture has the number 1.
        Raises SeqError.
        """
        name, _, number = text.strip().rpartition(":")
        picture = _of_corpus(name, int(number)) if name and number.isdecimal() else picture_at(text.strip())
        picture = _with_channels(picture, self.grid.channels)
        if picture.shape != (self.grid.rows, self.grid.columns, self.grid.channels):
            has, needs = (f"{shape[1]}x{shape[0]}" for shape in (picture.shape, (self.grid.rows, self.grid.columns)))
            raise SeqError(f"{quoted(text, 60)} has {has} pixels: this model reads pictures of {needs}")
        return np.ascontiguousarray(picture_patches(picture[None], self.grid, self.levels)[:, 0]), ""

    def names(self, vocabulary: Vocabulary, source: Inputs) -> tuple[str, ...]:
        """Return the names of the patches: r1c1, r1c2, ..."""
        return self.grid.names

    def picture(self, source: Inputs) -> Picture:
        """Return the picture that was cut into patches (P, F + 1)."""
        pixels = self.grid.assembled(self.levels.undo(source[:, :-1]))
        return Picture(_with_channels(pixels, 3), self.grid.boxes, self.grid.side)

    def data(self, corpus: Corpus, vocabulary: Vocabulary, training: TrainingConfig) -> CaptionData:
        """Return the pictures, split into a training part and a held-out part. Raises SeqError."""
        data, digest = self._data(corpus, training.length, training.validation, None)
        if self.digest and digest != self.digest:
            data = replace(data, notes=(*data.notes, "the pictures have changed since this run began"))
        return data

    def test_data(self, corpus: Corpus, vocabulary: Vocabulary, train: Data | None) -> CaptionData:
        """Return the pictures of another corpus, all held out. Raises SeqError."""
        return self._data(corpus, LONGEST, 1.0, train if isinstance(train, CaptionData) else None)[0]

    def _data(
        self, corpus: Corpus, longest: int, held_out: float, trained: CaptionData | None
    ) -> tuple[CaptionData, str]:
        found = read_pictures(corpus, skip_bad_rows=self.skip_bad_rows)
        pictures = self._fitting(found)
        captions = [
            encoded(self.target, caption, f"{found.name}, {place}")
            for caption, place in zip(found.captions, found.places, strict=True)
        ]
        notes = [*found.remarks, *unknown_said(self.target, captions, "captions")]
        train, held = split(len(captions), held_out)
        parts = [[i for i in part if len(captions[i]) <= longest] for part in (train, held)]
        left_out = len(captions) - sum(map(len, parts))
        if left_out:
            unit = UNITS[self.target.kind]
            notes.append(f"{left_out:,} captions longer than {longest:,} {unit}s left out (--length)")
        if not parts[0] and held_out < 1:
            raise SeqError(f"{found.name}: all captions are longer than --length {longest}: give a greater one")
        training, validation = (
            PictureExamples.of(pictures[part], [captions[i] for i in part], self.target.size, self.grid, self.levels)
            for part in parts
        )
        none = Vocabulary.none()
        return CaptionData(none, self.target, training, validation, tuple(notes), trained, grid=self.grid), found.digest

    def _fitting(self, found: CaptionedPictures) -> U8:
        """Return the pictures of a corpus with the channels that the model reads. Raises SeqError: another size."""
        pictures = _with_channels(found.pictures, self.grid.channels)
        if pictures.shape[1:3] != (self.grid.rows, self.grid.columns):
            has, needs = (f"{size[1]}x{size[0]}" for size in (pictures.shape[1:3], (self.grid.rows, self.grid.columns)))
            raise SeqError(f"{found.name} has pictures of {has} pixels: this model reads pictures of {needs}")
        return pictures


def _with_channels(pictures: U8, channels: int) -> U8:
    """Return pictures (..., 1 or 3) with 3 equal channels, or with the mean of three."""
    if pictures.shape[-1] == channels:
        return pictures
    if channels == 3:
        return np.repeat(pictures, 3, axis=-1)
    grey: U8 = np.rint(pictures.mean(axis=-1, keepdims=True)).astype(np.uint8)
    return grey


def _of_corpus(name: str, number: int) -> U8:
    """Return picture `number`, from 1, of a corpus. Raises SeqError."""
    found = read_pictures(read_corpus(name), skip_bad_rows=True)
    if not 1 <= number <= len(found.pictures):
        raise SeqError(f"{found.name} has pictures 1 to {len(found.pictures):,}, no picture {number:,}")
    picture: U8 = found.pictures[number - 1]
    return picture
