"""Monkey testing: random keys, key repeats, raw terminal input, pastes, clicks, resizes and session changes."""

import asyncio
import random
from collections.abc import Callable

from textual import events
from textual._xterm_parser import XTermParser
from textual.geometry import Size
from textual.pilot import Pilot

from seqtui.tui.app import SeqtuiApp
from seqtui.tui.screens.encodings_commands import ENCODINGS
from seqtui.tui.screens.lab_commands import LAB

DIALOG_KEYS = ("enter", "escape", "tab", "shift+tab", "up", "down", "left", "right", "space", "backspace", "delete")
EDITOR_KEYS = ("ctrl+j", "ctrl+a", "ctrl+e", "ctrl+k", "ctrl+u", "ctrl+w", "ctrl+z", "ctrl+y", "pageup", "pagedown")
OPENERS = ("c", "m", "e", "p", "t", "R", "W", "ctrl+p", "question_mark")
TEXT = "abz019 .,;:-_/~\\{}[]()<>|'\"$&%ßé漢🙂\u0301\u200d\u202e\ud800"
PASTES = (
    "plain text",
    "two\nlines\r\nand\rmore\n" * 3,
    "\x1b[31mred\x1b[0m \x1b]0;title\x07 \x1b[2J \x9b2J \x00\x07\x7f",
    "[bold]markup[/bold] [@click=app.quit]x[/] \\[z [/nothing]",
    "漢字 🙂 e\u0301 \u202e right to left \u200d",
    "x" * 5000,
    "",
)
PACED = 25  # events between two pauses in which the app processes its queue
SIZES = ((1, 1), (2, 40), (20, 5), (59, 16), (60, 15), (60, 16), (80, 24), (120, 36), (200, 50), (300, 100), (300, 1))


class Monkey:
    """Sends random input to an app. `news` is called at random to change the session's state."""

    def __init__(self, app: SeqtuiApp, pilot: Pilot[None], seed: int, news: Callable[[random.Random], None]) -> None:
        self.app, self.pilot, self.news = app, pilot, news
        self.chance = random.Random(seed)
        self.keys = sorted({key for table in (LAB, ENCODINGS) for one in table for key in one.keys})
        self.done: list[str] = []  # recent actions, shown if something breaks

    async def play(self, count: int) -> None:
        """Perform `count` random actions, mostly without waiting for the app."""
        kinds = (self._key, self._repeat, self._open_and_answer, self._type, self._paste, self._click, self._raw,
                 self._resize, self._news)  # fmt: skip
        weights = (40, 8, 10, 8, 4, 14, 6, 5, 5)
        for number in range(count):
            (act,) = self.chance.choices(kinds, weights)
            act()
            if number % PACED == 0 or self.chance.random() < 0.1:
                await self.breathe()

    async def breathe(self) -> None:
        """Let the app handle the pending events."""
        await asyncio.sleep(0)
        await self.pilot.pause()

    def _note(self, what: str) -> None:
        self.done.append(what)
        del self.done[:-40]

    def press(self, key: str) -> None:
        """Press a key."""
        self._note(key)
        character = key if len(key) == 1 else {"space": " "}.get(key)
        self.app.post_message(events.Key(key, character))

    def _key(self) -> None:
        self.press(self.chance.choice((*self.keys, *DIALOG_KEYS, *DIALOG_KEYS)))

    def _repeat(self) -> None:
        key = self.chance.choice((*self.keys, "enter", "enter", "enter", "escape", "escape"))
        for _ in range(self.chance.randrange(2, 6)):
            self.press(key)

    def _open_and_answer(self) -> None:
        """Press a key that opens a dialog, then keys that answer it before it has opened."""
        for key in (self.chance.choice(OPENERS), *self.chance.choices((*DIALOG_KEYS, "1", "5", "enter", "enter"), k=4)):
            self.press(key)

    def _type(self) -> None:
        for key in (*self.chance.choices(TEXT, k=self.chance.randrange(1, 6)), self.chance.choice(EDITOR_KEYS)):
            self.press(key)

    def _paste(self) -> None:
        text = self.chance.choice(PASTES)
        self._note(f"paste {text[:20]!r}")
        self.app.post_message(events.Paste(text))

    def _place(self) -> tuple[int, int]:
        width, height = self.app.size
        return self.chance.randrange(1, width + 2), self.chance.randrange(1, height + 2)

    def _click(self) -> None:
        x, y = self._place()
        button = self.chance.choice((0, 0, 0, 1, 2, 32, 35, 64, 65))  # buttons, motion, wheel
        press = f"\x1b[<{button};{x};{y}M"
        self._send(press + (f"\x1b[<{button};{x};{y}m" if self.chance.random() < 0.9 else ""))
        if self.chance.random() < 0.3:
            self._send(press + f"\x1b[<{button};{x};{y}m")

    def _raw(self) -> None:
        """Send valid and malformed terminal sequences."""
        x, y = self._place()
        self._send(
            self.chance.choice(
                (
                    f"\x1b[200~{self.chance.choice(PASTES)}\x1b[201~",
                    "\x1b[200~never ended",
                    "\x1b[201~",
                    f"\x1b[<0;{x};{y}M",
                    f"\x1b[<{x * 1000};{y * 1000};99999M",
                    "\x1b[I\x1b[O",
                    "\x1b[99;5u\x1b[13u\x1b[27u",
                    f"\x1b[{x};{y}R",
                    "\x1b[?2026;2$y",
                    "\x1bOP\x1b[1;5D\x1b[Z",
                    "\x1b\x1b\x1b",
                    "".join(map(chr, self.chance.choices(range(32, 256), k=12))),
                )
            )
        )

    def _send(self, data: str) -> None:
        self._note(repr(data[:24]))
        parser = XTermParser()
        driver = self.app._driver
        assert driver is not None
        for message in [*parser.feed(data), *parser.feed("")]:
            driver.process_message(message)

    def _resize(self) -> None:
        width, height = self.chance.choice(SIZES)
        if self.chance.random() < 0.5:
            width, height = self.chance.randrange(1, 301), self.chance.randrange(1, 101)
        self._note(f"{width}x{height}")
        driver = self.app._driver
        assert driver is not None
        driver._size = (width, height)
        self.app.post_message(events.Resize(Size(width, height), Size(width, height)))

    def _news(self) -> None:
        self.news(self.chance)
        self.app.pull()
