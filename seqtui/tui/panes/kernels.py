"""The list of kernels while they are compiled, in the place of the pane beside the loss."""

from functools import partial

from seqcore.records import CompileProgress

from seqtui.tui.widgets.pane import BLANK, Pane, Row, fit, pieces
from seqtui.tui.widgets.wrap import wrap
from seqtui.visible import visible


def kernel_rows(pane: Pane, progress: CompileProgress, width: int, height: int) -> list[Row]:
    """Return a progress bar and the kernels, marked as done, being compiled or pending."""
    ink = pane.ink
    now = min(progress.done + 1, progress.total)
    current = visible(progress.current)
    head = f"compiling {current or 'kernels'}, {now} of {progress.total}, once on this machine"
    bar = max(0, width - 1)
    full = round(bar * progress.done / max(1, progress.total))
    rows = [
        *(Row((line,), partial(pieces, (line, ink.text))) for line in (head[a:b] for a, b in wrap(head, width))),
        Row(("bar", full, bar), lambda: pieces(("━" * full, ink.accent), ("─" * (bar - full), ink.faint))),
    ]
    if height > 4:
        rows.append(BLANK)
    room = max(1, height - len(rows))
    first = max(0, min(progress.done - room // 2, len(progress.names) - room))
    for i, name in enumerate(progress.names[first:], first):
        sign = "✓" if i < progress.done else "▸" if i == progress.done else " "
        style = ink.muted if i < progress.done else ink.accent if i == progress.done else ink.faint
        text = fit(f"{sign} {visible(name)}", width)
        rows.append(Row((text, style), partial(pieces, (text, style))))
    return rows
