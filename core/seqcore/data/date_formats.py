"""Dates from 1930 to 2029 as people write them, and as ISO 8601 has them.

The day comes before the month where both are numbers. A year of two digits is one from 1930 to 2029, so that a text
stands for one date only.
"""

import datetime
from collections.abc import Callable

import numpy as np

FIRST, LAST = datetime.date(1930, 1, 1), datetime.date(2029, 12, 31)
ISO_SYMBOLS = "-0123456789"
DATE_SYMBOLS = " ',-./0123456789ABCDEFGHIJLMNOPRSTUVWYabcdefghijlmnoprstuvwy"  # all that occur in `FORMATS`
SHORTEST_AND_LONGEST = (8, 29)  # characters, over all dates and formats

_MONTHS = (
    "january", "february", "march", "april", "may", "june",
    "july", "august", "september", "october", "november", "december",
)  # fmt: skip
_WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")


def _ordinal(day: int) -> str:
    ending = "th" if 10 < day < 20 else {1: "st", 2: "nd", 3: "rd"}.get(day % 10, "th")
    return f"{day}{ending}"


def _month(date: datetime.date) -> str:
    return _MONTHS[date.month - 1]


def _weekday(date: datetime.date) -> str:
    return _WEEKDAYS[date.weekday()]


FORMATS: tuple[Callable[[datetime.date], str], ...] = (
    lambda d: f"{d.day} {_month(d)} {d.year}",  # 5 march 1987
    lambda d: f"{d.day} {_month(d).title()} {d.year}",  # 5 March 1987
    lambda d: f"{_month(d)} {d.day}, {d.year}",  # march 5, 1987
    lambda d: f"{_month(d).title()} {d.day}, {d.year}",  # March 5, 1987
    lambda d: f"{_month(d)} {_ordinal(d.day)}, {d.year}",  # march 5th, 1987
    lambda d: f"{_ordinal(d.day)} {_month(d)} {d.year}",  # 5th march 1987
    lambda d: f"the {_ordinal(d.day)} of {_month(d)} {d.year}",  # the 5th of march 1987
    lambda d: f"{_month(d).upper()} {d.day} {d.year}",  # MARCH 5 1987
    lambda d: f"{_weekday(d)}, {d.day} {_month(d)} {d.year}",  # thursday, 5 march 1987
    lambda d: f"{_weekday(d).title()}, {_month(d).title()} {d.day}, {d.year}",  # Thursday, March 5, 1987
    lambda d: f"{_weekday(d)[:3]} {d.day} {_month(d)[:3]} {d.year}",  # thu 5 mar 1987
    lambda d: f"{d.day} {_month(d)[:3]} {d.year % 100:02}",  # 5 mar 87
    lambda d: f"{_month(d)[:3]} {d.day} '{d.year % 100:02}",  # mar 5 '87
    lambda d: f"{d.day:02}-{_month(d)[:3].upper()}-{d.year}",  # 05-MAR-1987
    lambda d: f"{d.day:02}/{d.month:02}/{d.year}",  # 05/03/1987
    lambda d: f"{d.day}/{d.month}/{d.year}",  # 5/3/1987
    lambda d: f"{d.day:02}/{d.month:02}/{d.year % 100:02}",  # 05/03/87
    lambda d: f"{d.day}.{d.month}.{d.year}",  # 5.3.1987
    lambda d: f"{d.year}.{d.month:02}.{d.day:02}",  # 1987.03.05
    lambda d: f"{d.year}/{d.month}/{d.day}",  # 1987/3/5
    lambda d: f"{d.year}{d.month:02}{d.day:02}",  # 19870305
)


def drawn_dates(chance: np.random.Generator, count: int) -> list[tuple[str, str]]:
    """Draw `count` dates, each in one of `FORMATS`: pairs of a text and the date as ISO 8601 has it."""
    days = chance.integers(FIRST.toordinal(), LAST.toordinal() + 1, count).tolist()
    formats = chance.integers(0, len(FORMATS), count).tolist()
    dates = map(datetime.date.fromordinal, days)
    return [(FORMATS[which](date), date.isoformat()) for which, date in zip(formats, dates, strict=True)]
