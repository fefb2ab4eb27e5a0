"""The encoder-decoder's twin matches central finite differences, and pads nothing into a result."""

from collections.abc import Callable, Iterator

import numpy as np
import pytest

from tests.core import twin, twin_pairs
from tests.core.test_twin import check
from tests.core.test_twin_families import check_along
from tests.core.twin import Ints, Named
from tests.core.twin_pairs import ATTENTIONS, PairConfig

CELLS = {
    "rnn tanh": {"family": "rnn"},
    "rnn relu": {"family": "rnn", "activation": "relu"},
    "gru": {"family": "gru"},
    "lstm": {"family": "lstm"},
}


def _cases() -> Iterator[tuple[str, PairConfig]]:
    for label, fields in CELLS.items():
        for attention in ATTENTIONS:
            for bidirectional in (False, True):
                if attention == "dot" and bidirectional:
                    continue  # its annotations are twice as wide as h
                for layers in (1, 2):
                    config = PairConfig(
                        4, 5, hidden=3, layers=layers, embedding=2, cross_attention=attention,
                        bidirectional=bidirectional, **fields,
                    )  # fmt: skip
                    yield f"{label} {attention} {'both ways' if bidirectional else 'one way'} {layers}", config
        for attention, two, layers in (("dot", False, 1), ("general", True, 2), ("additive", False, 2)):
            config = PairConfig(
                4, 5, hidden=3, layers=layers, embedding=2, cross_attention=attention, bidirectional=two,
                input_feeding=True, **fields,
            )  # fmt: skip
            yield f"{label} {attention} fed", config
        one_hot = PairConfig(4, 5, hidden=3, embedding=0, cross_attention="general", bidirectional=True, **fields)  # type: ignore[arg-type]  # all are text
        yield f"{label} one-hot", one_hot


CASES = dict(_cases())


def batch(config: PairConfig) -> tuple[Ints, Ints]:
    """Sources of 4, 1 and 2 symbols in 5 timesteps, targets of 1, 3 and 2 in 4."""
    return twin_pairs.drawn(config, (4, 1, 2), (1, 3, 2), seed=3, S=5, U=4)


def loss_of(p: Named, config: PairConfig, inputs: Ints, targets: Ints) -> Callable[[], float]:
    return lambda: twin.mean_loss(twin_pairs.model(p, config, inputs, targets))


@pytest.mark.parametrize("label", CASES)
def test_gradients_are_the_finite_differences(label: str) -> None:
    config = CASES[label]
    p, (inputs, targets) = twin_pairs.weights(config, 0), batch(config)
    told = twin_pairs.step(p, config, inputs, targets).gradients
    assert list(told) == list(p)
    draw = np.random.default_rng(0)
    for name, value in p.items():
        assert told[name].shape == value.shape
        assert told[name].any(), f"{name} has an effect"
        for _ in range(2):
            check_along(loss_of(p, config, inputs, targets), value, told[name], draw.normal(size=value.shape), name)


@pytest.mark.parametrize("cell", CELLS)
def test_every_element_of_a_gradient_is_its_finite_difference(cell: str) -> None:
    config = PairConfig(3, 3, hidden=2, embedding=2, cross_attention="additive", bidirectional=True, **CELLS[cell])  # type: ignore[arg-type]  # all are text
    p = twin_pairs.weights(config, 0)
    inputs, targets = twin_pairs.drawn(config, (3, 1), (1, 2), seed=3)
    told = twin_pairs.step(p, config, inputs, targets).gradients
    for name, value in p.items():
        check(loss_of(p, config, inputs, targets), value, told[name], name)


