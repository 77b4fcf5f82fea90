"""The plain layers agree with torch's, and a described network is evaluated as it is described."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F  # noqa: N812 - as everyone writes it
from numpy.typing import NDArray
from torch import Tensor

from adapters.weights.foreign.channels_last import average_pool, convolution, max_pool
from adapters.weights.foreign.layer_graphs import evaluate, input_side
from registry.errors import BadArtifactError

RANDOM = np.random.default_rng(5)
X = RANDOM.normal(size=(2, 9, 12, 3))


def first(x: NDArray[Any]) -> Tensor:
    return torch.from_numpy(x).permute(0, 3, 1, 2)


def last(x: Tensor) -> NDArray[Any]:
    found: NDArray[Any] = x.permute(0, 2, 3, 1).numpy()
    return found


@pytest.mark.parametrize("strides", [(1, 1), (2, 2)])
@pytest.mark.parametrize("size", [(1, 1), (3, 3), (1, 7)])
def test_a_convolution_is_torchs(size: tuple[int, int], strides: tuple[int, int]) -> None:
    kernel, bias = RANDOM.normal(size=(*size, 3, 4)), RANDOM.normal(size=4)
    weight = torch.from_numpy(kernel).permute(3, 2, 0, 1)
    wanted = last(F.conv2d(first(X), weight, torch.from_numpy(bias), strides))
    assert np.allclose(convolution(X, kernel, bias, strides, "valid"), wanted)
    if strides == (1, 1):
        same = F.conv2d(first(X), weight, torch.from_numpy(bias), padding=(size[0] // 2, size[1] // 2))
        assert np.allclose(convolution(X, kernel, bias), last(same))


def test_the_odd_pixel_of_same_is_right_and_below() -> None:
    x, kernel = np.arange(16.0).reshape(1, 4, 4, 1), np.zeros((3, 3, 1, 1))
    kernel[0, 0] = 1
    assert convolution(x, kernel, None, (2, 2), "same").ravel().tolist() == [0, 2, 8, 10]


def test_pools_are_torchs() -> None:
    assert np.allclose(max_pool(X, (3, 3), (2, 2), "valid"), last(F.max_pool2d(first(X), 3, 2)))
    assert np.allclose(max_pool(X, (3, 3), (2, 2), "over"), last(F.max_pool2d(first(X), 3, 2, ceil_mode=True)))
    counted = F.avg_pool2d(first(X), 3, 1, 1, count_include_pad=False)
    assert np.allclose(average_pool(X, (3, 3), (1, 1), "same"), last(counted))


def layer(name: str, kind: str, *sources: str, **config: Any) -> dict[str, Any]:
    nodes = [[[source, 0, 0, {}] for source in sources]] if sources else []
    return {"name": name, "class_name": kind, "config": config, "inbound_nodes": nodes}


NETWORK = [
    layer("in", "InputLayer", batch_input_shape=[None, 9, 12, 3]),
    layer("a", "Conv2D", "in", strides=[1, 1], padding="same", use_bias=False, activation="linear"),
    layer("norm", "BatchNormalization", "a", epsilon=0.5),
    layer("b", "Activation", "norm", activation="relu"),
    layer("both", "Concatenate", "b", "in", axis=3),
    layer("pool", "GlobalAveragePooling2D", "both"),
    layer("drop", "Dropout", "pool", rate=0.5),
    layer("out", "Dense", "drop", use_bias=True, activation="softmax"),
]
ARRAYS = {
    "a/kernel": RANDOM.normal(size=(3, 3, 3, 4)),
    **{f"norm/{leaf}": RANDOM.uniform(1, 2, size=4) for leaf in ("moving_mean", "moving_variance", "beta")},
    "out/kernel": RANDOM.normal(size=(7, 2)),
    "out/bias": RANDOM.normal(size=2),
}


def test_a_described_network_gives_its_scores_before_the_softmax() -> None:
    a = convolution(X, ARRAYS["a/kernel"])
    scaled = (a - ARRAYS["norm/moving_mean"]) / np.sqrt(ARRAYS["norm/moving_variance"] + 0.5) + ARRAYS["norm/beta"]
    both = np.concatenate([np.maximum(scaled, 0), X], axis=3)
    wanted = both.mean(axis=(1, 2)) @ ARRAYS["out/kernel"] + ARRAYS["out/bias"]
    found = evaluate(NETWORK, ARRAYS, X, ("both", "out"))
    assert np.allclose(found["both"], both)
    assert np.allclose(found["out"], wanted)
    assert input_side(NETWORK, otherwise=5) == 9
    assert input_side(NETWORK[1:], otherwise=5) == 5


def test_only_the_layers_that_the_outputs_need_are_evaluated() -> None:
    assert evaluate([*NETWORK[:4], layer("odd", "Lambda", "b")], ARRAYS, X, ("b",))["b"].shape == (2, 9, 12, 4)


@pytest.mark.parametrize(
    ("layers", "told"),
    [
        ([NETWORK[0], layer("odd", "Lambda", "in")], "a Lambda without weights"),
        ([NETWORK[0], layer("a", "DepthwiseConv2D", "in")], "the kind DepthwiseConv2D is not known"),
        ([NETWORK[0], layer("b", "Activation", "in", activation="swish")], "swish is not known"),
        ([NETWORK[0], layer("b", "Activation", "gone", activation="relu")], "'b' cannot be evaluated: KeyError"),
        ([NETWORK[0], layer("n", "BatchNormalization", "in", epsilon=1.0)], "without its statistics"),
        ([NETWORK[0]], "The model has no layer out"),
    ],
)
def test_layers_that_cannot_be_evaluated_are_reported(layers: list[dict[str, Any]], told: str) -> None:
    with pytest.raises(BadArtifactError, match=told):
        evaluate(layers, ARRAYS, X, ("out",))
