"""Estimate the memory of a training run before it is allocated: too much, and the operating system kills the process.

The estimate includes the large arrays: four of the size of all parameters (weights, gradient, both moments of Adam),
the packed panels of every matrix, the table of the first layer, the arrays of a step and of a validation, and the
copies made while a checkpoint is saved. It excludes the interpreter and the corpus, which is already loaded.
"""

import os
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

from seqcore.cgroups import groups
from seqcore.config import RECURRENT, ModelConfig, TrainingConfig
from seqcore.errors import SeqError
from seqcore.gemm import padded
from seqcore.layers.plan import planned
from seqcore.model import parameter_count, shapes, workspaces_bytes
from seqcore.models.stack import CELLS
from seqcore.outer import scratch_bytes
from seqcore.tasks.language import validation_shape
from seqcore.team import TEAM

_TRAINED = 4  # arrays of the size of all parameters: weights, gradient, m, v
_SAVED = 9  # while a checkpoint is written: copies of weights, m and v, their bytes, and the file in memory
_UNLIMITED = 1 << 60  # bytes: control groups without a limit report a number above this
_PROC, _GROUPS = Path("/proc"), Path("/sys/fs/cgroup")


class Sizes(NamedTuple):
    """The batches of a run: the T of training batches, and the T and B of held-out ones."""

    lengths: tuple[int, ...]
    held_out_lengths: tuple[int, ...]
    held_out_rows: int

    @staticmethod
    def of_language(model: ModelConfig, training: TrainingConfig) -> "Sizes":
        """Return the sizes of language modelling on a long text."""
        length, rows = validation_shape(model)
        return Sizes((training.length,), (length,) if training.validation else (), rows)

    def cut(self, length: int) -> "Sizes":
        """Return the sizes for examples that are cut at `length`."""
        train, held_out = (
            tuple(sorted({min(T, length) for T in lengths})) for lengths in (self.lengths, self.held_out_lengths)
        )
        return Sizes(train, held_out, self.held_out_rows)


def bytes_needed(model: ModelConfig, training: TrainingConfig, sizes: Sizes | None = None) -> int:
    """Return an upper bound of the bytes that training this model allocates; `sizes` None: language modelling."""
    if sizes is None:
        sizes = Sizes.of_language(model, training)
    elif not model.decodes:  # pairs that are too long are left out, other examples cut
        sizes = sizes.cut(training.length)
    lengths, held_out_lengths, rows = sizes
    T, B = lengths[-1], training.batch
    named = shapes(model)
    looked_up = {"embedding.P"} if model.family == "attention" and model.tied else {"embedding.E", "embedding.P"}
    if model.family == "attention":
        looked_up |= {"decoder.embedding.E", "decoder.embedding.P"}
    matrices = [shape for name, shape in named.items() if len(shape) == 2 and name not in looked_up]
    panels = 4 * sum(padded(N) * K + padded(K) * N for K, N in matrices)
    step = workspaces_bytes(model, lengths, B)
    step += _table_bytes(model, T * B) + scratch_bytes(_factor_width(model), (T + 1) * B)
    if model.family in RECURRENT:
        step += planned(B, model.hidden, CELLS[model.family].products, TEAM.threads).bytes_needed(T)
    validation = workspaces_bytes(model, held_out_lengths, rows, False)
    validation += _table_bytes(model, max(held_out_lengths, default=0) * rows)
    return 4 * (_TRAINED + _SAVED) * parameter_count(model) + panels + step + validation


def check_memory(model: ModelConfig, training: TrainingConfig, sizes: Sizes | None = None) -> None:
    """Raise SeqError with settings that would fit if training needs more memory than this machine has free."""
    free = memory_free()
    if free is None:
        return
    need = bytes_needed(model, training, sizes)
    if need > free:
        raise SeqError(
            f"training this model needs {_size(need)} of memory, this machine has {_size(free)} free: "
            f"{_advice(model, training, free, sizes)}"
        )


