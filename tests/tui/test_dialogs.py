"""The dialogs: by keyboard alone, and nothing wrong gets through them."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from rich.style import Style
from seqcore.config import FAMILIES, RECURRENT, ModelConfig, TrainingConfig
from seqcore.errors import SeqError
from seqcore.model import initial
from textual import events
from textual.widgets import Input, OptionList, TextArea

from seqtui.live.snapshot import ModelChoice, Phase, TaskInfo
from seqtui.tui.dialogs.model import ModelPicker, OptionField
from seqtui.tui.dialogs.settings import EQUATIONS, SETTINGS, Setting, defaults, settings_of, size
from seqtui.tui.registry import key_label
from seqtui.tui.screens.lab_commands import LAB
from tests.tui.reading import SIZES, Stage, stage
from tests.tui.scripted import ScriptedSession

pytestmark = pytest.mark.long


async def write(s: Stage, text: str) -> None:
    """Replaces what is in the focused field."""
    await s.pilot.press("end", "ctrl+u", *text)


@pytest.mark.parametrize("size", SIZES)
async def test_a_sample_corpus_is_chosen_with_the_arrows(size: tuple[int, int]) -> None:
    async with stage(size=size) as s:
        await s.press("c")
        assert "● tales" in s.text()
        assert "additions and subtractions" in s.text()
        assert "812k characters" in s.text()
        await s.press("down", "enter")
        assert s.last_call() == ("change_corpus", "sums")


async def test_a_path_is_chosen_and_one_that_is_not_there_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "mine.txt"
    file.write_text("once upon a time", encoding="utf-8")
    async with stage() as s:
        asked = len(s.session.calls)
        await s.press("c", "tab", "enter")
        assert "Which file?" in s.text()
        s.app.screen.query_one(Input).value = str(tmp_path / "n")
        await s.press("o", "enter")
        assert "No such file or folder" in s.text()
        assert len(s.session.calls) == asked
        s.app.screen.query_one(Input).value = str(file)
        await s.press("enter")
        assert s.last_call() == ("change_corpus", str(file))


@pytest.mark.parametrize("path", ["~nobody-of-that-name/x", "x" * 5000, "a\ud800b", "~"])
async def test_a_path_that_cannot_be_is_refused_in_the_dialog(path: str) -> None:
    async with stage() as s:
        await s.press("c", "tab")
        s.app.screen.query_one(Input).value = path
        await s.press("enter")
        if path == "~":
            assert s.last_call() == ("change_corpus", str(Path.home()))
        else:
            assert "No such file or folder" in s.text()


async def test_a_corpus_is_chosen_with_the_mouse() -> None:
    async with stage() as s:
        await s.press("c")
        await s.pilot.click(OptionList, offset=(5, 4))
        await s.pull()
        assert s.last_call() == ("change_corpus", "brackets")


@pytest.mark.parametrize("size", SIZES)
async def test_a_model_is_chosen_by_stepping_and_by_typing(size: tuple[int, int]) -> None:
    async with stage(size=size) as s:
        await s.press("m", "down", "right", "down", "right", "down", "down")
        await write(s, "48")
        await s.press("enter")
        assert s.last_call() == ("change_model", ModelChoice(hidden=96, layers=3, batch=48))


async def test_the_model_dialog_says_how_large_the_choice_is() -> None:
    async with stage() as s:
        await s.press("m")
        assert "0.559 M parameters" in s.text()
        await s.press("down")
        await write(s, "512")
        await s.pull()
        count, room = size(ModelChoice(hidden=512, layers=2), s.session.snapshot().vocabulary)
        assert f"{count / 1e6:.2f} M parameters, up to {room / 1e6:,.0f} MB while training" in s.text()


@pytest.mark.parametrize("family", FAMILIES)
def test_the_size_that_the_dialog_says_is_the_one_that_the_engine_makes(family: str) -> None:
    from seqcore.memory import bytes_needed

    choice = replace(defaults(family), hidden=48, heads=3, length=20, batch=5)
    config = ModelConfig(65, **choice.fields())
    count, room = size(choice, 65)
    assert count == initial(config, 1).size
    assert room == bytes_needed(config, TrainingConfig(batch=5, length=20))


@pytest.mark.parametrize("screen", SIZES)
@pytest.mark.parametrize("family", FAMILIES)
async def test_every_family_is_offered_with_its_own_settings_and_sensible_values(
    family: str, screen: tuple[int, int]
) -> None:
    async with stage(size=screen) as s:
        await s.press("m")
        for _ in range(FAMILIES.index(family) - FAMILIES.index("lstm")):
            await s.press("right")
        for _ in range(FAMILIES.index("lstm") - FAMILIES.index(family)):
            await s.press("left")
        text = s.text()
        assert f"◂ {family} ▸" in text
        for one in SETTINGS:
            assert (f"│  {one.label} " in text) == (one in settings_of(family)), one.label
        assert "M parameters, up to " in text
        assert ("baseline: " in text) == (family == "feedforward")
        await s.press("enter")
        begins = ModelChoice(family, 64, 2) if family in RECURRENT else defaults(family)
        if family != "lstm":
            assert s.last_call() == ("change_model", begins)
    assert begins in (
        ModelChoice(family, 64, 2),  # recurrent, as the one before
        ModelChoice("attention", 128, 2, batch=16, length=128, positions="rotary"),
        ModelChoice("feedforward", 256, 1, batch=32, length=64),
    )


async def test_a_kind_of_model_that_was_left_comes_back_as_it_was() -> None:
    async with stage() as s:
        await s.press("m", "down")
        await write(s, "48")
        await s.press("up", "right")  # attention
        assert s.app.screen.query_one("#hidden", Input).value == "128"
        await s.press("left", "left", "enter")  # back past the lstm to the gru
        assert s.last_call() == ("change_model", ModelChoice("gru", 48, 2))


async def test_words_are_stepped_by_key_and_by_mouse() -> None:
    async with stage(ScriptedSession(model=ModelChoice("rnn", 32))) as s:
        await s.press("m", "down", "right")
        assert "h = relu(x W_xh + h' W_hh + b)" in s.text()
        await s.press("enter")
        assert s.last_call() == ("change_model", ModelChoice("rnn", 32, activation="relu"))
        assert "rnn 1×32 relu" in s.lines()[0]
    async with stage(ScriptedSession(model=ModelChoice("attention", 32, 2))) as s:
        await s.press("m")
        await s.pilot.click("#positions")
        assert s.app.screen.query_one("#positions", OptionField).value == "sinusoidal"


async def test_heads_that_do_not_share_the_units_evenly_are_refused() -> None:
    async with stage(ScriptedSession(model=ModelChoice("attention", 32, 2))) as s:
        asked = len(s.session.calls)
        await s.press("m", "down", "down", "down")
        await write(s, "3")
        await s.press("enter")
        assert "hidden 32: must be a multiple of heads (3)" in s.text()
        assert isinstance(s.app.screen, ModelPicker)
        assert len(s.session.calls) == asked


async def test_on_the_smallest_screen_every_setting_and_complaint_is_in_view() -> None:
    async with stage(ScriptedSession(model=ModelChoice("attention", 32, 2)), (60, 16)) as s:
        await s.press("m")
        assert all(one.label in s.text() for one in settings_of("attention"))
        await s.press("down")
        await write(s, "0")
        await s.pull()
        assert "units: enter a whole number from 1 to 8192." in s.text()


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("hidden", "0"),
        ("hidden", "9000"),
        ("layers", "13"),
        ("dropout", "1"),
        ("dropout", "..."),
        ("batch", ""),
        ("length", "0"),
    ],
)
async def test_a_model_out_of_range_is_refused_with_its_range(field: str, value: str) -> None:
    setting = next(one for one in SETTINGS if one.name == field)
    assert isinstance(setting, Setting)
    async with stage() as s:
        asked = len(s.session.calls)
        await s.press("m")
        s.app.screen.query_one(f"#{field}", Input).focus()
        await write(s, value)
        await s.press("enter")
        assert f"{setting.label}: " in s.text()
        assert f"◂ from {setting.low:g} to {setting.high:g}" in s.text(), "beside the number that is wrong"
        assert isinstance(s.app.screen, ModelPicker)
        assert len(s.session.calls) == asked


@pytest.mark.parametrize("setting", [one for one in SETTINGS if isinstance(one, Setting)], ids=lambda one: one.name)
def test_a_number_s_range_is_that_of_the_engine(setting: Setting) -> None:
    family = "attention" if "attention" in setting.families else setting.families[0]

    def make(value: float) -> None:
        fields: dict[str, Any] = {"family": family, "hidden": 8192, "heads": 1} | {setting.name: value}
        if setting.name in ("batch", "length"):
            TrainingConfig(**{setting.name: fields[setting.name]})
        else:
            ModelConfig(2, **fields)

    beyond = 1 if setting.whole else 0.001
    for end, outside in ((setting.low, setting.low - beyond), (setting.high, setting.high + beyond)):
        make(end)
        with pytest.raises(SeqError, match=setting.name):
            make(outside)


@pytest.mark.parametrize(
    "choice",
    [
        ModelChoice(hidden=2048, batch=1000),
        ModelChoice(hidden=8, length=1024, dropout=0.123456789),
        ModelChoice("attention", 200, 2, heads=100, length=3, dropout=0.00001),
    ],
)
async def test_a_model_that_was_not_touched_is_as_it_was(choice: ModelChoice) -> None:
    async with stage(ScriptedSession(model=choice)) as s:
        await s.press("m")
        assert not s.app.screen.query(".-wrong")
        await s.press("enter")
        assert s.last_call() == ("change_model", choice)


def test_the_steps_beyond_the_last_never_turn_back() -> None:
    for one in SETTINGS:
        if isinstance(one, Setting):
            assert one.next(one.high, 1) == one.high
            assert one.next(one.low, -1) == one.low


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("family", FAMILIES)
async def test_what_a_model_computes_is_written_out_in_full(family: str, size: tuple[int, int]) -> None:
    async with stage(ScriptedSession(model=replace(defaults(family), hidden=32)), size) as s:
        await s.press("m")
        for line in EQUATIONS[family]:
            assert line.format("tanh") in s.text()


def test_equations_have_every_parameter_of_a_layer() -> None:
    assert all(name in " ".join(EQUATIONS["gru"]) for name in ("W_xh", "W_hh", "W_xn", "W_hn", "+ b)", "b_n", "b_hn"))
    told = " ".join(EQUATIONS["attention"])
    assert told.count("norm(x)") == 2
    assert all(name in told for name in ("W_qkv", "W_o", "W_fc", "W_proj", "causal"))


def test_the_size_is_that_of_the_run_that_would_follow() -> None:
    shape = ModelConfig(65, family="attention", hidden=32, layers=2, tied=False, bias=True, context=128)
    training = TrainingConfig(batch=4, length=64)
    choice = ModelChoice("attention", 32, 2, batch=4, length=64)
    assert size(choice, 65, shape, training)[0] == initial(shape, 1).size


async def test_a_model_is_changed_with_the_mouse() -> None:
    async with stage() as s:
        await s.press("m")
        await s.pilot.click(".stepper", offset=(1, 0))
        assert s.app.screen.query_one("#hidden", Input).value == "32"


@pytest.mark.parametrize(("key", "call"), [("e", "set_probe_text"), ("p", "set_prompt")])
async def test_a_text_is_written_in_several_lines(key: str, call: str) -> None:
    async with stage() as s:
        await s.press(key, "O", "ctrl+j", "n", "e", "enter")
        assert s.last_call() == (call, "O\nne"), "typing replaces what was there"
        await s.press(key, "enter")
        assert s.app.screen is s.lab
        assert s.last_call() == (call, "O\nne"), "unchanged, it asks for nothing"


async def test_a_passage_of_the_corpus_can_be_edited_and_copied() -> None:
    async with stage() as s:
        passage = s.session.snapshot().probe_text
        s.session.say(probe_text="")  # as it is while no text of one's own was written
        await s.pull()
        await s.press("y")
        assert s.app.clipboard == passage
        await s.press("e", "end", "!", "enter")
        assert s.last_call() == ("set_probe_text", passage + "!")


async def test_an_empty_text_asks_for_a_passage() -> None:
    async with stage() as s:
        await s.press("e", "backspace", "enter")
        assert s.last_call() == ("set_probe_text", "")


@pytest.mark.parametrize(
    ("value", "taken"), [("1.25", True), ("0", False), ("9", False), ("", False), ("1.2.3", False)]
)
async def test_a_temperature_is_taken_in_its_range_alone(value: str, taken: bool) -> None:
    async with stage() as s:
        await s.press("t")
        await write(s, value)
        await s.press("enter")
        if taken:
            assert s.last_call() == ("set_temperature", float(value))
        else:
            assert "Enter a number from 0.05 to 5" in s.text()


async def test_a_paste_brings_no_control_character_into_a_field() -> None:
    async with stage() as s:
        await s.press("e")
        s.app.post_message(events.Paste("a\x1b]52;c;eA==\x07b\r\nc"))
        await s.press("enter")
        assert s.last_call() == ("set_probe_text", "a␛]52;c;eA==␇b\nc")


@pytest.mark.parametrize(
    ("keys", "call"),
    [
        (("enter",), ("recover",)),
        (("r",), ("recover",)),
        (("right", "right", "enter"), ("close", 2.0)),
        (("q",), ("close", 2.0)),
    ],
)
async def test_a_divergence_offers_ways_on(keys: tuple[str, ...], call: tuple[object, ...]) -> None:
    async with stage(ScriptedSession(diverge_at=500)) as s:
        assert "▲ diverged at step 480" in s.text()
        assert "step 400." in s.text()
        await s.pilot.press(*keys)
        await s.app.workers.wait_for_complete()
        assert s.last_call() == call


@pytest.mark.parametrize("key", ["l", "escape"])
async def test_after_a_divergence_one_can_stay_and_look(key: str) -> None:
    async with stage(ScriptedSession(diverge_at=500)) as s:
        asked = len(s.session.calls)
        await s.press(key)
        assert s.app.screen is s.lab
        assert "▲ diverged: the loss was not finite" in s.text()
        assert "R recover · q quit" in s.text()
        await s.press("left")
        assert len(s.session.calls) == asked
        await s.press("R")
        assert s.last_call() == ("recover",)
        assert s.session.snapshot().phase is Phase.TRAINING
        assert "diverged" not in s.text()


async def test_a_failure_stands_in_a_line_and_another_corpus_mends_it() -> None:
    async with stage(ScriptedSession(fail="tales.txt is not text: byte 0x80 at 17; give a UTF-8 file")) as s:
        assert "✗ failed: tales.txt is not text: byte 0x80 at 17; give a UTF-8 file" in s.text()
        s.session.fail = ""
        await s.press("c", "down", "enter")
        await s.frames(20)
        assert "failed" not in s.text()
        assert "● training" in s.text()


@pytest.mark.parametrize("size", [(80, 24), (200, 50)])
async def test_the_help_lists_every_command_with_its_keys(size: tuple[int, int]) -> None:
    async with stage(size=size) as s:
        await s.press("question_mark")
        seen = set(s.lines())
        for _ in range(6):
            await s.pilot.press("pagedown")
            await s.pilot.pause()
            seen.update(s.lines())
        text = "\n".join(seen)
        for one in LAB:
            if not one.offered(TaskInfo().features):
                continue
            keys = " ".join(key_label(key) for key in one.keys)
            assert f"{keys}  {one.help[:30]}" in text, one.id


async def test_page_keys_in_the_palette_do_nothing_without_room_for_a_line() -> None:
    async with stage() as s:
        await s.press("ctrl+p", "down")
        for width in (*range(1, 30), 24):
            for height in (3, 12, 26):
                await s.pilot.resize_terminal(width, height)
                await s.press("pagedown", "pageup")
        await s.pilot.resize_terminal(80, 24)
        await s.press("escape")
        assert s.app.screen is s.lab


async def test_the_palette_lists_every_command_and_runs_the_one_that_is_searched_for() -> None:
    async with stage() as s:
        await s.press("ctrl+p")
        listed = s.app.screen.query_one(OptionList)
        offered = {one.id for one in LAB if one.offered(TaskInfo().features)}
        assert {one.id for one in listed.options} == offered - {"palette"}
        await s.press(*"learning rate up")
        assert [one.id for one in listed.options] == ["rate_up"]
        assert "Learning rate up" in s.text()
        assert "Raise the learning rate" in s.text()
        await s.press("enter")
        assert s.app.screen is s.lab
        assert s.last_call() == ("scale_rate", 1.25)


async def test_the_palette_is_walked_through_and_clicked() -> None:
    async with stage() as s:
        await s.press("ctrl+p", *"rate", "down", "down", "up")
        listed = s.app.screen.query_one(OptionList)
        chosen = listed.options[listed.highlighted or 0].id
        assert chosen == listed.options[1].id
        await s.press("ctrl+u", *"one step")
        await s.pilot.click(OptionList, offset=(3, 0))
        await s.pull()
        assert s.last_call() == ("one_step",)
        await s.press("ctrl+p", *"no such thing", "enter")
        assert s.app.screen is not s.lab, "there is nothing to run"
        await s.press("escape")
        assert s.app.screen is s.lab


async def test_a_click_on_an_option_that_is_gone_is_ignored() -> None:
    async with stage() as s:
        await s.press("ctrl+p", *"one step")
        listed = s.app.screen.query_one(OptionList)
        painted_before = Style(meta={"option": listed.option_count})
        listed.post_message(events.Click(listed, 3, 8, 0, 0, 1, False, False, False, style=painted_before))
        await s.pilot.pause()
        assert s.app.screen is not s.lab
        await s.press("enter")
        assert s.last_call() == ("one_step",)


async def test_a_long_paste_is_undone_and_redone() -> None:
    async with stage() as s:
        await s.press("e")
        s.app.post_message(events.Paste("line\n" * 60))
        await s.pull()
        await s.press("ctrl+z")
        assert s.app.screen.query_one(TextArea).text.count("\n") < 60
        await s.press("ctrl+y", "ctrl+z", "ctrl+z", "escape")
        assert s.app.screen is s.lab
