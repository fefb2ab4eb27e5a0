"""A cut computes what NumPy computes when the unit is overwritten; a head without its weights is the same, in bytes."""

import numpy as np
import pytest
from seqcore.config import ModelConfig
from seqcore.errors import SeqError
from seqcore.models.stack import CELLS
from seqcore.parameters import Parameters
from seqcore.serial import SerialModel, serial_model
from seqcore.surgery.cut import Cut, checked, parse
from seqcore.surgery.edits import cut_weights
from seqcore.surgery.places import GATES, Place, places

from tests.core import twin_pairs
from tests.core.cases import EVERY
from tests.core.families import drawn, named, parameters
from tests.core.surgery import held
from tests.core.test_pair_transformer import CONFIGS as PAIR_TRANSFORMERS
from tests.core.test_pair_transformer import weighted as pair_weights
from tests.core.test_pair_transformer_serial import SCORE
from tests.core.test_pairs import CONFIGS as PAIRS
from tests.core.test_pairs import said, weighted
from tests.core.test_pairs_serial import ANSWER, SOURCE, K, score

pytestmark = pytest.mark.usefixtures("kernels")

T = 8


def cut_model(config: ModelConfig, given: Parameters, *texts: str) -> SerialModel:
    """The model with cuts, given as texts."""
    copy = given.copy()
    cut_weights(config, copy, [checked(config, parse(text)) for text in texts])
    return serial_model(config, copy)


def value_of(place: Place) -> float:
    """A value that a place can be held at, other than 0."""
    return min(max(0.375, place.low), place.high) if place.clamps else 0.0


@pytest.mark.parametrize("label", [name for name, config in EVERY.items() if config.positions != "sinusoidal"])
def test_every_place_of_every_family_computes_what_numpy_computes_with_its_values(label: str) -> None:
    config = EVERY[label]
    given, (inputs, _) = parameters(config, 3), drawn(config, T, 1, seed=3)
    read = inputs[:, 0].copy()
    untouched = serial_model(config, given).look(read).logits
    for place in places(config):
        for value in {0.0, value_of(place)}:
            unit = place.units - 1
            text = f"{place.layer}.{place.quantity}.{unit}={value}"
            look = cut_model(config, given, text).look(read)
            truth = held.logits(config, named(given), read, {(place.layer, place.quantity): {unit: value}})
            np.testing.assert_allclose(look.logits, truth, rtol=2e-4, atol=2e-4, err_msg=text)
            assert not np.array_equal(look.logits, untouched), f"{text} changes nothing"
            for stave in look.staves:
                if (stave.layer, stave.name) == (place.layer, place.quantity):
                    assert stave.values[:, unit] == pytest.approx(np.full(T, value), abs=1e-6)


@pytest.mark.parametrize("label", [name for name, config in EVERY.items() if config.family != "attention"])
def test_a_silenced_unit_is_exactly_zero(label: str) -> None:
    config = EVERY[label]
    given, (inputs, _) = parameters(config, 3), drawn(config, T, 1, seed=3)
    look = cut_model(config, given, "0.3").look(inputs[:, 0].copy())
    h = next(stave.values for stave in look.staves if (stave.layer, stave.name) == (0, "h"))
    assert not h[:, 3].any()
    assert np.count_nonzero(h) > T


@pytest.mark.parametrize("label", [name for name, config in EVERY.items() if config.family == "attention"])
def test_silencing_a_head_equals_zeroing_its_weights_byte_for_byte(label: str) -> None:
    config = EVERY[label]
    given, (inputs, _) = parameters(config, 3), drawn(config, T, 1, seed=3)
    layer, head, d = config.layers - 1, config.heads - 1, config.hidden // config.heads
    by_hand = given.copy()
    by_hand[f"layers.{layer}.W_o"][head * d : (head + 1) * d] = 0
    model, other = cut_model(config, given, f"{layer}.head.{head}"), serial_model(config, by_hand)
    assert model.parameters.flat.tobytes() == by_hand.flat.tobytes()
    looks = [one.look(inputs[:, 0].copy()) for one in (model, other)]
    assert looks[0].logits.tobytes() == looks[1].logits.tobytes()
    dlogits = np.ones_like(looks[0].logits)
    assert all(a.tobytes() == b.tobytes() for a, b in zip(*(look.reach(dlogits) for look in looks), strict=True))
    states = [one.initial_state() for one in (model, other)]
    for token in inputs[:, 0]:
        read = [one.read(token, state).tobytes() for one, state in zip((model, other), states, strict=True)]
        assert read[0] == read[1]


