"""Exported encoder-decoders load strictly in PyTorch, say there what the engine says, and are read back byte for byte.

Recorded by tests/core/recorded/record_exported_pairs.py; if torch is installed, it is also compared directly.
"""

import functools
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors import safe_open
from seqcore import jit
from seqcore.data.score_layout import bar_of
from seqcore.data.vocabulary import Vocabulary
from seqcore.errors import SeqError
from seqcore.exchange.contents import Contents
from seqcore.exchange.families.table import family_of
from seqcore.exchange.importing import read_weights
from seqcore.exchange.npz import npz_bytes
from seqcore.exchange.torch_file import read_torch, torch_bytes
from seqcore.exchange.torch_layout import to_torch, torch_shapes
from seqcore.exchange.torch_source import source
from seqcore.model import build, shapes, workspace
from seqcore.parameters import Parameters
from seqcore.records import F32
from seqcore.serial import serial_model
from seqcore.tasks.language import Language
from seqcore.tasks.pair_data import decode_source
from seqcore.tasks.table import as_json
from seqcore.tasks.transduce import Transduce

from tests.core.compare import assert_close
from tests.core.recorded import record_exported_pairs as record
from tests.core.recorded.record_exported import FILE, module
from tests.core.recorded.record_exported_pairs import CASES, END, PairCase
from tests.core.test_exchange import TOLERANCE, assert_same, written

every_case = pytest.mark.parametrize("label", CASES)


@functools.cache
def recording(label: str) -> dict[str, Any]:
    """The recorded arrays of one case."""
    with np.load(CASES[label].path, allow_pickle=False) as archive:
        return {name.removeprefix(f"{label}/"): archive[name] for name in archive.files if name.startswith(f"{label}/")}


def parameters(contents: Contents) -> Parameters:
    """The weights as the engine has them."""
    made = Parameters(shapes(contents.config))
    for name, view in made.items():
        view[:] = contents.arrays[name]
    return made


@functools.cache
def engine(label: str) -> Any:
    """The model of one case."""
    case = CASES[label]
    for kind in case.config.kernels:
        jit.compile_kernels(jit.kernel_groups(kind, "look"))
    return serial_model(case.config, parameters(case.contents))


def said(model: Any, case: PairCase) -> tuple[list[F32], list[F32]]:
    """The engine's logits (U, K) for each pair of the batch, as long as its target, and the weights (U, S).

    The weights are those of attention with a single head; a transformer returns none.
    """
    given, logits, weights = case.batch.examples, [], []
    for i in range(given.count):
        look, S = model.look(given.score(i)[:-1]), int(given.source_lengths[i])
        logits.append(look.logits[S:])
        if case.config.cross_attention not in ("", "none"):
            weights.append(look.attention[0, 0, S:, :S])
    return logits, weights


def decoded(model: Any, case: PairCase) -> list[list[int]]:
    """What the engine writes for each source of the batch, symbol by symbol."""
    given = case.batch.examples
    return [decode_source(model, given.read(i), END, case.most).symbols() for i in range(given.count)]


def assert_logits(found: F32, label: str) -> None:
    """Assert that logits (U, B, K) are those of the engine, where the targets are not padding."""
    for b, logits in enumerate(said(engine(label), CASES[label])[0]):
        assert_close(found[: len(logits), b], logits, TOLERANCE)


@every_case
def test_what_is_exported_is_what_pytorch_took(label: str) -> None:
    told, case = recording(label), CASES[label]
    state = to_torch(case.config, case.contents.arrays)
    names = str(told["names"]).split("\n")
    assert set(state) == set(names)
    np.testing.assert_array_equal(np.concatenate([state[name].ravel() for name in names]), told["state"])
    assert {name: array.shape for name, array in state.items()} == torch_shapes(case.config, shapes(case.config))
    assert source(case.contents.described, FILE) == str(told["source"])


@every_case
def test_the_engine_says_and_writes_what_the_printed_module_did(label: str) -> None:
    told = recording(label)
    assert_logits(told["logits"], label)
    greedy = [[symbol for symbol in row if symbol >= 0] for row in told["greedy"].tolist()]
    assert decoded(engine(label), CASES[label]) == greedy


@every_case
def test_a_padded_batch_of_the_engine_has_the_losses_of_the_printed_module(label: str) -> None:
    case, given, logits = CASES[label], CASES[label].batch, recording(label)["logits"]
    for kind in case.config.kernels:
        jit.compile_kernels(jit.kernel_groups(kind, "train"))
    batch = given.examples.batch(np.arange(len(given.targets)), len(given.targets))
    model = build(case.config, parameters(case.contents))
    model.pack(backward=False)
    losses = model.losses(batch.inputs, batch.targets, workspace(case.config, *batch.targets.shape, backward=False))
    top = logits.max(axis=-1, keepdims=True)
    shares = logits - top - np.log(np.exp(logits - top).sum(axis=-1, keepdims=True))
    S = bar_of(batch.inputs, case.config.vocabulary_size)
    for b, target in enumerate(given.targets):
        symbols = [*target, END]
        assert_close(losses[S : S + len(symbols), b], -shares[np.arange(len(symbols)), b, symbols], TOLERANCE)


