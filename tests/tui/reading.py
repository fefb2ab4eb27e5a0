"""Drive the Lab like a user: press keys, read the screen as lines of text."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from textual.pilot import Pilot
from textual.screen import Screen

from seqtui.tui.app import SeqtuiApp
from seqtui.tui.screens.lab import Lab
from tests.tui.scripted import ScriptedSession

SIZES = ((80, 24), (120, 36), (200, 50))
UNTIL_TRAINED = 40  # frames: loading, compiling, and then some training
HANGS = 120  # timeout of a wait, in seconds


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
        """Press keys, let the Lab pull, and wait until it is painted."""
        await self.pilot.press(*keys)
        await self.pull()

    async def frames(self, count: int) -> None:
        """Advance the script by `count` frames and let the Lab pull once."""
        self.session.advance(count)
        await self.pull()

    async def pull(self) -> None:
        """Do immediately what the timer does."""
        self.app.pull()
        await self.pilot.pause()

    async def until(self, holds: Callable[[], object]) -> None:
        """Let the app run until a condition that depends on background work holds."""
        async with asyncio.timeout(HANGS):
            while not holds():
                await self.pilot.pause()

    def lines(self, screen: Screen[object] | None = None) -> list[str]:
        """The top screen as drawn, one string per row."""
        shown = screen if screen is not None else self.app.screen
        return [strip.text for strip in shown._compositor.render_strips()]

    def text(self, screen: Screen[object] | None = None) -> str:
        """The lines as one string."""
        return "\n".join(self.lines(screen))

    def last_call(self) -> tuple[object, ...]:
        """The last call to the session, ignoring the width that the Lab sets automatically."""
        return [call for call in self.session.calls if call[0] != "set_probe_width"][-1]


@asynccontextmanager
async def stage(
    session: ScriptedSession | None = None,
    size: tuple[int, int] = (120, 36),
    frames: int = UNTIL_TRAINED,
    **asked: Any,
) -> AsyncIterator[Stage]:
    """A Lab of that size whose session has played `frames` frames; `asked` are further arguments of the app."""
    session = session or ScriptedSession()
    app = SeqtuiApp(session, **asked)
    app.animation_level = "none"  # scrolling completes immediately
    async with app.run_test(size=size, notifications=True) as pilot:
        await pilot.pause()
        playing = Stage(app, session, pilot)
        if frames:
            await playing.frames(frames)
            await playing.pull()  # the first pull sets the width, on which the text's length depends
        yield playing
