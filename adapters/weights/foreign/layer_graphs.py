"""Evaluates a network from Keras's description, layer by layer, with the weights of the file.

    found = evaluate(model.layers, model.arrays, pictures, wanted=("mixed10", "dense_3"))

The layers are data: only the kinds named here are known, and any other is refused.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from adapters.weights.foreign.arrays import Arrays
from adapters.weights.foreign.channels_last import Maps, average, average_pool, convolution, max_pool, relu
from registry.errors import BadArtifactError

Layer = Mapping[str, Any]
_LARGEST_SIDE = 1024
Weights = Callable[[str], Maps | None]


def evaluate(layers: Sequence[Layer], arrays: Arrays, x: Maps, wanted: Sequence[str]) -> dict[str, Maps]:
    """The outputs of the layers `wanted` for pictures `x` [N, H, W, C]; a softmax at the very end is left out.

    Raises: BadArtifactError for a layer of unknown kind, one whose inputs or weights are missing, or one that is not
    there.
    """
    outputs: dict[str, Maps] = {}
    users = Counter(source for layer in layers for source in set(_sources(layer)))
    before: str | None = None
    for layer in layers:
        name = str(layer["name"])
        sources = _sources(layer) or ([before] if before else [])
        try:
            given = [outputs[source] for source in sources]
            outputs[name] = _apply(layer, given, x, _weights(name, arrays))
        except (KeyError, IndexError, TypeError, ValueError) as error:
            raise BadArtifactError(f"The layer {name!r} cannot be evaluated: {error!r}"[:300]) from None
        for source in set(sources):  # outputs that no later layer needs are dropped, to save memory
            users[source] -= 1
            if users[source] <= 0 and source not in wanted:
                del outputs[source]
        before = name
        if all(end in outputs for end in wanted):
            break
    missing = [end for end in wanted if end not in outputs]
    if missing:
        raise BadArtifactError(f"The model has no layer {', '.join(missing)}")
    return {end: outputs[end] for end in wanted}


def last_layer(layers: Sequence[Layer]) -> str:
    """The name of the layer that gives the scores."""
    return str(layers[-1]["name"])


def input_side(layers: Sequence[Layer], otherwise: int) -> int:
    """Pixels a side that the input layer asks for; `otherwise` where it leaves that open."""
    shape = layers[0].get("config", {}).get("batch_input_shape") or []
    side = int((shape[1] if len(shape) == 4 else None) or otherwise)
    if not 0 < side <= _LARGEST_SIDE:
        raise BadArtifactError(f"The model asks for pictures of {side:,} pixels a side, more than {_LARGEST_SIDE:,}")
    return side


def _sources(layer: Layer) -> list[str]:
    nodes = layer.get("inbound_nodes") or []
    return [str(source[0]) for source in nodes[0]] if nodes else []


def _weights(name: str, arrays: Arrays) -> Weights:
    def find(leaf: str) -> Maps | None:
        found = arrays.get(f"{name}/{leaf}")
        return None if found is None else found.astype(np.float64)

    return find


def _apply(layer: Layer, given: list[Maps], x: Maps, weights: Weights) -> Maps:
    kind, config = str(layer["class_name"]), layer["config"]
    if kind == "InputLayer":
        return x
    if kind in {"Dropout", "Activation"}:
        return _activate(str(config.get("activation", "linear")), given[0])
    if kind == "Concatenate":
        return np.concatenate(given, axis=int(config["axis"]))
    if kind == "Flatten":
        return given[0].reshape(len(given[0]), -1)
    if kind == "GlobalAveragePooling2D":
        return average(given[0])
    if kind in {"MaxPooling2D", "AveragePooling2D"}:
        pool = max_pool if kind == "MaxPooling2D" else average_pool
        return pool(given[0], _pair(config["pool_size"]), _pair(config["strides"]), str(config["padding"]))
    if kind == "BatchNormalization":
        return _normalise(given[0], float(config["epsilon"]), weights)
    kernel = weights("kernel")
    if kernel is None or kind not in {"Conv2D", "Dense"}:
        raise ValueError(f"a {kind} without weights" if kernel is None else f"the kind {kind} is not known here")
    bias = weights("bias") if config["use_bias"] else None
    if kind == "Conv2D":
        found = convolution(given[0], kernel, bias, _pair(config["strides"]), str(config["padding"]))
    else:
        found = given[0] @ kernel + (0.0 if bias is None else bias)
    return _activate(str(config["activation"]), found)


def _normalise(x: Maps, epsilon: float, weights: Weights) -> Maps:
    mean, variance, gamma, beta = (weights(leaf) for leaf in ("moving_mean", "moving_variance", "gamma", "beta"))
    if mean is None or variance is None:
        raise ValueError("a normalisation without its statistics")
    found = (x - mean) / np.sqrt(variance + epsilon)
    return found * (1.0 if gamma is None else gamma) + (0.0 if beta is None else beta)


def _activate(name: str, x: Maps) -> Maps:
    if name == "relu":
        return relu(x)
    if name in {"linear", "softmax"}:  # a softmax ends a classifier, and scores are compared before it
        return x
    raise ValueError(f"the activation {name} is not known here")


def _pair(value: Sequence[int]) -> tuple[int, int]:
    return int(value[0]), int(value[1])
