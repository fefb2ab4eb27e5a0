"""The last validation: accuracy in all, by group and by length, and the confusion matrix."""

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

from rich.cells import cell_len
from rich.style import Style

from seqtui.tui.widgets.ink import Ink
from seqtui.tui.widgets.numbers import significant
from seqtui.tui.widgets.pane import BLANK, Row, fit, joined, pieces
from seqtui.visible import visible

_EIGHTHS = " ▏▎▍▌▋▊▉█"
_HEADER = 8  # most cells of a class over a column
_NAME = 12  # most cells of a class before a row, or of a group
_TWO = 56  # cells from which bars that do not fit stand in two columns


def summary_row(
    measures: Mapping[str, Any], facts: Mapping[str, Any], names: Sequence[str], step: int, ink: Ink, width: int
) -> Row:
    """Return the measures of the last validation in one line, as many as fit, and what simple models reach."""
    parts: list[tuple[str, Style]] = [(f"valid at {step:,}", ink.muted)]
    said: list[tuple[str, str, Style]] = []
    for name in names:
        if isinstance(value := measures.get(name), float):
            said.append((name.replace("_", " "), _share(value), ink.text))
    for name, value in facts.items():
        if name.endswith("_accuracy") and isinstance(value, float):
            said.append((name.removesuffix("_accuracy").replace("_", " "), _share(value), ink.muted))
    if isinstance(value := measures.get("f1"), float):
        said.append(("macro F1", significant(value), ink.text))
    used = cell_len(parts[0][0])
    for name, text, style in said:
        if used + len(name) + len(text) + 3 > width:
            break
        parts += [(f"  {name} ", ink.muted), (text, style)]
        used += len(name) + len(text) + 3
    found = tuple(parts)
    return Row(("summary", found), partial(pieces, *found))


def _share(value: float) -> str:
    return f"{100 * value:5.1f}%"


def group_rows(measures: Mapping[str, Any], ink: Ink, width: int) -> list[Row]:
    """Return one line for each further column of the examples: the accuracy of each of its values."""
    rows = []
    for column, groups in measures.get("accuracy_by_group", {}).items():
        parts: list[tuple[str, Style]] = [(fit(visible(column), min(_NAME, cell_len(visible(column)))), ink.muted)]
        used = cell_len(parts[0][0])
        for name, group in groups.items():
            text = f"  {visible(name)} "
            share = _share(group["accuracy"]).strip()
            count = f" ({group['count']:,})"
            if used + cell_len(text) + len(share) + len(count) > width:
                break
            parts += [(text, ink.muted), (share, ink.text), (count, ink.faint)]
            used += cell_len(text) + len(share) + len(count)
        found = tuple(parts)
        rows.append(Row(("group", found), partial(pieces, *found)))
    return rows


