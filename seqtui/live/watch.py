"""One run under observation: when it is probed, which example is looked at, and what is generated with it.

Probing takes a small share of one core: after a probe of s seconds the next one waits s / PROBE_SHARE.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from seqcore.errors import SeqError
from seqcore.records import Example, Probe, References

from seqtui.live.author import Author
from seqtui.live.browser import Browser
from seqtui.live.earlier import EarlierWatch
from seqtui.live.hand import Hand
from seqtui.live.lookers import FOLLOW_CUTS, LOOKERS, Looker, Resting, Scene
from seqtui.live.seen import Desk, Weights
from seqtui.live.table import Table

if TYPE_CHECKING:
    from seqcore.run import Run
    from seqcore.serial import SerialModel
    from seqcore.surgery.context import ContextCut
    from seqcore.surgery.cut import Cut

PROBE_SHARE = 0.04  # of one core's time
PROBE_PAUSE = 0.3  # seconds between probes, at least
LONGEST_PROBE = 512  # tokens


def compile_for_looking(run: Run, stop: Callable[[], bool]) -> None:
    """Compile or load the serial kernels of the run's family; only the first run of a family takes a moment."""
    from seqcore import probe, serial  # noqa: F401  # registers their kernels before they are compiled
    from seqcore.jit import compile_kernels, kernel_groups

    compile_kernels(kernel_groups(run.config.model.kernels, "look"), stop=stop)


