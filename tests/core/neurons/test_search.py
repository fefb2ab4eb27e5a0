"""The search finds a planted unit, and reports none of a model of random weights."""

import dataclasses

import numpy as np
import pytest
from seqcore.config import ModelConfig
from seqcore.errors import SeqError
from seqcore.model import initial
from seqcore.neurons.features import features
from seqcore.neurons.passage import Passage
from seqcore.neurons.recording import Recording, record
from seqcore.neurons.search import UNTRAINED, Search, Untrained, found_in, search
from seqcore.parameters import Parameters
from seqcore.serial import SerialModel, serial_model

from tests.core.neurons.passages import model_of, passage_of, written

pytestmark = pytest.mark.usefixtures("kernels")
UNIT = 11


@pytest.fixture(scope="module")
def passage() -> Passage:
    return passage_of(written(20_000))


@pytest.fixture(scope="module")
def searched(passage: Passage) -> Search:
    found = search(random_model(passage, 1000), passage)
    assert found is not None
    return found


def random_model(passage: Passage, seed: int, **more: object) -> SerialModel:
    config = model_of(passage, **more)  # type: ignore[arg-type]
    return serial_model(config, initial(config, seed))


def planted(config: ModelConfig, passage: Passage, seed: int) -> Parameters:
    """Random weights, but one unit of an LSTM flips between two values at each quotation mark.

    Its forget gate is open and its input gate shut, but at a quotation mark. There, the forget gate is shut and the
    candidate is the opposite of the unit's own h.
    """
    p, H = initial(config, seed), config.hidden
    mark = passage.vocabulary.encode('"')[0]
    E, W_xh, W_hh, b = (p[name] for name in ("embedding.E", "layers.0.W_xh", "layers.0.W_hh", "layers.0.b"))
    E[:, 0], W_xh[0] = 0, 0
    E[mark, 0] = 1
    for gate, bias, at_mark, own in ((0, -20, 40, 0), (1, 20, -40, 0), (2, 0, 0, -8), (3, 20, 0, 0)):
        column = gate * H + UNIT
        W_xh[:, column], W_hh[:, column], b[column] = 0, 0, bias
        W_xh[0, column], W_hh[UNIT, column] = at_mark, own
    b[2 * H + UNIT] = 1e-3  # from zero, it begins on one side
    return p


def test_a_planted_unit_is_found(passage: Passage, searched: Search) -> None:
    config = model_of(passage)
    for seed in (1, 2):
        model = serial_model(config, planted(config, passage, seed))
        found = search(model, passage, untrained=searched.untrained)
        assert found is not None
        assert [(one.unit, one.feature) for one in found.findings] == [(UNIT, "quotes")]
        (one,) = found.findings
        assert one.score > 0.99
        assert one.layer == 0
        assert one.untrained < 0.8
        assert one.chance < 0.01
        values = found.recording.of(found.recording.units[UNIT])
        quotes = next(feature for feature in features(passage)[0] if feature.name == "quotes").values
        inside = values[passage.middle :][quotes[passage.middle :]].mean()
        assert one.sign == (1 if inside > values[passage.middle :].mean() else -1)


@pytest.mark.parametrize("seed", range(6))
def test_none_is_reported_of_a_random_model(passage: Passage, searched: Search, seed: int) -> None:
    found = search(random_model(passage, seed), passage, untrained=searched.untrained)
    assert found is not None
    assert found.findings == ()
    assert len(found.best) == len(features(passage)[0]) > 8


@pytest.mark.parametrize(
    "more",
    [
        {"family": "rnn"},
        {"family": "gru", "layers": 2},
        {"family": "attention", "heads": 2, "context": 50, "embedding": 0},
        {"family": "feedforward", "context": 3},
    ],
    ids=lambda more: str(more["family"]),
)
def test_none_is_reported_of_random_models_of_any_family(passage: Passage, more: dict[str, object]) -> None:
    model = random_model(passage, 7, **more)
    part = Passage(
        passage.inputs[:6000], passage.targets[:6000], passage.texts,
        np.arange(0, 6000, model.longest or 6000), passage.vocabulary,
    )  # fmt: skip
    found = search(model, part)
    assert found is not None
    assert found.findings == ()
    assert ("position" in {one.feature for one in found.best}) == (more["family"] == "attention")


