"""A notification that expires as its widget is built: Textual's timer must not get a negative time."""

from time import time

import pytest
from textual.notifications import Notify

from seqtui.tui.bars.notice import Notice
from tests.tui.reading import stage


def test_the_time_left_is_never_negative_but_the_notice_expires() -> None:
    late = Notice("late", timeout=5, raised_at=time() - 6)
    assert late.time_left > 0
    assert late.has_expired
    fresh = Notice("fresh", timeout=5)
    assert 4 < fresh.time_left <= 5
    assert not fresh.has_expired


async def test_the_screen_goes_on_when_a_notice_expires_as_it_is_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    async with stage() as s:
        posted: list[object] = []
        post = s.app.post_message

        def watched(message: object) -> bool:
            if isinstance(message, Notify):
                posted.append(message.notification)
                if not isinstance(message.notification, Notice):
                    return False  # it would hang the test
                message.notification.timeout = -1.0  # over before it is shown ...
                monkeypatch.setattr(type(message.notification), "has_expired", False)  # ... but not when it was asked
            return post(message)  # type: ignore[arg-type]

        monkeypatch.setattr(s.app, "post_message", watched)
        s.app.view.say("the disk is full", error=True)
        await s.pilot.pause()
        await s.pilot.press("space")
        assert [type(notice) for notice in posted] == [Notice]
