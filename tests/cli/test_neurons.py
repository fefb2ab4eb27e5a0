"""`seqtui neurons`: what is found is printed, as a table and as JSON, and it can be left."""

import json
import os
import signal
from pathlib import Path
from typing import Any

import pytest
from seqcore.models.recurrent_serial import SerialRecurrent

from tests.cli.conftest import TINY, Call

FIELDS = {"layer", "unit", "feature", "follows", "measure", "score", "sign", "untrained", "chance"}


@pytest.fixture
def long_run(call: Call, tmp_path: Path) -> Path:
    """A model that has learnt nothing, of a text with quotations."""
    path = tmp_path / "said.txt"
    path.write_text("".join(f'"{n} birds\x1b[31m," said {n % 7} of them.\n' for n in range(900)))
    out = tmp_path / "said"
    assert call("train", str(path), *TINY, "--steps", "1", "--validation", "0.5", "--out", str(out)).code == 0
    return out


def test_a_model_that_learnt_nothing_has_no_findings(call: Call, long_run: Path) -> None:
    answer = call("neurons", str(long_run), "--timesteps", "6000", "--json")
    assert answer.code == 0
    found = json.loads(answer.out)
    assert found["findings"] == []
    assert (found["state"], found["timesteps"], found["units"], found["step"]) == ("c", 6000, 8, 1)
    assert {"quotes", "line", "word-start", "digit"} <= {one["feature"] for one in found["best"]}
    assert all(set(one) == FIELDS for one in found["best"])
    assert found["missing"]["label"] == "there are no labels"
    text = call("neurons", str(long_run), "--timesteps", "6000", "--feature", "quotes", "--feature", "label")
    assert "No unit follows any of these features" in text.out
    assert "inside quotation marks" in text.out
    assert "label: there are no labels" in text.out


def test_a_finding_is_printed_with_a_sample_of_its_values(
    call: Call, long_run: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from seqcore.neurons import search

    monkeypatch.setattr(search, "beyond", lambda *_: 1e-6)  # no model is this small and this good
    answer = call("neurons", str(long_run), "--timesteps", "6000", "--state", "h", "--layer", "0")
    assert answer.code == 0
    lines = answer.out.splitlines()
    assert lines[0] == "said, step 1, h: 6,000 held-out timesteps, 8 units"
    assert lines[1].split() == ["layer", "unit", "follows", "measure", "score", "untrained", "chance"]
    assert set(lines[-1]) <= set("▁▂▃▄▅▆▇█")
    assert len(lines[-1]) == len(lines[-2])
    assert "birds" in lines[-2]
    assert "\x1b" not in answer.out  # the text has escapes


def test_where_else_the_units_of_a_selection_are_on(call: Call, long_run: Path) -> None:
    words = ["neurons", str(long_run), "--timesteps", "3000", "--like", "100:101", "--threshold", "0.01"]
    found = json.loads(call(*words, "--json").out)
    assert found["state"] == "h"
    assert set(found["selection"]) == {"start", "end", "text", "units"}
    assert len(found["selection"]["text"]) == 1
    answer = call(*words)
    assert answer.code == 0
    assert "100:101" in answer.out
    assert "\x1b" not in answer.out
    if found["selection"]["units"]:
        assert f"{len(found['selection']['units'])} unit" in answer.out
        assert all(one["shared"] > 0 and one["end"] > one["start"] for one in found["matches"])
    assert "lower --threshold" in call(*words[:-1], "5").out


def test_units_that_tell_two_stretches_apart(call: Call, long_run: Path) -> None:
    words = ["neurons", str(long_run), "--timesteps", "3000", "--like", "100:110", "--unlike", "130:150"]
    found = json.loads(call(*words, "--json").out)
    assert [(one["start"], one["end"]) for one in found["selections"]] == [(100, 110), (130, 150)]
    assert len(found["units"]) == 8
    assert all(0 <= one["score"] <= 1 and 0 < one["chance"] <= 1 for one in found["units"])
    lines = call(*words).out.splitlines()
    assert lines[0].startswith("like   100:110 ")
    assert len(lines) == 3 + 8
    overlapping = call(*words[:-1], "105:120")
    assert overlapping.code == 1
    assert "share timesteps" in overlapping.line


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--feature", "soul"], "choose from quotes"),
        (["--state", "q"], "it has c, h, input"),
        (["--layer", "1"], "layers 0 to 0"),
        (["--like", "9"], "give START:END"),
        (["--like", "9:4"], "give START:END"),
        (["--like", "9:4000000"], "give START:END"),
        (["--unlike", "1:9"], "goes with --like"),
        (["--like", "1:9", "--unlike", "x"], "give START:END"),
        (["--timesteps", "3"], "200"),
    ],
)
def test_bad_calls_say_what_would_be_right(call: Call, long_run: Path, words: list[str], said: str) -> None:
    answer = call("neurons", str(long_run), *words)
    assert answer.code == 2
    assert said in answer.line


def test_a_run_without_a_held_out_part_says_so(call: Call, corpus: Path, tmp_path: Path) -> None:
    out = str(tmp_path / "all")
    assert call("train", str(corpus), *TINY, "--steps", "1", "--validation", "0", "--out", out).code == 0
    answer = call("neurons", out)
    assert answer.code == 1
    assert "no held-out part" in answer.line


def test_examples_are_searched_for_their_labels_and_numbers_for_their_values(call: Call, tmp_path: Path) -> None:
    for corpus, names in (("parity:12", {"position", "label"}), ("adding:20", {"position", "value", "change"})):
        out = str(tmp_path / corpus.replace(":", "-"))
        small = ["--hidden", "8", "--batch", "4", "--steps", "1", "--quiet"]
        assert call("train", corpus, *small, "--out", out).code == 0
        answer = call("neurons", out, "--timesteps", "3000", "--json")
        assert answer.code == 0, answer.err
        found = json.loads(answer.out)
        assert names <= {one["feature"] for one in found["best"]}
        assert found["findings"] == []


def test_ctrl_c_leaves_it(call: Call, long_run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    read, record = [], SerialRecurrent.record

    def interrupted(self: SerialRecurrent, inputs: Any, state: Any, name: str) -> Any:
        read.append(len(inputs))
        if (
            len(read) == 9
        ):  # the first two read one timestep, to learn the sizes, and the model; then come untrained ones
            os.kill(os.getpid(), signal.SIGINT)
        return record(self, inputs, state, name)

    monkeypatch.setattr(SerialRecurrent, "record", interrupted)
    answer = call("neurons", str(long_run), "--timesteps", "6000", "--json")
    assert answer.code == 130
    assert answer.out == ""
    assert answer.line == "seqtui: interrupted"
    assert len(read) == 9