@every_case
def test_weights_come_back_byte_for_byte(label: str, tmp_path: Path) -> None:
    sent = CASES[label].contents
    for array in sent.arrays.values():
        array.reshape(-1)[:2] = -0.0, 1e-42  # negative zero, and a subnormal
    assert_same(read_torch(written(tmp_path / "weights.safetensors", torch_bytes(sent))), sent)
    assert_same(read_weights(written(tmp_path / "weights.npz", npz_bytes(sent))), sent)


def test_the_printed_source_is_short_and_plain() -> None:
    for case in CASES.values():
        text = source(case.contents.described, 'it\'s "here"/w\n\u00e4.safetensors')
        compile(text, "printed", "exec")
        assert text.isascii()
        assert max(map(len, text.splitlines())) <= 120
        assert len(text.splitlines()) < (180 if case.config.family == "attention" else 120)


def test_both_vocabularies_are_in_the_file(tmp_path: Path) -> None:
    one = Transduce(Vocabulary("char", tuple("pqrstuv")), False, "reverse", 5)
    for task in (CASES["gru dot, 2 layers"].task, one):
        sent = CASES["gru dot, 2 layers"].contents
        path = written(tmp_path / FILE, torch_bytes(Contents(sent.config, sent.vocabulary, sent.arrays, task)))
        with safe_open(path, "numpy") as file:
            texts = file.metadata()
        assert json.loads(texts["vocabulary"])["symbols"] == list(sent.vocabulary.symbols)
        assert json.loads(texts["task"])["target"]["symbols"] == list("pqrstuv")
        assert as_json(task) == json.loads(texts["task"])


def test_an_encoder_decoder_of_another_task_is_refused() -> None:
    with pytest.raises(SeqError, match="the task language has no pairs"):
        source(CASES["gru none, 1 layer"].contents.described._replace(task=Language()), FILE)


def test_a_captioner_of_another_task_is_refused() -> None:
    case = CASES["gru none, 1 layer"]
    for label in ("lstm picture, fed", "rnn picture, none"):
        with pytest.raises(SeqError, match="the task translate has no pictures"):
            source(CASES[label].contents.described._replace(task=case.task), FILE)


def test_every_parameter_has_a_place() -> None:
    for case in CASES.values():
        layout = family_of(case.config).layout(case.config)
        biases = {f"{cell.ours}.{b}" for cell in layout.cells for b in (("b", "b_hn") if cell.split else ("b",))}
        assert set(layout.places) | biases == set(shapes(case.config))


@pytest.mark.parametrize("label", [label for label, case in CASES.items() if case.config.patches])
def test_the_printed_function_cuts_pictures_as_the_engine_reads_them(label: str) -> None:
    assert_close(recording(label)["patches"], CASES[label].batch.read["patches"], TOLERANCE)


def test_the_recording_is_small_and_plain() -> None:
    assert all(path.stat().st_size < 200_000 for path in {case.path for case in CASES.values()})
    assert {value.dtype.kind for label in CASES for value in recording(label).values()} == {"f", "U", "i"}


@every_case
def test_pytorch_loads_it_strictly_and_says_and_writes_the_same_today(label: str, tmp_path: Path) -> None:
    pytest.importorskip("torch")
    case = CASES[label]
    model = module(case.contents.described, written(tmp_path / FILE, torch_bytes(case.contents)))
    assert not model.training
    assert_logits(record.logits(model, case), label)
    for name, value in record.record(case).items():
        if value.dtype.kind == "f":
            np.testing.assert_allclose(value, recording(label)[name], rtol=1e-5, atol=1e-6, err_msg=name)
        else:
            np.testing.assert_array_equal(value, recording(label)[name], err_msg=name)


@every_case
def test_what_pytorch_trained_and_saved_comes_back_with_the_help_of_the_run(label: str, tmp_path: Path) -> None:
    torch = pytest.importorskip("torch")
    from safetensors.torch import save_file

    case = CASES[label]
    model = module(case.contents.described, written(tmp_path / FILE, torch_bytes(case.contents)))
    with torch.no_grad():
        for parameter in model.parameters():
            parameter += 0.1 * torch.randn_like(parameter)
    save_file(model.state_dict(), tmp_path / "trained.safetensors")
    back = read_torch(tmp_path / "trained.safetensors", case.contents.described)
    found, again = record.logits(model, case), serial_model(case.config, parameters(back))
    for b, logits in enumerate(said(again, case)[0]):
        assert_close(found[: len(logits), b], logits, TOLERANCE)
