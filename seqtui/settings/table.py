"""What can be set: a line in `SETTINGS` each. Keys are set by command, see `seqtui.tui.keymap`."""

import difflib
import math
import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from seqcore.data.quoting import quoted

THEMES = {
    "dark": "light text on a dark ground",
    "light": "dark text on a light ground",
    "contrast": "high contrast: white and bright colours on black",
    "terminal": "the colours that the terminal is set to",
}
GLYPHS = {
    "braille": "curves of braille dots, heatmaps of half blocks",
    "blocks": "curves of quarter blocks, for fonts without braille",
    "ascii": "letters and signs of ASCII alone",
}
KEYS = "keys"  # the table of keys by command
RATES = (1.0, 30.0)  # frames per second


@dataclass(frozen=True)
class Setting:
    """A setting: `check` returns a value of the file as the program uses it, or raises ValueError: what is right."""

    name: str
    default: Any
    example: str  # as it may stand in the file
    about: str
    check: Callable[[Any], Any]

    @property
    def field(self) -> str:
        """The name of the field of `Settings`."""
        return self.name.replace("-", "_")


def nearest(word: str, words: Iterable[str]) -> str:
    """Return a sentence that names the nearest of `words`, or all of them if none is near."""
    words = list(words)
    close = difflib.get_close_matches(word.lower(), words, 1)
    return f"did you mean {close[0]}?" if close else f"choose one of {', '.join(words)}"


def _choice(words: Iterable[str]) -> Callable[[Any], str]:
    def check(value: Any) -> str:
        if not isinstance(value, str):
            raise ValueError(f"must be a word in quotes: {', '.join(words)}")
        if value not in words:
            raise ValueError(f"is {quoted(value)}: {nearest(value, words)}")
        return value

    return check


def _rate(value: Any) -> float:
    least, most = RATES
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise ValueError(f"must be a number from {least:g} to {most:g}")
    if not least <= value <= most:
        raise ValueError(f"is {value:g}: give a number from {least:g} to {most:g}")
    return float(value)


def _corpus(value: Any) -> str:
    from seqcore.data.generated import generated_name
    from seqcore.data.samples import sample_names

    if not isinstance(value, str) or not value:
        raise ValueError('must be a name or a path in quotes, as "tales" or "~/book.txt"')
    samples = sample_names(None)
    if value.removeprefix("sample:") in samples or generated_name(value) is not None:
        return value
    path = os.path.expanduser(value)
    if not Path(path).is_absolute():
        close = difflib.get_close_matches(value, samples, 1)
        right = f"did you mean {close[0]}?" if close else "give a path from / or ~, or a name that seqtui corpora lists"
        raise ValueError(f"is {quoted(value)}, which is no sample corpus: {right}")
    return path


def _words(choices: dict[str, str]) -> str:
    return "\n".join(f"  {name:<9} {about}" for name, about in choices.items())


_THEME = f"Colours. Without this line: those of last time, at first dark.\n{_words(THEMES)}"
_CORPUS = """\
What seqtui trains on if it is given no corpus: a sample corpus, a diagnostic with its dial
(copy:100), or the path of a file or folder, from / or ~."""
_RATE = f"""\
Frames per second at most, {RATES[0]:g} to {RATES[1]:g}. A higher rate takes time from training;
when frames run late, the rate falls by itself."""
_GLYPHS = f"What curves and heatmaps are drawn with.\n{_words(GLYPHS)}"

SETTINGS = (
    Setting("theme", "", '"dark"', _THEME, _choice(THEMES)),
    Setting("corpus", "", '"tales"', _CORPUS, _corpus),
    Setting("frame-rate", 8.0, "8", _RATE, _rate),
    Setting("glyphs", "braille", '"braille"', _GLYPHS, _choice(GLYPHS)),
)
BY_NAME = {setting.name: setting for setting in SETTINGS}