@pytest.mark.parametrize("label", ["lstm", "gru", "rnn tanh", "attention learned untied bias"])
def test_a_whole_quantity_is_all_its_units_and_the_later_of_two_cuts_holds(label: str) -> None:
    config = EVERY[label]
    given = parameters(config, 3)
    name = {"attention": "mlp", "rnn": "h", "gru": "update", "lstm": "forget"}[config.family]
    units = next(place.units for place in places(config) if place.quantity == name)
    whole = cut_model(config, given, f"0.{name}=0.25", f"0.{name}.2=0.5").parameters.flat
    each = [f"0.{name}.{unit}={0.5 if unit == 2 else 0.25}" for unit in range(units)]
    assert whole.tobytes() == cut_model(config, given, *each).parameters.flat.tobytes()
    again = cut_model(config, given, f"0.{name}.2=0.75", f"0.{name}.2=0.5").parameters.flat
    assert again.tobytes() == cut_model(config, given, f"0.{name}.2=0.5").parameters.flat.tobytes()


def without_readers(config: ModelConfig, side: str, unit: int) -> dict[str, np.ndarray]:
    """The weights of a pair of one layer in which nothing reads a unit of one side."""
    p = {name: view.astype(np.float64) for name, view in weighted(config).items()}
    p[f"{'layers' if side == 'encoder' else 'decoder'}.0.W_hh"][unit] = 0
    if side == "decoder":
        reads = p["attention.W_c"][config.annotation :] if config.cross_attention != "none" else p["head.W_hy"]
        reads[unit] = 0
        scored = {"general": "attention.W_a", "additive": "attention.W_q"}.get(config.cross_attention)
        if scored:
            p[scored][unit] = 0
    else:
        for state in ("h", "c"):
            if f"bridge.0.{state}.W" in p:
                p[f"bridge.0.{state}.W"][unit] = 0
        if config.cross_attention != "none":
            p["attention.W_c"][unit] = 0
        if config.cross_attention == "general":
            p["attention.W_a"][:, unit] = 0
        if config.cross_attention == "additive":
            p["attention.W_k"][unit] = 0
    return p


ONE = [config for config in PAIRS if config.layers == 1 and config.cross_attention != "dot"]


SIDED = [(side, one) for side in ("encoder", "decoder") for one in ONE if side == "decoder" or one.bidirectional]


@pytest.mark.parametrize(("side", "config"), SIDED, ids=[f"{side} {said(one)}" for side, one in SIDED])
def test_a_silenced_unit_of_a_pair_is_one_that_nothing_reads(side: str, config: ModelConfig) -> None:
    unit = 5  # an encoder without a bridge hands it to the decoder, which reads it there
    look = cut_model(config, weighted(config), f"{side}.0.{unit}").look(score())
    p = without_readers(config, side, unit)
    truth = twin_pairs.pair(p, config, SOURCE, np.array([K - 1, *ANSWER], np.int32))  # type: ignore[arg-type]  # has its fields
    np.testing.assert_allclose(look.logits[len(SOURCE) :], truth.logits, rtol=2e-4, atol=2e-4)
    h = next(stave.values for stave in look.staves if (stave.layer, stave.name) == (0, "h"))
    S, own = len(SOURCE), h[: len(SOURCE), unit] if side == "encoder" else h[len(SOURCE) :, unit]
    assert np.abs(own).max() < 1e-38, "what a shut gate lets through of the state handed over"
    assert (h[S:, unit] if side == "encoder" else h[:S, unit]).any(), "the other side keeps its unit"


@pytest.mark.parametrize(
    "config", [one for one in PAIRS if one.cross_attention != "none" and one.layers == 2], ids=said
)
def test_attention_over_the_source_is_silenced(config: ModelConfig) -> None:
    p = {name: view.astype(np.float64) for name, view in weighted(config).items()}
    p["attention.W_c"][: config.annotation] = 0
    look = cut_model(config, weighted(config), "1.cross").look(score())
    truth = twin_pairs.pair(p, config, SOURCE, np.array([K - 1, *ANSWER], np.int32))  # type: ignore[arg-type]  # has its fields
    np.testing.assert_allclose(look.logits[len(SOURCE) :], truth.logits, rtol=2e-4, atol=2e-4)


@pytest.mark.parametrize(("text", "name"), [("encoder.0.head.1", "layers.0.W_o"), ("decoder.0.head.1", "decoder.0.W_o"),
                                        ("0.cross.1", "decoder.0.cross.W_o")])  # fmt: skip
