"""A run is called so that what is typed means it again."""

import shlex
from pathlib import Path

import pytest

from seqtui.called import called


@pytest.mark.parametrize("folder", ["runs/tales-1", "else where/tales-1", "-odd/run", "runs/deeper/tales-1"])
def test_what_a_run_is_called_means_it_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, folder: str) -> None:
    from seqcore.folder import RunFolder

    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SEQTUI_RUNS_DIR", str(tmp_path / "runs"))
    for path in (Path(folder), tmp_path / folder):
        path.mkdir(parents=True, exist_ok=True)
        (path / "config.json").write_text("{}")
        (word,) = shlex.split(called(path))
        assert not word.startswith("-")
        assert RunFolder.find(word).path.samefile(path)


def test_a_run_at_home_is_called_by_its_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SEQTUI_RUNS_DIR", str(tmp_path))
    assert called(tmp_path / "tales-1") == "tales-1"
    assert called(tmp_path / "other" / "tales-1") == str(tmp_path / "other" / "tales-1")