@pytest.mark.parametrize("label", CASES)
def test_padding_changes_no_loss_and_no_gradient(label: str) -> None:
    config = CASES[label]
    p = twin_pairs.weights(config, 0)
    sources, answers = (4, 2, 1), (1, 3, 2)
    inputs, targets = twin_pairs.drawn(config, sources, answers, seed=3, S=6, U=5)
    whole = twin_pairs.step(p, config, inputs, targets)
    total = {name: np.zeros_like(value) for name, value in p.items()}
    for b, (n, m) in enumerate(zip(sources, answers, strict=True)):
        rows = slice(6 - n, 6 + m)
        alone = twin_pairs.step(p, config, inputs[rows, b : b + 1], targets[rows, b : b + 1])
        np.testing.assert_allclose(whole.losses[rows, b], alone.losses[:, 0], rtol=1e-12)
        assert np.isnan(np.delete(whole.losses[:, b], np.r_[6 : 6 + m])).all()
        for name, value in alone.gradients.items():
            total[name] += value * m / sum(answers)
    for name, value in total.items():
        np.testing.assert_allclose(whole.gradients[name], value, rtol=1e-9, atol=1e-12, err_msg=name)


@pytest.mark.parametrize("label", [label for label, config in CASES.items() if config.cross_attention != "none"])
def test_attention_is_shared_among_the_symbols_of_the_source(label: str) -> None:
    config = CASES[label]
    inputs, targets = batch(config)
    alpha = twin_pairs.model(twin_pairs.weights(config, 0), config, inputs, targets).alpha
    assert alpha.shape == (9, 3, 5)
    assert not alpha[:5].any(), "the encoder attends to nothing"
    np.testing.assert_allclose(alpha[5:].sum(axis=2), 1)
    np.testing.assert_array_equal(alpha[5:] > 0, np.broadcast_to(inputs[:5].T >= 0, (4, 3, 5)))


@pytest.mark.parametrize("label", CASES)
def test_an_empty_source_counts_for_nothing_but_its_target(label: str) -> None:
    config = CASES[label]
    p, (inputs, targets) = twin_pairs.weights(config, 0), batch(config)
    inputs[:5, 1] = -1
    told = twin_pairs.step(p, config, inputs, targets)
    draw = np.random.default_rng(0)
    for name, value in p.items():
        check_along(
            loss_of(p, config, inputs, targets), value, told.gradients[name], draw.normal(size=value.shape), name
        )


def test_parameters_are_named_in_order() -> None:
    config = PairConfig(7, 5, "gru", hidden=4, layers=2, embedding=3, cross_attention="additive", bidirectional=True)
    assert twin_pairs.shapes(config) == {
        "embedding.E": (7, 3),
        **{f"layers.0.{name}": shape for name, shape in _gru(3).items()},
        **{f"back.0.{name}": shape for name, shape in _gru(3).items()},
        **{f"layers.1.{name}": shape for name, shape in _gru(8).items()},
        **{f"back.1.{name}": shape for name, shape in _gru(8).items()},
        "bridge.0.h.W": (8, 4), "bridge.0.h.b": (4,), "bridge.1.h.W": (8, 4), "bridge.1.h.b": (4,),
        "decoder.embedding.E": (5, 3),
        **{f"decoder.0.{name}": shape for name, shape in _gru(3).items()},
        **{f"decoder.1.{name}": shape for name, shape in _gru(4).items()},
        "attention.W_q": (4, 4), "attention.W_k": (8, 4), "attention.v": (4,), "attention.W_c": (12, 4),
        "head.W_hy": (4, 5), "head.b_y": (5,),
    }  # fmt: skip
    names = list(
        twin_pairs.shapes(PairConfig(7, 5, layers=2, embedding=0, cross_attention="general", bidirectional=True))
    )
    cells = [f"{side}.{n}.{name}" for n in (0, 1) for side in ("layers", "back") for name in ("W_xh", "W_hh", "b")]
    bridges = [f"bridge.{n}.{state}.{name}" for n in (0, 1) for state in ("h", "c") for name in ("W", "b")]
    decoder = [f"decoder.{n}.{name}" for n in (0, 1) for name in ("W_xh", "W_hh", "b")]
    assert names == [*cells, *bridges, *decoder, "attention.W_a", "attention.W_c", "head.W_hy", "head.b_y"]


def _gru(inputs: int) -> dict[str, tuple[int, ...]]:
    return {"W_xh": (inputs, 12), "W_hh": (4, 12), "b": (12,), "b_hn": (4,)}
