"""The shell argument shown for a run finds that run."""

import shlex
from pathlib import Path

import pytest
from seqcore.folder import RunFolder


@pytest.mark.parametrize("folder", ["runs/tales-1", "else where/tales-1", "-odd/run", "runs/deeper/tales-1"])
def test_the_argument_of_a_run_finds_it_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, folder: str) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SEQTUI_RUNS_DIR", str(tmp_path / "runs"))
    for path in (Path(folder), tmp_path / folder):
        path.mkdir(parents=True, exist_ok=True)
        (path / "config.json").write_text("{}")
        (word,) = shlex.split(RunFolder(path).argument)
        assert not word.startswith("-")
        assert RunFolder.find(word).path.samefile(path)


def test_a_run_in_the_runs_folder_is_named_without_its_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SEQTUI_RUNS_DIR", str(tmp_path))
    assert RunFolder(tmp_path / "tales-1").argument == "tales-1"
    assert RunFolder(tmp_path / "other" / "tales-1").argument == str(tmp_path / "other" / "tales-1")
