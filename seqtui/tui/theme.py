"""The themes: quiet, with one accent. Text keeps a contrast of 4.5 to the ground (WCAG 2.2), in high contrast 7.

Beside Textual's colours each has `muted` and `faint` for text that matters less, `frame` for the edges of panes, and
`playhead` for the ground under the playhead. `quiet` is a style of muted and faint text: dim where there are no shades.
"""

from dataclasses import dataclass

from textual.theme import Theme

DARK = "dark"


@dataclass(frozen=True)
class Palette:
    """The colours of a theme, as #rrggbb. The first three are of text, in the order of their weight."""

    foreground: str
    muted: str
    faint: str
    background: str
    surface: str  # of dialogs
    panel: str  # of notices
    playhead: str
    frame: str
    accent: str
    warning: str
    error: str
    success: str

    def theme(self, name: str, dark: bool) -> Theme:
        """Return the theme of these colours."""
        variables = {
            "muted": self.muted,
            "faint": self.faint,
            "quiet": "not dim",
            "playhead": self.playhead,
            "frame": self.frame,
            "text-accent": self.accent,
            "text-warning": self.warning,
            "text-error": self.error,
            "text-success": self.success,
            "border": self.accent,
            "border-blurred": self.frame,
            "block-cursor-background": self.accent,
            "block-cursor-foreground": self.background,
            "block-cursor-text-style": "bold",
            "input-selection-background": f"{self.accent} 35%",
            "scrollbar": self.frame,
            "scrollbar-background": self.surface,
        }
        return Theme(
            name=f"seqtui-{name}", dark=dark, primary=self.accent, secondary=self.muted, accent=self.accent,
            warning=self.warning, error=self.error, success=self.success, foreground=self.foreground,
            background=self.background, surface=self.surface, panel=self.panel, variables=variables,
        )  # fmt: skip


PALETTES = {
    DARK: Palette(
        foreground="#c9d1d9", muted="#959da6", faint="#828a93",
        background="#0e1116", surface="#14181f", panel="#1b2129", playhead="#2f4149", frame="#343c47",
        accent="#7fb8c4", warning="#d8b26a", error="#e0868d", success="#8fbf8a",
    ),
    "light": Palette(
        foreground="#1f2429", muted="#545a60", faint="#62686e",
        background="#fbfaf7", surface="#f2f0eb", panel="#e9e6df", playhead="#cbdee1", frame="#cfcac0",
        accent="#1f6877", warning="#884f0c", error="#ab3844", success="#326b30",
    ),
    "contrast": Palette(
        foreground="#ffffff", muted="#dadada", faint="#b8b8b8",
        background="#000000", surface="#000000", panel="#141414", playhead="#003240", frame="#8c8c8c",
        accent="#5fdcff", warning="#ffd75f", error="#ffabab", success="#8df58d",
    ),
}  # fmt: skip

_TERMINAL = Theme(
    name="seqtui-terminal",
    ansi=True,
    primary="ansi_cyan",
    secondary="ansi_default",
    accent="ansi_cyan",
    warning="ansi_yellow",
    error="ansi_red",
    success="ansi_green",
    foreground="ansi_default",
    background="ansi_default",
    variables={
        "muted": "ansi_default",
        "faint": "ansi_default",
        "quiet": "dim",
        "playhead": "ansi_default",
        "frame": "ansi_default",
        "ansi-background": "ansi_default",
        "ansi-foreground": "ansi_default",
        "surface": "ansi_default",
        "panel": "ansi_default",
        "border": "ansi_cyan",
        "border-blurred": "ansi_default",
        "block-cursor-background": "ansi_cyan",
        "block-cursor-foreground": "ansi_black",
        "scrollbar": "ansi_cyan",
        "scrollbar-background": "ansi_default",
    },
)

THEMES = {name: palette.theme(name, dark=name != "light") for name, palette in PALETTES.items()}
THEMES["terminal"] = _TERMINAL  # the colours that it is set to
