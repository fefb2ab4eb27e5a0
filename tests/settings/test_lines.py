"""The line of a key in a TOML text."""

import tomllib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seqtui.settings.lines import line_of

TEXT = '''\
# comment with a = sign
a = 1

b = [
  1,  # inside
  2,
]
c.d = """
e = 1
"""
[t]
e = 2
f = { g = 1, h = [
  3] }
[t.u]

i = "["  # k = 1
[[list]]
k = 1
'''


@pytest.mark.parametrize("text", [TEXT, TEXT.replace("\n", "\r\n"), TEXT.rstrip("\n")], ids=["lf", "crlf", "no end"])
@pytest.mark.parametrize(
    ("key", "line"),
    [("a", 2), ("b", 4), ("c", 8), ("c.d", 8), ("t", 11), ("t.e", 12), ("t.f", 13), ("t.f.h", 13), ("t.u", 15),
     ("t.u.i", 17), ("list", 18)],
)  # fmt: skip
def test_a_key_is_on_the_line_where_its_statement_begins(text: str, key: str, line: int) -> None:
    assert line_of(text, key.split(".")) == line


def test_a_key_that_is_not_there_has_no_line() -> None:
    with pytest.raises(KeyError):
        line_of(TEXT, ["t", "a"])


values = st.one_of(
    st.integers(-9, 9).map(str),
    st.sampled_from(['"#"', '"""\n\n"""', "'''\na = 1\n'''", "[\n1,\n\n2]", "[]", '"=["', "{ x = 1 }", "2001-01-01"]),
)


@given(st.lists(st.tuples(st.sampled_from(["", "\n", "# a = 1\n", "\t\n"]), values), min_size=1, max_size=8))
def test_every_key_of_a_text_is_found_on_its_line(statements: list[tuple[str, str]]) -> None:
    text, lines = "", []
    for number, (before, value) in enumerate(statements):
        lines.append((text + before).count("\n") + 1)
        text += f"{before}k{number} = {value}\n"
    found: dict[str, Any] = tomllib.loads(text)
    assert [line_of(text, [key]) for key in found] == lines