def test_a_planted_place_in_the_line_is_found_among_drifting_units(passage: Passage, searched: Search) -> None:
    asked, missing = features(passage)
    place = next(one for one in asked if one.name == "line")
    values = searched.recording.values.copy()
    drift = values[:, 3].astype(np.float64)
    values[:, 3] = (-place.values / 50 + 0.3 * drift / drift.std()).astype(np.float16)
    found = found_in(
        dataclasses.replace(searched.recording, values=values), passage, asked, missing, searched.untrained
    )
    assert {(one.unit, one.feature, one.sign) for one in found.findings} == {(3, "line", -1)}


def test_a_unit_that_follows_in_the_first_half_alone_is_not_reported(passage: Passage, searched: Search) -> None:
    asked, missing = features(passage)
    quotes = next(one for one in asked if one.name == "quotes")
    values = searched.recording.values.copy()
    values[: passage.middle, 3] = quotes.values[: passage.middle]
    found = found_in(
        dataclasses.replace(searched.recording, values=values), passage, asked, missing, searched.untrained
    )
    assert found.findings == ()


def test_progress_counts_the_untrained_models_too_and_the_search_can_be_left(passage: Passage) -> None:
    seen: list[tuple[int, int]] = []
    model = random_model(passage, 1)
    part = Passage(passage.inputs[:3000], passage.targets[:3000], passage.texts, passage.starts, passage.vocabulary)
    assert search(model, part, names=("quotes",), progress=lambda done, total: seen.append((done, total))) is not None
    assert seen[-1] == (3000 * (1 + UNTRAINED),) * 2
    assert [done for done, _ in seen] == sorted(done for done, _ in seen)
    left: list[int] = []
    assert search(model, part, progress=lambda done, total: left.append(done), stop=lambda: len(left) == 4) is None
    assert len(left) == 4  # three chunks of the model, one of the first untrained one


@pytest.mark.parametrize("family", ["lstm", "gru", "rnn", "feedforward"])
def test_chunks_carry_the_state(passage: Passage, family: str, monkeypatch: pytest.MonkeyPatch) -> None:
    from seqcore.neurons import recording

    part = Passage(passage.inputs[:90], passage.targets[:90], passage.texts, passage.starts, passage.vocabulary)
    model = random_model(passage, 3, family=family, **({"context": 4} if family == "feedforward" else {"layers": 2}))
    for state in model.states:
        whole = record(model, part, state)
        monkeypatch.setattr(recording, "CHUNK", 7)
        pieces = record(model, part, state)
        monkeypatch.undo()
        assert whole is not None
        assert pieces is not None
        assert whole.values.tobytes() == pieces.values.tobytes()
        staves = [stave.values for stave in model.look(part.inputs).staves if stave.name == state]
        assert whole.values.tobytes() == np.concatenate(staves, axis=1).astype(np.float16).tobytes()
        assert whole.units[-1] == (len(staves) - 1, 15)
        top = record(model, part, state, layer=len(staves) - 1)
        assert top is not None
        assert top.values.tobytes() == whole.values[:, -16:].tobytes()
        assert top.units[0].layer == len(staves) - 1


def test_the_stream_of_attention_is_that_of_its_norms(passage: Passage) -> None:
    model = random_model(passage, 3, family="attention", heads=2, context=32, embedding=0, layers=2)
    tokens = passage.inputs[:32]
    (stream,) = model.record(tokens, model.initial_state(), "stream")
    norms = next(stave for stave in model.look(tokens).staves if stave.name == "stream").values
    assert np.linalg.norm(stream, axis=2) == pytest.approx(norms[:, 1:], rel=1e-4)
    heads, mlp = model.record(tokens, model.initial_state(), "heads", "mlp")
    assert heads.shape == (32, 2, 16)
    assert mlp.shape == (32, 2, 64)


def test_errors_say_what_there_is(passage: Passage, monkeypatch: pytest.MonkeyPatch) -> None:
    from seqcore.neurons import recording

    model = random_model(passage, 1)
    with pytest.raises(SeqError, match="it has c, h, input, forget, cell, output"):
        search(model, passage, state="q")
    monkeypatch.setattr(recording, "MOST_BYTES", 1000)
    with pytest.raises(SeqError, match="too much memory"):
        search(model, passage)
    model.parameters.flat[:] = np.nan
    model.load(model.parameters.flat)
    monkeypatch.undo()
    with pytest.raises(SeqError, match="diverged"):
        search(model, passage)


def test_the_same_search_gives_the_same_result(passage: Passage, searched: Search) -> None:
    again = search(random_model(passage, 1000), passage, untrained=searched.untrained)
    assert again is not None
    assert again.best == searched.best
    assert isinstance(again.recording, Recording)
    assert isinstance(again.untrained, Untrained)
