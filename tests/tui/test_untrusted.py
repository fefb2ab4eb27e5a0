"""Text from a corpus, a model or a file name is drawn literally: no markup, no control characters."""

import numpy as np
from seqcore.records import Sample

from seqtui.live.snapshot import CorpusChoice
from tests.tui.reading import SIZES, Stage, stage
from tests.tui.scripted import ScriptedSession, make_probe

EVIL = "[red]x[/red] \x1b[31m\x07[@click=app.quit]y[/]\u202e"
SEEN = "[red]x[/red] ␛[31m␇[@click=app.quit]y[/]"


def clean(s: Stage) -> bool:
    """Whether the screen is free of control characters."""
    return all(character.isprintable() for line in s.lines() for character in line)


async def test_a_corpus_is_drawn_literally_everywhere() -> None:
    choices = (CorpusChoice(EVIL, f"about {EVIL}", 10),)
    for size in SIZES:
        async with stage(ScriptedSession(corpora=choices), size=size) as s:
            assert "[31m␇[@click=app.quit]y[/]" in s.lines()[0]
            assert clean(s)
            await s.press("c")
            assert SEEN in s.text()
            assert f"about {SEEN}" in s.text()
            assert clean(s)


async def test_messages_are_drawn_literally() -> None:
    async with stage() as s:
        s.session.say(message=EVIL)
        await s.pull()
        assert SEEN in s.text()
        s.session.say(message=EVIL * 4)
        await s.pull()
        await s.pilot.pause()
        assert clean(s)
    async with stage(ScriptedSession(fail=EVIL)) as s:
        assert f"failed: {SEEN}" in s.text()
        assert clean(s)
    session = ScriptedSession(diverge_at=500)
    async with stage(session, frames=30) as s:
        session.diverge_at = None
        assert clean(s)


async def test_texts_are_edited_and_drawn_literally() -> None:
    async with stage() as s:
        probe = make_probe(EVIL, 600, 64, 2)
        sample = Sample(600, EVIL, tuple(EVIL), np.full(len(EVIL), 0.5, np.float32), 0.8, False)
        s.session.say(probe_text=EVIL, probe=probe, prompt=EVIL, sample=sample)
        await s.pull()
        assert clean(s)
        for key in "ep":
            await s.press(key)
            assert SEEN in s.text()
            assert clean(s)
            await s.press("enter")
            assert s.last_call()[0] not in ("set_probe_text", "set_prompt"), "looking at it changes nothing"


async def test_what_is_copied_obeys_nothing() -> None:
    async with stage() as s:
        s.session.say(probe_text=f"a\n{EVIL}")
        await s.pull()
        await s.press("y")
        assert s.app.clipboard.startswith(f"a\n{SEEN}")


async def test_a_run_with_an_evil_name_makes_a_tame_file_name_and_farewell() -> None:
    async with stage() as s:
        s.session.say(run=f"../{EVIL}")
        await s.pilot.press("q")
        await s.app.workers.wait_for_complete()
        assert f"seqtui --run ../{SEEN}" in s.app.farewell
