"""Snapshots with arrays that look like a training's: random walks for states, decaying loss, decaying reach."""

import math

import numpy as np
from seqcore.records import History, Probe, References, Sample, Stave

from seqtui.live.snapshot import Phase, Snapshot

TEXT = "The fox had promised Marta a lantern. She waited by the river until the snow began"
NAMES = ("input", "forget", "cell", "output", "c", "h")


def n_grams(uniform: float, unigram: float, bigram: float, trigram: float) -> References:
    return References({"uniform": uniform, "unigram": unigram, "bigram": bigram, "trigram": trigram})


def made_staves(steps: int, units: int, layers: int, random: np.random.Generator) -> tuple[Stave, ...]:
    staves = []
    for layer in range(layers):
        for name in NAMES:
            drift = random.normal(0, 0.35, (steps, units)).astype(np.float32)
            walk = random.normal(0, 1.2, (1, units)).astype(np.float32) + np.cumsum(drift, axis=0)
            signed = name in ("cell", "c", "h")
            values = 1 / (1 + np.exp(-1.6 * walk)) if not signed else walk if name == "c" else np.tanh(walk)
            limit = math.inf if name == "c" else 1.0
            staves.append(Stave(name, layer, values.astype(np.float32), signed, limit))
    return tuple(staves)


def made_reach(steps: int, random: np.random.Generator, decay: float = 0.82) -> np.ndarray:
    t, s = np.indices((steps, steps))
    norm = 0.6 * decay ** (t - s) * np.exp(random.normal(0, 0.5, (steps, steps)))
    return np.where(s < t, norm, np.nan).astype(np.float32)


def made_probe(
    text: str | tuple[str, ...] = TEXT, *, units: int = 256, layers: int = 1, step: int = 1200, seed: int = 1
) -> Probe:
    random = np.random.default_rng(seed)
    symbols = tuple(text)
    steps = len(symbols)
    loss = random.gamma(1.1, 0.8, steps).astype(np.float32)
    vocabulary = sorted(set(symbols))
    guessed: list[tuple[str, ...]] = [()]
    probability = [[math.nan] * 3]
    for t in range(1, steps):
        others = [vocabulary[i] for i in random.integers(0, len(vocabulary), 3)]
        first = symbols[t] if loss[t] < 0.9 else others[0]
        guessed.append((first, others[1], others[2]))
        top = float(np.exp(-loss[t])) if first == symbols[t] else random.uniform(0.2, 0.5)
        probability.append([top, 0.4 * (1 - top), 0.2 * (1 - top)])
    loss[:1] = math.nan
    return Probe(
        step=step,
        tokens=np.arange(steps, dtype=np.int32),
        symbols=symbols,
        loss=loss,
        top_tokens=np.zeros((steps, 3), np.int32),
        top_symbols=tuple(guessed),
        top_probability=np.array(probability, np.float32).reshape(steps, 3),
        staves=made_staves(steps, units, layers, random),
        reach_hidden=np.stack([made_reach(steps, random) for _ in range(layers)]),
        reach_input=made_reach(steps, random, 0.7),
        seconds=0.01,
    )


def made_history(steps: int = 1240, every: int = 100, seed: int = 2) -> History:
    random = np.random.default_rng(seed)
    step = np.arange(1, steps + 1)
    mean = 1.35 + 2.8 * np.exp(-((step / 140) ** 0.55))
    train = (mean * np.exp(random.normal(0, 0.03, steps))).astype(np.float32)
    checked = step[every - 1 :: every]
    valid = (mean[every - 1 :: every] + 0.12 + random.normal(0, 0.01, len(checked))).astype(np.float32)
    ones = np.ones(steps, np.float32)
    return History(step.astype(np.int64), train, ones * 4e-3, ones, checked.astype(np.int64), valid)


def made_sample(step: int, text: str, *, finished: bool = True, prompt: str = "The ", seed: int = 3) -> Sample:
    random = np.random.default_rng(seed)
    probability = random.beta(3, 1.2, len(text)).astype(np.float32)
    return Sample(step, prompt, tuple(text), probability, 0.8, finished)


def made_snapshot(probe: Probe | None = None, **fields: object) -> Snapshot:
    positions = 1.5 + 1.6 * np.exp(-np.arange(64) / 9)
    said = (
        "fox had promised Marta a lantern. She waited by the river until the snow began, "
        'and then she said, "You are late, and the lantern is'
    )
    ready: dict[str, object] = {
        "serial": 1,
        "phase": Phase.TRAINING,
        "step": 1240,
        "history": made_history(),
        "references": n_grams(4.174, 3.31, 2.45, 1.93),
        "position_loss": positions.astype(np.float32),
        "probe": probe or made_probe(),
        "sample": made_sample(1200, said, finished=False),
        "earlier": (
            made_sample(
                1000, "fox had promised Marta a lanter. She waiting by the river, and the snow was on the hill."
            ),
            made_sample(600, "fow hid promise Mart and lant. She wat the\nriver an til sno"),
            made_sample(200, "fo had pom ther an lat he s wan t e ri"),
            made_sample(0, "qX;e!kTz o vRw?"),
        ),
    }
    return Snapshot(**(ready | fields))  # type: ignore[arg-type]  # a test names the fields it changes
