"""The second thread of a live session: probes the model and generates text, in parallel with training.

It works on copies of the parameters that the trainer thread hands over on request, and runs serial kernels only. This
file is the thread and its interface; `watch` is what it does with one run.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from seqcore.errors import SeqError
from seqcore.records import Tally
from seqcore.surgery.context import ContextCut
from seqcore.surgery.cut import Cut

from seqtui.live.seen import Choice, Requests, Seen, Weights
from seqtui.live.watch import LONGEST_PROBE, Watch, compile_for_looking

if TYPE_CHECKING:
    from seqcore.run import Run

BEFORE_STILL, STILL = 20, 0.2  # turns without news after which nothing moves; seconds between turns from then on
MOST_KEPT = 32 << 20  # bytes of parameters that may wait for a sample to be generated with them


def is_milestone(step: int) -> bool:
    """True for 0, 1, 2, 5, 10, 20, 50, ...: samples of these steps are kept."""
    return step == 0 or str(step).rstrip("0") in ("1", "2", "5")


class Observer:
    """Any thread may create, start and steer it; it looks at models on its own thread."""

    def __init__(self, closing: threading.Event) -> None:
        self._closing = closing
        self._lock = threading.Lock()
        self._wake = threading.Condition(self._lock)
        self._seen = Seen()
        self._run: Run | None = None
        self._weights: Weights | None = None
        self._ready = threading.Event()  # kernels may be loaded
        self.wants_weights = False
        self._milestones: deque[Weights] = deque()
        self._width, self._passage = 80, 0
        self._asks: Mapping[str, Any] = {}
        self._fresh = False  # whether there are new parameters or questions since the last turn began
        self._text_changed = self._prompt_changed = self._turned = self._cut = False
        self._browse: list[str] = []
        self._choice: Choice | None = None
        self.thread = threading.Thread(target=self._guarded, name="seqtui-observer", daemon=True)

    def start(self) -> None:
        """Start the thread; it waits for `may_look`."""
        self.thread.start()

    def seen(self) -> Seen:
        """The newest published state."""
        with self._lock:
            return self._seen

    def may_look(self) -> None:
        """Allow the serial kernels to be loaded: those of the trainer are ready."""
        self._ready.set()

    def watch(self, run: Run) -> None:
        """Switch to another run; probe text, prompt and temperature stay."""
        with self._wake:
            before = self._run
            self._run, self._weights, self.wants_weights = run, None, True
            self._text_changed = self._prompt_changed = True
            self._browse.clear()
            self._choice = None
            if before is not None and type(before.config.task) is not type(run.config.task):
                self._passage = 0  # a text for one task means little to another
                self._update(probe_text="")
            self._update(
                probe=None, sample=None, earlier=(), references=None, facts={}, example=None, searched=None,
                tally=Tally(), looks={}, earlier_runs=(), cuts=(), message="",
            )  # fmt: skip

    def turned(self, run: Run) -> None:
        """Look at `run` again: it has other examples of the same kind."""
        with self._wake:
            if run is self._run:
                self._text_changed = self._turned = True
                self._update(references=None, facts={}, searched=None)

    def offer(self, weights: Weights) -> None:
        """Take the parameters from the trainer thread."""
        with self._wake:
            self._weights, self.wants_weights, self._fresh = weights, False, True
            self._wake.notify_all()

    def keep(self, weights: Weights) -> None:
        """Queue parameters for a sample that is kept; drops the oldest if the observer cannot keep up."""
        with self._wake:
            most = 1 + MOST_KEPT // max(1, weights.flat.nbytes)
            while len(self._milestones) >= most:
                self._milestones.popleft()
            self._milestones.append(weights)

    def take_milestone(self, run: Run) -> Weights | None:
        """Return the oldest queued parameters of `run`, or None."""
        with self._lock:
            while self._milestones:
                weights = self._milestones.popleft()
                if weights.run is run:
                    return weights
            return None

    def set_temperature(self, temperature: float) -> None:
        """Set the temperature of samples; the current one starts over."""
        with self._wake:
            self._prompt_changed = True
            self._update(temperature=min(10.0, max(0.0, temperature)))

    def set_prompt(self, prompt: str) -> None:
        """Set the prompt of samples."""
        with self._wake:
            self._prompt_changed = True
            self._update(prompt=prompt, message="")

    def set_probe_text(self, text: str) -> None:
        """Set the text to probe; "" selects a passage of the validation part."""
        with self._wake:
            self._text_changed, self._choice = True, None
            self._update(probe_text=text, message="")

    def move_passage(self, by: int) -> None:
        """Probe another passage of the validation part, or another held-out example."""
        with self._wake:
            self._go_to(self._passage + by)

    def _go_to(self, passage: int) -> None:
        """Probe a passage, or an example, by its number; the lock must be held."""
        self._passage, self._text_changed, self._choice = passage, True, None
        self._browse.clear()
        self._update(probe_text="")

    def browse(self, what: str) -> None:
        """Look for another example: the next "longer" or "shorter" one, or the next "error"."""
        with self._wake:
            self._browse.append(what)
            self._wake.notify_all()

    def set_cuts(self, cuts: tuple[Cut | ContextCut, ...]) -> None:
        """Look at the model without these parts, and at the example without these timesteps, from now on."""
        with self._wake:
            self._cut = True
            self._update(cuts=cuts, message="")

    def write_after(self, begun: tuple[int, ...], typed: str, width: int) -> None:
        """Let the model write on after symbols of the target, and after a text that follows them."""
        with self._wake:
            self._choice = Choice(begun, typed, width)
            self._wake.notify_all()

    def show_example(self, run: Run, number: int) -> None:
        """Probe a held-out example of `run` that was asked for, unless another one was asked for meanwhile."""
        with self._wake:
            if run is self._run and not self._text_changed:
                self._go_to(number)

    def set_probe_width(self, columns: int) -> None:
        """Set the length of a passage in tokens."""
        columns = min(LONGEST_PROBE, max(2, columns))
        with self._wake:
            if columns != self._width:
                self._width = columns
                self._text_changed |= not self._seen.probe_text
                self._wake.notify_all()

    def look_for(self, asks: Mapping[str, Any]) -> None:
        """Compute this from now on, by name, and nothing else of the kind; see `lookers`."""
        with self._wake:
            self._asks, self._fresh = dict(asks), True
            self._wake.notify_all()

    def _update(self, **changes: Any) -> None:
        """Publish changes; the lock must be held."""
        if "message" in changes:
            changes["said_at"] = time.monotonic()
        self._seen = replace(self._seen, serial=self._seen.serial + 1, **changes)
        self._wake.notify_all()

    def publish(self, run: Run, **changes: Any) -> None:
        """Publish what was seen of `run`, unless the observer has switched to another one."""
        with self._wake:
            if run is self._run:
                self._update(**changes)

    def publish_look(self, run: Run, name: str, found: Any) -> None:
        """Publish what a view has asked for, unless the observer has switched to another run."""
        with self._wake:
            if run is self._run:
                self._update(looks={**self._seen.looks, name: found})

    # The observer thread.

    def _guarded(self) -> None:
        while not self._closing.is_set() and not self._ready.wait(0.1):
            pass
        if self._closing.is_set():
            return
        while not self._closing.is_set():
            try:
                self._watch_one_run()
            except SeqError as error:
                with self._wake:
                    self._update(message=str(error))
                self._closing.wait(0.5)
            except Exception as error:  # a defect here must neither stop the training nor stay hidden
                with self._wake:
                    self._update(message=f"internal error in the probe: {type(error).__name__}: {error}")
                self._closing.wait(2.0)

    def _watch_one_run(self) -> None:
        with self._lock:
            run = self._run
        if run is None:
            self._closing.wait(0.05)
            return

        def gone() -> bool:
            return self._closing.is_set() or run is not self._run

        compile_for_looking(run, gone)
        if gone():
            return
        watch = Watch(self, run, gone)
        quiet = 0  # turns in a row that had nothing to publish
        while not self._closing.is_set() and run is self._run:
            before = self._seen.serial
            pause = watch.turn()
            with self._wake:
                quiet = quiet + 1 if self._seen.serial == before else 0
                if not (self._text_changed or self._prompt_changed or self._browse or self._choice or self._cut
                        or self._fresh):  # fmt: skip
                    self._wake.wait(pause if quiet < BEFORE_STILL else max(pause, STILL))

    def has(self, run: Run, step: int) -> bool:
        """True if the weights of that step are here already; the request for them is then withdrawn."""
        with self._lock:
            known = self._weights is not None and (self._weights.run, self._weights.step) == (run, step)
            self.wants_weights = self.wants_weights and not known
            return known

    def take_weights(self, run: Run, newer: bool) -> Weights | None:
        """Return the newest parameters of `run` (None if there are none yet); `newer` also requests newer ones."""
        with self._lock:
            self._fresh = False
            weights = self._weights if self._weights is not None and self._weights.run is run else None
            self.wants_weights = self.wants_weights or newer or weights is None
            return weights

    def take_requests(self) -> Requests:
        """Return what the user asks for, and mark the changes as handled."""
        with self._lock:
            text, prompt, turned, browse = self._text_changed, self._prompt_changed, self._turned, (*self._browse,)
            self._text_changed = self._prompt_changed = self._turned = False
            choice, self._choice = self._choice, None
            cut, self._cut = self._cut, False
            self._browse.clear()
            return Requests(
                text, prompt, self._seen, self._passage, self._width, browse, turned, self._asks, choice, cut
            )
