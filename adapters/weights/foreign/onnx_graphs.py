"""ONNX models: the initialisers by name, the shape of the graph, and what onnx's own reference evaluator answers.

`onnx.reference.ReferenceEvaluator` computes every operator in plain numpy. It is slow, and the standard's reference.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from adapters.weights.foreign.arrays import Array
from registry.errors import BadArtifactError, MissingExtraError

_PASSED = ("Cast", "Transpose", "Identity")
"""Operators that leave the values and the order of channels unchanged."""


_ENCODER = (
    "If it is an encoder of transformers, put it into one folder with its config.json and tokenizer, and import that"
)


@dataclass(frozen=True, slots=True)
class Normalised:
    """A convolution and the normalisation after it: (conv(x) + bias - mean) * scale + shift; the kernel is OIHW."""

    kernel: Array
    bias: Array
    mean: Array
    scale: Array
    shift: Array


@dataclass(frozen=True)
class Graph:
    """A model of one picture input and one output. `side` is None where the input's size is left open."""

    model: Any
    arrays: dict[str, Array]
    input: str
    channels_last: bool
    side: int | None
    output: str


def looks_like_onnx(path: Path) -> bool:
    """True when the first fields are those of a ModelProto: an IR version, then a field that may follow it."""
    with path.open("rb") as file:
        start = file.read(3)
    return len(start) == 3 and start[0] == 0x08 and 1 <= start[1] <= 32 and start[2] in {0x12, 0x22, 0x3A, 0x42}


def read_graph(path: Path) -> Graph:
    """Raises: BadArtifactError for a damaged model, data kept in other files or another kind of input."""
    model = load_model(path)
    arrays = {tensor.name: array_of(tensor) for tensor in model.graph.initializer}
    for node in model.graph.node:  # equal initialisers are stored once, under one name
        if node.op_type == "Identity" and node.input[0] in arrays:
            arrays[node.output[0]] = arrays[node.input[0]]
    inputs = [value for value in model.graph.input if value.name not in arrays]
    if len(inputs) != 1 or len(model.graph.output) != 1:
        raise BadArtifactError(
            f"{path.name!r} has {len(inputs)} inputs and {len(model.graph.output)} outputs, not one each",
            remedy=_ENCODER,
        )
    sizes = [int(dim.dim_value) for dim in inputs[0].type.tensor_type.shape.dim]
    if len(sizes) != 4 or 3 not in {sizes[1], sizes[3]}:
        raise BadArtifactError(
            f"The input of {path.name!r} is not an image of three channels: {sizes}", remedy=_ENCODER
        )
    last = sizes[3] == 3
    side = (sizes[1] if last else sizes[2]) or None
    return Graph(model, arrays, inputs[0].name, last, side, _scores_of(model.graph))


def answer(graph: Graph, pictures: NDArray[np.float32]) -> Array:
    """What the graph gives for pictures [N, H, W, 3], flat, [N, …], before a softmax. Raises: BadArtifactError."""
    onnx, model = _onnx(), graph.model
    given = pictures if graph.channels_last else pictures.transpose(0, 3, 1, 2)
    del model.graph.output[:]
    model.graph.output.append(onnx.helper.make_empty_tensor_value_info(graph.output))
    (found,) = evaluate(model, {graph.input: np.ascontiguousarray(given)})
    flat: Array = np.asarray(found).reshape(len(pictures), -1)
    return flat


def evaluate(model: Any, feeds: Mapping[str, Array]) -> list[Array]:
    """The outputs of a graph, by onnx's reference evaluator. Raises: BadArtifactError."""
    try:
        from onnx.reference import ReferenceEvaluator  # noqa: PLC0415 - as in `_onnx`

        return [np.asarray(found) for found in ReferenceEvaluator(model).run(None, dict(feeds))]
    except Exception as error:  # noqa: BLE001 - an evaluator fails in as many ways as there are operators
        raise BadArtifactError(f"The graph cannot be evaluated: {type(error).__name__}: {error}"[:300]) from None


