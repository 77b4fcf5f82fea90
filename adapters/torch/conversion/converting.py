"""Converts foreign arrays to a folder and checks it, one function for each format."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

from adapters.torch.conversion import references, table
from adapters.torch.conversion.proof import prove
from adapters.torch.conversion.references import Reference
from adapters.torch.definitions import resnet_thin, vgg
from adapters.torch.fitting import Fitted, fit, known_architectures
from adapters.torch.importer import write_source
from adapters.weights.foreign.arrays import Array, Arrays, pieces_of
from adapters.weights.foreign.layer_graphs import input_side
from adapters.weights.foreign.onnx_graphs import Graph, Normalised, dense_layers, normalised_convolutions
from adapters.weights.foreign.tfjs import LayersModel
from adapters.weights.misfits import check_fit
from registry.errors import BadArtifactError, InvalidError
from registry.ports.importing import ConvertedSource

ODD_SIDE = 70
"""Pixels a side for checking small networks: odd after one halving, so that borders matter."""
THIN = "resnet50_thin"
_EPSILON = 1e-5
"""BatchNorm's epsilon."""


def from_pickled_arrays(arrays: Arrays, target: Path, architecture: str | None) -> ConvertedSource:
    """A pickle of HWIO arrays. Raises: InvalidError, MisfitError."""
    conversion = table.choose(table.PICKLED_ARRAYS, architecture, arrays)
    return _by_table("pickled-arrays", conversion, arrays, target, references.squeezenet(arrays), ODD_SIDE)


def from_keras_weights(arrays: Arrays, target: Path, architecture: str | None) -> ConvertedSource:
    """Datasets of a `.weights.h5`. Raises: InvalidError, MisfitError."""
    conversion = table.choose(table.KERAS_WEIGHTS, architecture, arrays)
    reference = references.vgg(arrays, vgg.DEPTH[conversion.architecture])
    return _by_table("keras-weights", conversion, arrays, target, reference, ODD_SIDE)


def from_layers_model(model: LayersModel, target: Path, architecture: str | None) -> ConvertedSource:
    """A layers model of TensorFlow.js. Raises: InvalidError, MisfitError, BadArtifactError."""
    conversion = table.choose(table.TFJS_LAYERS, architecture, model.arrays)
    headed = conversion.head is not None
    reference = references.layers_model(model, table.LAST_BLOCK[conversion.architecture], headed=headed)
    notes = []
    if model.quantized:
        notes.append(f"converted {model.quantized} quantised arrays to floating point")
    side = input_side(model.layers, otherwise=299)
    return _by_table("tfjs-layers", conversion, model.arrays, target, reference, side, notes)


def from_onnx(graph: Graph, target: Path, architecture: str | None) -> ConvertedSource:
    """The initialisers of a graph: by the order of its convolutions for the thin ResNet, else by their names.

    Raises: InvalidError, MisfitError, BadArtifactError.
    """
    if architecture is None:
        try:
            thin = len(normalised_convolutions(graph)) == len(_thin_places())
        except BadArtifactError:
            thin = False
        if not thin:
            raise InvalidError(
                "The ONNX model does not say which architecture its weights are for",
                remedy=f"Name one with --architecture: {known_architectures()}",
            )
    if architecture in {None, THIN}:
        tensors, notes = _thin_tensors(normalised_convolutions(graph), dense_layers(graph))
        fitted = fit(THIN, {name: array.shape for name, array in tensors.items()})
    else:
        arrays = {name: array for name, array in graph.arrays.items() if array.dtype.kind == "f"}
        fitted = fit(architecture, {name: array.shape for name, array in arrays.items()})
        tensors, notes = {ours: arrays[name] for name, ours in fitted.names.items()}, []
    reference = references.onnx_graph(graph, headed=fitted.headed)
    return _written("onnx", tensors, fitted, target, reference, graph.side or ODD_SIDE, notes)


def _by_table(
    format: str,
    conversion: table.Conversion,
    arrays: Arrays,
    target: Path,
    reference: Reference,
    side: int,
    notes: list[str] | None = None,
) -> ConvertedSource:
    tensors, fitted = conversion.convert(arrays)
    notes = [*(notes or []), *([conversion.note] if conversion.note else [])]
    return _written(format, tensors, fitted, target, reference, side, notes)


def _written(
    format: str, tensors: Arrays, fitted: Fitted, target: Path, reference: Reference, side: int, notes: list[str]
) -> ConvertedSource:
    written = write_source(target, pieces_of(tensors), fitted, format, notes)
    return replace(written, notes=(*written.notes, prove(target, fitted.architecture, reference, side)))


# --- the thin ResNet -----------------------------------------------------------------------------------------------


def _thin_places() -> list[tuple[str, str]]:
    """Our names of each convolution and its normalisation, in the order of the graph: the shortcut before the third."""
    places = [("conv1", "bn1")]
    for stage, (_, blocks, _) in enumerate(resnet_thin.STAGES, start=1):
        for i in range(blocks):
            block = f"layer{stage}.{i}"
            shortcut = [(f"{block}.downsample.0", f"{block}.downsample.1")] if i == 0 else []
            first, second, third = ((f"{block}.conv{n}", f"{block}.bn{n}") for n in (1, 2, 3))
            places += [first, second, *shortcut, third]
    return places


def _thin_tensors(
    convolutions: list[Normalised], dense: list[tuple[Array, Array]]
) -> tuple[dict[str, Array], list[str]]:
    """Our tensors: bias and mean are one mean here, a scale is a weight over the variance 1. Raises: MisfitError."""
    places = _thin_places()
    check_fit(
        f"{THIN}, by its convolutions in order",
        {f"convolution {i}": () for i in range(len(places))},
        {f"convolution {i}": () for i in range(len(convolutions))},
    )
    tensors: dict[str, Array] = {}
    for (conv, norm), found in zip(places, convolutions, strict=True):
        tensors |= {
            f"{conv}.weight": found.kernel,
            f"{norm}.weight": found.scale,
            f"{norm}.bias": found.shift,
            f"{norm}.running_mean": found.mean - found.bias,
            f"{norm}.running_var": np.full_like(found.mean, 1 - _EPSILON),
            f"{norm}.num_batches_tracked": np.zeros((), np.int64),
        }
    if len(dense) == 1:
        tensors |= {
            "classifier.weight": np.ascontiguousarray(dense[0][0].T),
            "classifier.bias": dense[0][1].reshape(-1),
        }
    note = (
        "the file keeps scales and no variances: every running variance is written as 1 - 1e-5, which gives the same "
        "answers; keep normalisations frozen"
    )
    return tensors, [note]
