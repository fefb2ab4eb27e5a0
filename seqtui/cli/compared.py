"""The data of `seqtui compare`: runs, grouped by the tokens they are evaluated on, and n-gram baselines."""

import contextlib
import json
import math
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from seqcore.comparison import guessed, has_brackets, reach_by_lag, strays, written, wrong_closings
from seqcore.data.corpus import Corpus
from seqcore.errors import SeqError
from seqcore.evaluation import measured
from seqcore.folder import RunFolder
from seqcore.naming import described
from seqcore.records import I32
from seqcore.serial import SerialModel
from seqcore.tasks.language import TokenData
from seqcore.tasks.table import as_json
from seqcore.tasks.task import Data

from seqtui.cli.loading import LoadedRun, load

HIGHEST = 5  # highest order of the n-gram baselines
_RECENT = 100  # steps that the training loss is averaged over: a single step is too noisy


@dataclass
class Entry:
    """The newest valid checkpoint of a run, and the JSON object that describes it; unknown values are absent."""

    loaded: LoadedRun
    row: dict[str, Any]

    @staticmethod
    def of(folder: RunFolder) -> "Entry":
        """Load a run. Raises SeqError if it is damaged."""
        loaded = load(str(folder.path))
        model, training = loaded.config.model, loaded.config.training
        row: dict[str, Any] = {
            "kind": "run",
            "name": folder.name,
            "path": str(folder.path),
            "corpus": loaded.config.corpus.name,
            "tokens_by": training.tokens_by,
            "model": described(model),
            "parameters": loaded.parameters.size,
            "step": loaded.step,
        }
        return Entry(loaded, row | _trained(folder, loaded))

    def add_reach(self, tokens: I32, seed: int) -> None:
        """Add the reach by lag over passages of `tokens`; adds nothing if it is not finite."""
        found = reach_by_lag(self._serial, self.loaded.config.vocabulary, tokens, seed)
        if found.typical:
            self.row |= {"reach": found.typical, "reach_mean": found.mean}

    def add_brackets(self, text: str, count: int, temperature: float, seed: int) -> None:
        """Add the wrong closings in `count` generated tokens, and in predictions on `count` characters of `text`.

        The latter need tokens that are characters or bytes. Raises SeqError if the model has diverged.
        """
        vocabulary = self.loaded.config.vocabulary
        wrote = written(self._serial, vocabulary, count, temperature, seed)
        self.row["brackets_written"] = _closings(wrote) | {"strays": strays(wrote)}
        if vocabulary.kind in ("char", "byte"):
            self.row["brackets_asked"] = _closings(guessed(self._serial, vocabulary, text[:count]))

    @cached_property
    def _serial(self) -> SerialModel:
        return self.loaded.serial()

    @property
    def same(self) -> tuple[object, ...]:
        """Key of the group: equal for runs evaluated on the same tokens, whose losses per token are comparable."""
        config = self.loaded.config
        corpus = config.corpus.digest or str(self.loaded.folder.path)
        task = json.dumps(as_json(config.task))
        return corpus, config.training.tokens_by, config.training.validation, config.vocabulary, task


def _trained(folder: RunFolder, loaded: LoadedRun) -> dict[str, Any]:
    """Return what metrics.jsonl, which is untrusted, records of the training up to the step that is loaded."""
    step, training = loaded.step, loaded.config.training
    known: dict[str, Any] = {}
    if loaded.config.task.generates:  # a text has no padding
        known["tokens"] = step * training.batch * training.length
    losses, weights, before = [], [], 0
    for line in folder.metrics():
        if line["step"] > step:
            continue
        if _number(line.get("seconds")) and line["seconds"] > 0:
            known["seconds"] = line["seconds"]
        if line["step"] == step:
            known |= {"tokens": line["tokens"]} if _number(line.get("tokens")) else {}
            known |= {name: value for name, value in line.items() if name.startswith("validation_") and _number(value)}
        if _number(line.get("train_loss")) and line["step"] > before:
            if line["step"] > step - _RECENT:
                losses.append(line["train_loss"])
                weights.append(line["step"] - before)
            before = line["step"]
    if "seconds" in known and known.get("tokens"):
        known["tokens_per_second"] = known["tokens"] / known["seconds"]
    if losses:
        known["train_loss"] = sum(a * b for a, b in zip(losses, weights, strict=True)) / sum(weights)
    return {name: value for name, value in known.items() if math.isfinite(value)}


def _closings(text: str) -> dict[str, dict[str, int]]:
    """Count the closings and the wrong ones in `text`, by distance."""
    return {called(*found[:2]): {"wrong": found.wrong, "closings": found.closings} for found in wrong_closings(text)}


def called(least: int, most: int) -> str:
    """Format a range of distances: 10-29, 30+."""
    return f"{least}-{most}" if most < 10**6 else f"{least}+"


def _number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < 1e300


