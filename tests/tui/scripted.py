"""A session that plays a script: no engine, no threads, deterministic."""

import math
from collections.abc import Mapping
from dataclasses import replace
from functools import lru_cache
from typing import Any

import numpy as np
from seqcore.data.vocabulary import Vocabulary
from seqcore.records import (
    F32,
    CompileProgress,
    History,
    Probe,
    References,
    Sample,
    Stave,
)
from seqcore.surgery.context import ContextCut
from seqcore.surgery.cut import Cut

from seqtui.live.embedding import EmbeddingMap, by_frequency, places_of
from seqtui.live.next_token import Asked, NextToken
from seqtui.live.snapshot import CorpusChoice, ModelChoice, Phase, Snapshot

KERNEL_NAMES = (
    "embedding forward",
    "{} forward",
    "softmax loss",
    "{} backward",
    "embedding backward",
    "weight gradient",
    "adamw",
    "sampling",
    "probe",
)
CONTEXT = 64  # attention's context in tokens: limits the length of its passages
PASSAGES = (
    "The miller kept two lamps. One was for the road and one was for the water, and he lit them in that order.",
    "Nobody rang before noon, so Ida counted the boats twice and wrote the smaller number down.",
    "A bridge of rope is slow to cross; a bridge of stone is slow to build. Choose early.",
)
WRITING = "the road went down to the water, and there the lamps were lit one after another until it was morning again. "
WIDEST = 512  # units of a layer in a probe: a random choice of the model must not fill the memory
ALPHABET = "etaoinshrdlucmfwypvbgkjqxz ,.;ETAOINSHRDLUCMFWYPVBGKJQXZ0123456789"
CORPORA = (
    CorpusChoice("tales", "short tales with few people and much weather", 812_000),
    CorpusChoice("sums", "additions and subtractions, with their results", 240_000),
    CorpusChoice("brackets", "brackets that have to be closed in the right order", 400_500),
)
STEPS_A_FRAME = 20
STAVES = {  # name, signed, limit, gate, magnitude of the values
    "rnn": (("h", True, 1.0, True, 1.0),),
    "gru": (
        ("reset", False, 1.0, True, 1.0),
        ("update", False, 1.0, True, 1.0),
        ("candidate", True, 1.0, True, 1.0),
        ("h", True, 1.0, True, 1.0),
    ),
    "lstm": (
        ("input", False, 1.0, True, 1.0),
        ("forget", False, 1.0, True, 1.0),
        ("cell", True, 1.0, True, 1.0),
        ("output", False, 1.0, True, 1.0),
        ("c", True, math.inf, True, 2.5),
        ("h", True, 1.0, True, 1.0),
    ),
    "attention": (
        ("q", False, math.inf, False, 6.0),
        ("k", False, math.inf, False, 6.0),
        ("v", False, math.inf, False, 2.0),
        ("stream", False, math.inf, False, 20.0),
    ),
    "feedforward": (("h", True, 1.0, True, 1.0),),
}
MEMORY = {
    "rnn": 1.5,
    "gru": 8.0,
    "lstm": 11.0,
    "attention": 40.0,
    "feedforward": 2.0,
}  # timesteps until reach falls to 1/e, when trained


def wave(rows: int, columns: int, phase: float, seed: int) -> F32:
    """Smooth activation-like values (rows, columns) in 0..1: sums of sines along the rows with random frequencies."""
    random = np.random.default_rng(seed)
    t = np.arange(rows)[:, None]
    total = np.zeros((rows, columns))
    for _ in range(3):
        speed = random.uniform(0.05, 0.9, columns)
        total += np.sin(speed * t + random.uniform(0, 6.3, columns) + phase)
    return (1 / (1 + np.exp(-0.9 * total))).astype(np.float32)


def kernel_names(family: str) -> tuple[str, ...]:
    """The kernels compiled for a family."""
    return tuple(name.format(family) for name in KERNEL_NAMES)


