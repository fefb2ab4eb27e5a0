"""The view of the encodings: every key, every size, the same subject as in the Lab, and a map that holds still."""

import re
from collections.abc import Awaitable, Callable
from dataclasses import replace

import numpy as np
import pytest
from rich.cells import cell_len
from seqcore.config import ModelConfig

from seqtui.live.embedding import EmbeddingMap, by_frequency, places_of
from seqtui.live.snapshot import Phase, Snapshot
from seqtui.tui.dialogs.corpus import CorpusPicker
from seqtui.tui.dialogs.help import HelpScreen
from seqtui.tui.dialogs.model import ModelPicker
from seqtui.tui.dialogs.palette import Palette
from seqtui.tui.dialogs.text import TextDialog
from seqtui.tui.panes.embedding_map import MapPane
from seqtui.tui.panes.map_layout import Window, arranged
from seqtui.tui.panes.subject import Subject
from seqtui.tui.screens.encodings import Encodings
from seqtui.tui.screens.encodings_commands import ENCODINGS
from seqtui.tui.screens.panes import arrange
from seqtui.tui.theme import THEMES
from seqtui.views import LAB, VIEWS, command_id
from tests.tui.panes.drawn import lines, staged
from tests.tui.reading import SIZES, Stage, stage
from tests.tui.scripted import ALPHABET, ScriptedSession, make_embedding, make_probe

Proof = Callable[[Stage, str], Awaitable[None]]

ASKED = ("embedding", "target embedding")
PANES = ("encoding", "map", "neighbours")


async def opened(s: Stage) -> Encodings:
    await s.press("f2")
    await s.frames(2)
    view = s.app.screen
    assert isinstance(view, Encodings)
    return view


def view_of(s: Stage) -> Encodings:
    assert isinstance(s.app.view, Encodings)
    return s.app.view


def asks(*call: object) -> Proof:
    async def proof(s: Stage, key: str) -> None:
        await s.press(key)
        assert s.last_call() == call

    return proof


def opens(screen: type) -> Proof:
    async def proof(s: Stage, key: str) -> None:
        await s.press(key)
        assert isinstance(s.app.screen, screen)
        await s.press("escape")
        assert s.app.screen is view_of(s)

    return proof


def moves(there: Callable[[int, int, str], bool]) -> Proof:
    async def proof(s: Stage, key: str) -> None:
        view = view_of(s)
        view.point(31)
        await s.press(key)
        assert view.shown.probe is not None
        assert there(31, view.standpoint.playhead, "".join(view.shown.probe.symbols))
        await s.press("1")
        assert re.search(rf"playhead +{view.standpoint.playhead}/", s.text())

    return proof


def focuses(name: str) -> Proof:
    async def proof(s: Stage, key: str) -> None:
        for other in "123":
            await s.press(other, key)
            view = view_of(s)
            assert s.app.focused is view.panes[name]
            assert view.panes[name].region.area > 0

    return proof


async def pause(s: Stage, key: str) -> None:
    await s.press(key)
    assert s.last_call() == ("pause",)
    await s.press(key)
    assert s.last_call() == ("resume",)


async def recover(s: Stage, key: str) -> None:
    s.session.say(phase=Phase.DIVERGED, message="not finite")
    await s.pull()
    await s.press("l", key)
    assert ("recover",) in s.session.calls


async def cycle(s: Stage, key: str) -> None:
    await s.press("1")
    seen = []
    for _ in PANES:
        seen.append(view_of(s).current)
        await s.press(key)
    assert seen == (["encoding", "map", "neighbours"] if key == "tab" else ["encoding", "neighbours", "map"])


async def zoom(s: Stage, key: str) -> None:
    await s.press("2", key)
    view = view_of(s)
    assert view.map.region.height == s.app.size.height - 2 - s.app.view.bar.display
    assert not view.encoding.display
    await s.press(key)
    assert view.zoomed is None


async def back(s: Stage, key: str) -> None:
    view = view_of(s)
    view.pick(3)
    await s.press("z", key)
    assert view.zoomed is None
    assert view.subject.picked == 3
    await s.press(key)
    assert view.subject.picked is None
    await s.press(key)
    assert s.app.screen is s.lab
    await s.press("f2")


async def leaves(s: Stage, key: str) -> None:
    await s.press(key)
    assert s.app.screen is s.lab
    await s.press(key)


