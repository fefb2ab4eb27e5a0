"""The Lab: loss, the pane of the task and the score, arranged for the size of the terminal."""

from collections.abc import Mapping
from dataclasses import replace
from typing import ClassVar

from textual import events
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Horizontal
from textual.content import Content
from textual.widgets import Static

from seqtui.live.snapshot import Phase, Session, Snapshot
from seqtui.tui.bars.tabs import TabStrip
from seqtui.tui.bars.views import LEAST_HEIGHT
from seqtui.tui.panes.loss import LossPane
from seqtui.tui.panes.score import ScorePane
from seqtui.tui.panes.second import SECOND, USUAL, second_pane
from seqtui.tui.panes.translation import TranslationPane
from seqtui.tui.panes.verdict import VerdictPane
from seqtui.tui.panes.writing import WritingPane
from seqtui.tui.screens.arrangement import MIN_HEIGHT, MIN_WIDTH, Arrangement, arrange
from seqtui.tui.screens.lab_commands import LAB
from seqtui.tui.screens.pair_commands import walked
from seqtui.tui.screens.view import ViewScreen
from seqtui.tui.standpoint import Lens, Standpoint
from seqtui.tui.widgets.pane import Pane
from seqtui.views import LAB as LAB_ID
from seqtui.visible import visible

LEAST_TEXT = 32  # timesteps of a passage where columns are wide: the playhead scrolls it
BANNERS = {  # what went wrong, and the command that helps
    Phase.FAILED: ("✗ failed: {}   {} corpus · {} quit", "corpus"),
    Phase.DIVERGED: ("▲ diverged: {}   {} recover · {} quit", "recover"),
}
COMPILING = "◔ compiling {}, {} of {}, once on this machine"


