"""The status line fits every width and does not shift while numbers change."""

import re

from hypothesis import given
from hypothesis import strategies as st
from seqcore.surgery.context import ContextCut
from seqcore.surgery.cut import Cut

from seqtui.live.snapshot import ModelChoice, Phase, Snapshot
from seqtui.tui.bars.footer import line
from seqtui.tui.bars.status import TITLE, corpus_parts, cut_line, fit, training_parts
from seqtui.tui.screens.lab_commands import LAB
from seqtui.tui.widgets.numbers import millions, power, thousands


def drawn(snapshot: Snapshot, width: int) -> str:
    """The line as text."""
    return fit(TITLE, corpus_parts(snapshot), training_parts(snapshot), width).plain


SNAPSHOT = Snapshot(
    phase=Phase.TRAINING,
    corpus="tales",
    model=ModelChoice(),
    parameters=559_000,
    step=1240,
    epoch=2.5,
    learning_rate=4.1e-3,
    tokens_per_second=91_000,
    peak_share=0.63,
    threads=2,
)


def test_the_whole_line_stands_at_120_columns() -> None:
    assert re.sub(" +", " ", drawn(SNAPSHOT, 120)).strip() == (
        "seqtui tales ▸ lstm 1×256 ▸ 0.559 M ● training step 1,240 epoch 2.5 lr 4.10e-3 91.0k ch/s 63% of peak"
    )


def test_at_80_columns_everything_that_changes_is_kept() -> None:
    text = drawn(SNAPSHOT, 80)
    for part in ("tales", "● training", "1,240", "4.10e-3", "91.0k ch/s"):
        assert part in text


@given(st.integers(60, 300), st.text(max_size=60), st.sampled_from(list(Phase)))
def test_the_line_is_never_longer_than_the_screen(width: int, corpus: str, phase: Phase) -> None:
    text = fit(TITLE, corpus_parts(Snapshot(corpus=corpus, phase=phase)), training_parts(Snapshot(phase=phase)), width)
    assert text.cell_length == width


@given(
    st.integers(1, 999_999),
    st.floats(1e-9, 9.9),
    st.floats(1, 1e8),
    st.floats(0, 1) | st.none(),
    st.floats(0, 999),
    st.sampled_from(list(Phase)),
)
def test_nothing_jitters_while_numbers_change(
    step: int, rate: float, speed: float, share: float | None, epoch: float, phase: Phase
) -> None:
    other = Snapshot(
        phase=phase,
        corpus="tales",
        parameters=559_000,
        step=step,
        epoch=epoch,
        learning_rate=rate,
        tokens_per_second=speed,
        peak_share=share,
    )
    for word in ("step", "epoch", "lr ", "ch/s"):
        assert drawn(other, 130).index(word) == drawn(SNAPSHOT, 130).index(word)


def test_numbers_have_three_significant_digits() -> None:
    assert [thousands(x) for x in (0, 912, 999.6, 1240, 91_000, 99_960, 999_499, 1.24e6, 5.3e9)] == [
        "0", "912", "1.00k", "1.24k", "91.0k", "100k", "999k", "1.24M", "5.30G",
    ]  # fmt: skip
    assert [millions(x) for x in (559_000, 999_600, 1_234_000, 12_345_678)] == ["0.559 M", "1.00 M", "1.23 M", "12.3 M"]
    assert power(4.1e-3) == "4.10e-3"


@given(st.integers(60, 300), st.sampled_from(("loss", "writing", "score")), st.sets(st.sampled_from(("pause", "zoom"))))
def test_the_footer_fits_and_always_has_pause_help_and_quit(width: int, pane: str, on: set[str]) -> None:
    text = line(LAB, pane, on, width)
    assert text.cell_length == width
    for word in ("resume" if "pause" in on else "pause", "? help", "q quit"):
        assert word in text.plain


@given(st.integers(60, 300), st.integers(1, 80))
def test_what_is_cut_is_listed_as_far_as_there_is_room_the_newest_always(width: int, count: int) -> None:
    cuts = (*(Cut(0, "forget", unit, 0.5) for unit in range(count)), ContextCut("reset", 37))
    text = cut_line(cuts, width).plain
    assert len(text) <= width
    assert "reset at t 37" in text
    shown = text.count("1.forget.")
    assert shown == count or f"{count - shown} more" in text