async def freeze(s: Stage, key: str) -> None:
    await s.press(key)
    still = s.lines()[1:-1]
    await s.frames(5)
    assert "frozen" in s.lines()[0]
    assert s.lines()[1:-1] == still
    await s.press(key)
    assert s.lines()[1:-1] != still


async def find(s: Stage, key: str) -> None:
    await s.press(key)
    assert isinstance(s.app.screen, TextDialog)
    await s.press("Q", "enter", "3")
    assert "neighbours" in s.text()
    assert view_of(s).subject.token == ALPHABET.index("Q")
    await s.press(key, "ß", "enter")
    assert "`ß` is not in the vocabulary" in s.text()
    assert view_of(s).subject.token == ALPHABET.index("Q")
    await s.press("escape")


async def magnify(s: Stage, key: str) -> None:
    await s.press("2", "minus", "minus", "minus")
    before = s.lines()[1:-1]
    await s.press(key)
    assert s.lines()[1:-1] != before
    assert view_of(s).map.magnification == 2
    await s.press("minus")
    assert s.lines()[1:-1] == before
    await s.press("1")


async def copy(s: Stage, key: str) -> None:
    await s.press("1", key)
    probe = view_of(s).shown.probe
    assert probe is not None
    assert s.app.clipboard.splitlines()[0] == f"{ALPHABET.index(probe.symbols[0])}\t{probe.symbols[0]}"
    await s.press("2", key)
    assert len(s.app.clipboard.splitlines()) == len(ALPHABET)
    await s.press("3", key)
    assert re.fullmatch(r".\t-?[0-9.]+", s.app.clipboard.splitlines()[0])
    await s.press("1")


async def theme(s: Stage, key: str) -> None:
    seen = [s.app.theme]
    await s.press(key)
    while s.app.theme not in seen:
        seen.append(s.app.theme)
        await s.press(key)
    assert seen == [one.name for one in THEMES.values()]


async def step(s: Stage, key: str) -> None:
    before = s.session.snapshot().step
    await s.press(key)
    assert s.session.snapshot().step == before + 1
    await s.press("space")


async def save(s: Stage, key: str) -> None:
    await s.press(key)
    assert f"saved checkpoint-{s.session.snapshot().step}" in s.text()


PROOFS: dict[str, Proof] = {
    "pause": pause,
    "step": step,
    "rate_down": asks("scale_rate", 0.8),
    "rate_up": asks("scale_rate", 1.25),
    "save": save,
    "corpus": opens(CorpusPicker),
    "model": opens(ModelPicker),
    "probe_text": opens(TextDialog),
    "next_passage": asks("next_passage"),
    "previous_passage": asks("previous_passage"),
    "left": moves(lambda before, after, text: after == before - 1),
    "right": moves(lambda before, after, text: after == before + 1),
    "word_left": moves(lambda before, after, text: after < before and text[after - 1] == " "),
    "word_right": moves(lambda before, after, text: after > before and text[after - 1] == " "),
    "start": moves(lambda before, after, text: after == 0),
    "end": moves(lambda before, after, text: after == len(text) - 1),
    "find": find,
    "map_in": magnify,
    "zoom": zoom,
    "back": back,
    "focus_encoding": focuses("encoding"),
    "focus_map": focuses("map"),
    "focus_neighbours": focuses("neighbours"),
    "focus_next": cycle,
    "focus_previous": cycle,
    "freeze": freeze,
    "view_encodings": leaves,
    "copy": copy,
    "theme": theme,
    "palette": opens(Palette),
    "help": opens(HelpScreen),
    "recover": recover,
}
OTHERS = {command_id(view) for view in VIEWS if view not in (LAB, "encodings")}
ELSEWHERE = {"quit", "screenshot", "save_pane", "map_out"} | OTHERS  # in the tests of the Lab; `map_out` with `map_in`


def test_every_command_has_a_proof_and_no_key_two() -> None:
    assert set(PROOFS) | ELSEWHERE == {one.id for one in ENCODINGS}
    keys = [key for one in ENCODINGS for key in one.keys]
    assert len(keys) == len(set(keys))


@pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
async def test_every_key_does_what_its_command_says(size: tuple[int, int]) -> None:
    async with stage(size=size) as s:
        await opened(s)
        for name, proof in PROOFS.items():
            for key in ENCODINGS[name].keys:
                try:
                    await proof(s, key)
                except AssertionError as error:
                    raise AssertionError(f"{name} by {key}: {error}\n{s.text()}") from error


