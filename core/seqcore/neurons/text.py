"""What can be asked of the characters of a passage, at each of its timesteps."""

import re
import unicodedata
from collections.abc import Callable

import numpy as np

from seqcore.neurons.passage import Passage
from seqcore.records import F64, I64, Bools

_QUOTES = re.compile(r'["“”„«»]|\n[ \t]*\n')
_BRACKETS = re.compile(r"[()\[\]{}<>]|\n[ \t]*\n")
_ANGLES = 0.1  # as many < as >, up to this share: then they are brackets, and not comparisons


def is_punctuation(one: str) -> bool:
    """Return whether a character is a punctuation mark."""
    return unicodedata.category(one)[0] == "P"


def _beginnings(passage: Passage) -> I64:
    """Return the characters with which the texts of the passage begin, (n,)."""
    return passage.letters.before[passage.texts]


def _held(passage: Passage, pattern: "re.Pattern[str]", after: Callable[[str, int], int]) -> I64:
    """Return a number at each timestep that is 0 when a text begins; `after(match, n)` is what follows n."""
    letters = passage.letters
    begins = _beginnings(passage).tolist()[::-1]
    places, states, state = [0], [0], 0
    for match in pattern.finditer(letters.text):
        while begins and begins[-1] <= match.start():
            state = 0
            places.append(begins.pop() + 1)
            states.append(0)
        state = after(match[0], state)
        places.append(match.end())
        states.append(state)
    places += [place + 1 for place in begins[::-1]]
    states += [0] * len(begins)
    at = np.searchsorted(np.array(places), letters.after, side="right") - 1
    return np.array(states, np.int64)[at]


def inside_quotes(passage: Passage) -> Bools:
    """Return whether a quotation is open; an empty line closes it."""

    def after(mark: str, state: int) -> int:
        if mark[0] == "\n":
            return 0
        return 1 - state if mark == '"' else int(mark in "“„«")

    return _held(passage, _QUOTES, after) > 0


def depth(passage: Passage) -> F64:
    """Return how many brackets are open; an empty line closes all."""
    whole = passage.letters.text
    opening, closing = whole.count("<"), whole.count(">")
    angles = abs(opening - closing) <= _ANGLES * max(opening, closing)

    def after(mark: str, state: int) -> int:
        if mark[0] == "\n":
            return 0
        if mark in "<>" and not angles:
            return state
        return state + 1 if mark in "([{<" else max(0, state - 1)

    return _held(passage, _BRACKETS, after).astype(np.float64)


def _mask(passage: Passage, is_so: Callable[[str], bool]) -> Bools:
    """Return for each character of the text whether something is so, (characters,)."""
    codes = np.frombuffer(passage.letters.text.encode("utf-32-le", "surrogatepass"), "<u4")
    distinct, which = np.unique(codes, return_inverse=True)
    return np.array([is_so(chr(code)) for code in distinct.tolist()], np.bool_)[which]


def _since(marks: Bools, begins: I64) -> I64:
    """Return for each of n characters how many came since the last marked one, or since its text began, itself too."""
    places = np.arange(1, marks.size + 1)
    before = np.where(marks, places, 0)
    begins = begins[begins < before.size]
    before[begins] = np.maximum(before[begins], begins)
    return places - np.maximum.accumulate(before)


def _at_last(passage: Passage, of_characters: I64) -> F64:
    """Return the number of the last character that each timestep has completed; 0 before the first one."""
    values = np.concatenate([[0], of_characters])
    return values[passage.letters.after].astype(np.float64)


def place_in_line(passage: Passage) -> F64:
    """Return the characters since the last line end, or since the text began."""
    return _at_last(passage, _since(_mask(passage, lambda one: one == "\n"), _beginnings(passage)))


def lines(passage: Passage) -> I64:
    """Return the timesteps after which a line begins, and that of the beginning."""
    ended = np.flatnonzero(last_is(passage, lambda one: one == "\n")) + 1
    return np.unique(np.concatenate([passage.texts, ended[ended < len(passage)]]))


def place_in_word(passage: Passage) -> F64:
    """Return the letters of the word so far; 0 outside words."""
    return _at_last(passage, _since(~_mask(passage, str.isalpha), _beginnings(passage)))


def word_starts(passage: Passage) -> Bools:
    """Return whether a word begins with a character of this timestep."""
    letters = passage.letters
    inside = _mask(passage, str.isalpha)
    starts = inside & ~np.concatenate([[False], inside[:-1]])
    begins = _beginnings(passage)
    begins = begins[begins < starts.size]
    starts[begins] = inside[begins]
    count = np.concatenate([[0], np.cumsum(starts)])
    return count[letters.after] > count[letters.before]


def last_is(passage: Passage, is_so: Callable[[str], bool]) -> Bools:
    """Return whether something is so of the last character of each timestep; False if it completes none."""
    letters = passage.letters
    values = np.concatenate([[False], _mask(passage, is_so)])
    return values[letters.after] & (letters.after > letters.before)


def first_is(passage: Passage, is_so: Callable[[str], bool]) -> Bools:
    """Return whether something is so of the first character of each timestep, after a space that begins a token."""
    letters = passage.letters
    values, blank = _mask(passage, is_so), _mask(passage, lambda one: one == " ")
    if not values.size:
        return np.zeros(len(passage), np.bool_)
    first = np.minimum(letters.before, values.size - 1)
    several = letters.after > letters.before + 1
    first = np.where(several & blank[first], np.minimum(first + 1, values.size - 1), first)
    return values[first] & (letters.after > letters.before)
