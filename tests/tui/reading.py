"""Plays the Lab as a person would: presses keys, reads the screen as lines of text."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass

from textual.pilot import Pilot
from textual.screen import Screen

from seqtui.tui.app import SeqtuiApp
from seqtui.tui.screens.lab import Lab
from tests.tui.scripted import ScriptedSession

SIZES = ((80, 24), (120, 36), (200, 50))
UNTIL_TRAINED = 40  # frames: loading, compiling, and then some training
HANGS = 120  # seconds after which a wait is given up


@dataclass
class Stage:
    """A running Lab with its scripted session."""

    app: SeqtuiApp
    session: ScriptedSession
    pilot: Pilot[None]

    @property
    def lab(self) -> Lab:
        return self.app.lab

    async def press(self, *keys: str) -> None:
        """Presses keys, lets the Lab pull and waits until it is painted."""
        await self.pilot.press(*keys)
        await self.pull()

    async def frames(self, count: int) -> None:
        """Plays the script and lets the Lab pull once."""
        self.session.advance(count)
        await self.pull()

    async def pull(self) -> None:
        """What the timer does, now."""
        self.app.pull()
        await self.pilot.pause()

    async def until(self, holds: Callable[[], object]) -> None:
        """Lets the app run until something holds that is done in the background."""
        async with asyncio.timeout(HANGS):
            while not holds():
                await self.pilot.pause()

    def lines(self, screen: Screen[object] | None = None) -> list[str]:
        """The screen on top as it is drawn, a string a row."""
        shown = screen if screen is not None else self.app.screen
        return [strip.text for strip in shown._compositor.render_strips()]

    def text(self, screen: Screen[object] | None = None) -> str:
        """The same, as one string."""
        return "\n".join(self.lines(screen))

    def last_call(self) -> tuple[object, ...]:
        """What the session was asked last, but for the width that the Lab tells by itself."""
        return [call for call in self.session.calls if call[0] != "set_probe_width"][-1]


@asynccontextmanager
async def stage(
    session: ScriptedSession | None = None, size: tuple[int, int] = (120, 36), frames: int = UNTIL_TRAINED
) -> AsyncIterator[Stage]:
    """A Lab of that size whose session has played some frames."""
    session = session or ScriptedSession()
    app = SeqtuiApp(session)
    app.animation_level = "none"  # what scrolls is there at once
    async with app.run_test(size=size, notifications=True) as pilot:
        await pilot.pause()
        playing = Stage(app, session, pilot)
        if frames:
            await playing.frames(frames)
            await playing.pull()  # the width is told after the first: the text is as long as the score is wide
        yield playing
