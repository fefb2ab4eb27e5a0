"""onnxruntime gives the engine's logits, weights and targets for an encoder-decoder exported as two graphs."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from seqcore.exchange.contents import Contents, understood
from seqcore.exchange.onnx_file import onnx_files
from seqcore.records import I64
from seqcore.tasks.pair_data import MORE

from tests.core.compare import assert_close
from tests.core.recorded import record_exported_pairs as record
from tests.core.recorded.record_exported_pairs import CASES, END
from tests.core.test_exchange import TOLERANCE
from tests.core.test_exchange_pairs import assert_logits, decoded, engine, every_case, said

Named = dict[str, Any]
Step = Callable[[I64, Named], Named]


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

    def encode(self, sources: I64, lengths: I64) -> Named:
        """The inputs of the decoder but its symbols."""
        return self._run(self.encoder, {"source": sources, "lengths": lengths}) | {"lengths": lengths}

    def step(self, symbols: I64, given: Named) -> Named:
        """The outputs of the decoder for symbols (U, B), and what it needs to go on."""
        known = [one.name for one in self.decoder.get_inputs()]
        found = self._run(self.decoder, {"symbols": symbols} | {name: given[name] for name in known if name in given})
        return given | {f"{name[0]}_0": state for name, state in found.items() if name.endswith("_n")} | found

    def greedy(self, sources: I64, lengths: I64, most: int) -> list[list[int]]:
        """What is written for each source, the likeliest symbol at every step."""
        given, symbols, rows = self.encode(sources, lengths), np.full((1, lengths.size), END), []
        for _ in range(most):
            given = self.step(symbols, given)
            symbols = given["logits"].argmax(axis=-1)
            rows.append(symbols[0])
        return [row[: row.index(END)] if END in row else row for row in np.array(rows).T.tolist()]

    @staticmethod
    def _run(session: Any, given: Named) -> Named:
        names = [output.name for output in session.get_outputs()]
        return dict(zip(names, session.run(names, given), strict=True))


@every_case
def test_onnxruntime_says_what_the_engine_says(label: str) -> None:
    case, given = CASES[label], record.batch()
    graphs = Graphs(case.contents)
    start = graphs.encode(given.sources, given.lengths)
    told = graphs.step(given.symbols, start)
    assert_logits(told["logits"], label)
    weights = said(engine(label), case)[1]
    assert ("weights" in told) == bool(weights)
    for b, expected in enumerate(weights):
        U, S = expected.shape
        assert_close(told["weights"][:U, b, :S], expected, TOLERANCE)
        assert not told["weights"][:, b, S:].any()
    one, logits = start, []
    for symbols in given.symbols:
        one = graphs.step(symbols[None], one)
        logits.append(one["logits"])
    assert_close(np.concatenate(logits), told["logits"], TOLERANCE)


@every_case
def test_greedy_decoding_writes_what_the_engine_writes(label: str) -> None:
    case, given, most = CASES[label], record.batch(), record.LONGEST + MORE
    graphs, expected = Graphs(case.contents), decoded(engine(label), CASES[label])
    assert graphs.greedy(given.sources, given.lengths, most) == expected
    for b, n in enumerate(given.lengths.tolist()):
        assert graphs.greedy(given.sources[:n, b : b + 1], given.lengths[b : b + 1], most) == [expected[b]]


def test_both_graphs_carry_their_model_and_vocabularies() -> None:
    contents = CASES["rnn relu, reversed, dropout"].contents
    graphs = Graphs(contents)
    for session in (graphs.encoder, graphs.decoder):
        assert understood(session.get_modelmeta().custom_metadata_map, "graph") == contents.described