def memory_free() -> int | None:
    """Return the bytes that this process can still allocate without swapping; None if the system does not report it.

    On Linux: the available memory, or the remainder of the tightest control group (container, service) if that is
    less. Elsewhere: all memory of the machine.
    """
    known = [found for found in (_available(), _left_in_groups()) if found is not None]
    if known:
        return min(known)
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):
        return None


def _table_bytes(model: ModelConfig, places: int) -> int:
    """Return the bytes of the recurrent input tables for that many tokens, their gradients, and the embedding rows."""
    if model.family not in RECURRENT or (model.inputs and not model.decodes):
        return 0
    first = {"layers.0.W_xh": model.vocabulary_size, "decoder.0.W_xh": model.outputs}
    named, width, total = shapes(model), model.embedding, 0
    for name, symbols in first.items():
        if name in named:
            columns = padded(named[name][1])
            total += 4 * min(places, symbols) * (2 * columns + (width + padded(width) if width else 0))
    return total


def _factor_width(model: ModelConfig) -> int:
    """Return the columns of the widest left factor that `outer_sum` packs for a weight gradient."""
    if model.family == "attention":
        return model.vocabulary_size if model.tied else model.hidden
    if model.decodes:
        return max(model.inputs, model.annotation + model.hidden)  # the patches, or [context h]
    return model.context * model.input_width if model.family == "feedforward" else model.hidden


def _advice(model: ModelConfig, training: TrainingConfig, free: int, sizes: Sizes | None) -> str:
    """Return settings that would fit: a smaller batch first, then shorter windows, then a smaller model."""
    batch = training.batch
    while batch > 1:
        batch //= 2
        if bytes_needed(model, replace(training, batch=batch), sizes) <= free:
            return f"--batch {batch} would fit"
    length = training.length
    while length > 16:
        length //= 2
        if bytes_needed(model, replace(training, batch=1, length=length), sizes) <= free:
            return f"--batch 1 --length {length} would fit"
    hidden, unit = model.hidden, 2 * model.heads if model.family == "attention" else 1  # a multiple of the heads
    while hidden > unit:
        hidden = max(unit, hidden // 2 // unit * unit)
        smaller = replace(model, hidden=hidden)
        if bytes_needed(smaller, training, sizes) <= free:
            return f"--hidden {hidden} would fit"
    return "use a smaller --hidden, --batch, --length or --vocabulary-limit, or free some memory"


def _available() -> int | None:
    """Return the bytes that Linux can allocate without swapping."""
    for line in _lines(_PROC / "meminfo"):
        if line.startswith("MemAvailable:"):
            return _number(line.split()[1]) * 1024 if len(line.split()) > 1 else None
    return None


def _left_in_groups() -> int | None:
    """Return what the tightest control group of this process leaves it; cached files can be reclaimed."""
    left: list[int] = []
    for folder in groups("memory", _PROC / "self" / "cgroup", _GROUPS):
        left += _left(folder, "memory.max", "memory.current", "inactive_file")
        left += _left(folder, "memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file")
    return min(left, default=None)


def _left(folder: Path, limit_name: str, usage_name: str, cached_name: str) -> list[int]:
    """Return what one control group leaves, as a list of one number; empty if it has no limit."""
    limit, usage = (_number("".join(_lines(folder / name)).strip()) for name in (limit_name, usage_name))
    if not 0 < limit < _UNLIMITED:
        return []
    cached = [line.split()[1] for line in _lines(folder / "memory.stat") if line.startswith(f"{cached_name} ")]
    return [max(0, limit - usage + sum(_number(text) for text in cached))]


def _lines(path: Path) -> list[str]:
    try:
        return path.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return []


def _number(text: str) -> int:
    return int(text) if text.isdecimal() else 0


def _size(count: int) -> str:
    return f"{count / 1e9:,.1f} GB" if count >= 1e9 else f"{count / 1e6:,.0f} MB"
