"""A checkpoint that loads is the one that was saved; a damaged one is reported, and the previous one is used."""

import errno
import os
import pickle
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save
from seqcore.checkpoint import Checkpoint, checkpoint_path, checkpoint_steps, read_checkpoint
from seqcore.errors import SeqError
from seqcore.folder import RunFolder
from seqcore.run import Run

from tests.core import runs

pytestmark = pytest.mark.usefixtures("kernels")
KILLS = 100


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """A run with checkpoints at steps 2, 4 and 6."""
    made = runs.start(tmp_path / "run", checkpoint_every=2)
    for _ in range(6):
        made.advance()
    return made


def newest(run: Run) -> tuple[int, list[str]]:
    assert run.folder
    run.close()
    resumed = Run.resume(RunFolder(run.folder.path))
    resumed.close()
    return resumed.trainer.steps, resumed.notes


def test_all_are_kept_within_the_budget_and_the_newest_few_beyond_it(run: Run) -> None:
    assert run.folder
    for _ in range(6):
        run.advance()
    assert checkpoint_steps(run.folder.path) == [12, 10, 8, 6, 4, 2, 0]
    run.go_on(run.config.training.changed(keep_mb=0))
    for _ in range(2):
        run.advance()
    assert checkpoint_steps(run.folder.path) == [14, 12, 10]


