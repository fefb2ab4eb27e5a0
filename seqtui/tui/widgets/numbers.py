"""Number formatting: three significant digits, few forms, no jitter."""

import math

UNKNOWN = "–"


def significant(value: float) -> str:
    """Format with three significant digits: 0.940, 2.31, 12.3, 1,240, 0.0412, 4.10e-5; NaN is a dash."""
    if math.isnan(value):
        return UNKNOWN
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
    """Format in at most `width` cells, exact to three digits: 4.00, .015, 1e-4, 86k; "" if no form fits."""
    mantissa, _, power = f"{value:.2e}".partition("e")
    power_of_ten = f"{float(mantissa):g}e{int(power)}"
    plain = f"{value:g}"
    if "e" in plain:
        plain = power_of_ten
    forms = (significant(value), plain, plain.removeprefix("0"), power_of_ten, f"{value / 1e3:g}k", f"{value / 1e6:g}M")
    return next((form for form in forms if len(form) <= width), "")


def thousands(value: float) -> str:
    """Format with three significant digits and k, M or G, in at most 5 cells: 912, 91.2k, 1.24M."""
    for limit, divisor, sign in ((999.5, 1.0, ""), (999.5e3, 1e3, "k"), (999.5e6, 1e6, "M"), (float("inf"), 1e9, "G")):
        if value < limit:
            scaled = value / divisor
            places = 0 if not sign or scaled >= 99.95 else 1 if scaled >= 9.995 else 2
            return f"{scaled:.{places}f}{sign}"
    return UNKNOWN


def power(value: float) -> str:
    """Format with three significant digits and a short exponent: 4.10e-3."""
    mantissa, _, exponent = f"{value:.2e}".partition("e")
    return f"{mantissa}e{int(exponent)}"


def millions(parameters: int) -> str:
    """Format a parameter count in millions with three significant digits: 0.559 M, 12.3 M."""
    value = parameters / 1e6
    places = 1 if value >= 9.995 else 2 if value >= 0.9995 else 3
    return f"{value:.{places}f} M"


def percent(share: float) -> str:
    """Format a share (0..1) as a right-aligned percentage of at least three cells: ' 9%', '41%'."""
    return f"{100 * share:2.0f}%" if math.isfinite(share) else " –%"


def counted(number: int, noun: str) -> str:
    """Format a count with its noun: 1 gap, 2 gaps, 2 branches, 1,000 gaps."""
    plural = "es" if noun.endswith("ch") else "s"
    return f"{number:,} {noun}{'' if number == 1 else plural}"


FINE = (1, 1.5, 2, 3, 4, 5, 6, 8, 10)
COARSE = (1, 2, 5, 10)


def nice_ceiling(value: float, steps: tuple[float, ...] = FINE) -> float:
    """Return the smallest of `steps` (1 to 10) times a power of ten that is >= `value` (> 0)."""
    power = 10.0 ** math.floor(math.log10(value))
    return next(step * power for step in steps if step * power >= value * (1 - 1e-9))


class SteadyLimit:
    """The upper limit of a scale, without jitter: it grows when data exceed it and shrinks when most of it is unused.

    Args:
        start: limit before the first update.
        steps: mantissas that it is rounded up to, from 1 to 10.
        least: lower bound of the limit.
        over: factor by which data may exceed it before it grows.
        empty: fraction of it that data must reach, or else it shrinks.
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
        """Update the limit for data up to `largest` and return it; non-finite values and values <= 0 are ignored."""
        if math.isfinite(largest) and largest > 0:
            if self._fresh or not self._empty * self.value <= largest <= self._over * self.value:
                self.value = nice_ceiling(max(largest, self._least), self._steps)
            self._fresh = False
        return self.value
