"""The theme of the Lab: dark and quiet, with one accent."""

from textual.theme import Theme

DARK = "seqtui"
LIGHT = "textual-light"

SEQTUI = Theme(
    name=DARK,
    primary="#7fb8c4",
    secondary="#8a97a6",
    accent="#7fb8c4",
    warning="#d8b26a",
    error="#d9777f",
    success="#8fbf8a",
    foreground="#c9d1d9",
    background="#0e1116",
    surface="#14181f",
    panel="#1b2129",
    dark=True,
    variables={
        "border": "#7fb8c4",
        "border-blurred": "#2c343f",
        "block-cursor-background": "#7fb8c4",
        "block-cursor-foreground": "#0e1116",
        "block-cursor-text-style": "bold",
        "input-selection-background": "#7fb8c4 35%",
        "scrollbar": "#2c343f",
        "scrollbar-background": "#14181f",
    },
)
