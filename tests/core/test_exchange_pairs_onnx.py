"""onnxruntime gives the engine's logits, weights and targets for an encoder-decoder exported as two graphs."""

from typing import Any

import numpy as np
import pytest
from seqcore.exchange.contents import Contents, understood
from seqcore.exchange.onnx_file import onnx_files
from seqcore.records import I64

from tests.core.compare import assert_close
from tests.core.recorded.record_exported_pairs import CASES, END
from tests.core.test_exchange import TOLERANCE
from tests.core.test_exchange_pairs import assert_logits, decoded, engine, every_case, said

Named = dict[str, Any]


class Graphs:
    """Both graphs in sessions of onnxruntime."""

    def __init__(self, contents: Contents) -> None:
        pytest.importorskip("onnx")
        runtime = pytest.importorskip("onnxruntime")
        files = onnx_files(contents)
        assert list(files) == ["encoder", "decoder"]
        self.encoder, self.decoder = (
            runtime.InferenceSession(data, providers=["CPUExecutionProvider"]) for data in files.values()
        )
        self.reads = {one.name: one.shape for one in self.decoder.get_inputs()}

    @property
    def keeps_state(self) -> bool:
        """Whether the decoder goes on from a state; the others read everything again."""
        return "h_0" in self.reads

    def encode(self, read: Named) -> Named:
        """The inputs of the decoder but its symbols."""
        return self._run(self.encoder, read) | read

    def step(self, symbols: I64, given: Named) -> Named:
        """The outputs of the decoder for symbols (U, B), and what it needs to go on."""
        known = {name: given[name] for name in self.reads if name in given}
        found = self._run(self.decoder, known | {"symbols": symbols})
        return given | {f"{name[0]}_0": state for name, state in found.items() if name.endswith("_n")} | found

    def one_by_one(self, symbols: I64, given: Named) -> list[Named]:
        """The outputs of the last timestep (1, B, ...), for each of symbols (U, B)."""
        steps = []
        for u in range(len(symbols)):
            given = self.step(symbols[u : u + 1] if self.keeps_state else symbols[: u + 1], given)
            steps.append({name: given[name][-1:] for name in ("logits", "weights") if name in given})
        return steps

    def greedy(self, read: Named, most: int) -> list[list[int]]:
        """What is written for each source, the likeliest symbol at every step."""
        given = self.encode(read)
        symbols = np.full((1, next(iter(read.values())).shape[1]), END)
        for _ in range(most):
            given = self.step(symbols[-1:] if self.keeps_state else symbols, given)
            symbols = np.concatenate([symbols, given["logits"][-1:].argmax(axis=-1)])
        return [row[: row.index(END)] if END in row else row for row in symbols[1:].T.tolist()]

    @staticmethod
    def _run(session: Any, given: Named) -> Named:
        names = [output.name for output in session.get_outputs()]
        return dict(zip(names, session.run(names, given), strict=True))


@every_case
def test_onnxruntime_says_what_the_engine_says(label: str) -> None:
    case, given = CASES[label], CASES[label].batch
    graphs = Graphs(case.contents)
    start = graphs.encode(given.read)
    steps = graphs.one_by_one(given.symbols, start)
    told = {name: np.concatenate([step[name] for step in steps]) for name in steps[0]}
    assert_logits(told["logits"], label)
    weights = said(engine(label), case)[1]
    assert ("weights" in told) == bool(weights)
    for b, expected in enumerate(weights):
        U, S = expected.shape
        assert_close(told["weights"][:U, b, :S], expected, TOLERANCE)
        assert not told["weights"][:, b, S:].any()
    assert (graphs.reads["symbols"][0] == 1) == case.config.input_feeding
    if not case.config.input_feeding:
        assert_close(graphs.step(given.symbols, start)["logits"], told["logits"], TOLERANCE)


@every_case
def test_greedy_decoding_writes_what_the_engine_writes(label: str) -> None:
    case, given = CASES[label], CASES[label].batch
    graphs, expected = Graphs(case.contents), decoded(engine(label), case)
    assert graphs.greedy(given.read, case.most) == expected
    for b in range(len(given.targets)):
        assert graphs.greedy(given.one(b), case.most) == [expected[b]]


def test_both_graphs_carry_their_model_and_vocabularies() -> None:
    for label in ("rnn relu, reversed, dropout", "lstm picture, fed", "attention pairs, rotary, dropout"):
        contents = CASES[label].contents
        graphs = Graphs(contents)
        for session in (graphs.encoder, graphs.decoder):
            assert understood(session.get_modelmeta().custom_metadata_map, "graph") == contents.described