class Lab(ViewScreen):
    """Draws the snapshots that it is given, and passes the user's requests to the session."""

    VIEW = LAB_ID
    CURVES = "loss"
    BINDINGS: ClassVar[list[BindingType]] = LAB.bindings()

    def __init__(self, session: Session) -> None:
        super().__init__(session, LAB)
        self.loss = LossPane()
        self.others = {name: pane() for name, pane in SECOND.items()}  # beside the loss, one at a time
        self.second = USUAL  # the name of that one
        self.score = ScorePane()
        self.tabs = TabStrip(id="tabs")
        self.banner = Static(id="banner")
        self.too_small = Static(id="too-small")
        self.above = Horizontal(id="above")
        self.frozen = False
        self.zoomed: str | None = None
        self.current = "score"  # the pane with the focus, or the last one that had it
        self._wanted = "score"  # the pane the user went to last, at any size
        self._wanted_above = ""  # the last of them above the score; "" until there is one
        self._moved = False  # whether the user went to any pane
        self._looked_away = False  # whether they did since compilation began
        self._fronted = ("", "")  # what `_front` returned for the current arrangement
        self._arrangement = Arrangement(())
        self._drawn: dict[str, int] = {}  # the serial that each pane shows
        self._columns = 0  # of the score, as reported to the session

    def resume(self, pane: str, zoomed: bool) -> None:
        """Begin at a pane; what stood beside the loss may be another one now."""
        name = self.second if pane in SECOND else pane
        if name in self.panes:
            self._want(name)
            self.zoomed = name if zoomed else None

    @property
    def standpoint(self) -> Standpoint:
        """The timestep and the unit that the score reads out, and how the loss is looked at."""
        return replace(self.score.standpoint, lens=self.loss.lens)

    @standpoint.setter
    def standpoint(self, place: Standpoint) -> None:
        self.score.standpoint = replace(place, lens=Lens())
        self.loss.look(place.lens)

    @property
    def curves(self) -> LossPane:
        """The pane of curves over training."""
        return self.loss

    @property
    def panes(self) -> Mapping[str, Pane]:
        """The panes by name, in focus order."""
        return {"loss": self.loss, self.second: self.others[self.second], "score": self.score}

    @property
    def writing(self) -> WritingPane:
        """The pane of generated text."""
        return self.query_one(WritingPane)

    @property
    def translation(self) -> TranslationPane | None:
        """The pane of translations, if it stands beside the loss."""
        pane = self.others[self.second]
        return pane if isinstance(pane, TranslationPane) else None

    @property
    def verdict(self) -> VerdictPane:
        """The pane of verdicts."""
        return self.query_one(VerdictPane)

    def compose(self) -> ComposeResult:
        """Lay out everything from top to bottom."""
        yield self.status
        yield self.bar
        yield self.banner
        yield self.too_small
        yield self.tabs
        with self.above:
            yield self.loss
            yield from self.others.values()
        yield self.score
        yield self.footer

    def on_mount(self) -> None:
        """Give the focus to the score if there is room for it."""
        self.rearrange()

    def on_resize(self, event: events.Resize) -> None:
        """Rearrange the panes for the new size."""
        self.rearrange()

    @property
    def _gone(self) -> bool:
        """Whether the screen is closing: a frame or a resize may still arrive."""
        return not (self.score.is_running and self.score.is_attached)

    # What is drawn

    def show(self, snapshot: Snapshot) -> None:
        """Draw a snapshot; only the status line while frozen."""
        if snapshot.model != self.newest.model:
            self._drawn.clear()
        if snapshot.phase is Phase.COMPILING and self.newest.phase is not Phase.COMPILING:
            self._looked_away = False
        self.newest = snapshot
        self.leave_crosshair(snapshot.step)
        if not self.frozen:
            self.shown = snapshot
        if self._gone:
            return
        if second_pane(snapshot.task.pane) != self.second:
            self._take_turns(second_pane(snapshot.task.pane))
        if self._front() != self._fronted:
            self.rearrange()
        self._draw()
        columns = self.score.columns
        if columns > 0 and columns != self._columns:
            self._columns = columns
            self.session.set_probe_width(max(columns, LEAST_TEXT))

    def _take_turns(self, second: str) -> None:
        """Put another pane beside the loss, as the task asks; whoever was at the old one is at the new one."""
        before, self.second = self.second, second
        self.others[before].display = False
        self._wanted, self._wanted_above, self.current, zoomed = (
            second if name == before else name
            for name in (self._wanted, self._wanted_above, self.current, self.zoomed or "")
        )
        self.zoomed = zoomed or None
        self._drawn.pop(second, None)
        self.others[second].point(self.score.playhead)
        self.rearrange()

    def _front(self) -> tuple[str, str]:
        """Return the pane to show above the score, and the pane to show alone, where there is room for one.

        That is the pane the user went to last. While kernels compile it is the list of kernels, which replaces the
        generated text, unless the user has gone elsewhere since compilation began.
        """
        waiting = self.newest.phase in (Phase.LOADING, Phase.COMPILING)
        if self.newest.phase is Phase.COMPILING and not self._looked_away:
            return self.second, self.second
        above = self._wanted_above or (self.second if waiting else "loss")
        return above, self.second if waiting and not self._moved else self._wanted

    def _draw(self) -> None:
        """Pass the snapshot to the visible panes that do not show it yet."""
        self.status.show(self.newest, self.shown.step if self.frozen else None)
        self._show_banner()
        self._show_footer()
        panes = self._arrangement.panes
        hidden = ("score",) if self.others[self.second].follows and "score" not in panes else ()  # it has the playhead
        for name in (*panes, *hidden):
            if self._drawn.get(name) != self.shown.serial:
                self._drawn[name] = self.shown.serial
                self.panes[name].show(self.shown)
        self._show_tabs()  # last: a pane's note may have changed

    def _show_banner(self) -> None:
        text, grave = self._banner(), self.newest.phase in BANNERS
        self.banner.display = bool(text) and not self._arrangement.too_small
        self.banner.set_class(not grave, "-calm")
        self.banner.update(Content(text))

    def _banner(self) -> str:
        """Return what went wrong, or the kernel being compiled if the list of kernels is hidden."""
        compiling = self.newest.compiling
        if self.newest.phase is Phase.COMPILING and compiling is not None:
            if self.second in self._arrangement.panes and not self.frozen:
                return ""
            now = min(compiling.done + 1, compiling.total)
            return COMPILING.format(visible(compiling.current) or "kernels", now, compiling.total)
        if self.newest.phase not in BANNERS:
            return ""
        banner, way_out = BANNERS[self.newest.phase]
        return banner.format(visible(self.newest.message), self.commands.key(way_out), self.commands.key("quit"))

    def _show_tabs(self) -> None:
        tabs = self._arrangement.tabs
        if front := next((name for name in self._arrangement.panes if name in tabs), ""):
            note = str(self.panes[front].border_subtitle or "")
            self.tabs.show(tabs, front, focused=front == self.current, note=note)

    def _show_focus(self) -> None:
        self._show_footer()
        self._show_tabs()

    def _show_footer(self) -> None:
        on = {"pause": self.newest.phase is Phase.PAUSED, "freeze": self.frozen, "zoom": self.zoomed is not None}
        on |= {
            "attention": self.score.attends,
            "playhead": self.current == "score" or (self.translation is not None and self.translation.beam is not None),
        }
        states = {name for name, state in on.items() if state}
        self.footer.show(self.current, frozenset(states) | self.features)
        self.bar.show(self.features)

    # Where it is drawn

    def rearrange(self) -> None:
        """Arrange the panes for the current size, zoom and tab."""
        if self._gone:
            return
        for name, pane in self.others.items():
            pane.display = pane.display and name == self.second
        width, height = self.app.size
        above, alone = self._fronted = self._front()
        new = self._arrangement = arrange(
            width, height, zoomed=self.zoomed, above=above, alone=alone, second=self.second
        )
        for name, pane in self.panes.items():
            pane.display = name in new.panes
        self.score.set_compact(bool(new.tabs))
        self.above.display = any(name in new.panes for name in ("loss", self.second))
        self.above.styles.height = new.above or "1fr"
        self.tabs.display = bool(new.tabs)
        self.set_class(bool(new.tabs), "-tabs")
        self.set_class("score" in new.tabs, "-single")
        self.too_small.display = new.too_small
        self.too_small.update(f"seqtui needs {MIN_WIDTH}×{MIN_HEIGHT}; this is {width}×{height}. Training continues.")
        self.status.display = self.footer.display = not new.too_small
        self.bar.display = height >= LEAST_HEIGHT and not new.too_small
        self._draw()
        if new.panes:
            self.current = self._wanted if self._wanted in new.panes else new.panes[0]
            self.panes[self.current].focus()
            self._show_focus()

    # What has the focus

    def go_to(self, name: str) -> None:
        """Focus a pane; a hidden one is brought to the front of its tabs, or into the zoom."""
        if self._arrangement.too_small:
            return
        self._want(name)
        if self.zoomed:
            self.zoomed = name
        self.rearrange()

    def _want(self, name: str) -> None:
        self._wanted, self._moved, self._looked_away = name, True, True
        if name in ("loss", self.second):
            self._wanted_above = name

    def cycle(self, direction: int) -> None:
        """Focus the next pane, or the previous one."""
        names = list(self.panes)
        self.go_to(names[(names.index(self.current) + direction) % len(names)])

    def on_descendant_focus(self, event: events.DescendantFocus) -> None:
        """Follow a focus that a click has moved."""
        for name, pane in self.panes.items():
            if pane is self.focused and name != self.current:  # the event may be outdated
                self._want(name)
                self.current = name
                self._show_focus()

    def zoom(self, name: str | None) -> None:
        """Give the whole screen to one pane, or show all."""
        self.zoomed = name
        self.rearrange()

    def freeze(self, frozen: bool) -> None:
        """Freeze the panes, or unfreeze them with the newest snapshot."""
        self.frozen = frozen
        self.show(self.newest)

    def move(self, timesteps: int) -> None:
        """Move the playhead by that many timesteps; in the beam, walk across."""
        if not walked(self, timesteps, 0):
            self.score.move(timesteps)

    def move_word(self, direction: int) -> None:
        """Move the playhead to the next word, or the previous one."""
        self.score.move_word(direction)

    def move_edge(self, direction: int) -> None:
        """Move the playhead to an end of the text."""
        self.score.move_edge(direction)

    def back(self) -> None:
        """Leave the crosshair, then zoom, then freeze."""
        if self.leave_crosshair():
            return
        if self.zoomed:
            self.zoom(None)
        elif self.frozen:
            self.freeze(False)

    def next_page(self) -> None:
        """Show the next page of the pane beside the loss."""
        self.others[self.second].next_page()

    def on_score_pane_playhead_moved(self, message: ScorePane.PlayheadMoved) -> None:
        """Tell the pane beside the loss where the playhead is."""
        self.others[self.second].point(message.playhead)

    # Commands

    def action_command(self, name: str) -> None:
        """Run a command of this view."""
        super().action_command(name)
        self._show_tabs()  # they repeat the subtitle of a pane

    def copied_text(self) -> tuple[str, str]:
        """Return the text to copy from the focused pane ("" if there is none yet), and what it is."""
        return self.panes[self.current].copied_text(self.shown)