async def test_the_subject_travels_there_and_back() -> None:
    async with stage() as s:
        s.lab.score.playhead = 20
        view = await opened(s)
        assert view.standpoint.playhead == 20
        text = s.session.snapshot().probe_text
        token = ALPHABET.index(text[20])
        name = text[20].replace(" ", "␣")
        assert f"`{name}` is token {token} of 66, read {100 * (66 - token):,} times in an epoch" in s.text()
        assert f"row {token} of the embedding, has 16 numbers, norm " in s.text()
        await s.press("right", "right", "escape")
        assert s.app.screen is s.lab
        assert s.lab.score.playhead == 22
        assert re.search(r"playhead +22/", s.text())


async def test_the_unit_and_the_layer_travel_along() -> None:
    async with stage() as s:
        await s.press("G", "g", "down", "down")
        before = s.lab.standpoint
        assert before.unit is not None
        assert before.layer == 1
        await s.press("f2", "right")
        assert s.app.view.standpoint == replace(before, playhead=before.playhead + 1)
        await s.press("escape")
        assert s.lab.standpoint == replace(before, playhead=before.playhead + 1)
        chosen = s.lab.score.selection
        assert (chosen.layer, chosen.gate, chosen.unit) == (1, before.quantity, before.unit)


async def test_the_embedding_is_asked_for_only_while_it_is_looked_at() -> None:
    def asked() -> list[object]:
        return [call[1] for call in s.session.calls if call[0] == "look_for"]

    async with stage() as s:
        assert asked() == []
        await opened(s)
        assert asked() == [ASKED]
        await s.press("f2")
        assert asked() == [ASKED, ()]
        before = s.session.snapshot().looks.get("embedding")
        await s.frames(3)
        assert s.session.snapshot().looks.get("embedding") is before
        await s.press("f2", "question_mark", "escape")
        assert asked() == [ASKED, (), ASKED]


async def test_a_key_that_repeats_opens_the_view_once() -> None:
    async with stage() as s:
        await s.press("f2", "f2", "f2")
        assert len(s.app.screen_stack) == 2
        await s.press("escape", "escape", "escape")
        assert s.app.screen is s.lab
        assert len(s.app.screen_stack) == 1


async def test_the_lab_is_up_to_date_when_one_returns_and_arranged_for_the_new_size() -> None:
    async with stage() as s:
        await opened(s)
        await s.frames(10)
        await s.pilot.resize_terminal(80, 24)
        await s.pull()
        assert {len(line) for line in s.lines()} == {80}
        await s.press("f2")
        assert s.lab.shown.step == s.session.snapshot().step
        assert "1 loss" in s.lines()[1]
        assert {len(line) for line in s.lines()} == {80}


async def test_messages_and_divergence_arrive_in_the_view() -> None:
    async with stage() as s:
        view = await opened(s)
        s.session.say(message="saved elsewhere")
        await s.pull()
        assert "saved elsewhere" in s.lines()[-1]
        s.session.say(phase=Phase.DIVERGED, message="the loss is not finite")
        await s.pull()
        assert s.app.screen is not view
        await s.press("l")
        assert s.app.screen is view


@pytest.mark.parametrize(("width", "height"), [(60, 16), (80, 24), (99, 40), (100, 30), (120, 36), (300, 100)])
def test_panes_are_seen_or_under_a_tab(width: int, height: int) -> None:
    for front in PANES:
        found = arrange(width, height, PANES, None, front, 24)
        assert front in found.panes
        assert set(found.panes) | set(found.tabs) == set(PANES)
    assert arrange(width, height, PANES, "map", "map", 24).panes == ("map",)
    assert arrange(59, 16, PANES, None, "map", 24).too_small


async def test_small_screens_name_the_other_panes_and_tiny_ones_what_they_need() -> None:
    async with stage(size=(80, 24)) as s:
        await opened(s)
        assert "1 encoding" in s.lines()[1]
        assert "2 map" in s.lines()[1]
        assert "PCA" not in s.text()
        await s.press("2")
        assert "PCA" in s.lines()[1]
        await s.pilot.resize_terminal(40, 10)
        await s.pull()
        assert "seqtui needs 60×16" in s.text()
        await s.press("3", "right", "plus")
        await s.pilot.resize_terminal(120, 36)
        await s.pull()
        assert "1 encoding" in s.text()