def make_staves(family: str, count: int, hidden: int, layers: int, heads: int, phase: float) -> tuple[Stave, ...]:
    """The staves of all layers, (count, units) each, with the names and limits specified in the records."""
    staves = []
    for layer in range(layers):
        for number, (name, signed, limit, gate, size) in enumerate(STAVES[family]):
            units = {"q": heads, "k": heads, "v": heads, "stream": layers + 1}.get(name, hidden)
            shared = 0 if name == "stream" else layer  # the residual stream is the same under every layer
            values = wave(count, units, phase + number, seed=10 * shared + number)
            if name == "stream":
                values = np.cumsum(0.2 + values, axis=1) / (1 + layers)
            scaled = size * (2 * values - 1) if signed else size * values
            staves.append(Stave(name, layer, scaled.astype(np.float32), signed, limit, gate))
    return tuple(staves)


def make_attention(text: str, layers: int, heads: int, learnt: float) -> F32:
    """Attention weights (layers, heads, T, T) in which every head has a fixed pattern, sharper with larger `learnt`.

    In turn: a nearby position, one further back, the last space, uniform. Rows sum to 1; NaN after t.
    """
    count = len(text)
    t, s = np.arange(count)[:, None], np.arange(count)[None, :]
    spaces = np.array([c == " " for c in text])
    weights = np.zeros((layers, heads, count, count))
    for layer in range(layers):
        for head in range(heads):
            back = 1 + 3 * layer
            habits = (
                -np.abs(t - s - back) * 1.5,
                -np.abs(t - s - 8 * (layer + 1)) * 0.3,
                4.0 * spaces[None, :] - 0.1 * (t - s),
                np.zeros((count, count)),
            )
            score = np.where(s <= t, learnt * habits[(head + layer) % 4], -np.inf)
            grown = np.exp(score - score.max(axis=1, keepdims=True)) if count else score
            weights[layer, head] = np.where(s <= t, grown / grown.sum(axis=1, keepdims=True), np.nan)
    return weights.astype(np.float32)


@lru_cache(maxsize=64)  # nearly every test starts with the same frames
def make_probe(
    text: str, step: int, hidden: int, layers: int, family: str = "lstm", heads: int = 4, size: float = 1.0
) -> Probe:
    """A plausible probe of `text` for a model of that family and size after `step` steps; arrays as in `Probe`.

    `size` scales the gradients, which are larger with a smaller embedding.
    """
    count = len(text)
    learnt = 1 - math.exp(-step / 600)
    phase = step / 900
    surprise = np.array(
        [0.3 + 2.2 * (before in " .,;") + (ord(c) * 37 % 11) / 11 for before, c in zip(" " + text, text, strict=False)]
    )
    loss = ((1 - learnt) * 4.1 + learnt * surprise).astype(np.float32)
    loss[:1] = np.nan
    staves = make_staves(family, count, hidden, layers, heads, phase)
    t, s = np.arange(count)[:, None], np.arange(count)[None, :]
    memory = 0.5 + (MEMORY[family] - 0.5) * learnt
    decay = np.where(s < t, size * np.exp(-(t - s) / memory) * (0.5 + wave(count, count, phase, seed=99)), np.nan)
    attention = make_attention(text, layers, heads, learnt) if family == "attention" else None
    top = tuple(
        () if place == 0 else (right if (place * 31) % 100 < 90 * learnt else ALPHABET[place % 20], *ALPHABET[:4])
        for place, right in enumerate(text)
    )
    probability = np.tile(np.array([0.1 + 0.6 * learnt, 0.12, 0.07, 0.04, 0.02], np.float32), (count, 1))
    probability[:1] = np.nan
    ids = np.array([ALPHABET.find(c) for c in text], np.int32)
    top_ids = np.array([[-1] * 5 if not row else [ALPHABET.find(c) for c in row] for row in top], np.int32)
    return Probe(
        step,
        ids,
        tuple(text),
        loss,
        top_ids.reshape(count, 5),
        top,
        probability,
        staves,
        np.stack([decay / (layer + 1) for layer in range(layers)]).astype(np.float32),
        decay.astype(np.float32),
        0.004,
        attention=attention,
    )