def test_heads_of_a_transformer_for_pairs_are_its_rows(text: str, name: str) -> None:
    config = next(one for one in PAIR_TRANSFORMERS if one.heads > 1)
    by_hand, d = pair_weights(config).copy(), config.hidden // config.heads
    by_hand[name][d : 2 * d] = 0
    model = cut_model(config, pair_weights(config), text)
    assert model.parameters.flat.tobytes() == by_hand.flat.tobytes()
    assert not np.array_equal(model.look(SCORE).logits, serial_model(config, pair_weights(config)).look(SCORE).logits)


def test_a_patch_annotation_is_silenced() -> None:
    config = ModelConfig(0, "gru", hidden=8, inputs=4, outputs=5, decodes=True, patches=3, embedding=3)
    draw = np.random.default_rng(0)
    given = Parameters(serial_model(config).parameters.shapes)
    given.flat[:] = draw.standard_normal(given.size)
    picture = np.zeros((5, 5), np.float32)
    picture[:3, :4], picture[:3, 4], picture[3:, 4] = draw.standard_normal((3, 4)), -1, [4, 1]
    h = cut_model(config, given, "encoder.0.2=0.5").look(picture).staves[-1].values
    assert h[:3, 2] == pytest.approx([0.5] * 3)


def test_the_blocks_are_those_of_the_cells() -> None:
    assert {family: tuple(one.name for one in cell.shown) for family, cell in CELLS.items()} == GATES


@pytest.mark.parametrize(("text", "cut"), [
    ("1.118", Cut(1, "h", 118)), ("1:118", Cut(1, "h", 118)), ("0.forget", Cut(0, "forget")),
    ("0.forget.7=1", Cut(0, "forget", 7, 1.0)), ("0.cell.7=-.5", Cut(0, "cell", 7, -0.5)), ("1.h", Cut(1, "h")),
])  # fmt: skip
def test_a_cut_is_parsed_and_written_again(text: str, cut: Cut) -> None:
    config = ModelConfig(9, "lstm", hidden=200, layers=2)
    assert checked(config, parse(text)) == cut
    assert checked(config, parse(cut.text())) == cut


def test_layers_and_heads_are_numbered_from_one_on_the_screen() -> None:
    assert Cut(1, "h", 118).text(1) == "2.118"
    assert Cut(0, "head", 3, side="decoder").text(1) == "decoder.1.head.4"
    assert Cut(0, "forget", 7, 0.25).text(1) == "1.forget.7=0.25"


@pytest.mark.parametrize(("text", "says"), [
    ("", "give LAYER.UNIT"), ("7", "give LAYER.UNIT"), ("1.2.3", "give LAYER.UNIT"), ("x.1", "give LAYER.UNIT"),
    ("1.\x1b[2J", "\\x1b"), ("0.forget.1=1e", "is not a number"), ("2.1", "layers 0 to 1"),
    ("0.gate.1", "it has h, c, input, forget, cell, output"), ("0.12", "numbered from 0 to 11"),
    ("0.3=0.9", "h can be set to values from -0.76 to 0.76"), ("0.forget=2", "values from 0 to 1"),
    ("encoder.0.1", "no encoder and decoder"), ("0.c.1=1e999", "values from -1 to 1"),
])  # fmt: skip
def test_what_cannot_be_cut_is_said_in_a_line(text: str, says: str) -> None:
    with pytest.raises(SeqError) as error:
        checked(ModelConfig(9, "lstm", hidden=12, layers=2), parse(text))
    assert says in str(error.value)
    assert str(error.value).isprintable()


def test_heads_and_units_without_a_bias_can_only_be_silenced() -> None:
    config = EVERY["attention learned tied"]
    for text in ("0.head.1=0.5", "0.mlp.3=1"):
        with pytest.raises(SeqError, match="can be silenced, not set"):
            checked(config, parse(text))
    relu = EVERY["rnn relu one-hot"]
    with pytest.raises(SeqError, match="0 or more"):
        checked(relu, parse("0.1=-1"))
    one_way = next(one for one in PAIRS if not one.bidirectional)
    with pytest.raises(SeqError, match="only encoder, decoder"):
        checked(one_way, parse("second.0.1"))


def test_a_cut_of_the_same_units_is_recognised() -> None:
    assert Cut(0, "h", 3, 0.5).same(Cut(0, "h", 3))
    assert not Cut(0, "h", 3, 0.5).same(Cut(0, "h", 4, 0.5))
    assert not Cut(0, "h", 3).same(Cut(0, "h", 3, side="encoder"))
    assert not Cut(0, "h", 3).same("0.3")