@dataclass
class Group:
    """Runs evaluated on the same tokens, and these tokens."""

    entries: list[Entry]
    corpus: Corpus | None = None
    data: Data | None = None
    problem: str = ""  # why the corpus is not available
    counted: list[dict[str, Any]] = field(default_factory=list)
    remark: str = ""  # says if the baselines used only a part of the tokens

    @staticmethod
    def of(entries: list[Entry]) -> "Group":
        """Make a group with the corpus of the first run whose corpus is still available."""
        group = Group(entries)
        for entry in entries:
            config = entry.loaded.config
            try:
                group.corpus = entry.loaded.folder.corpus(config)
                group.data = config.task.data(group.corpus, config.vocabulary, config.training)
                group.problem = ""
                break
            except SeqError as error:
                group.problem = group.problem or str(error)
        return group

    @property
    def name(self) -> str:
        """Name of the corpus."""
        return self.entries[0].loaded.config.corpus.name or "no corpus"

    @property
    def unit(self) -> str:
        """What a loss is of, in the singular."""
        config = self.entries[0].loaded.config
        return config.task.unit(config.vocabulary)

    @property
    def loss_unit(self) -> str:
        """The unit of the loss."""
        config = self.entries[0].loaded.config
        return config.task.loss_unit(config.vocabulary)

    @property
    def summary(self) -> str:
        """What there is to learn from; empty if the corpus is not available."""
        return self.data.summary(self.entries[0].loaded.config.vocabulary) if self.data else ""

    @property
    def validation(self) -> I32 | None:
        """The held-out tokens of a text, (n,); None for other data, or if there are fewer than two."""
        text = self.data
        return text.validation if isinstance(text, TokenData) and text.validation.size > 1 else None

    @property
    def held_out(self) -> str:
        """The text that models are evaluated on; empty if there is none."""
        if self.validation is None:
            return ""
        return self.entries[0].loaded.config.vocabulary.decode(self.validation)

    @cached_property
    def brackets(self) -> str:
        """The held-out text from its first complete line on if it consists of labelled brackets, else empty."""
        text = self.held_out.partition("\n")[2]
        return text if has_brackets(text) else ""

    def measure(self) -> None:
        """Measure validation losses that training did not record at the compared step; add the losses in bits."""
        if self.data is None:
            return
        for entry in self.entries:
            config = entry.loaded.config
            wanted = ("loss", *config.task.measures)
            if not all(f"validation_{name}" in entry.row for name in wanted):
                found = measured(config.model, entry.loaded.parameters, self.data)
                entry.row |= {f"validation_{name}": found[name] for name in wanted
                              if name in found and math.isfinite(found[name])}  # fmt: skip
            entry.row |= self._bits(entry.row)

    def count(self, tell: Callable[[str], None]) -> None:
        """Measure baselines: n-grams of all orders on a text, those of the task on other data."""
        from seqcore.data.ngrams import MEASURED, MOST, ngrams

        config, text = self.entries[0].loaded.config, self.data
        if text is not None and not isinstance(text, TokenData):
            tell(f"baselines on {self.name}")
            self.counted = [
                {"kind": "counted", "name": name, "corpus": self.name, "validation_loss": loss}
                for name, loss in text.baselines(config.vocabulary).losses.items()
            ]
        if self.validation is None or not isinstance(text, TokenData):
            return
        tokens = min(MOST, int(text.train.size))
        models = ngrams(text.train, self.validation, config.vocabulary.size, HIGHEST)
        for order in range(HIGHEST + 1):
            tell(f"n-gram baselines on {self.name}, order {order} of {HIGHEST}")
            model = next(models)
            row: dict[str, Any] = {"kind": "counted", "name": model.name, "corpus": self.name}
            row |= {"tokens_by": config.training.tokens_by, "order": order, "parameters": model.parameters}
            if order:
                row |= {"tokens": tokens, "seconds": model.seconds}
                row |= {"tokens_per_second": tokens / model.seconds} if model.seconds else {}
            if math.isfinite(model.loss):
                row["validation_loss"] = model.loss
            self.counted.append(row | self._bits(row))
        if text.train.size > MOST or self.validation.size > MEASURED:
            measured = min(MEASURED, int(self.validation.size))
            self.remark = f"n-grams counted on the last {tokens:,} tokens, measured on the first {measured:,}"
            for row in self.counted:
                row |= {"references_counted": tokens, "references_measured": measured}

    def _bits(self, row: dict[str, Any]) -> dict[str, float]:
        """Return the loss in bits; per character, it is comparable between different kinds of tokens."""
        if "validation_loss" not in row or self.validation is None:
            return {}
        bits = row["validation_loss"] / math.log(2)
        share = self._tokens_per_character
        return {"bits_per_token": bits} | ({"bits_per_character": bits * share} if share else {})

    @property
    def _tokens_per_character(self) -> float:
        """Ratio over the validation part; 0 if unknown words make it undefined."""
        assert self.validation is not None
        vocabulary, tokens = self.entries[0].loaded.config.vocabulary, self.validation
        if vocabulary.unknown is not None and (tokens[1:] == vocabulary.unknown).any():
            return 0.0
        characters = len(vocabulary.decode(tokens)) - len(vocabulary.decode(tokens[:1]))
        return (int(tokens.size) - 1) / characters if characters > 0 else 0.0


def grouped(entries: Iterable[Entry]) -> list[Group]:
    """Group runs that are evaluated on the same tokens, in the order of each group's first run."""
    found: dict[tuple[object, ...], list[Entry]] = {}
    for entry in entries:
        found.setdefault(entry.same, []).append(entry)
    return [Group.of(same) for same in found.values()]


def newest_alike(folders: Iterable[RunFolder], most: int) -> Iterator[RunFolder]:
    """Yield at most `most` of `folders` (newest first): those with the corpus of the first one that can be read."""
    digest: str | None = None
    for folder in folders:
        with contextlib.suppress(SeqError):
            corpus = folder.config().corpus
            digest = corpus.digest if digest is None else digest
            if corpus.digest == digest and most > 0:
                most -= 1
                yield folder