def length_rows(measures: Mapping[str, Any], unit: str, ink: Ink, width: int, height: int) -> list[Row]:
    """Return a bar for the accuracy of each band of lengths (of lags if lengths are equal), then of each group."""
    by_lag = len(measures.get("by_length", [])) < 2 <= len(measures.get("by_lag", []))
    found_bands = measures.get("by_lag" if by_lag else "by_length", [])
    share = next((key for key in ("exact_match", "accuracy") if found_bands and key in found_bands[0]), "accuracy")
    bands = [(_band(band["from"], band["to"]), band[share], band["count"]) for band in found_bands]
    about = f"the {unit}s since the answer was read" if by_lag else f"length in {unit}s"
    rows = [_heading(f"{share.replace('_', ' ')} by {about}", ink, width)]
    if len(bands) < height or width < _TWO:
        rows += _share_bars(bands, ink, width)
    else:  # in two columns
        half, each = -(-len(bands) // 2), width // 2 - 2
        left, right = _share_bars(bands[:half], ink, each), _share_bars(bands[half:], ink, each)
        rows += [joined(one, other, each + 3) for one, other in zip(left, [*right, BLANK], strict=False)]
    for column, groups in measures.get("accuracy_by_group", {}).items():
        found = [(visible(name), group["accuracy"], group["count"]) for name, group in groups.items()]
        bars = _share_bars(found, ink, width)
        if len(rows) + 2 + len(bars) > height:
            bars = []
            rows += group_rows({"accuracy_by_group": {column: groups}}, ink, width)
        else:
            rows += [BLANK, _heading(f"accuracy by {visible(column)}", ink, width), *bars]
    return rows[:height]


def _band(low: int, high: int) -> str:
    return f"{low:,}" if low == high else f"{low:,}–{high:,}"


def _heading(text: str, ink: Ink, width: int) -> Row:
    line = fit(text, min(width, cell_len(text)))
    return Row(("heading", line), partial(pieces, (line, ink.muted)))


def _share_bars(found: list[tuple[str, float, int]], ink: Ink, width: int) -> list[Row]:
    """Return rows of a name, a bar, a share and a number of examples."""
    widest = min(_NAME, max((cell_len(name) for name, _, _ in found), default=1))
    counts = [f"{count:,}" for _, _, count in found]
    many = max(map(len, counts), default=1)
    room = max(1, width - widest - 9 - many - 2)
    rows = []
    for (name, share, _), count in zip(found, counts, strict=True):
        eighths = round(share * room * 8)
        bar = ("█" * (eighths // 8) + (_EIGHTHS[eighths % 8] if eighths % 8 else "")).ljust(room)
        gap = max(0, widest - cell_len(name))
        parts = (
            (" " * gap + fit(name, min(widest, cell_len(name))) + " ", ink.muted),
            (bar, ink.accent),
            (f" {_share(share)}", ink.text),
            (f"  {count:>{many}}", ink.faint),
        )
        rows.append(Row(("share", parts), partial(pieces, *parts)))
    return rows


def confusion_rows(measures: Mapping[str, Any], classes: Sequence[str], ink: Ink, width: int, height: int) -> list[Row]:
    """Return the confusion matrix, rows truth and columns predicted; if it does not fit, the most frequent errors."""
    confusion = measures.get("confusion")
    if not confusion or len(confusion) != len(classes):
        return [_heading("no confusion matrix: there are too many classes", ink, width)]
    names = [visible(name) for name in classes]
    rows = [k for k, row in enumerate(confusion) if sum(row)]
    columns = [k for k in range(len(classes)) if k in rows or any(row[k] for row in confusion)]
    digits = max(len(f"{count:,}") for row in confusion for count in row)
    head = max(6, min(_NAME, max((cell_len(names[k]) for k in rows), default=1) + 1))
    name = min(_HEADER, max((cell_len(names[k]) for k in columns), default=1))
    room = (width - head) // max(1, len(columns))
    each = next((size for size in (max(digits, name) + 2, digits + 2, digits + 1) if size <= room), 0)
    if not each or len(rows) + 2 > height:
        return _errors(confusion, names, ink, width, height)
    recall = width >= head + each * len(columns) + 8
    top = [fit("truth", head), *(_right(names[k], each) for k in columns), "  recall" if recall else ""]
    over = fit("", head) + fit("  predicted", each * len(columns))
    found = [_heading(over, ink, width), _heading("".join(top), ink, width)]
    for k in rows:
        parts: list[tuple[str, Style]] = [(fit(names[k], head), ink.text)]
        for other in columns:
            count = confusion[k][other]
            style = ink.accent if other == k else ink.warm if count else ink.faint
            parts.append((f"{count:>{each},}", style))
        parts.append((f"  {_share(confusion[k][k] / sum(confusion[k]))}" if recall else "", ink.muted))
        row = tuple(parts)
        found.append(Row(("confusion", row), partial(pieces, *row)))
    return found


def _right(name: str, width: int) -> str:
    room = min(cell_len(name), width - 1)
    return " " * (width - room) + fit(name, room)


def _errors(confusion: list[list[int]], names: list[str], ink: Ink, width: int, height: int) -> list[Row]:
    """Return the most frequent errors, a line each."""
    size = len(names)
    wrong = [(confusion[k][other], k, other) for k in range(size) for other in range(size) if k != other]
    wrong = sorted((one for one in wrong if one[0]), key=lambda one: -one[0])
    rows = [_heading("most frequent errors: truth → predicted" if wrong else "no errors", ink, width)]
    for count, k, other in wrong[: max(0, height - 1)]:
        share = count / max(1, sum(confusion[k]))
        line = f"{count:>7,}  {fit(names[k], min(_NAME, cell_len(names[k])))} → "
        line += f"{fit(names[other], min(_NAME, cell_len(names[other])))}"
        tail = f"  {_share(share).strip()} of its {sum(confusion[k]):,}"
        parts = ((line, ink.text), (tail if cell_len(line) + len(tail) <= width else "", ink.faint))
        rows.append(Row(("error", parts), partial(pieces, *parts)))
    return rows[:height]
