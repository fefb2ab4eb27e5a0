"""Quoted text is one line of limited length, whatever it holds."""

import ast

from hypothesis import example, given
from hypothesis import strategies as st
from seqcore.data.quoting import listed, quoted


@given(st.text(max_size=100), st.integers(1, 80))
@example("\\" * 80, 80)
@example("\U000e0041" * 30, 24)
def test_quoted_text_is_printable_and_short(text: str, longest: int) -> None:
    line = quoted(text, longest)
    assert line.isprintable()
    assert len(line) <= longest + 3
    assert line[0] == line[-1]
    if len(repr(text)) <= longest + 2:
        assert ast.literal_eval(line) == text
    else:
        assert "…" in line


def test_a_list_names_the_first_and_counts_the_rest() -> None:
    assert listed(["a", "b"]) == "'a', 'b'"
    assert listed("abcdefg", 2) == "'a', 'b' and 5 more"
    assert len(listed(["\U000e0041" * 90] * 9)) < 160