async def test_rows_show_text_tokens_indices_and_the_place_of_the_1() -> None:
    async with stage(size=(200, 50)) as s:
        view = await opened(s)
        await s.press("0")
        text = s.session.snapshot().probe_text
        rows = {name: next(line for line in s.lines() if f" {name} " in line) for name in ("text", "tokens", "indices")}
        assert text[:60] in rows["text"]
        start = rows["tokens"].index("tokens") + 11
        tokens = rows["tokens"][start:].split()
        assert tokens[:8] == [one.replace(" ", "␣") for one in text[:8]]
        assert rows["indices"][start:].split()[:8] == [str(ALPHABET.index(one)) for one in text[:8]]
        lines_of = [line for line in s.lines() if re.search(r"│ .* ·", line)]
        column = rows["tokens"].index(text[0], start)
        first = s.lines().index(next(line for line in s.lines() if " one-hot " in line))
        hot = [s.lines()[first + i][column] for i in range(len(lines_of))]
        each = -(-66 // (hot.index("1") + 1)) if "1" in hot else 0
        assert hot.count("1") == 1, hot
        assert each
        assert view.subject.token == ALPHABET.index(text[0])


def test_a_point_stands_where_there_is_no_room_for_a_label_and_the_first_labels_win() -> None:
    places = np.array([[0, 0], [0.01, 0], [0, 0.9], [5, 5], [np.nan, 0]], np.float32)
    labels = {token: (name, len(name)) for token, name in enumerate(("first", "second", "third", "far", "none"))}
    drawn = arranged(Window(0, 0, 1, 1, 41, 11), range(5), places, labels)
    assert [(one.token, one.label) for one in drawn] == [(0, "first"), (2, "third")]
    assert arranged(Window(0, 0, 1, 1, 41, 11), [1, 0], places, labels)[0].label == "second"
    beside = np.array([[0, 0], [0.2, 0]], np.float32)
    drawn = arranged(Window(0, 0, 1, 1, 41, 11), [0, 1], beside, labels)
    assert [one.label for one in drawn] == ["first", ""]
    covered = {(one.line, one.column + i) for one in drawn for i in range(max(1, len(one.label)))}
    assert len(covered) == sum(max(1, len(one.label)) for one in drawn)


def turned(vectors: EmbeddingMap, seed: int) -> EmbeddingMap:
    """The same embedding in a space that is rotated and mirrored, mapped after it."""
    random = np.random.default_rng(seed)
    matrix, _ = np.linalg.qr(random.normal(size=(vectors.vectors.shape[1],) * 2))
    moved = (vectors.vectors @ (matrix * random.choice([-1, 1], len(matrix)))).astype(np.float32)
    places, shares = places_of(moved, vectors.order, vectors.places)
    return replace(vectors, vectors=moved, places=places, shares=shares)


@pytest.mark.parametrize("seed", range(4))
async def test_a_rotated_or_mirrored_embedding_gives_the_same_picture(seed: int) -> None:
    vectors = make_embedding(600)
    subject = Subject(Phase.TRAINING, "char", len(ALPHABET), 0, make_probe("the cat", 600, 8, 1), vectors, 2)
    pane = MapPane()
    async with staged(pane, size=(100, 30)):
        pane.take(subject)
        before = lines(pane)
        assert sum(len(line.split()) for line in before) > 20
        pane.take(replace(subject, embedding=turned(vectors, seed)))
        assert lines(pane) == before


async def test_a_model_with_one_hot_vectors_says_which_row_is_read() -> None:
    async with stage() as s:
        vectors = replace(make_embedding(500), name="layers.0.W_xh")
        view = await opened(s)
        await s.press("space")
        s.session.say(looks={"embedding": vectors})
        await s.pull()
        token = view.subject.token
        assert f"no embedding: the one-hot vector times W_xh is row {token} of W_xh, 16 numbers" in s.text()
        assert "W_xh row" in s.text()
        assert "map of rows of W_xh" in s.text()


async def test_unknown_tokens_and_padding_are_explained() -> None:
    symbols = ("<unk>", " the", " cat", " sat")
    vectors = make_embedding(500)
    few = replace(vectors, symbols=symbols, counts=vectors.counts[:4], order=by_frequency(vectors.counts[:4]),
                  vectors=vectors.vectors[:4], places=vectors.places[:4])  # fmt: skip
    probe = replace(
        make_probe("abc", 500, 8, 1), symbols=(" the", "<unk>", " sat"), tokens=np.array([1, 0, 3], np.int32)
    )
    async with stage() as s:
        view = await opened(s)
        await s.press("space")
        shape = ModelConfig(vocabulary_size=4, hidden=8, outputs=2)
        s.session.say(looks={"embedding": few}, probe=probe, vocabulary=4, tokens_by="word", shape=shape)
        view.point(1)
        await s.pull()
        assert "`<unk>` is token 0 of 4: it stands for every word that is not in the vocabulary" in s.text()
        assert "end in <pad>: token 0, masked" in s.text()
        await s.press("slash", *"cat", "enter")
        assert "`cat` is token 2 of 4" in s.text()
        s.session.say(shape=None)
        await s.pull()
        await s.press("left")
        assert "batches have no padding" in s.text()


async def test_tokens_outside_the_vocabulary_are_drawn_without_an_index() -> None:
    evil = "[red]x[/red] \x1b[31m\x07[@click=app.quit]y[/]\u202e漢"
    async with stage() as s:
        view = await opened(s)
        await s.press("space")
        s.session.say(probe_text=evil, probe=make_probe(evil, 600, 64, 2))
        for t in range(len(evil)):
            view.point(t)
            await s.pull()
            for line in s.lines():
                assert line.isprintable()
                assert cell_len(line) == 120
        view.point(0)
        await s.pull()
        assert "is not in the vocabulary" in s.text()


async def test_numbers_that_are_not_finite_are_said() -> None:
    vectors = make_embedding(500)
    broken = replace(
        vectors, vectors=np.full_like(vectors.vectors, np.nan), places=np.full_like(vectors.places, np.nan)
    )
    async with stage() as s:
        await opened(s)
        await s.press("space")
        s.session.say(looks={"embedding": broken})
        await s.pull()
        assert "no map: the vectors are not finite" in s.text()
        assert "no vector to compare with" in s.text()


async def test_before_the_first_probe_every_pane_says_what_it_waits_for() -> None:
    async with stage(ScriptedSession(), frames=0) as s:
        await s.press("f2")
        assert "waiting for the corpus and the model" in s.text()
    async with stage(ScriptedSession(fail="no such file"), frames=3) as s:
        await s.press("f2")
        assert "nothing to show: training failed" in s.text()


async def test_a_frame_without_news_costs_no_line() -> None:
    async with stage() as s:
        view = await opened(s)
        await s.press("space")
        await s.pull()
        painted = [pane.lines_painted for pane in view.panes.values()]
        for _ in range(5):
            s.session.say(message="")
            await s.pull()
        assert [pane.lines_painted for pane in view.panes.values()] == painted


async def test_clicks_move_the_playhead_and_pick_tokens() -> None:
    async with stage() as s:
        view = await opened(s)
        await s.press("0")
        region = view.encoding.content_region
        await s.pilot.click(offset=(region.x + 13 + 3 * 4, region.y + 1))
        await s.pull()
        assert view.standpoint.playhead == 4
        region = view.neighbours.content_region
        await s.pilot.click(offset=(region.x + 8, region.y + 1))
        await s.pull()
        assert view.subject.picked is not None
        assert view.focused is view.neighbours


def test_a_snapshot_without_a_probe_has_no_subject() -> None:
    assert Subject.of(Snapshot(), 5, 3).token is None


async def test_quitting_from_the_view_saves_and_says_so() -> None:
    async with stage() as s:
        view = await opened(s)
        await s.pilot.press("q")
        await s.app.workers.wait_for_complete()
        await s.pilot.pause()
        assert s.last_call() == ("close", 2.0)
        assert s.app.farewell.startswith("Run tales-lstm-2x64 is saved")
        assert view.status is s.app.view.status


@pytest.mark.parametrize("width", [80, 120, 160])
async def test_the_help_of_the_view_lists_its_keys_in_lines_of_their_own(width: int) -> None:
    async with stage(size=(width, 60)) as s:
        await opened(s)
        await s.press("question_mark")
        assert "the encodings" in s.text()
        assert "Pick a token by typing it." in s.text()
        assert "Enlarge the map around the token." in s.text()
        assert all(line.strip(" │") != "the score" for line in s.lines()), "groups without commands are left out"


@pytest.mark.parametrize("width", [100, 110, 140])
async def test_neighbours_show_how_often_they_are_read_at_any_width(width: int) -> None:
    async with stage(size=(width, 36)) as s:
        view = await opened(s)
        (other, _), *_ = view.subject.vectors.nearest(view.subject.token, 1)  # type: ignore[union-attr,arg-type]
        line = lines(view.neighbours)[1]
        assert f" {view.subject.vectors.counts[other]:,}" in line  # type: ignore[union-attr]
