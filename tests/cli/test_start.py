"""How the command answers before anything heavy is loaded, and to words that it does not know."""

import subprocess
import sys
from types import ModuleType
from typing import Any

import pytest

from seqtui.cli import screen
from seqtui.cli.main import COMMANDS
from tests.cli.conftest import Call

HEAVY = ("numpy", "numba", "textual", "rich", "safetensors", "llvmlite")


@pytest.mark.parametrize("words", [["--help"], ["--version"], ["train", "--help"], ["inspect", "--help"], ["nosuch"]])
def test_nothing_heavy_is_imported_to_answer(words: list[str]) -> None:
    program = (
        "import sys\nfrom seqtui.cli.main import cli\n"
        f"try:\n    cli.main({words!r})\nexcept SystemExit:\n    pass\n"
        f"heavy = {HEAVY if words != ['nosuch'] else ('numba', 'textual')!r}\n"
        "assert not [name for name in heavy if name in sys.modules], sorted(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", program], check=True, capture_output=True)


def test_help_names_every_command_and_every_command_has_help(call: Call) -> None:
    told = call("--help").out
    for name in COMMANDS:
        assert f"\n  {name} " in told
        answer = call(name, "--help")
        assert answer.code == 0
        assert "Example" in answer.out


def test_the_screens_help_is_the_programs_help(call: Call) -> None:
    assert call("tales", "--help").out == call("--help").out
    assert "--paused" in call("-h").out


def test_version(call: Call) -> None:
    assert call("--version").out.startswith("seqtui ")


def test_a_misspelt_command_is_told_as_one(call: Call) -> None:
    answer = call("trian")
    assert answer.code == 2
    assert "did you mean seqtui train?" in answer.line


def test_a_misspelt_corpus_gets_the_nearest_name(call: Call) -> None:
    answer = call("brakets")
    assert answer.code == 1
    assert "did you mean 'brackets'?" in answer.line


@pytest.mark.parametrize("words", [[], ["tales"], ["--paused"], ["-"]])
def test_without_a_terminal_one_line_names_train(call: Call, words: list[str]) -> None:
    answer = call(*words)
    assert answer.code == 2
    assert "seqtui train" in answer.line
    assert answer.out == ""


@pytest.mark.parametrize(
    ("words", "named"),
    [
        (["train"], "CORPUS"),
        (["train", "tales", "--hidden", "many"], "--hidden"),
        (["train", "tales", "--hidden", "0"], "--hidden 0"),
        (["train", "tales", "--lr", "-1"], "--lr -1"),
        (["train", "tales", "--batch", "0"], "--batch 0"),
        (["train", "tales", "--validation", "2"], "--validation 2"),
        (["train", "tales", "--threads", "4000"], "--threads 4000"),
        (["train", "tales", "--threads", "-1"], "--threads -1"),
        (["train", "tales", "--preset", "nosuch"], "quick"),
        (["train", "tales", "--hiden", "5"], "--hidden"),
        (["train", "tales", "--resume"], "--out"),
        (["train", "tales", "extra"], "extra"),
        (["tales", "--hidden", "0"], "--hidden 0"),
        (["tales", "--run", "x"], "--run"),
        (["generate"], "RUN"),
        (["generate", "x", "--temperature", "-1"], "temperature"),
        (["generate", "x", "--top-p", "0"], "top-p"),
        (["generate", "x", "--length", "-1"], "--length"),
        (["inspect", "x"], "--text"),
        (["evaluate", "x", "--threads", "4000"], "--threads"),
        (["corpora", "tales", "--tokens-by", "syllable"], "--tokens-by"),
        (["bench", "--hidden", "0"], "--hidden"),
    ],
)
def test_a_wrong_call_is_one_line_and_code_2(
    call: Call, words: list[str], named: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if words[0] == "tales":
        _be_a_terminal(monkeypatch)
    answer = call(*words)
    assert answer.code == 2
    assert named in answer.line
    assert answer.out == ""


def _be_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    class Terminal:
        stdin = stdout = type("", (), {"isatty": lambda self: True})()

    monkeypatch.setattr(screen, "sys", Terminal)


def test_the_screen_gets_what_was_asked_for(call: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: dict[str, Any] = {}

    class Session:
        def __init__(self, corpus: str, **named: Any) -> None:
            asked.update(named, corpus=corpus)

    class App:
        return_code = 0

        def __init__(self, session: Session) -> None:
            asked["session"] = session

        def run(self) -> None:
            asked["ran"] = True

    for name, attribute, value in (("session", "LiveSession", Session), ("tui.app", "SeqtuiApp", App)):
        module = ModuleType(f"seqtui.{name}")
        setattr(module, attribute, value)
        monkeypatch.setitem(sys.modules, f"seqtui.{name}", module)
    _be_a_terminal(monkeypatch)
    answer = call("--model", "lstm", "--hidden", "32", "--paused", "--seed", "7", "brackets")
    assert answer.code == 0, answer.err
    assert asked["ran"]
    assert (asked["corpus"], asked["paused"], asked["seed"], asked["run"]) == ("brackets", True, 7, None)
    assert (asked["choice"].family, asked["choice"].hidden, asked["choice"].layers) == ("lstm", 32, 1)


def test_a_defect_is_one_line_unless_a_traceback_is_asked_for(call: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    from seqcore import folder

    def broken() -> None:
        raise ZeroDivisionError("nobody thought\nof this \x1b[31m")

    monkeypatch.setattr(folder, "list_runs", broken)
    answer = call("runs")
    assert answer.code == 1
    assert "ZeroDivisionError" in answer.line
    assert "SEQTUI_DEBUG=1" in answer.line
    assert "\x1b" not in answer.line
    monkeypatch.setenv("SEQTUI_DEBUG", "1")
    with pytest.raises(ZeroDivisionError):
        call("runs")
