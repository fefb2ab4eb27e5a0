"""What the view of the unrolled network says in one line."""

from math import isfinite

from rich.cells import cell_len

from seqtui.tui.panes.unrolling import Unrolling
from seqtui.tui.widgets.numbers import UNKNOWN, counted, percent, significant

TENTH = 0.1
CUT = "✂"  # where the way back ends


def sentences_of(subject: Unrolling, width: int) -> list[str]:
    """Return what is most worth saying, in lines: what is played, how far the gradient comes, where it is cut."""
    net = subject.net
    if net is None:
        return []
    if subject.played and subject.returned >= len(net.outputs):
        return [_first(width, "The same matrices act at every timestep; each state goes on to the next.", "")]
    said = [_first(width, f"L: {net.losses}. {faded(subject)}.", f"{faded(subject)}.", net.losses)]
    if net.cuts:
        cut = f"{CUT} no gradient goes back over a multiple of {net.cut}; the state goes on"
        said.append(_first(width, f"{cut}: truncated backpropagation.", f"{cut}.", f"{CUT} cut every {net.cut}"))
    return said


def faded(subject: Unrolling) -> str:
    """Return in words how the gradient of the top layer changes on its way back from its largest value."""
    net, layer = subject.net, subject.layers - 1
    if net is None:
        return ""
    strand = subject.nearest(subject.playhead, layer)
    if strand is None:
        return "No gradient comes here"
    if not strand.recurs:
        return f"No state goes from timestep to timestep: {_by(net.family, strand.part)}"
    sizes = [step.gradient if isfinite(step.gradient) else 0.0 for step in strand.steps]
    largest = max(sizes)
    if not largest:
        return "There is no gradient"
    peak = len(sizes) - 1 - sizes[::-1].index(largest)
    way = range(peak, -1, -1) if not strand.second else range(peak, len(sizes))
    down = next((abs(peak - i) for i in way if sizes[i] < TENTH * largest), None)
    where = f"largest at t {strand.first + peak}, {significant(largest)}"
    if down is None and peak == (0 if not strand.second else len(sizes) - 1):
        return f"|dL/dh| is {where}, where the way back ends"
    if down is None:
        return f"|dL/dh| is {where}, and stays above a tenth of it all the way back"
    return f"|dL/dh| is {where}, and a tenth of it {counted(down, 'timestep')} further back"


def _by(family: str, part: str) -> str:
    """Return how a gradient comes to a timestep of a part without recurrence."""
    if family == "attention":
        return "only attention takes it to other timesteps" if part else "only attention takes it to earlier timesteps"
    return "it comes by attention and their mean" if part else "it goes straight down"


def share_of(subject: Unrolling) -> str:
    """Return which part of the gradient of W_hh comes from the playhead, as a share of the sizes of all parts."""
    strand = subject.nearest(subject.playhead, min(subject.layer, subject.layers - 1))
    if strand is None:
        return UNKNOWN
    sizes = [step.weights for step in strand.steps if isfinite(step.weights)]
    total, own = sum(sizes), strand.steps[subject.playhead - strand.first].weights
    return percent(own / total).strip() if total > 0 and isfinite(own) else UNKNOWN


def _first(width: int, *texts: str) -> str:
    """Return the first text that fits, or the last one."""
    return next((text for text in texts if cell_len(text) <= width), texts[-1])
