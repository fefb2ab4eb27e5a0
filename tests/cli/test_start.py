"""How the command answers before anything heavy is loaded, and to words that it does not know."""

import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from seqtui.cli import screen
from seqtui.cli.main import COMMANDS
from seqtui.live.snapshot import Phase, Snapshot
from seqtui.remembered import Memory
from seqtui.settings.file import Settings
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
        (["tales", "--corpus-changed-ok"], "--run"),
        (["train", "tales", "--corpus-changed-ok"], "--resume"),
        (["generate", "x", "--at", "worst"], "--at"),
        (["generate", "x", "--prompt", "a", "--prompt-file", "b"], "--prompt-file"),
        (["tales", "--threads", "-1"], "--threads -1"),
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


@pytest.fixture
def screen_asked(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """Record what the screen is opened with; only its snapshot is real, and `snapshot` is the last one."""
    asked: dict[str, Any] = {"snapshot": Snapshot(phase=Phase.TRAINING)}

    class Session:
        def __init__(self, corpus: str, **named: Any) -> None:
            asked.update(named, corpus=corpus)

        def snapshot(self) -> Snapshot:
            last: Snapshot = asked["snapshot"]
            return last

    class App:
        return_code = 0
        terminal_lost = False

        def __init__(self, session: Session, view: str | None, settings: Settings, memory: Memory) -> None:
            asked["session"], asked["view"], asked["settings"] = session, view, settings

        def run(self) -> None:
            asked["ran"] = True

        def leave(self) -> None: ...

        def finish(self) -> str:
            return "Run tales-1 is saved."

    for name, attribute, value in (("live.session", "LiveSession", Session), ("tui.app", "SeqtuiApp", App)):
        module = ModuleType(f"seqtui.{name}")
        setattr(module, attribute, value)
        monkeypatch.setitem(sys.modules, f"seqtui.{name}", module)
    _be_a_terminal(monkeypatch)
    return asked


def test_the_screen_gets_what_was_asked_for(call: Call, screen_asked: dict[str, Any]) -> None:
    answer = call("--model", "lstm", "--hidden", "32", "--paused", "--seed", "7", "brackets")
    assert answer.code == 0, answer.err
    asked = screen_asked
    assert asked["ran"]
    assert asked["view"] is None
    assert (asked["corpus"], asked["paused"], asked["seed"], asked["run"]) == ("brackets", True, 7, None)
    assert (asked["choice"].family, asked["choice"].hidden, asked["choice"].layers) == ("lstm", 32, 1)


@pytest.mark.parametrize(
    ("phase", "code"),
    [(Phase.FAILED, 1), (Phase.DIVERGED, 3), (Phase.TRAINING, 0), (Phase.PAUSED, 0), (Phase.FINISHED, 0)],
)
def test_how_the_training_ended_is_how_the_screen_ends(
    call: Call, screen_asked: dict[str, Any], phase: Phase, code: int
) -> None:
    screen_asked["snapshot"] = Snapshot(phase=phase, message="what\nhappened \x1b[31m")
    answer = call("tales")
    assert answer.code == code
    if code:
        assert answer.err.splitlines()[0] == "Run tales-1 is saved."
        assert answer.err.splitlines()[1].startswith("seqtui: ")
        assert "what happened ␛[31m" in answer.err.splitlines()[1]
    else:
        assert answer.err == "Run tales-1 is saved.\n"


def test_threads_that_there_are_not_are_refused_before_the_screen_opens(
    call: Call, screen_asked: dict[str, Any]
) -> None:
    for count in ("4000", "0"):
        answer = call("tales", "--threads", count)
        assert answer.code == 2
        assert f"--threads {count}" in answer.line
    assert "ran" not in screen_asked
    assert call("tales", "--threads", "1").code == 0
    assert screen_asked["threads"] == 1


def test_a_run_in_the_home_folder_is_reopened(
    call: Call, run: Path, screen_asked: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(run.parent))
    answer = call(f"--run=~/{run.name}")
    assert answer.code == 0, answer.err
    assert screen_asked["run"] == str(run)


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


def test_the_settings_reach_the_screen_and_their_corpus_is_the_default(
    call: Call, screen_asked: dict[str, Any], run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SEQTUI_CONFIG_DIR", str(tmp_path))
    path = tmp_path / "settings.toml"
    path.write_text('theme = "light"\ncorpus = "brackets"\n', encoding="utf-8")
    for words, corpus in (([], "brackets"), (["tales"], "tales"), ([f"--run={run}"], None)):
        answer = call(*words)
        assert answer.code == 0, answer.err
        assert screen_asked["corpus"] == corpus
        assert screen_asked["settings"].theme == "light"
    path.write_text('\ncorpus = "/no/such/book.txt"\n', encoding="utf-8")
    assert call("tales").code == 0
    answer = call()
    assert answer.code == 1
    assert f"{path}:2: corpus is '/no/such/book.txt', which does not exist" in answer.line
