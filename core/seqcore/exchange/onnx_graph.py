"""A small builder for ONNX graphs: nodes and constants are named as they are added. Needs the extra `onnx`."""

import importlib
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from seqcore.errors import SeqError
from seqcore.exchange.contents import Contents
from seqcore.records import F32

OPSET = 17  # the first with LayerNormalization
IR_VERSION = 8  # the one of that opset; a newer one would exclude older runtimes
INT64, FLOAT = np.dtype(np.int64), np.dtype(np.float32)


def onnx_module() -> Any:
    """Import the package onnx. Raises SeqError if the extra is not installed."""
    try:
        for part in ("helper", "numpy_helper", "checker"):
            importlib.import_module(f"onnx.{part}")
        return importlib.import_module("onnx")
    except ImportError:
        raise SeqError('--to onnx needs the package onnx: pip install "seqtui[onnx]"') from None


class Graph:
    """An ONNX graph under construction; methods that add something return its name."""

    def __init__(self) -> None:
        self.onnx = onnx_module()
        self._nodes: list[Any] = []
        self._constants: list[Any] = []
        self._inputs: list[Any] = []
        self._outputs: list[Any] = []

    def input(self, name: str, kind: "np.dtype[Any]", shape: Sequence[int | str]) -> str:
        """Add an input; a string in `shape` is a dynamic dimension."""
        self._inputs.append(self._value(name, kind, shape))
        return name

    def output(self, name: str, kind: "np.dtype[Any]", shape: Sequence[int | str], value: str) -> None:
        """Add `value` as an output under this name."""
        self._nodes.append(self.onnx.helper.make_node("Identity", [value], [name]))
        self._outputs.append(self._value(name, kind, shape))

    def _value(self, name: str, kind: "np.dtype[Any]", shape: Sequence[int | str]) -> Any:
        return self.onnx.helper.make_tensor_value_info(name, self.onnx.helper.np_dtype_to_tensor_dtype(kind), shape)

    def constant(self, value: Any, name: str = "") -> str:
        """Add a constant array; integers become int64, other dtypes are kept."""
        array = np.ascontiguousarray(value) if np.ndim(value) else np.asarray(value)
        if array.dtype.kind == "i":
            array = array.astype(np.int64)
        name = name or f"constant_{len(self._constants)}"
        self._constants.append(self.onnx.numpy_helper.from_array(array, name))
        return name

    def add(self, operator: str, *inputs: str, **attributes: Any) -> str:
        """Add a node with one output. An input "" is an omitted optional input."""
        return self.add_several(1, operator, *inputs, **attributes)[0]

    def add_several(self, count: int, operator: str, *inputs: str, **attributes: Any) -> list[str]:
        """Add a node with `count` outputs."""
        label = f"{operator.lower()}_{len(self._nodes)}"
        named = [f"{label}_{n}" if n else label for n in range(count)]
        self._nodes.append(self.onnx.helper.make_node(operator, inputs, named, **attributes))
        return named

    def model(self, about: str, properties: dict[str, str]) -> Any:
        """Return the graph as a ModelProto, validated by onnx.checker."""
        helper = self.onnx.helper
        graph = helper.make_graph(self._nodes, "model", self._inputs, self._outputs, self._constants, about)
        opset = [helper.make_operatorsetid("", OPSET)]
        made = helper.make_model(graph, opset_imports=opset, ir_version=IR_VERSION, producer_name="seqtui")
        helper.set_model_props(made, properties)
        self.onnx.checker.check_model(made)
        return made


def model_graph(contents: Contents, build: Callable[[Graph, Contents, str], str]) -> dict[str, Graph]:
    """Return one graph from "tokens" to "logits", or from "values", or to "predicted" values; `build` adds the rest."""
    config, graph = contents.config, Graph()
    if config.inputs:
        read = graph.input("values", FLOAT, ["T", "B", config.inputs])
    else:
        read = graph.input("tokens", INT64, ["T", "B"])
    found = build(graph, contents, read)
    graph.output("predicted" if config.values else "logits", FLOAT, ["T", "B", config.logits], found)
    return {"": graph}


def product(graph: Graph, x: str, p: Mapping[str, F32], W: str, b: str = "") -> str:
    """x W + b; b is optional."""
    y = graph.add("MatMul", x, graph.constant(p[W], W))
    return graph.add("Add", y, graph.constant(p[b], b)) if b in p else y


def sizes(graph: Graph, tokens: str) -> tuple[str, str]:
    """T and B, each of shape (1,)."""
    T, B = (graph.add("Shape", tokens, start=n, end=n + 1) for n in (0, 1))
    return T, B


def times(graph: Graph, T: str) -> str:
    """0, 1, ... T - 1."""
    end = graph.add("Squeeze", T, graph.constant([0]))
    return graph.add("Range", graph.constant(0), end, graph.constant(1))
