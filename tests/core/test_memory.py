"""The memory estimate of a training matches its use, and a run that does not fit is refused before allocation."""

import os
import re
import tracemalloc
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from seqcore import memory, outer
from seqcore.arrays import NO_VECTOR
from seqcore.config import ModelConfig, TrainingConfig
from seqcore.errors import SeqError
from seqcore.layers import plan
from seqcore.memory import bytes_needed, check_memory, memory_free
from seqcore.tasks.language import TokenData
from seqcore.trainer import Trainer

SHAPES = [
    (ModelConfig(65, hidden=128), TrainingConfig(batch=16, length=32)),
    (ModelConfig(4000, hidden=48, layers=2, dropout=0.1), TrainingConfig(batch=8, length=32)),  # dominated by logits
    (ModelConfig(300, hidden=64, embedding=0), TrainingConfig(batch=64, length=16)),
    (ModelConfig(65, hidden=256, layers=3), TrainingConfig(batch=2, length=4, validation=0.0)),  # dominated by weights
]


@pytest.mark.parametrize(("model", "training"), SHAPES)
def test_what_is_reckoned_is_what_is_allocated(kernels: None, model: ModelConfig, training: TrainingConfig) -> None:
    tokens = np.random.default_rng(0).integers(0, model.vocabulary_size, 20_000).astype(np.int32)
    for left_over in (outer._tiles, outer._sums, plan._scratch, plan._flags):  # from other tests
        left_over._memory = NO_VECTOR
    tracemalloc.start()
    try:
        trainer = Trainer(model, training, TokenData(tokens, tokens[: 20_000 if training.validation else 0]))
        trainer.step()
        trainer.validate()
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    saved = 4 * memory._SAVED * trainer.parameters.size
    assert 0.85 * peak < bytes_needed(model, training) - saved < 1.15 * peak


def test_what_does_not_fit_is_refused_with_sizes_that_would(monkeypatch: pytest.MonkeyPatch) -> None:
    model, training = ModelConfig(10_000), TrainingConfig(batch=1024, length=512)
    monkeypatch.setattr(memory, "memory_free", lambda: 2_000_000_000)
    with pytest.raises(SeqError, match=r"needs 25\.\d GB of memory, this machine has 2\.0 GB free") as refused:
        check_memory(model, training)
    (batch,) = re.findall(r"--batch (\d+) would fit", str(refused.value))
    check_memory(model, replace(training, batch=int(batch)))


@pytest.mark.parametrize(
    ("free", "named"), [(1_000_000_000, "--length"), (300_000_000, "--hidden"), (1000, "--vocabulary-limit")]
)
def test_the_advice_goes_as_far_as_it_must(monkeypatch: pytest.MonkeyPatch, free: int, named: str) -> None:
    model = ModelConfig(65, hidden=1024, layers=2)
    training = TrainingConfig(batch=1, length=8192) if named == "--length" else TrainingConfig(batch=1, length=16)
    monkeypatch.setattr(memory, "memory_free", lambda: free)
    with pytest.raises(SeqError, match=named):
        check_memory(model, training)


def _system(folder: Path, monkeypatch: pytest.MonkeyPatch, files: dict[str, str]) -> None:
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
    monkeypatch.setattr(memory, "_PROC", folder / "proc")
    monkeypatch.setattr(memory, "_GROUPS", folder / "cgroup")


MEMINFO = {"proc/meminfo": "MemTotal:  8000000 kB\nMemAvailable:  4000000 kB\n"}


def test_a_containers_limit_counts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    files = {
        "proc/self/cgroup": "0::/app/inner\n",
        "cgroup/app/inner/memory.max": "max\n",
        "cgroup/app/memory.max": "1000000000\n",
        "cgroup/app/memory.current": "700000000\n",
        "cgroup/app/memory.stat": "anon 500000000\ninactive_file 200000000\n",
    }
    _system(tmp_path, monkeypatch, MEMINFO | files)
    assert memory_free() == 500_000_000


def test_an_old_containers_limit_counts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    files = {
        "proc/self/cgroup": "5:cpu:/x\n4:memory:/docker/abc\n0::/\n",
        "cgroup/memory/docker/abc/memory.limit_in_bytes": "9223372036854771712\n",  # no limit
        "cgroup/memory/memory.limit_in_bytes": "600000000\n",
        "cgroup/memory/memory.usage_in_bytes": "100000000\n",
    }
    _system(tmp_path, monkeypatch, MEMINFO | files)
    assert memory_free() == 500_000_000


@pytest.mark.parametrize("files", [MEMINFO, MEMINFO | {"proc/self/cgroup": "garbage\n\0\n:::\n0::/../../x\n"}])
def test_without_a_limit_it_is_what_the_system_has_available(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, files: dict[str, str]
) -> None:
    _system(tmp_path, monkeypatch, files)
    assert memory_free() == 4_096_000_000


def test_where_the_system_tells_nothing_nothing_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _system(tmp_path, monkeypatch, {})
    monkeypatch.delattr(os, "sysconf")
    assert memory_free() is None
    check_memory(ModelConfig(1_000_000, hidden=8192), TrainingConfig(batch=4096, length=8192))


def test_the_advice_for_attention_keeps_to_whole_heads(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "memory_free", lambda: 300_000_000)
    model = ModelConfig(65, family="attention", hidden=8188, layers=12, heads=4)
    with pytest.raises(SeqError, match=r"--hidden \d+ would fit") as refused:
        memory.check_memory(model, TrainingConfig(batch=1, length=16))
    (hidden,) = re.findall(r"--hidden (\d+)", str(refused.value))
    assert int(hidden) % 4 == 0
