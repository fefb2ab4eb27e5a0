"""The speed on the screen is that of the last second; the share of the peak is believed only where it can be."""

import pytest
from seqcore import bench

from seqtui.live.speed import SETTLED, Speedometer


@pytest.fixture
def peak(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Set the results of the next measurements of the machine's peak."""
    found = [1000.0]
    monkeypatch.setattr(bench, "measure_peak", lambda seconds: found[0])
    return found


def test_the_speed_is_that_of_the_last_second_of_training(peak: list[float]) -> None:
    meter = Speedometer()
    assert meter.read(1.0) == (0.0, None)
    for tokens in (10, 20):
        for _ in range(30):
            meter.add(tokens, 0.1)
    assert meter.read(1.0)[0] == pytest.approx(200)
    meter.reset()
    assert meter.read(1.0)[0] == 0


def test_the_share_is_of_the_measured_peak_and_unknown_where_that_is_beyond_belief(peak: list[float]) -> None:
    meter = Speedometer()
    for _ in range(SETTLED - 1):
        meter.add(50, 0.5)
    assert meter.read(2.0) == (pytest.approx(100), None), "not measured yet"
    meter.add(50, 0.5)
    assert meter.read(2.0)[1] == pytest.approx(0.2)  # 100 tokens a second of 2 operations, of 1000
    assert meter.read(9.9)[1] is None, "99% of the peak: the machine was busy while it was measured"


def test_a_low_peak_is_measured_again_and_the_highest_counts(
    peak: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    now = [100.0]
    monkeypatch.setattr("seqtui.live.speed.time.monotonic", lambda: now[0])
    meter = Speedometer()
    peak[0] = 100.0
    for _ in range(SETTLED):
        meter.add(50, 0.5)
    assert meter.read(2.0)[1] is None
    for found in (800.0, 400.0):
        peak[0] = found
        now[0] += 100
        meter.add(50, 0.5)
        assert meter.read(2.0)[1] == pytest.approx(0.25)
