"""The list of kernels: all are compiled ahead of time, with visible progress, and none is compiled later."""

import os
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numba.core import event
from seqcore import cores, jit, team
from seqcore.config import ModelConfig
from seqcore.errors import SeqError
from seqcore.model import initial
from seqcore.models.recurrent import RecurrentModel
from seqcore.models.recurrent import RecurrentWorkspace as Workspace
from seqcore.optimizer import AdamW
from seqcore.records import CompileProgress


@pytest.mark.usefixtures("kernels")
def test_a_training_step_compiles_nothing_more() -> None:
    config = ModelConfig(9, hidden=6, layers=2, embedding=4, dropout=0.2)
    tokens = np.zeros((3, 2), np.int32)
    with event.install_recorder("numba:compile") as recorder:
        net, work = RecurrentModel(config, initial(config, 0)), Workspace.of(config, 3, 2)
        net.pack()
        net.losses_and_gradient(tokens, tokens, work, 1, 1)
        net.losses(tokens, tokens, work)
        optimizer = AdamW(net.parameters.size)
        optimizer.norm(net.gradient.flat)
        optimizer.update(net.parameters.flat, net.gradient.flat, 0.1, 1.0, 0.1, net.parameters.decayed)
    assert recorder.buffer == []
    for kernel in jit.KERNELS:
        if kernel.needed_by(("train", "look")):
            assert kernel.dispatcher.signatures == [kernel.signature.args], kernel.label


@pytest.mark.usefixtures("kernels")
def test_a_kernel_refuses_other_types_instead_of_compiling_for_them() -> None:
    for kernel in jit.KERNELS:
        if kernel.needed_by(("train", "look")):
            with pytest.raises(TypeError, match="No matching definition"):
                kernel.dispatcher(*[np.zeros(3, np.complex128) for _ in kernel.signature.args])


def test_every_kernel_has_a_label_of_its_own_and_a_group() -> None:
    labels = [kernel.label for kernel in jit.KERNELS]
    assert len(set(labels)) == len(labels)
    assert all(kernel.group for kernel in jit.KERNELS)


@pytest.fixture
def two(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Replace the list of kernels by two small ones."""
    monkeypatch.setattr(jit, "KERNELS", [])

    @jit.kernel("double it", "one", jit.void(jit.f1))
    def double(x: Any) -> None:
        for n in range(x.size):
            x[n] *= np.float32(2)

    @jit.kernel("halve it", "other", jit.void(jit.f1))
    def halve(x: Any) -> None:
        for n in range(x.size):
            x[n] /= np.float32(2)

    return [double, halve]


def test_compiling_reports_every_kernel_and_counts_what_was_missing(two: list[Any]) -> None:
    told: list[CompileProgress] = []
    assert jit.compile_kernels(["one"], told.append) == 1
    assert not two[1].signatures, "of another group"
    assert jit.compile_kernels(None, told.append) == 1
    assert jit.compile_kernels(None) == 0
    assert [(p.done, p.total, p.names) for p in told] == [
        (0, 1, ("double it",)), (1, 1, ("double it",)), (0, 1, ("halve it",)), (1, 1, ("halve it",)),
    ]  # fmt: skip
    assert jit.cached()


def test_a_kernel_that_was_called_too_early_and_otherwise_is_compiled_as_registered_and_closed(two: list[Any]) -> None:
    x = np.ones(3)
    two[0](x)  # float64, not the registered type
    assert jit.compile_kernels(["one"]) == 1
    two[0](np.ones(3, np.float32))
    with pytest.raises(TypeError, match="No matching definition"):
        two[0](np.ones((3, 3)))


def test_threads_outside_of_what_there_is_are_refused_in_one_line() -> None:
    before, most = team.TEAM.threads, cores.most_threads()
    for count in (-1, most + 1):
        with pytest.raises(SeqError, match=f"--threads {count}: this machine runs 1 to {most} threads"):
            team.set_threads(count)
    assert team.TEAM.threads == before, "a refused number changes nothing"
    assert team.set_threads(1) == 1
    assert team.set_threads(None) == most
    team.set_threads(before)


def test_the_cache_is_where_it_is_asked_to_be_or_else_where_it_can_be(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(jit.CACHE_VARIABLE, str(tmp_path / "mine"))
    assert jit._cache_folder().is_relative_to(tmp_path / "mine" / "kernels")
    (tmp_path / "a file").write_text("")
    monkeypatch.setenv(jit.CACHE_VARIABLE, str(tmp_path / "a file"))
    elsewhere = jit._cache_folder()
    assert elsewhere.is_dir()
    assert not elsewhere.is_relative_to(tmp_path / "a file")


def test_only_our_own_old_folders_are_removed(tmp_path: Path) -> None:
    ours, old = tmp_path / "0123456789ab-01234567", tmp_path / "0123456789ac-01234567"
    thesis = tmp_path / "thesis"
    for folder in (ours, old, thesis):
        folder.mkdir()
        os.utime(folder, (0, 0))
    jit._forget_old(ours)
    assert {path.name for path in tmp_path.iterdir()} == {ours.name, "thesis"}


def test_every_kernel_is_waited_for_before_it_is_compiled_and_those_of_later_are_asked_for(
    two: list[Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[list[str]] = []
    waited: list[tuple[str, int]] = []

    class Beside:
        def ask(self, names: Iterable[str]) -> None:
            asked.append(list(names))

        def wait_for(self, name: str, stop: Callable[[], bool]) -> None:
            waited.append((name, sum(bool(one.signatures) for one in two)))

    monkeypatch.setattr(jit, "COMPILERS", Beside())
    monkeypatch.setattr(jit, "CACHE_FOLDER", tmp_path)  # an empty folder
    double, halve = (entry.name for entry in jit.KERNELS)
    jit.compile_kernels(["one"], soon=["other", "one"])
    assert asked == [[double, halve]]
    assert waited == [(double, 0)]
    assert not two[1].signatures
    jit.compile_kernels(stop=lambda: True)
    assert not two[1].signatures, "nobody needs it any more"
    jit.compile_kernels()
    assert asked[1:] == [[halve], [halve]]
    assert waited[1:] == [(halve, 1), (halve, 1)]


def test_what_another_installation_compiled_counts_for_nothing(
    kernels: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Otherwise Numba would silently compile everything."""
    assert jit.cached()
    elsewhere = tmp_path / "layers_of_another_place"
    elsewhere.mkdir()
    for entry in jit.KERNELS:
        (elsewhere / f"{entry.name}-1.py311.nbi").touch()
    monkeypatch.setattr(jit, "CACHE_FOLDER", tmp_path)
    assert not jit.cached()


def test_no_kernel_is_taken_for_one_of_another_file() -> None:
    """These names identify the files in the cache folder: an LSTM's forward pass must not be mistaken for an RNN's."""
    names = [entry.name for entry in jit.KERNELS]
    assert len(set(names)) == len(names)
    assert {"scan.rnn_scan_forward", "scan.lstm_scan_forward"} <= set(names)