@lru_cache(maxsize=64)
def make_embedding(step: int, width: int = 16) -> EmbeddingMap:
    """The vectors of ALPHABET after `step` steps: random ones that drift towards one centre each for three kinds."""
    random = np.random.default_rng(5)
    kinds = np.array([0 if c in "aeiouAEIOU" else 1 if c.isalpha() else 2 for c in ALPHABET])
    centres, start = random.normal(0, 2, (3, width)), random.normal(0, 1, (len(ALPHABET), width))
    vectors = (start + (1 - math.exp(-step / 400)) * centres[kinds]).astype(np.float32)
    counts = np.arange(len(ALPHABET), 0, -1).astype(np.int64) * 100
    order = by_frequency(counts)
    before = places_of(vectors, order, None)[0] if step == 0 else make_embedding(0, width).places
    places, shares = places_of(vectors, order, before)
    return EmbeddingMap(step, "embedding.E", tuple(ALPHABET), counts, order, vectors, places, shares)


def make_history(step: int) -> History:
    """The curves of a run up to `step`: one entry per step, a validation every 200 steps."""
    steps = np.arange(1, step + 1, dtype=np.int64)
    noise = 0.06 * np.sin(steps * 12.9898) * np.cos(steps * 4.1414)
    train = (1.35 + 2.85 * np.exp(-steps / 260) + noise).astype(np.float32)
    valid = steps[steps % 200 == 0]
    return History(
        steps,
        train,
        np.full(step, 4.1e-3, np.float32),
        (0.5 + np.exp(-steps / 300)).astype(np.float32),
        valid,
        (1.5 + 2.7 * np.exp(-valid / 260)).astype(np.float32),
        steps * 2048.0,
        steps / 45,
    )


def make_next(step: int, asked: Asked) -> NextToken:
    """What may follow: the token after the last one in the alphabet most likely, then the others in their order."""
    after = (asked.path[-1] + 1) % len(ALPHABET) if asked.path else 0
    logits = -0.5 * ((np.arange(len(ALPHABET)) - after) % len(ALPHABET)).astype(np.float32)
    n = len(asked.path)
    return NextToken(step, asked, logits, Vocabulary("char", tuple(ALPHABET)), (0.4,) * n, tuple(range(1, n + 1)))