def normalised_convolutions(graph: Graph) -> list[Normalised]:
    """Every convolution with the normalisation after it, in the order of the graph. Raises: BadArtifactError.

    Exporters that do not fold normalisations write them as Add (bias), Sub (mean), Mul (scale), Add (shift).
    """
    return list(_walk(graph))


def dense_layers(graph: Graph) -> list[tuple[Array, Array]]:
    """Kernel [I, O] and bias [O] of every dense layer, in the order of the graph. Raises: BadArtifactError."""
    users = _users(graph)
    found = []
    for node in graph.model.graph.node:
        if node.op_type == "MatMul" and node.input[1] in graph.arrays:
            _, bias = _next(graph, users, node.output[0], "Add")
            found.append((graph.arrays[node.input[1]], bias))
    return found


def _users(graph: Graph) -> dict[str, list[Any]]:
    users: dict[str, list[Any]] = {}
    for node in graph.model.graph.node:
        for name in node.input:
            users.setdefault(name, []).append(node)
    return users


def _walk(graph: Graph) -> Iterator[Normalised]:
    users = _users(graph)
    for node in graph.model.graph.node:
        if node.op_type != "Conv":
            continue
        kernel = graph.arrays.get(node.input[1])
        if kernel is None or len(node.input) > 2:
            raise BadArtifactError(
                f"The convolution {node.name or node.output[0]!r} has no stored kernel, or a bias of its own"
            )
        place, found = node.output[0], []
        for wanted in ("Add", "Sub", "Mul", "Add"):
            place, constant = _next(graph, users, place, wanted)
            found.append(constant.reshape(-1))
        yield Normalised(kernel, found[0], found[1], found[2], found[3])


def _next(graph: Graph, users: dict[str, list[Any]], place: str, wanted: str) -> tuple[str, Array]:
    """What follows `place` past casts and transposes, and the constant that it uses."""
    while True:
        following = users.get(place, [])
        if len(following) != 1:
            break
        (node,) = following
        if node.op_type in _PASSED:
            place = node.output[0]
            continue
        constants = [graph.arrays[name] for name in node.input if name in graph.arrays]
        if node.op_type != wanted or len(constants) != 1 or node.input[0] != place:
            break
        return node.output[0], constants[0]
    raise BadArtifactError(f"A layer is not followed by the {wanted} of constants that belongs to it")


def _scores_of(graph: Any) -> str:
    """The output's name, or what goes into the softmax that makes it."""
    name = str(graph.output[0].name)
    makers = {output: node for node in graph.node for output in node.output}
    while name in makers and makers[name].op_type in {"Softmax", "Cast", "Identity"}:
        ended = makers[name].op_type == "Softmax"
        name = str(makers[name].input[0])
        if ended:
            break
    return name


def load_model(path: Path) -> Any:
    """The message of an ONNX file. Raises: BadArtifactError."""
    onnx = _onnx()
    try:
        return onnx.load_model(path, load_external_data=False)
    except Exception as error:  # noqa: BLE001 - protobuf and onnx raise errors of their own kinds
        raise BadArtifactError(
            f"{path.name!r} is not a valid ONNX model: {error}"[:300], remedy="Get the file again"
        ) from None


def array_of(tensor: Any) -> Array:
    """An initialiser. Raises: BadArtifactError when it is damaged or lies in another file."""
    onnx = _onnx()
    if tensor.data_location == onnx.TensorProto.EXTERNAL or tensor.external_data:
        raise BadArtifactError(
            f"{tensor.name[:80]!r} is kept in another file", remedy="Save the ONNX model with its weights inside"
        )
    try:
        array: Array = onnx.numpy_helper.to_array(tensor)
    except Exception as error:  # noqa: BLE001 - as above
        raise BadArtifactError(f"{tensor.name[:80]!r} is not a valid tensor: {error}"[:300]) from None
    return array


def _onnx() -> Any:
    try:
        import onnx  # noqa: PLC0415 - importers are asked about every source, and most need no onnx
        import onnx.reference  # noqa: PLC0415 - as above
    except ImportError as error:
        raise MissingExtraError(
            f"Reading an ONNX model needs onnx, which cannot be imported: {error}",
            remedy='Run: pip install "forebear[onnx]"',
        ) from error
    return onnx
