"""Samples of a model that does not change: a few, and then nothing is left to do."""

from pathlib import Path
from typing import Any

import pytest

from seqtui.live import author
from seqtui.live.author import OF_THE_SAME
from seqtui.live.session import LiveSession
from seqtui.live.snapshot import ModelChoice, Phase, Snapshot
from tests.live.test_session import wait

CHOICE = ModelChoice(hidden=12, batch=4, length=8)


def done(snapshot: Snapshot) -> bool:
    return snapshot.phase is Phase.PAUSED and snapshot.sample is not None and snapshot.sample.finished


def test_a_paused_training_writes_a_few_samples_and_more_after_a_change(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun: list[int] = []
    begin = author.Author._begin

    def counted(self: author.Author, weights: Any, *rest: Any) -> None:
        begun.append(weights.step)
        begin(self, weights, *rest)

    monkeypatch.setattr(author.Author, "_begin", counted)
    monkeypatch.setattr(author, "WRITING_PACE", 1e6)
    monkeypatch.setattr(author, "REST", 0.0)
    (tmp_path / "story.txt").write_text("Then the fox met the owl, and they spoke.\n" * 90)
    live = LiveSession(str(tmp_path / "story.txt"), choice=CHOICE, keep=False, paused=True, threads=1)
    live.start()
    try:
        wait(live, lambda s: len(begun) == OF_THE_SAME and done(s), "samples")
        wait(live, lambda s: s.references and s.probe, "the rest")
        live.set_temperature(0.5)
        wait(live, lambda s: len(begun) == 2 * OF_THE_SAME and done(s), "samples at another temperature")
        live.one_step()
        wait(live, lambda s: len(begun) == 3 * OF_THE_SAME and done(s), "samples of other weights")
        live.set_probe_text("the owl")
        wait(live, lambda s: s.probe is not None and s.probe.symbols[:3] == tuple("the"), "another text")
        assert begun == [0] * 2 * OF_THE_SAME + [1] * OF_THE_SAME
    finally:
        live.close(20)
