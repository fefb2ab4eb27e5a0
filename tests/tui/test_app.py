"""The app around the Lab: first paint, pulling snapshots, frame rate, quitting."""

import dataclasses
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from seqtui.live.snapshot import Phase, Snapshot
from seqtui.tui.app import SeqtuiApp, farewell
from seqtui.tui.pace import BEFORE_STILL, FASTEST, SLOWEST, STILL, Pace
from tests.tui.reading import UNTIL_TRAINED, stage
from tests.tui.scripted import ScriptedSession

FIRST_PAINT = """
import asyncio, sys
from tests.tui.scripted import ScriptedSession
from seqtui.tui.app import SeqtuiApp

ENGINE = ("numba", "llvmlite", "seqcore.trainer", "seqcore.jit", "seqtui.live.session")

class Watched(ScriptedSession):
    def start(self):
        text = "\\n".join(strip.text for strip in app.screen._compositor.render_strips())
        assert "1 loss" in text and "the score" in text, text
        print([name for name in ENGINE if name in sys.modules])
        app.exit()

app = SeqtuiApp(Watched())
app.run(headless=True, size=(120, 36))
"""


def test_the_screen_is_painted_before_the_session_starts_and_without_the_engine() -> None:
    root = Path(__file__).parents[2]
    done = subprocess.run(
        [sys.executable, "-c", FIRST_PAINT],
        cwd=root,
        env={"PYTHONPATH": f"{root}:{root / 'core'}", "TERM": "xterm-256color"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "[]" in done.stdout


async def test_the_session_is_started_once_and_told_the_width_of_the_score() -> None:
    async with stage(size=(120, 36)) as s:
        assert s.session.calls[0] == ("start",)
        assert s.session.calls.count(("start",)) == 1
        widths = [call for call in s.session.calls if call[0] == "set_probe_width"]
        assert widths == [("set_probe_width", s.lab.score.columns)]
        await s.pilot.resize_terminal(90, 36)
        await s.frames(1)
        assert s.session.calls[-1] == ("set_probe_width", s.lab.score.columns)


async def test_a_snapshot_that_was_shown_is_not_shown_again_and_hidden_panes_get_none(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with stage(size=(80, 24)) as s:
        shown: list[str] = []
        for name, pane in s.lab.panes.items():
            real = pane.show

            def watched(snapshot: Snapshot, name: str = name, real: object = real) -> None:
                shown.append(name)
                real(snapshot)  # type: ignore[operator]  # a bound method

            pane.show = watched  # type: ignore[method-assign]  # records calls
        painted: list[int] = []
        draw = s.lab.show

        def paint(snapshot: Snapshot) -> None:
            painted.append(snapshot.serial)
            draw(snapshot)

        monkeypatch.setattr(s.lab, "show", paint)
        await s.pull()
        await s.pull()
        assert shown == []
        assert painted == []
        await s.frames(1)
        assert len(painted) == 1
        assert sorted(shown) == ["loss", "score"]
        await s.press("2")
        assert shown[2:] == ["writing"]


async def test_frames_are_pulled_by_a_timer() -> None:
    async with stage(ScriptedSession(auto=True), frames=0) as s:
        for _ in range(400):
            await s.pilot.pause(0.05)
            if s.session.looks >= 4:
                break
        assert s.session.looks >= 4


def test_the_pace_slows_when_frames_run_late_and_recovers() -> None:
    pace = Pace()
    assert pace.tell(0.0) == FASTEST
    slower = [pace.tell(0.9 * pace.interval) for _ in range(20)]
    assert slower == sorted(slower)
    assert slower[-1] == SLOWEST
    faster = [pace.tell(0.01) for _ in range(40)]
    assert faster == sorted(faster, reverse=True)
    assert faster[-1] == FASTEST


@given(st.lists(st.floats(0, 10), max_size=50))
def test_the_pace_stays_within_its_bounds(delays: list[float]) -> None:
    pace = Pace()
    assert all(FASTEST <= pace.tell(delay) <= SLOWEST for delay in delays)


async def test_late_frames_slow_the_timer(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 0.0
    monkeypatch.setattr("seqtui.tui.app.monotonic", lambda: now)
    async with stage() as s:
        await s.pull()
        for _ in range(5):
            now += 3.0
            await s.pull()
        assert s.app.pace.interval > 0.5


class Slow(ScriptedSession):
    """A session whose closing waits until the test allows it."""

    def __init__(self) -> None:
        super().__init__()
        self.go = threading.Event()

    def close(self, timeout: float = 2.0) -> bool:
        self.go.wait(60)
        return super().close(timeout)


async def test_the_screen_lives_while_the_session_closes() -> None:
    async with stage(session := Slow()) as s:
        await s.pilot.press("q")
        await s.pilot.pause()
        assert "saving and leaving" in s.lines()[0]
        await s.pilot.press("left")
        await s.pilot.resize_terminal(80, 24)
        assert len(s.lines()) == 24
        session.go.set()
        await s.app.workers.wait_for_complete()
        assert s.app.farewell.startswith("Run ")


@pytest.mark.parametrize(
    ("snapshot", "ended", "said"),
    [
        (Snapshot(), True, "Nothing was saved: training had not started."),
        (Snapshot(run="a", step=7), True, "The run was not saved."),
        (Snapshot(run="a", step=7, checkpoint_step=7), True, "Run a is saved at step 7. Reopen it: seqtui --run a"),
        (
            Snapshot(run="a", step=1700, checkpoint_step=1600),
            False,
            "Run a is saved at step 1,600. The last checkpoint was not finished in time. Reopen it: seqtui --run a",
        ),
    ],
)
def test_the_farewell_says_what_is_saved(snapshot: Snapshot, ended: bool, said: str) -> None:
    assert farewell(snapshot, ended) == said


class Broken(ScriptedSession):
    """A session with a defect."""

    def next_passage(self) -> None:
        raise ZeroDivisionError("\x1b[31mboom [red]")


async def test_a_defect_ends_in_one_line_and_no_traceback(capsys: pytest.CaptureFixture[str]) -> None:
    app = SeqtuiApp(Broken())
    with pytest.raises(ZeroDivisionError):
        async with app.run_test() as pilot:
            await pilot.press("n")
    said = capsys.readouterr().err
    assert "Traceback" not in said
    assert "internal error" in said
    assert "ZeroDivisionError" in said
    assert "\x1b[31mboom" not in said


async def test_news_are_told_once() -> None:
    async with stage() as s:
        s.session.say(message="the learning rate is as low as it gets")
        await s.pull()
        assert "as low as it gets" in s.lines()[-1]
        assert "? help" in s.lines()[-1]
        s.session.say(phase=Phase.FINISHED)
        await s.pull()
        assert "Finished after 600 steps." in s.lines()[-1]
        assert "✓ finished" in s.lines()[0]


async def test_an_unwritable_folder_is_one_clear_line(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> int:
        raise PermissionError(13, "Permission denied")

    monkeypatch.chdir("/")  # a short path: the line has room for the reason
    monkeypatch.setattr(Path, "write_text", refuse)
    async with stage() as s:
        await s.press("x")
        await s.pilot.pause()
        assert "No screenshot in" in s.text()
        assert "Permission denied" in s.text()


async def test_no_colour_is_written_under_no_color(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    async with stage() as s:
        for keys in ((), ("c",), ("escape", "m"), ("escape", "question_mark")):
            await s.press(*keys)
            for strip in s.app.screen._compositor.render_strips():
                for segment in strip:
                    if segment.style is not None:
                        for colour in (segment.style.color, segment.style.bgcolor):
                            assert colour is None or colour.is_default, segment


@pytest.mark.parametrize("phase", list(Phase))
async def test_a_tick_that_comes_while_the_screen_is_taken_down_raises_nothing(phase: Phase) -> None:
    async with stage() as s:
        await s.lab.remove_children()  # what closing does first
        s.session.say(phase=phase, message="late", step=999)
        s.app.pull()
        await s.pilot.pause()
        s.lab.freeze(True)
        s.lab.rearrange()


async def test_no_frame_is_drawn_or_set_once_the_app_has_ended() -> None:
    async with stage() as s:
        pass
    looks, timer = s.session.looks, s.app._timer
    s.app.pull()
    s.app._painted()
    assert (s.session.looks, s.app._timer) == (looks, timer)


async def test_a_loss_that_runs_away_is_told_once_with_the_ways_out() -> None:
    async with stage() as s:
        history = s.session.snapshot().history
        assert "R to go back" not in s.text()
        for factor, told in ((1000, True), (2000, False), (1, False), (1000, True)):
            s.lab.footer.notice("")
            s.session.say(history=dataclasses.replace(history, train_loss=history.train_loss * np.float32(factor)))
            await s.pull()
            assert ("R to go back" in s.text()) == told, factor


async def test_keys_that_arrive_after_the_screens_are_gone_are_ignored() -> None:
    async with stage() as s:
        app = s.app
    assert not app.screen_stack
    assert not await app._check_bindings("q")


async def test_a_defect_of_the_screen_closes_and_saves_the_session() -> None:
    session = ScriptedSession()
    app = SeqtuiApp(session)

    async def stop_on_a_defect() -> None:
        async with app.run_test() as pilot:
            await pilot.pause()
            session.advance(UNTIL_TRAINED)
            app.call_later(lambda: 1 / 0)
            await pilot.pause()

    with pytest.raises(ZeroDivisionError):
        await stop_on_a_defect()
    assert "close" not in [name for name, *_ in session.calls]
    assert "Reopen it" in app.finish()
    assert session.calls[-1][0] == "close"


def test_a_session_that_stands_still_is_looked_at_less_often_until_the_user_does_something() -> None:
    pace = Pace()
    intervals = [pace.rest(pace.tell(0.0), changed=False) for _ in range(40)]
    assert intervals[0] == FASTEST
    assert intervals[-1] == STILL
    assert sum(interval == FASTEST for interval in intervals) == BEFORE_STILL / FASTEST
    assert pace.wake()
    assert pace.rest(pace.tell(0.0), changed=False) == FASTEST
    assert not pace.wake(), "nothing was put off"
    assert [pace.rest(FASTEST, changed=True) for _ in range(40)] == [FASTEST] * 40


@pytest.mark.parametrize(("phase", "rests"), [(Phase.PAUSED, True), (Phase.FINISHED, True), (Phase.COMPILING, False)])
async def test_the_screen_rests_while_nothing_moves_and_a_key_wakes_it(phase: Phase, rests: bool) -> None:
    async with stage() as s:
        s.session.say(phase=phase)
        for _ in range(20):
            await s.pull()
        assert (s.app._next == STILL) is rests
        await s.pilot.press("right")
        await s.pilot.pause()
        assert s.app._next == FASTEST
