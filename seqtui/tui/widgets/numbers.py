"""Numbers as they are shown: three significant digits, few forms, no jitter."""

import math


def significant(value: float) -> str:
    """Three significant digits: 0.940, 2.31, 12.3, 1,240, 0.0412, 4.10e-5; a dash for what is not a number."""
    if math.isnan(value):
        return "–"
    if math.isinf(value):
        return "∞" if value > 0 else "-∞"
    rounded = float(f"{value:.3g}")
    if rounded == 0:
        return "0.00"
    if 0.01 <= abs(rounded) < 1e7:
        places = 2 - math.floor(math.log10(abs(rounded)))
        return f"{rounded:,.{max(0, places)}f}"
    mantissa, _, power = f"{rounded:.2e}".partition("e")
    return f"{mantissa}e{int(power)}"


def short(value: float, width: int) -> str:
    """A number in at most `width` cells and still exact to three digits: 4.00, .015, 1e-4, 86k; "" where none is."""
    mantissa, _, power = f"{value:.2e}".partition("e")
    power_of_ten = f"{float(mantissa):g}e{int(power)}"
    plain = f"{value:g}"
    if "e" in plain:
        plain = power_of_ten
    forms = (significant(value), plain, plain.removeprefix("0"), power_of_ten, f"{value / 1e3:g}k", f"{value / 1e6:g}M")
    return next((form for form in forms if len(form) <= width), "")


def percent(share: float) -> str:
    """A share of 0..1 as a percentage of at least three cells, right-aligned: ' 9%', '41%'."""
    return f"{100 * share:2.0f}%" if math.isfinite(share) else " –%"


def counted(number: int, noun: str) -> str:
    """1 gap, 2 gaps, 1,000 gaps."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


FINE = (1, 1.5, 2, 3, 4, 5, 6, 8, 10)
COARSE = (1, 2, 5, 10)


def nice_ceiling(value: float, steps: tuple[float, ...] = FINE) -> float:
    """The smallest of `steps` (1 to 10) times a power of ten that is not below `value` (above 0)."""
    power = 10.0 ** math.floor(math.log10(value))
    return next(step * power for step in steps if step * power >= value * (1 - 1e-9))


class SteadyLimit:
    """The top of a scale that does not jitter: it grows when `over` times it is passed, shrinks when most lies empty.

    Args:
        start: the limit before anything was seen.
        steps: what it is rounded up to, from 1 to 10.
        least: it is never below that.
        over: how far data may pass it before it grows.
        empty: the share of it that data must reach, or else it shrinks.
    """

    def __init__(
        self,
        start: float = 1.0,
        steps: tuple[float, ...] = FINE,
        *,
        least: float = 1e-6,
        over: float = 1.0,
        empty: float = 0.4,
    ) -> None:
        self.value = start
        self._steps, self._least, self._over, self._empty = steps, least, over, empty
        self._fresh = True

    def update(self, largest: float) -> float:
        """The limit for data up to `largest`; what is not finite or not above 0 changes nothing."""
        if math.isfinite(largest) and largest > 0:
            if self._fresh or not self._empty * self.value <= largest <= self._over * self.value:
                self.value = nice_ceiling(max(largest, self._least), self._steps)
            self._fresh = False
        return self.value
