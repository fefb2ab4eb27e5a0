"""ONNX graphs compute what the engine computes, for any T and B; run only if onnx and onnxruntime are installed."""

import sys
from typing import Any

import numpy as np
import pytest
from seqcore.config import RECURRENT
from seqcore.errors import SeqError
from seqcore.exchange.contents import Contents, understood
from seqcore.exchange.onnx_file import onnx_files

from tests.core.compare import assert_close
from tests.core.recorded import record_exported as record
from tests.core.recorded.record_exported import CASES
from tests.core.test_exchange import TOLERANCE, said

Named = dict[str, Any]
every_case = pytest.mark.parametrize("label", CASES)


def session(contents: Contents) -> Any:
    """An onnxruntime session for the exported graph."""
    pytest.importorskip("onnx")
    runtime = pytest.importorskip("onnxruntime")
    return runtime.InferenceSession(onnx_files(contents)[""], providers=["CPUExecutionProvider"])


def run(graph: Any, tokens: Any, state: Named) -> Named:
    """All outputs by name."""
    read = {"values": tokens} if np.ndim(tokens) == 3 else {"tokens": np.asarray(tokens, np.int64)}
    given = read | {f"{name[0]}_0": value for name, value in state.items()}
    names = [output.name for output in graph.get_outputs()]
    return dict(zip(names, graph.run(names, given), strict=True))


def result(contents: Contents) -> str:
    """The name of the output."""
    return "predicted" if contents.config.values else "logits"


def nothing(contents: Contents, B: int) -> Named:
    """The initial state."""
    config = contents.config
    if config.family not in RECURRENT:
        return {}
    names = ("h_n", "c_n") if config.family == "lstm" else ("h_n",)
    return {name: np.zeros((config.layers, B, config.hidden), np.float32) for name in names}


@every_case
def test_onnxruntime_says_what_the_engine_says(label: str) -> None:
    contents, tokens = CASES[label].contents, record.inputs(CASES[label].config)
    graph = session(contents)
    for part in (tokens, tokens[:1], tokens[:5, :1]):
        told = run(graph, part, nothing(contents, part.shape[1]))
        assert_close(told[result(contents)], said(contents, part), TOLERANCE)


@pytest.mark.parametrize("label", [label for label, case in CASES.items() if case.config.family in RECURRENT])
def test_a_text_in_two_pieces_reads_like_one(label: str) -> None:
    contents, tokens = CASES[label].contents, record.inputs(CASES[label].config)
    graph = session(contents)
    first = run(graph, tokens[:3], nothing(contents, record.B))
    logits = first.pop(result(contents))
    second = run(graph, tokens[3:], first)
    assert_close(np.concatenate((logits, second[result(contents)])), said(contents, tokens), TOLERANCE)


@pytest.mark.parametrize("label", [label for label, case in CASES.items() if case.config.family == "attention"])
def test_more_tokens_than_the_context_are_refused(label: str) -> None:
    contents = CASES[label].contents
    graph = session(contents)
    D = contents.config.inputs
    tokens = np.zeros((contents.config.context + 1, 1, *([D] if D else [])), np.float32 if D else np.int64)
    with pytest.raises(Exception, match=r"axis|dimension|broadcast|Shape"):
        run(graph, tokens, {})


@every_case
def test_the_graph_carries_its_model_and_vocabulary(label: str) -> None:
    contents = CASES[label].contents
    texts = session(contents).get_modelmeta().custom_metadata_map
    assert understood(texts, "graph") == contents.described


def test_without_the_extra_one_line_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in sys.modules if name.split(".")[0] == "onnx"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "onnx", None)
    with pytest.raises(SeqError, match=r'pip install "seqtui\[onnx\]"'):
        onnx_files(CASES["rnn"].contents)
