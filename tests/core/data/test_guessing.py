"""What a table is for is guessed from its columns."""

from pathlib import Path

import pytest
from seqcore.data.corpus import Corpus
from seqcore.data.guessing import kind_of, sequence_column, table_kind
from seqcore.data.tables import Table, read_table
from seqcore.tasks.table import guess_said, guessed

TEXTS = "text,label\n" + "".join(f"it was {word},{label}\n" for word, label in [("good", "up"), ("bad", "down")] * 4)
ROWS = "hours,sleep,passed\n" + "".join(f"{n},{7 + n % 2},{'yes' if n > 4 else 'no'}\n" for n in range(9))
NUMBERED = "a,b,class\n" + "".join(f"{n / 7},{n},{n % 3}\n" for n in range(30))
SERIES = "t,x\n" + "".join(f"{n},{n * n}\n" for n in range(30))
KEYED = "ball,x,y\n" + "".join(f"{n // 10},{n},{n % 7}\n" for n in range(50))
NAMED = "who,x\n" + "".join(f"{'abc'[n // 10]},{n}\n" for n in range(30))
TARGET = "x,target\n" + "".join(f"{n},{n / 3}\n" for n in range(60))

WORDS = [("one", "un"), ("two", "deux"), ("three", "trois"), ("four", "quatre")]
PAIRS = "".join(f"{a},{b}\n" for a, b in WORDS)


def table(text: str) -> Table:
    return read_table(Corpus("it", "it.csv", text.encode()))


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        (TEXTS, "texts"),
        (ROWS, "rows"),
        (NUMBERED, "rows"),
        (SERIES, "sequences"),
        (KEYED, "sequences"),
        (NAMED, "sequences"),
        (TARGET, "sequences"),
        ("remark,mood\n" + "well then,happy\nno way,sad\n" * 3, "texts"),
        ("name,place,label\n" + "ann,here,a\nbob,there,b\n" * 3, "texts"),
        ("english,french\n" + PAIRS, "pairs"),
        ("Source,Target\n" + PAIRS, "pairs"),
        ("input,target\n" + PAIRS * 9, "texts"),
        ("id,question,answer\n" + "".join(f"{n},{n}+{n},{2 * n}\n" for n in range(9)), "pairs"),
        ("input,output,label\n" + "one,un,a\ntwo,deux,b\n" * 3, "texts"),
        ("text,english,french\n" + "one,one,un\ntwo,two,deux\n", "texts"),
        ("input,output\n" + "".join(f"{n},{n * n}\n" for n in range(30)), "sequences"),
        ("source,output\n" + "".join(f"{'abc'[n // 10]},{n}\n" for n in range(30)), "sequences"),
        ("source,target\n" + "".join(f"{word},yes\n{word} not,no\n" for word in ("a b", "c d", "e f") * 9), "pairs"),
        ("source,target\n" + "".join(f"{n},{n % 7}\n" for n in range(30)), "rows"),
    ],
    ids=[
        "texts",
        "rows",
        "numbers as labels",
        "one series",
        "a key",
        "a key of words",
        "a real target",
        "2 words",
        "3",
        "pairs",
        "targets of pairs",
        "targets as labels",
        "questions",
        "pairs with labels",
        "pairs with a text",
        "numbers to numbers",
        "numbers of sources",
        "few targets",
        "edges of a graph",
    ],
)
def test_kind_of_a_table(text: str, kind: str) -> None:
    assert kind_of(table(text)) == kind


def test_the_column_that_names_the_sequences() -> None:
    assert sequence_column(table(KEYED)) == "ball"
    assert sequence_column(table(NAMED)) == "who"
    assert sequence_column(table(SERIES)) is None, "one row of each value"
    assert sequence_column(table("a,x\n" + "1,2\n" * 9)) is None, "a single value"
    again = "a,x\n" + "1,2\n" * 4 + "2,3\n" * 4 + "1,2\n" * 4
    assert sequence_column(table(again)) is None, "a value comes back"
    steps = "level,x\n" + "".join(f"{n // 5 / 2},{n}\n" for n in range(30))
    assert sequence_column(table(steps)) is None, "a measured value"


def test_a_table_that_cannot_be_read_is_left_to_the_task_that_says_why(tmp_path: Path) -> None:
    file = tmp_path / "it.csv"
    file.write_text("a,a\n1,2\n")
    assert table_kind(str(file)) == "texts"
    assert table_kind(str(tmp_path / "absent.csv")) == "texts"


def test_only_the_head_of_a_long_table_is_looked_at(tmp_path: Path) -> None:
    file = tmp_path / "long.csv"
    file.write_text(KEYED + "".join(f"{n},{n},{n}\n" for n in range(40_000)) + "x,y,z\n")
    assert table_kind(str(file)) == "sequences"


@pytest.mark.parametrize(("text", "task"), [(TEXTS, "classify"), (ROWS, "classify-rows"), (KEYED, "forecast")])
def test_the_guess_is_said_with_how_to_change_it(tmp_path: Path, text: str, task: str) -> None:
    file = tmp_path / "it.csv"
    file.write_text(text)
    found = guessed(str(file))
    assert found.name == task
    assert task in guess_said(str(file), found)
    assert "--task" in guess_said(str(file), found)
    assert guess_said("balls", guessed("balls")) == ""


def test_the_head_does_not_end_within_quotes(tmp_path: Path) -> None:
    for pad in range(8):  # the cut is at another place of a row
        path = tmp_path / f"notes{pad}.csv"
        rows = "".join(f'0.1234,0.4321,0.{n:04d},"l{n % 2}\nzz"\n' for n in range(12_000))
        path.write_text(f"a,b,{'c' * (1 + pad)},label\n{rows}")
        assert table_kind(str(path)) == "rows"