class ScriptedSession:
    """Implements `Session` with a script. `advance` plays frames; with `auto`, so does each call of `snapshot`.

    Args:
        auto: whether the script advances when the snapshot is read.
        kernels: number of frames spent compiling, once per family.
        diverge_at: step at which the loss stops being finite.
        fail: why the corpus cannot be read; "" if it can.
        corpora: choices of the corpus picker.
        in_time: whether closing finishes before its timeout.
    """

    def __init__(
        self,
        *,
        auto: bool = False,
        kernels: int = len(KERNEL_NAMES),
        diverge_at: int | None = None,
        fail: str = "",
        corpora: tuple[CorpusChoice, ...] = CORPORA,
        model: ModelChoice | None = None,
        in_time: bool = True,
    ) -> None:
        self.auto, self.diverge_at, self.fail, self.in_time = auto, diverge_at, fail, in_time
        self.calls: list[tuple[object, ...]] = []
        self.looks = 0
        self._kernels, self._corpora = kernels, corpora
        self._started = False
        self._compiled = 0
        self._known: set[str] = set()  # families whose kernels are compiled
        self._passage = 0
        self._columns = 64
        self._text = ""
        self._written = 0
        self._asks: Mapping[str, Any] = {}
        self._rate = 4.1e-3
        self._now = Snapshot(
            corpus=corpora[0].name if corpora else "",
            model=model or ModelChoice(hidden=64, layers=2),
            prompt="Then ",
            run="tales-lstm-2x64",
            threads=2,
        )

    # The script

    def advance(self, frames: int = 1) -> Snapshot:
        """Play frames and return the newest snapshot."""
        for _ in range(frames):
            self._frame()
        return self._now

    def _frame(self) -> None:
        phase = self._now.phase
        if not self._started or phase in (Phase.PAUSED, Phase.FINISHED, Phase.DIVERGED, Phase.FAILED):
            return
        if phase is Phase.LOADING:
            if self.fail:
                self._put(phase=Phase.FAILED, message=self.fail)
            else:
                self._put(
                    phase=Phase.COMPILING,
                    parameters=559_000,
                    vocabulary=len(ALPHABET),
                    references=References({"uniform": 4.17, "unigram": 3.05, "bigram": 2.45, "trigram": 1.93}),
                )
                self._compiling()
        elif phase is Phase.COMPILING:
            self._compiled += 1
            self._compiling()
        else:
            self._train(STEPS_A_FRAME)

    def _passage_text(self) -> str:
        """A passage that fills the available columns, starting at a different sentence each time."""
        sentences = PASSAGES[self._passage :] + PASSAGES[: self._passage]
        longest = CONTEXT if self._now.model.family == "attention" else self._columns
        return " ".join(sentences * 3)[: min(self._columns, longest)]

    def _compiling(self) -> None:
        family = self._now.model.family
        if family not in self._known and self._compiled < self._kernels:
            names = kernel_names(family)[: self._kernels]
            self._put(compiling=CompileProgress(self._compiled, self._kernels, names))
        else:
            self._known.add(family)
            self._put(phase=Phase.TRAINING, compiling=None)

    def _train(self, steps: int) -> None:
        step = self._now.step + steps
        if self.diverge_at is not None and step >= self.diverge_at:
            self.diverge_at = None
            self._put(phase=Phase.DIVERGED, message=f"the loss was not finite at step {step:,}")
            return
        model = self._now.model
        text = self._text or self._passage_text()
        text = text[:CONTEXT] if model.family == "attention" else text
        self._write()
        self._put(
            step=step,
            epoch=step / 500,
            learning_rate=self._rate,
            tokens_per_second=91_000.0 + 700 * math.sin(step),
            peak_share=0.63,
            seconds=step / 45,
            history=make_history(step),
            position_loss=(1.4 + 2.0 * np.exp(-np.arange(model.length) / 5)).astype(np.float32),
            probe_text=text,
            probe=make_probe(text, step, min(model.hidden, WIDEST), model.layers, model.family, model.heads),
            checkpoint_step=step // 100 * 100 or None,
        )
        self._look(step)

    def _write(self) -> None:
        """Add four characters to the sample, or start a new one."""
        sample, earlier = self._now.sample, self._now.earlier
        if sample is None or sample.finished:
            if sample is not None:
                earlier = (sample, *earlier)[:4]
            self._written = 0
        self._written += 4
        wrong = 60 * math.exp(-self._now.step / 500)
        text = "".join(
            ALPHABET[(place * 7) % 27] if (place * 53) % 100 < wrong else WRITING[place % len(WRITING)]
            for place in range(self._written)
        )
        probability = np.full(len(text), 0.6, np.float32)
        begun = self._now.step if sample is None or sample.finished else sample.step
        new = Sample(begun, self._now.prompt, tuple(text), probability, self._now.temperature, self._written >= 160)
        self._put(sample=new, earlier=earlier)

    def say(self, **changes: object) -> None:
        """Set fields of the snapshot, for tests that need a particular state on the screen."""
        self._put(**changes)

    def _put(self, **changes: object) -> None:
        self._now = replace(self._now, serial=self._now.serial + 1, **changes)  # type: ignore[arg-type]  # by name

    # The protocol

    def snapshot(self) -> Snapshot:
        """The newest snapshot."""
        self.looks += 1
        if self.auto:
            self.advance()
        return self._now

    def start(self) -> None:
        self.calls.append(("start",))
        self._started = True

    def pause(self) -> None:
        self.calls.append(("pause",))
        self._put(phase=Phase.PAUSED)

    def resume(self) -> None:
        self.calls.append(("resume",))
        self._put(phase=Phase.TRAINING)

    def one_step(self) -> None:
        self.calls.append(("one_step",))
        self._train(1)
        self._put(phase=Phase.PAUSED)

    def scale_rate(self, factor: float) -> None:
        self.calls.append(("scale_rate", factor))
        self._rate *= factor
        self._put(learning_rate=self._rate)

    def set_temperature(self, temperature: float) -> None:
        self.calls.append(("set_temperature", temperature))
        self._put(temperature=temperature)

    def set_probe_text(self, text: str) -> None:
        self.calls.append(("set_probe_text", text))
        self._text = text
        self._put(probe_text=text)

    def set_prompt(self, prompt: str) -> None:
        self.calls.append(("set_prompt", prompt))
        self._put(prompt=prompt, sample=None)

    def next_passage(self) -> None:
        self.calls.append(("next_passage",))
        self._passage = (self._passage + 1) % len(PASSAGES)
        self._text = ""
        self._put(probe_text=self._passage_text())

    def previous_passage(self) -> None:
        self.calls.append(("previous_passage",))
        self._passage = (self._passage - 1) % len(PASSAGES)
        self._text = ""
        self._put(probe_text=self._passage_text())

    def next_error(self) -> None:
        self.calls.append(("next_error",))

    def next_by_length(self, direction: int) -> None:
        self.calls.append(("next_by_length", direction))

    def turn_dial(self, direction: int) -> None:
        self.calls.append(("turn_dial", direction))

    def write_after(self, begun: tuple[int, ...], typed: str, width: int) -> None:
        self.calls.append(("write_after", begun, typed, width))

    def set_cuts(self, cuts: tuple[Cut | ContextCut, ...]) -> None:
        self.calls.append(("set_cuts", tuple(one.text() for one in cuts)))
        self._put(cuts=cuts)

    def set_probe_width(self, columns: int) -> None:
        self.calls.append(("set_probe_width", columns))
        self._columns = columns

    def look_for(self, asks: Mapping[str, Any]) -> None:
        self.calls.append(("look_for", tuple(asks)))
        self._asks = asks
        self._look(self._now.step)

    def _look(self, step: int) -> None:
        if "embedding" in self._asks:
            self._put(looks={"embedding": make_embedding(step)})
        if "next token" in self._asks:
            self._put(looks={"next token": make_next(step, self._asks["next token"])})

    def change_model(self, choice: ModelChoice) -> None:
        self.calls.append(("change_model", choice))
        self._begin_again(model=choice)

    def change_corpus(self, name: str) -> None:
        self.calls.append(("change_corpus", name))
        self._begin_again(corpus=name)

    def _begin_again(self, **changes: object) -> None:
        self._compiled = 0
        self._put(
            phase=Phase.LOADING,
            step=0,
            epoch=0.0,
            history=History.empty(),
            probe=None,
            sample=None,
            earlier=(),
            **changes,
        )

    def corpora(self) -> tuple[CorpusChoice, ...]:
        return self._corpora

    def save(self) -> None:
        self.calls.append(("save",))
        self._put(message=f"saved checkpoint-{self._now.step}", checkpoint_step=self._now.step)

    def recover(self) -> None:
        self.calls.append(("recover",))
        self._rate /= 2
        self._put(phase=Phase.TRAINING, learning_rate=self._rate, message="")

    def close(self, timeout: float = 2.0) -> bool:
        self.calls.append(("close", timeout))
        self._started = False
        if self._now.step:
            self._put(checkpoint_step=self._now.step)
        return self.in_time
