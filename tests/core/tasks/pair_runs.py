"""Small runs on pairs for tests: a table of short sentences, and generated pairs."""

from pathlib import Path
from typing import Any

import numpy as np
from seqcore.config import TrainingConfig
from seqcore.data.corpus import read_corpus
from seqcore.presets import with_defaults
from seqcore.run import Run
from seqcore.tasks.table import guessed

WORDS = {"the": "la", "old": "vieja", "red": "roja", "house": "casa", "door": "puerta", "opens": "abre", "is": "es"}


def sentences(count: int = 120, seed: int = 5) -> list[tuple[str, str]]:
    """Sentences of 2 to 6 words and their translations, word by word backwards, "the" left out."""
    draw, found = np.random.default_rng(seed), []
    for _ in range(count):
        words = [str(word) for word in draw.choice([*WORDS], int(draw.integers(2, 7)))]
        found.append((" ".join(words), " ".join([WORDS[word] for word in words[::-1] if word != "the"]) or "es"))
    return found


def table(path: Path, pairs: list[tuple[str, str]] | None = None, head: str = "source\ttarget") -> str:
    """Write pairs as a table; returns its path."""
    lines = [f"{source}\t{target}" for source, target in (sentences() if pairs is None else pairs)]
    path.write_text("\n".join([head, *lines]) + "\n", encoding="utf-8")
    return str(path)


def start(
    source: str,
    out: Path | None = None,
    model: dict[str, Any] | None = None,
    options: dict[str, Any] | None = None,
    **training: Any,
) -> Run:
    """A small run on the pairs that a corpus holds."""
    task = guessed(source)
    given = {"batch": 6, "eval_every": 0, "checkpoint_every": 0, "seed": 3, "learning_rate": 0.01} | training
    shape = {"family": "gru", "hidden": 12, "layers": 1, "embedding": 6} | (model or {})
    shape, fields = with_defaults(shape, task.defaults(source) | given)
    return Run.start(
        shape, TrainingConfig(**fields), read_corpus(source), out, keep=bool(out), task=task, options=options or {}
    )


def advance(run: Run, steps: int) -> Run:
    for _ in range(steps):
        assert run.advance().step.finite
    return run
