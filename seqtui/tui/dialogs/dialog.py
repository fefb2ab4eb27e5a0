"""What all dialogs share: a box over a view, closed by one answer or by Escape."""

import contextlib
from typing import Any, ClassVar, Generic, TypeVar, cast

from textual import events
from textual.await_complete import AwaitComplete
from textual.binding import Binding, BindingType
from textual.screen import ModalScreen, Screen
from textual.style import Style
from textual.widgets import Input, OptionList, TextArea

from seqtui.visible import visible

Answer = TypeVar("Answer")


class AnsweredOnce:
    """A mixin for screens that close once.

    A key that repeats, a double click or a late message can bring a second answer before the screen is gone. Textual
    would then close whatever screen is on top.
    """

    def dismiss(self, result: Any = None) -> AwaitComplete:
        """Close with an answer; does nothing unless this screen is on top."""
        screen = cast(Screen[Any], self)
        if screen.app.screen is not screen:
            return AwaitComplete()
        closed: AwaitComplete = cast(Any, super()).dismiss(result)
        return closed


class Dialog(AnsweredOnce, ModalScreen[Answer], Generic[Answer]):
    """A box over a view; the answer is None if the user cancels."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "leave", "Back", show=False)]

    def action_leave(self) -> None:
        """Cancel."""
        self.dismiss(None)


class SteadyOptionList(OptionList):
    """An option list that ignores page keys while it has no room, and clicks on options that are gone.

    Textual would look up lines that it never made, or an option of the list as it was when it was last painted.
    """

    def get_visual_style(self, *component_classes: str, partial: bool = False) -> Style:
        """Return the style of an option; reversed if the style sheet says so, which Textual drops."""
        style = super().get_visual_style(*component_classes, partial=partial)
        reverse = any(self.get_component_styles(name).text_style.reverse for name in component_classes)
        return style + Style(reverse=True) if reverse else style

    async def _on_click(self, event: events.Click) -> None:
        clicked = event.style.meta.get("option")
        if clicked is not None and clicked >= self.option_count:
            event.prevent_default()  # Textual's own handler runs next

    def action_page_up(self) -> None:
        """Move the highlight up one page."""
        if self.scrollable_content_region:  # without the column that a scrollbar takes
            super().action_page_up()  # type: ignore[no-untyped-call]  # Textual's

    def action_page_down(self) -> None:
        """Move the highlight down one page."""
        if self.scrollable_content_region:  # without the column that a scrollbar takes
            super().action_page_down()  # type: ignore[no-untyped-call]  # Textual's


class CleanInput(Input):
    """An input that replaces control characters in pasted text."""

    def on_paste(self, event: events.Paste) -> None:
        """Runs before the input takes the text."""
        event.text = visible(event.text.strip("\r\n"))


class CleanTextArea(TextArea):
    """An editor that replaces control characters in pasted text, except line breaks."""

    def _recompute_cursor_offset(self) -> None:
        # While Textual undoes an edit, a scrollbar may vanish before the cursor leaves lines that are gone. The edit
        # recomputes the offset when it ends.
        with contextlib.suppress(ValueError):
            super()._recompute_cursor_offset()  # type: ignore[no-untyped-call]  # Textual's

    def on_paste(self, event: events.Paste) -> None:
        """Runs before the editor takes the text."""
        event.text = visible(event.text.replace("\r\n", "\n").replace("\r", "\n"), keep="\n")
