"""The themes of the Lab: quiet, with one accent."""

from textual.theme import Theme

DARK = "seqtui"
LIGHT = "seqtui-light"

SEQTUI_DARK = Theme(
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

SEQTUI_LIGHT = Theme(
    name=LIGHT,
    primary="#1f6f80",
    secondary="#5d6773",
    accent="#1f6f80",
    warning="#a8661b",
    error="#b3404b",
    success="#3c7a3a",
    foreground="#1f2429",
    background="#fbfaf7",
    surface="#f2f0eb",
    panel="#e9e6df",
    dark=False,
    variables={
        "border": "#1f6f80",
        "border-blurred": "#cfcac0",
        "block-cursor-background": "#1f6f80",
        "block-cursor-foreground": "#fbfaf7",
        "block-cursor-text-style": "bold",
        "input-selection-background": "#1f6f80 30%",
        "scrollbar": "#cfcac0",
        "scrollbar-background": "#f2f0eb",
    },
)
