"""Reference outputs of foreign weights: networks in plain numpy over the arrays of the file.

Each is written after its paper or prototype, independently of the definition that it is compared with.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from adapters.torch.conversion.table import hed_layers
from adapters.weights.foreign.arrays import Array, Arrays
from adapters.weights.foreign.channels_last import Maps, average, convolution, max_pool, relu
from adapters.weights.foreign.layer_graphs import evaluate, last_layer
from adapters.weights.foreign.onnx_graphs import Graph, answer
from adapters.weights.foreign.tfjs import LayersModel


@dataclass(frozen=True, slots=True)
class Answers:
    """Features [N, D] and scores before a softmax [N, classes]; None where a source has no such thing."""

    features: Array | None = None
    scores: Array | None = None


Reference = Callable[[Maps], Answers]
"""From pictures [N, H, W, 3], preprocessed, to answers."""


def squeezenet(arrays: Arrays) -> Reference:
    """SqueezeNet 1.1 as its authors' Caffe prototype has it."""

    def layer(x: Maps, name: str, strides: tuple[int, int] = (1, 1), padding: str = "same") -> Maps:
        return convolution(x, arrays[f"{name}/0"], arrays[f"{name}/1"], strides, padding)

    def fire(x: Maps, number: int) -> Maps:
        x = relu(layer(x, f"fire{number}/squeeze1x1"))
        return relu(np.concatenate([layer(x, f"fire{number}/expand{size}") for size in ("1x1", "3x3")], axis=3))

    def answers(x: Maps) -> Answers:
        x = relu(layer(x, "conv1", (2, 2), "valid"))
        for numbers in ((2, 3), (4, 5), (6, 7, 8, 9)):
            x = max_pool(x, (3, 3), (2, 2), "over")
            for number in numbers:
                x = fire(x, number)
        return Answers(average(x), average(relu(layer(x, "conv10"))))

    return answers


def vgg(arrays: Arrays, blocks: int) -> Reference:
    """VGG16's first `blocks` blocks of convolutions, each followed by its pooling."""

    def answers(x: Maps) -> Answers:
        for block in range(1, blocks + 1):
            for name in (name for name in hed_layers(blocks) if name.startswith(f"block{block}/")):
                x = relu(convolution(x, arrays[f"{name}/0"], arrays[f"{name}/1"]))
            x = max_pool(x, (2, 2), (2, 2), "valid")
        return Answers(average(x))

    return answers


def layers_model(model: LayersModel, features: str, *, headed: bool) -> Reference:
    """The file's own topology: averages of the layer `features`, and the scores of the last layer."""

    def answers(x: Maps) -> Answers:
        wanted = (features, last_layer(model.layers)) if headed else (features,)
        found = evaluate(model.layers, model.arrays, x, wanted)
        return Answers(average(found[features]), found[wanted[-1]] if headed else None)

    return answers


def onnx_graph(graph: Graph, *, headed: bool) -> Reference:
    """The file's own graph, evaluated operator by operator."""

    def answers(x: Maps) -> Answers:
        found = answer(graph, x.astype("float32"))
        return Answers(scores=found) if headed else Answers(features=found)

    return answers
