"""The pane of the matrices that every timestep uses: each once, small, in the colour of its arrows."""

import re
from collections.abc import Sequence

import numpy as np
from rich.segment import Segment
from seqcore.cellwork.unrolled import Matrix
from seqcore.records import F32, U8

from seqtui.tui.panes.subject import waiting_for
from seqtui.tui.panes.unrolled_matrices import Role, role_of, style_of
from seqtui.tui.panes.unrolling import Unrolling
from seqtui.tui.widgets.arrays import Arrays, flat
from seqtui.tui.widgets.colours import SIGNED
from seqtui.tui.widgets.heatmap import HeatmapPainter, line_codes
from seqtui.tui.widgets.numbers import significant
from seqtui.tui.widgets.pane import Pane, Row, fit, pieces, waiting_rows
from seqtui.visible import visible

TITLE = "3 the same matrices at every step"
_SHORT = "3 matrices"
_TALL, _WIDE = 3, 24  # lines and cells of a picture


class MatricesPane(Pane):
    """Lists the matrices: the name, the shape, how large the weights are, and a picture of them."""

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.subject = Unrolling()
        self._painter: HeatmapPainter | None = None
        self.set_titles(TITLE)

    def take(self, subject: Unrolling) -> None:
        """Draw another frame."""
        self.subject = subject
        count = len(subject.net.matrices) if subject.net is not None else 0
        self.set_titles(TITLE if self.size.width > len(TITLE) + 8 else _SHORT, str(count) if count else "")
        self.redraw()

    def notify_style_update(self) -> None:
        """Discard the painter, too."""
        super().notify_style_update()
        self._painter = None

    def said(self) -> tuple[str, str]:
        """Return a line for each matrix, tab-separated, and what it is."""
        net = self.subject.net
        if net is None:
            return "", "list of matrices"
        rows = [f"{visible(one.name)}\t{_shape(one)}\t{_deviation(one):.6g}" for one in net.matrices]
        return "\n".join(["matrix\tshape\tstandard deviation", *rows]), "list of matrices"

    def data(self) -> Arrays:
        """Return all matrices."""
        net = self.subject.net
        return flat({one.name: one.values for one in net.matrices}) if net is not None else {}

    def rows(self, width: int, height: int) -> Sequence[Row]:
        """Return the matrices of the layer in front, those of the ends, then the others as far as they fit."""
        subject, net = self.subject, self.subject.net
        if net is None:
            return waiting_rows(waiting_for(subject.phase, "waiting for a probe"), width, self.ink.muted)
        if self._painter is None:
            self._painter = HeatmapPainter(self.ink, SIGNED, 1)
        ordered = sorted(net.matrices, key=lambda one: _layer(one) not in (-1, subject.layer))
        each = next((lines + 1 for lines in (_TALL, 2, 1) if (lines + 1) * len(ordered) <= height), 1)
        room = height if each * len(ordered) <= height else height - 1
        shown = ordered[: room // each]
        rows = [row for one in shown for row in self._matrix(one, width, each - 1)]
        if left := len(ordered) - len(shown):
            text = f"  and {left} more"
            rows.append(Row((text,), lambda: pieces((text, self.ink.faint))))
        return rows

    def _matrix(self, one: Matrix, width: int, lines: int) -> list[Row]:
        """Return the name and the numbers of a matrix, then `lines` of its picture."""
        ink, role = self.ink, role_of(one.name)
        named = f"{role.mark} {visible(one.name)}"
        numbers = f"{_shape(one)}  σ {significant(_deviation(one))}"
        said = f"{numbers}  {role.words}" if role.words else numbers
        key = (fit(f"{named}  ", min(width, max(22, len(named) + 2))), said, role.label)
        rows = [Row(key, lambda: self._head(key, role, width))]
        if lines:
            wide = min(_WIDE, width - 2)
            codes = _picture(one, 2 * lines if not ink.colourless else lines, wide)
            for top, bottom in line_codes(codes, lines, not ink.colourless):
                rows.append(self._strip(top, bottom))
        return rows

    def _strip(self, top: U8, bottom: U8) -> Row:
        painter = self._painter
        assert painter is not None
        key = (top.tobytes(), bottom.tobytes())
        return Row(key, lambda: [Segment("  ", self.ink.text), *painter.line(top, bottom, -1)])

    def _head(self, key: tuple[str, str, str], role: Role, width: int) -> list[Segment]:
        named, said, _ = key
        return pieces((named, style_of(role, self.ink)), (fit(said, max(0, width - len(named))), self.ink.muted))


def _layer(one: Matrix) -> int:
    """Return the layer that a matrix belongs to; -1: an end of the model."""
    found = re.search(r"\.(\d+)\.", one.name)
    return int(found.group(1)) if found else -1


def _shape(one: Matrix) -> str:
    rows, columns = one.values.shape
    return f"{rows}×{columns}"


def _deviation(one: Matrix) -> float:
    """Return the standard deviation of the weights."""
    return float(one.values.astype(np.float64).std())


def _picture(one: Matrix, rows: int, columns: int) -> U8:
    """Return the codes (rows, columns) of a matrix, each of the weight of largest magnitude in a block."""
    blocks = [
        np.array_split(part, min(columns, part.shape[1]), axis=1)
        for part in np.array_split(one.values, min(rows, len(one.values)))
    ]
    with np.errstate(invalid="ignore", over="ignore"):
        values = np.array([[_strongest(block) for block in line] for line in blocks])
        limit = max(1e-9, float(np.nanmax(np.abs(values), initial=0.0)))
    return SIGNED.codes(values, -limit, limit)


def _strongest(block: F32) -> float:
    """Return the weight of largest magnitude."""
    flat = block.ravel()
    return float(flat[np.argmax(np.abs(flat))])