class Watch:
    """The observer's work on one run."""

    def __init__(self, desk: Desk, run: Run, gone: Callable[[], bool]) -> None:
        from seqcore.serial import serial_model

        self.desk, self.run, self.gone = desk, run, gone
        self.looker: SerialModel = serial_model(run.config.model)  # for probes
        self.author = Author(desk, run) if run.config.task.generates else None
        self.browser = Browser(run)
        self.probed_step, self.probe_due = -1, 0.0
        self.probe: Probe | None = None  # of the example
        self.example: Example | None = None  # that is probed; if it was typed, without targets
        self.probed: Weights | None = None  # of the probe, without the cuts
        self.table = Table()
        self.warning = ""
        self.hand = Hand(desk, run, self.looker)
        self.referred = False
        self.lookers: dict[str, Looker] = {}  # those that were asked for
        self._refused = ""  # what a looker said last that it cannot show
        self.earlier = EarlierWatch(desk, run)

    def turn(self) -> float:
        """Do what is due; return the seconds to wait before the next turn."""
        now = time.monotonic()
        due = now >= self.probe_due or (self.author is not None and self.author.due(now))
        weights = self.desk.take_weights(self.run, due)
        asked = self.desk.take_requests()
        if asked.cut or self.example is None:
            self._cut(asked.seen.cuts)
        if asked.turned:
            self.browser, self.referred = Browser(self.run), False
        if asked.text_changed or self.example is None:
            self.browser.stop()
            self._choose_text(asked.seen.probe_text, asked.passage, asked.width)
        if asked.choice is not None:
            self.hand.choose(asked.choice)
        if asked.prompt_changed and self.author is not None:
            self.author.start_over()
        if weights is None:
            return 0.05
        given, weights = weights, self.table.cut(weights)
        if weights.step != self.probed_step and now >= self.probe_due:
            self._probe(weights)
            self.probed = given
        for name, arguments in asked.asks.items():
            self._look(name, arguments, weights)
        for name, looker in self.lookers.items():
            if name not in asked.asks and isinstance(looker, Resting):
                looker.rest()
        for what in asked.browse if self.browser.count else ():
            self._browse(what, asked.passage % self.browser.count, weights)
        self.earlier.turn()
        if self.author is not None:
            self.author.keep_early(asked.seen)
            self.author.write(weights, asked.seen)
        if self.browser.step is not None:
            self._search()
        elif not self.referred:
            self._refer()
        return 0.05 if self.browser.step is None else 0.002

    def _choose_text(self, text: str, passage: int, width: int) -> None:
        """Take what was typed, or else an example or a passage."""
        task, vocabulary, data = self.run.config.task, self.run.vocabulary, self.run.data
        self.warning = ""
        longest = min(LONGEST_PROBE, self.looker.longest or LONGEST_PROBE)
        if text:
            try:
                tokens, self.warning = task.encode(vocabulary, text)
                self._take(Example.unlabelled(tokens), longest)
                self.desk.publish(self.run, message=self.warning, example=None, searched=None)
                return
            except SeqError as error:
                self.desk.publish(self.run, message=str(error), probe_text="")
        self._take(data.example(vocabulary, passage, min(width, longest)), longest)
        count = self.browser.count
        self.desk.publish(self.run, example=passage % count if count else None, searched=None)

    def _cut(self, cuts: tuple[Cut | ContextCut, ...]) -> None:
        """Look at the model and the example without these parts."""
        self.table.take(cuts)
        self.browser.stop()
        for name in self.lookers.keys() - FOLLOW_CUTS:
            del self.lookers[name]
        if self.author is not None:
            self.author.start_over()
        if self.table.whole is not None:
            self._lay(self.table.whole)

    def _lay(self, whole: Example) -> None:
        """Probe an example, without the timesteps that are cut."""
        self.example, refused = self.table.lay(whole, self.run.config.model)
        if refused:
            self.desk.publish(self.run, message=refused, cuts=self.table.cuts)
        self.probed_step, self.probe_due, self.probe = -1, 0.0, None
        self.hand.drop()

    def _take(self, example: Example, longest: int) -> None:
        """Take an example, at most `longest` timesteps of it."""
        if (steps := len(example.inputs)) > longest:
            self.warning = f"the first {longest} of {steps:,} tokens are probed"
            cut = slice(0, longest)
            example = Example(example.inputs[cut], example.targets[cut], example.asked[cut])
        self._lay(example)

    def _probe(self, weights: Weights) -> None:
        assert self.example is not None  # one is chosen before anything is probed
        self.looker.load(weights.flat)
        task, vocabulary, example = self.run.config.task, self.run.vocabulary, self.example
        seen = task.probe(self.looker, vocabulary, example.inputs, weights.step, self.warning, example)
        self.probed_step, self.probe = weights.step, seen
        self.probe_due = time.monotonic() + max(PROBE_PAUSE, seen.seconds / PROBE_SHARE)
        self.desk.publish(self.run, probe=self.hand.written_on(seen))

    def _look(self, name: str, arguments: Any, weights: Weights) -> None:
        """Let a looker look, and publish what it has found."""
        assert self.example is not None
        if name not in self.lookers:
            self.lookers[name] = LOOKERS[name](self.run)
        looker, gone, known = self.lookers[name], self.gone, self.lookers
        scene = Scene(
            weights, self.looker, self.example, self.probe, lambda: gone() or known.get(name) is not looker,
            self.table.whole, self.probed, self.table.cuts,
        )  # fmt: skip
        try:
            found = looker.look(scene, arguments)
        except SeqError as error:
            if str(error) != self._refused:
                self._refused = str(error)
                self.desk.publish(self.run, message=self._refused)
            return
        if found is not None:
            self.desk.publish_look(self.run, name, found)

    def _browse(self, what: str, number: int, weights: Weights) -> None:
        """Go to a longer or shorter example, or begin to search for one that is wrong."""
        if what == "error":
            self.browser.search(weights, number)
            self.desk.publish(self.run, searched=0)
            return
        found = self.browser.by_length(number, 1 if what == "longer" else -1)
        if found is None:
            self.desk.publish(self.run, message=f"no held-out example is {what}")
        else:
            self.desk.show_example(self.run, found)

    def _search(self) -> None:
        """Continue the search for an error."""
        step = self.browser.step
        found = self.browser.look()
        if found is not None:
            self.desk.show_example(self.run, found)
        elif self.browser.step is None:
            line = f"no error in {self.browser.count:,} held-out examples at step {step:,}"
            self.desk.publish(self.run, message=line, searched=None)
        else:
            self.desk.publish(self.run, searched=self.browser.looked)

    def _refer(self) -> None:
        """Publish what simple models reach on the held-out part."""
        self.referred = True
        data, task, vocabulary = self.run.data, self.run.config.task, self.run.vocabulary
        if not data.held_out_shape(self.run.config.model)[0]:
            return
        found = References(data.baselines(vocabulary).losses)
        facts = data.report({}, vocabulary) if task.measures else {}
        facts |= data.background()
        if data is self.run.data:  # the dial was not turned meanwhile
            self.desk.publish(self.run, references=found, facts=facts)
