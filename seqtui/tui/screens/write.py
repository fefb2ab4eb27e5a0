"""The view of writing: what would it write? The person takes each next token, types one, or lets the model go on."""

from collections import deque
from collections.abc import Callable
from typing import ClassVar

import numpy as np
from seqcore.errors import SeqError
from seqcore.sampling import Sampling, draw
from textual.binding import BindingType

from seqtui.live.next_token import Asked, NextToken
from seqtui.live.snapshot import Session, Snapshot
from seqtui.tui.panes.bars import BarsPane
from seqtui.tui.panes.branches import BranchesPane
from seqtui.tui.panes.by_hand import Written
from seqtui.tui.panes.text_so_far import TextPane
from seqtui.tui.panes.writing_tree import WritingTree
from seqtui.tui.screens.panes import PanesScreen
from seqtui.tui.screens.write_commands import WRITE

LONGEST = 2000  # tokens: the model then stops by itself


class Write(PanesScreen[Written]):
    """A tree of texts after the prompt, and the distribution of what may follow at one place in it."""

    VIEW = "write"
    ASKS = ("next token",)
    MOST_ABOVE = 14
    BINDINGS: ClassVar[list[BindingType]] = WRITE.bindings()

    def __init__(self, session: Session) -> None:
        super().__init__(session, WRITE, {"text": TextPane(), "bars": BarsPane(), "branches": BranchesPane()})
        self.current = "bars"
        self.texts = WritingTree()
        self.sampling = Sampling()
        self.picked = 0
        self.running = False
        self._due: deque[Callable[[], None]] = deque()  # what keys asked for before it was known what may follow
        self._chance = np.random.default_rng(1)
        self._branches: dict[int, tuple[str, int]] = {}  # by their ends: text, and length in tokens

    @property
    def arguments(self) -> Asked:
        """The text so far."""
        return Asked(self.newest.prompt, self.texts.path)

    @property
    def found(self) -> NextToken | None:
        """What was found last, of whichever text."""
        found = self.shown.looks.get("next token")
        return found if isinstance(found, NextToken) else None

    @property
    def subject(self) -> Written:
        """What is drawn now."""
        branches = () if self.found is None else tuple(self._branch(end, self.found) for end in self.texts.ends)
        return Written(self.shown.phase, self.texts, self.sampling, self.found, self.picked, branches)

    def _branch(self, end: int, found: NextToken) -> tuple[str, int, bool]:
        """Return a branch: its text, its length in tokens, whether one is on it."""
        if end not in self._branches:
            path = self.texts.path_to(end)
            self._branches[end] = found.vocabulary.decode(path), len(path)
        return (*self._branches[end], end == self.texts.end)

    @property
    def on(self) -> frozenset[str]:
        """Whether the model writes."""
        return frozenset({"run_on"} if self.running else ())

    def entered(self) -> None:
        """Begin with the temperature of the Lab's writing."""
        if self.texts.here == 0 and len(self.texts.nodes) == 1:
            self.set_sampling(temperature=self.newest.temperature)
        super().entered()

    def left(self) -> None:
        """Stop writing."""
        self._stop()
        super().left()

    def show(self, snapshot: Snapshot) -> None:
        """Draw a snapshot; another vocabulary or another prompt begins a new tree."""
        if (snapshot.run, snapshot.prompt) != (self.newest.run, self.newest.prompt):
            self.newest = snapshot
            self.texts, self._branches, self.picked = WritingTree(), {}, 0
            self._stop()
            self.ask_again()
        super().show(snapshot)
        while self._due and self._is_current():
            self._due.popleft()()
        if self.running:
            self._go_on()

    def _go_on(self) -> None:
        """Draw a token if what may follow the text so far is known."""
        if not self._is_current():
            return
        if len(self.texts.path) >= LONGEST:
            self.run_on(False)
            self.say(f"Stopped after {LONGEST:,} tokens.")
            return
        self._take(draw(self.subject.shares, self.sampling, self._chance.random()))

    # Commands

    def take_picked(self) -> None:
        """Go on with the token that is picked."""
        self._when_known(self._take_picked)

    def _take_picked(self) -> None:
        token = self.subject.token
        if token is not None:
            self._take(token)

    def _when_known(self, act: Callable[[], None]) -> None:
        """Do what a key asks for when the bars are those of the text so far: keys may be faster than the model."""
        if self._is_current() and not self._due:
            act()
        else:
            self._due.append(act)

    def _is_current(self) -> bool:
        """Return whether the bars are those of the text so far."""
        return self.found is not None and self.found.asked == self.arguments

    def _take(self, token: int) -> None:
        self.texts.take(token)
        self.picked = 0
        self.moved()

    def type_in(self, text: str) -> None:
        """Go on with a text."""
        if self.found is None or not text:
            return
        try:
            tokens, warning = self.found.vocabulary.encode_prompt(text)
        except SeqError as error:
            self.say(str(error))
            return
        for token in tokens.tolist():
            self.texts.take(token)
        self.picked = 0
        self.moved()
        if warning:
            self.say(warning)

    def _stop(self) -> None:
        self.running = False
        self._due.clear()

    def pick(self, by: int) -> None:
        """Pick the token that many places below."""
        self._when_known(lambda: self._pick(by))

    def _pick(self, by: int) -> None:
        size = self.subject.order.size
        self.picked = max(0, min(self.picked + by, size - 1))
        self.draw()

    def step_back(self) -> None:
        """Go back a token."""
        self.running = False
        if self._due:
            self._due.append(self._step_back)
        else:
            self._step_back()

    def _step_back(self) -> None:
        if self.texts.back():
            self.picked = 0
            self.moved()

    def to_edge(self, direction: int) -> None:
        """Go back to the prompt, or to the end of the branch."""
        self._stop()
        if direction < 0:
            self.texts.to_start()
        else:
            self.texts.to_end()
        self.moved()

    def next_branch(self, direction: int) -> None:
        """Go to another branch."""
        self._stop()
        if self.texts.next_branch(direction):
            self.moved()
        else:
            self.say("There is one branch: go back with ← and take another token.")

    def run_on(self, running: bool) -> None:
        """Let the model write, or stop it."""
        self.running = running
        self.draw()
        if running:
            self._go_on()

    def set_sampling(self, **values: float) -> None:
        """Change temperature, top-k or top-p: the bars are drawn anew at once."""
        now = {"temperature": self.sampling.temperature, "top_k": self.sampling.top_k, "top_p": self.sampling.top_p}
        changed = now | values
        self.sampling = Sampling(
            min(5.0, max(0.0, round(changed["temperature"], 2))),
            max(0, int(changed["top_k"])),
            min(1.0, max(0.05, round(changed["top_p"], 2))),
        )
        self.draw()

    def on_bars_pane_taken(self, event: BarsPane.Taken) -> None:
        """Take the token that the user points at."""
        self.picked = event.rank
        self.take_picked()