def test_every_cut_is_noticed_and_the_one_before_is_taken(run: Run) -> None:
    assert run.folder
    path = checkpoint_path(run.folder.path, 6)
    whole = path.read_bytes()
    for length in [0, 1, 7, 8, 9, 100, *range(200, len(whole), len(whole) // 23), len(whole) - 1]:
        path.write_bytes(whole[:length])
        with pytest.raises(SeqError, match=r"damaged|no checkpoint"):
            read_checkpoint(path)
    step, warnings = newest(run)
    assert step == 4
    assert len(warnings) == 1
    assert "checkpoint-6" in warnings[0]
    assert "damaged" in warnings[0]


def test_every_flipped_bit_is_noticed(run: Run) -> None:
    """Flip one bit in each byte of the header, and in a thousand bytes of the rest."""
    assert run.folder
    path = checkpoint_path(run.folder.path, 6)
    whole = bytearray(path.read_bytes())
    header = 8 + int.from_bytes(whole[:8], "little")
    places = [*range(header), *range(header, len(whole), len(whole) // 1000)]
    content = read_checkpoint(path)
    for place in places:
        broken = whole.copy()
        broken[place] ^= 1 << (place % 8)
        path.write_bytes(broken)
        try:
            same = read_checkpoint(path)
        except SeqError:
            continue
        # If it still loads (header padding, for example), the content must be identical.
        assert dict(same.numbers) == dict(content.numbers)
        assert all(np.array_equal(same.arrays[name], array) for name, array in content.arrays.items())
        assert set(same.arrays) == set(content.arrays)


@pytest.mark.parametrize(
    "numbers", [{"steps": -5}, {"steps": float("inf")}, {"seconds": "x"}, {"rate_scale": 0}, {"updates": None}]
)
def test_numbers_that_make_no_sense_are_refused_in_one_line(run: Run, numbers: dict[str, object]) -> None:
    assert run.folder
    run.close()
    found = read_checkpoint(checkpoint_path(run.folder.path, 6))
    run.folder.save(Checkpoint(found.arrays, dict(found.numbers) | numbers), 7)
    with pytest.raises(SeqError) as error:
        Run.resume(RunFolder(run.folder.path))
    assert "\n" not in str(error.value)
    run.folder.save(Checkpoint(found.arrays, dict(found.numbers) | {"interval_loss": "x"}), 7)
    assert Run.resume(RunFolder(run.folder.path)).trainer.steps == 6


def test_a_damaged_checkpoint_is_put_aside_not_deleted(run: Run) -> None:
    assert run.folder
    path = checkpoint_path(run.folder.path, 6)
    path.write_bytes(path.read_bytes()[:-9])
    assert newest(run)[0] == 4
    assert path.with_name(f"{path.name}.damaged").exists()
    assert not path.exists()


def test_foreign_files_are_refused_and_nothing_is_unpickled(run: Run) -> None:
    assert run.folder
    path = checkpoint_path(run.folder.path, 6)

    class Bomb:
        def __reduce__(self) -> tuple[object, ...]:
            return (os.mkdir, (str(path.parent / "exploded"),))

    for foreign in (pickle.dumps(Bomb()), b"", b"\x00" * 64, save({"w": np.zeros(3, np.float32)}), b"PK\x03\x04" * 9):
        path.write_bytes(foreign)
        with pytest.raises(SeqError):
            read_checkpoint(path)
    assert not (path.parent / "exploded").exists()


def test_a_checkpoint_of_another_model_is_refused(run: Run, tmp_path: Path) -> None:
    other = runs.start(tmp_path / "other", {"hidden": 14})
    other.advance()
    path = other.save()
    assert path
    assert run.folder
    checkpoint_path(run.folder.path, 9).write_bytes(path.read_bytes())
    run.close()
    with pytest.raises(SeqError, match="this model needs"):
        Run.resume(run.folder)


def test_no_checkpoint_at_all_is_one_line(tmp_path: Path) -> None:
    runs.start(tmp_path / "run").close()
    checkpoint_path(tmp_path / "run", 0).unlink()
    with pytest.raises(SeqError, match="has no checkpoint") as error:
        Run.resume(RunFolder(tmp_path / "run"))
    assert "\n" not in str(error.value)


def test_a_full_disk_loses_nothing(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """Write, sync and rename each fail once: older checkpoints remain, no partial file is left, the run continues."""
    assert run.folder
    folder = run.folder.path
    for call in ("fsync", "replace"):

        def full(*_: object) -> None:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

        with monkeypatch.context() as patch:
            patch.setattr(os, call, full)
            with pytest.raises(SeqError, match="No space left"):
                run.save()
        assert checkpoint_steps(folder) == [6, 4, 2, 0]
        assert not list(folder.glob(".*.part"))
    before = runs.weights(run)
    assert newest(run)[0] == 6
    assert run.save()
    assert runs.weights(run) == before


SAVER = """
import os, sys
from pathlib import Path
import numpy as np
from seqcore.checkpoint import Checkpoint
from seqcore.folder import RunFolder
folder = RunFolder(Path(sys.argv[1]))
array = np.zeros(200_000, np.float32)
for line in sys.stdin:
    step, saver = int(line), os.fork()
    while not saver:
        step += 1
        array[:] = step
        folder.save(Checkpoint({"array": array}, {"steps": step}), step)
    print(saver, flush=True)
    os.waitpid(saver, 0)
    print("ended", flush=True)
"""


@pytest.fixture
def savers(tmp_path: Path) -> Iterator["subprocess.Popen[str]"]:
    """A process that, for each line read (the step to start after), starts a process that only saves checkpoints."""
    command = [sys.executable, "-c", SAVER, str(tmp_path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1) as process:
        yield process
        assert process.stdin
        process.stdin.close()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="a hundred processes are started by fork")
def test_a_kill_at_any_moment_leaves_a_checkpoint_that_loads(tmp_path: Path, savers: "subprocess.Popen[str]") -> None:
    """`kill -9` a process that only saves checkpoints, more than a hundred times at varying moments."""
    assert savers.stdin
    assert savers.stdout
    folder, delay = RunFolder(tmp_path), np.random.default_rng(0)
    last, partial, kills, longest = 0, 0, 0, 0.03
    while kills < KILLS or (kills < 10 * KILLS and not (last > KILLS and partial)):
        print(last, file=savers.stdin, flush=True)
        saver = int(savers.stdout.readline())
        time.sleep(float(delay.uniform(0.002, longest)))
        os.kill(saver, signal.SIGKILL)
        assert savers.stdout.readline() == "ended\n"
        kills += 1
        partial += bool(list(tmp_path.glob(".*.part")))
        try:
            checkpoint, step, damaged = folder.newest()
        except SeqError:
            assert last == 0, "a checkpoint that had been there is gone"
            longest *= 1.1
            continue
        assert not damaged, "a file under its own name was not whole"
        assert step >= last
        assert (checkpoint.arrays["array"] == step).all()
        assert checkpoint.numbers["steps"] == step
        longest *= 1.1 if step == last else 1  # seconds: a busy machine saves more slowly
        last = step
    assert last > KILLS
    assert partial > 0, "no kill fell into a save: the test tests nothing"
    folder.forget_after(last)
    assert not list(tmp_path.glob(".*.part"))
