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
from dataclasses import replace

from seqcore.errors import SeqError

from seqtui.live.observer import Observer
from seqtui.live.opening import Opening
from seqtui.live.slot import Slot
from seqtui.live.snapshot import GRAVE, CorpusChoice, ModelChoice, Snapshot
from seqtui.live.trainer import TrainerThread


class LiveSession:
    """See `seqtui.live.snapshot.Session`.

    `run` reopens a run by name or folder; `corpus` is then its new path, if it has moved, and `changed_ok` accepts a
    corpus that has changed. `keep` False writes nothing to disk; `paused` waits before the first step.
    """

    def __init__(
        self,
        corpus: str | None = None,
        *,
        choice: ModelChoice | None = None,
        run: str | None = None,
        paused: bool = False,
        encoding: str = "utf-8",
        tokens_by: str = "char",
        threads: int | None = None,
        seed: int = 1,
        keep: bool = True,
        changed_ok: bool = False,
    ) -> None:
        source = corpus or ("" if run else "tales")
        opening = Opening(source, choice or ModelChoice(), run, encoding, tokens_by, seed, keep, changed_ok)
        self._closing = threading.Event()
        self._slot = Slot(Snapshot(corpus=source, model=opening.choice, tokens_by=tokens_by))
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
            probe_text=seen.probe_text,
            probe=seen.probe,
            prompt=seen.prompt,
            temperature=seen.temperature,
            sample=seen.sample,
            earlier=seen.earlier,
            embedding=seen.embedding,
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
        """Probe another passage of the validation part."""
        self._observer.next_passage()

    def set_probe_width(self, columns: int) -> None:
        """Set how many tokens of a passage fit the screen."""
        self._observer.set_probe_width(columns)

    def set_embedding_shown(self, shown: bool) -> None:
        """Map the embedding from now on, or stop."""
        self._observer.set_embedding_shown(shown)

    def change_model(self, choice: ModelChoice) -> None:
        """Start a new run of another model; settings not in `choice` stay (see `following`). Saves the old run."""
        self._trainer.request(lambda trainer: trainer.change_model(choice))

    def change_corpus(self, name: str) -> None:
        """Start a new run of the same model with the same settings on another corpus. Saves the old run."""
        self._trainer.request(lambda trainer: trainer.change_corpus(name))

    def corpora(self) -> tuple[CorpusChoice, ...]:
        """Return the sample corpora."""
        from seqcore.data.samples import sample_info, sample_names

        found = []
        for name in sample_names():
            with contextlib.suppress(SeqError):
                info = sample_info(name)
                found.append(CorpusChoice(info.name, info.description, info.characters))
        return tuple(found)

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
