"""A pane in which the mouse drags a playhead, and its wheel moves it."""

from textual import events

from seqtui.tui.widgets.pane import Pane


class DraggedPane(Pane):
    """Passes on where the mouse is pressed and dragged. A subclass implements `press`, `drag` and `move`."""

    def press(self, x: int, y: int) -> bool:
        """Take a press on a cell of the contents; return whether the mouse is followed until it is released."""
        raise NotImplementedError

    def drag(self, x: int) -> None:
        """Take the column of the mouse while it is followed."""
        raise NotImplementedError

    def move(self, columns: int) -> None:
        """Move the playhead by that many timesteps."""
        raise NotImplementedError

    def on_mouse_down(self, event: events.MouseDown) -> None:
        """Pick what is under the mouse."""
        at = event.get_content_offset(self)
        if at is not None and self.press(at.x, at.y):
            self.capture_mouse()

    def on_mouse_move(self, event: events.MouseMove) -> None:
        """Drag the playhead."""
        if self.app.mouse_captured is self:
            self.drag(event.get_content_offset_capture(self).x)

    def on_mouse_up(self, event: events.MouseUp) -> None:
        """Stop dragging the playhead."""
        self.release_mouse()

    def on_mouse_scroll_down(self, event: events.MouseScrollDown) -> None:
        """Move the playhead forward."""
        event.stop()
        self.move(1)

    def on_mouse_scroll_up(self, event: events.MouseScrollUp) -> None:
        """Move the playhead back."""
        event.stop()
        self.move(-1)
