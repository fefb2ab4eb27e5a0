"""A live training session behind a screen: two threads, and the newest state as a snapshot.

The *trainer* thread runs steps and executes commands between them; it is the only one that runs parallel kernels. The
*observer* thread probes and generates with serial kernels on copies of the parameters. Neither calls into the screen:
the screen pulls `snapshot()`, which combines what both published last.

The threads import the engine, so that the screen is painted before the engine is loaded.
"""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import Any

from seqcore.errors import SeqError
from seqcore.surgery.context import ContextCut
from seqcore.surgery.cut import Cut

from seqtui.live.observer import Observer
from seqtui.live.opening import Opening
from seqtui.live.slot import Slot
from seqtui.live.snapshot import GRAVE, CorpusChoice, ModelChoice, Snapshot
from seqtui.live.trainer import TrainerThread


class LiveSession:
    """See `seqtui.live.snapshot.Session`.

    `run` reopens a run by name or folder; `corpus` is then its new path, if it has moved, and `changed_ok` accepts a
    corpus that has changed. `keep` False writes nothing to disk; `paused` waits before the first step. `task` and its
    `options` are for `corpus`; None takes the task that the corpus is for, and `tokens_by` None the task's default.
    """

    def __init__(
        self,
        corpus: str | None = None,
        *,
        choice: ModelChoice | None = None,
        run: str | None = None,
        paused: bool = False,
        encoding: str = "utf-8",
        tokens_by: str | None = None,
        threads: int | None = None,
        seed: int = 1,
        keep: bool = True,
        changed_ok: bool = False,
        task: str | None = None,
        options: Mapping[str, Any] = MappingProxyType({}),
    ) -> None:
        source = corpus or ("" if run else "tales")
        begins = choice or ModelChoice()
        opening = Opening(source, begins, run, encoding, tokens_by, seed, keep, changed_ok, task, options)
        self._closing = threading.Event()
        self._slot = Slot(Snapshot(corpus=source, model=opening.choice, tokens_by=tokens_by or "char"))
        self._observer = Observer(self._closing)
        self._trainer = TrainerThread(opening, self._slot, self._observer, self._closing, threads, paused)

    def snapshot(self) -> Snapshot:
        """Return the newest state of both threads; the serial grows whenever something in it changes."""
        state, said_at = self._slot.read()
        seen = self._observer.seen()
        return replace(
            state,
            serial=state.serial + seen.serial,
            message=state.message if state.phase in GRAVE or said_at >= seen.said_at else seen.message,
            references=seen.references,
            facts=seen.facts,
            example=seen.example,
            searched=seen.searched,
            probe_text=seen.probe_text,
            probe=seen.probe,
            prompt=seen.prompt,
            temperature=seen.temperature,
            sample=seen.sample,
            earlier=seen.earlier,
            tally=seen.tally,
            looks=seen.looks,
            earlier_runs=seen.earlier_runs,
            cuts=seen.cuts,
        )

    def start(self) -> None:
        """Load, compile, train."""
        self._trainer.thread.start()
        self._observer.start()

    def pause(self) -> None:
        """Stop after the current step."""
        self._trainer.request(lambda trainer: trainer.set_paused(True))

    def resume(self) -> None:
        """Continue training."""
        self._trainer.request(lambda trainer: trainer.set_paused(False))

    def one_step(self) -> None:
        """Train one step, then pause."""
        self._trainer.request(TrainerThread.single_step)

    def scale_rate(self, factor: float) -> None:
        """Multiply the learning rate."""
        self._trainer.request(lambda trainer: trainer.scale_rate(factor))

    def set_temperature(self, temperature: float) -> None:
        """Set the temperature of generated text."""
        self._observer.set_temperature(temperature)

    def set_probe_text(self, text: str) -> None:
        """Set the text to probe; "" selects a passage of the validation part."""
        self._observer.set_probe_text(text)

    def set_prompt(self, prompt: str) -> None:
        """Set the prompt of generated text."""
        self._observer.set_prompt(prompt)

    def next_passage(self) -> None:
        """Probe the next held-out example, or another passage of the validation part."""
        self._observer.move_passage(1)

    def previous_passage(self) -> None:
        """Probe the held-out example before, or the passage before."""
        self._observer.move_passage(-1)

    def next_error(self) -> None:
        """Search the held-out examples for the next one that the current weights get wrong, and probe it."""
        self._observer.browse("error")

    def next_by_length(self, direction: int) -> None:
        """Probe the next longer held-out example, or the next shorter one (direction < 0)."""
        self._observer.browse("longer" if direction > 0 else "shorter")

    def turn_dial(self, direction: int) -> None:
        """Turn the dial of the task one step up or down (direction < 0); training continues with the same weights."""
        self._trainer.request(lambda trainer: trainer.turn_dial(direction))

    def write_after(self, begun: tuple[int, ...], typed: str, width: int) -> None:
        """Let the model write on after symbols of the target, and a text that follows them, with a beam of `width`."""
        self._observer.write_after(begun, typed, width)

    def set_cuts(self, cuts: tuple[Cut | ContextCut, ...]) -> None:
        """Look at the model without these parts, and at the example without these timesteps; training goes on."""
        self._observer.set_cuts(cuts)

    def set_probe_width(self, columns: int) -> None:
        """Set how many tokens of a passage fit the screen."""
        self._observer.set_probe_width(columns)

    def look_for(self, asks: Mapping[str, Any]) -> None:
        """Compute this from now on, by name, and nothing else of the kind; see `lookers`."""
        self._observer.look_for(asks)

    def change_model(self, choice: ModelChoice) -> None:
        """Start a new run of another model; settings not in `choice` stay (see `following`). Saves the old run."""
        self._trainer.request(lambda trainer: trainer.change_model(choice))

    def change_corpus(self, name: str) -> None:
        """Start a new run of the same model with the same settings on another corpus. Saves the old run."""
        self._trainer.request(lambda trainer: trainer.change_corpus(name))

    def corpora(self) -> tuple[CorpusChoice, ...]:
        """Return the sample corpora and generated ones, those for the same shape of task together."""
        from seqcore.data.samples import sample_info, sample_names
        from seqcore.tasks.table import TASKS, generated

        found = []
        for name in sample_names(None):
            with contextlib.suppress(SeqError):
                info = sample_info(name)
                form = TASKS[info.task].form if info.task in TASKS else ""
                found.append(CorpusChoice(info.name, info.description, info.characters, form, info.rows))
        found += [CorpusChoice(dial.source, about, 0, task.form, dial=dial) for task, dial, about in generated()]
        forms = list(dict.fromkeys([task.form for task in TASKS.values()]))
        return tuple(sorted(found, key=lambda one: forms.index(one.form) if one.form in forms else len(forms)))

    def save(self) -> None:
        """Write a checkpoint now."""
        self._trainer.request(TrainerThread.save)

    def recover(self) -> None:
        """Return to the last good checkpoint, at half its learning rate."""
        self._trainer.request(TrainerThread.recover)

    def close(self, timeout: float = 2.0) -> bool:
        """Write a checkpoint and end both threads; return whether they ended within `timeout` seconds."""
        self._closing.set()
        self._trainer.request(lambda trainer: None)  # wakes the thread if it waits
        until = time.monotonic() + timeout
        threads = (self._trainer.thread, self._observer.thread)
        for thread in threads:
            if thread.is_alive():
                thread.join(max(0.0, until - time.monotonic()))
        return not any(thread.is_alive() for thread in threads)
