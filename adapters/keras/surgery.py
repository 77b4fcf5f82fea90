"""A Keras model taken apart: the trunk that gives features, and the Dense layer at its end that is its head."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from adapters.keras.library import keras

POOL = "forebear_pool"


@dataclass(frozen=True, slots=True)
class Pictures:
    """What pictures a model takes: `side` pixels high and wide (None: any), with 1 or 3 channels last."""

    side: int | None
    channels: int


@dataclass(frozen=True, slots=True)
class Parts:
    """`trunk` gives features (N x D); `dense` is what turned them into `outputs`, None where nothing does."""

    trunk: Any
    dense: Any | None

    @property
    def outputs(self) -> int | None:
        """How many numbers the head gives."""
        return None if self.dense is None else int(self.dense.units)


def pictures(model: Any) -> Pictures | None:
    """The pictures that `model` takes; None for a model of anything else, or of pictures that are not square."""
    if len(model.inputs) != 1 or len(model.inputs[0].shape) != 4:
        return None
    _, high, wide, channels = model.inputs[0].shape
    return Pictures(high, channels) if high == wide and channels in {1, 3} else None


def split(model: Any) -> Parts | None:
    """Cut `model` before its last Dense layer; layers are shared, not copied.

    An activation after the Dense and dropout before it go with the head. Maps that are left at the end are averaged
    over their places. None for several outputs, or features that are neither maps nor vectors.
    """
    if len(model.inputs) != 1 or len(model.outputs) != 1:
        return None
    end = model.outputs[0]
    last = end
    while isinstance(_maker(last), (keras.layers.Activation, keras.layers.Softmax)):
        last = _before(last)
    dense = _maker(last) if isinstance(_maker(last), keras.layers.Dense) and len(last.shape) == 2 else None
    if dense is not None:
        end = _before(last)
        while isinstance(_maker(end), keras.layers.Dropout):
            end = _before(end)
    pools = {
        4: keras.layers.GlobalAveragePooling2D(data_format="channels_last", name=POOL),
        3: keras.layers.GlobalAveragePooling1D(data_format="channels_last", name=POOL),
    }
    if len(end.shape) in pools:
        end = pools[len(end.shape)](end)
    if len(end.shape) != 2 or end.shape[1] is None:
        return None
    return Parts(keras.Model(model.inputs[0], end, name=model.name), dense)


def _maker(tensor: Any) -> Any:
    """The layer that gives `tensor`."""
    return tensor._keras_history.operation


def _before(tensor: Any) -> Any:
    """What goes into the layer that gives `tensor`."""
    history = tensor._keras_history
    return history.operation._inbound_nodes[history.node_index].input_tensors[0]
