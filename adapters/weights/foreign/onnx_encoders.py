"""ONNX models of encoders: their tensors under the names of the modules that they were exported from.

torch's exporter keeps the names of most tensors. The kernel of a dense layer is turned round and loses its name; the
name of its bias, or of the operator, tells it. A tensor that is used in two parts is stored as these, without a name.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from adapters.weights.foreign.arrays import Array
from adapters.weights.foreign.onnx_graphs import array_of, evaluate, load_model
from registry.errors import BadArtifactError

_NAMELESS = re.compile(r"(onnx::\w+|\d+|[\w./]*_output_\d+|.*Constant.*)")


@dataclass(frozen=True)
class Encoder:
    """A graph with any number of inputs. `sizes` are None where the graph leaves them open."""

    model: Any
    tensors: Mapping[str, Array]
    nameless: Sequence[Array]
    inputs: Mapping[str, tuple[int | None, ...]]
    outputs: tuple[str, ...]

    def answer(self, feeds: Mapping[str, Array]) -> dict[str, Array]:
        """The outputs by name, by onnx's reference evaluator. Raises: BadArtifactError."""
        found = evaluate(self.model, feeds)
        return dict(zip(self.outputs, found, strict=True))


def read_encoder(path: Path) -> Encoder:
    """Raises: BadArtifactError for a damaged or quantised model, or one whose data lie in other files."""
    model = load_model(path)
    graph = model.graph
    if quantised := sorted(
        {node.op_type for node in graph.node if re.search("Quantize|Integer|QLinear|MatMulNBits", node.op_type)}
    ):
        raise BadArtifactError(
            f"{path.name!r} is quantised ({', '.join(quantised)})",
            remedy="Import the model in full precision, model.onnx",
        )
    arrays = {tensor.name: array_of(tensor) for tensor in graph.initializer}
    floats = {name: array for name, array in arrays.items() if array.dtype.kind == "f"}
    for node in graph.node:  # equal initialisers are stored once, under one name
        if node.op_type == "Identity" and node.input[0] in floats:
            floats[node.output[0]] = floats[node.input[0]]
    kernels, used = _kernels(graph, floats)
    named = {name: array for name, array in floats.items() if not _NAMELESS.fullmatch(name)}
    nameless = [array for name, array in floats.items() if _NAMELESS.fullmatch(name) and name not in used]
    return Encoder(
        model,
        {**named, **kernels},
        nameless,
        {value.name: _sizes(value) for value in graph.input if value.name not in arrays},
        tuple(value.name for value in graph.output),
    )


def _kernels(graph: Any, arrays: Mapping[str, Array]) -> tuple[dict[str, Array], set[str]]:
    """The kernels of dense layers, [outputs, inputs] as torch has them, and the initialisers that they are."""
    users: dict[str, list[Any]] = {}
    for node in graph.node:
        for name in node.input:
            users.setdefault(name, []).append(node)
    found: dict[str, Array] = {}
    used: set[str] = set()
    for node in graph.node:
        if node.op_type != "MatMul" or node.input[1] not in arrays or not _NAMELESS.fullmatch(node.input[1]):
            continue
        place = _place(node, users, arrays)
        if place:
            found[f"{place}.weight"] = np.ascontiguousarray(arrays[node.input[1]].T)
            used.add(node.input[1])
    return found, used


def _place(node: Any, users: Mapping[str, list[Any]], arrays: Mapping[str, Array]) -> str:
    """The module of a dense layer, by the bias that is added to it, else by the name of the operator."""
    for user in users.get(node.output[0], []):
        for name in user.input:
            if user.op_type == "Add" and name in arrays and name.endswith(".bias"):
                return str(name).removesuffix(".bias")
    return str(node.name).strip("/").rpartition("/")[0].replace("/", ".")


def _sizes(value: Any) -> tuple[int | None, ...]:
    return tuple(int(dim.dim_value) or None for dim in value.type.tensor_type.shape.dim)
