"""Removes the head of a Keras model, and adds another one."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from torch import Tensor, nn

from adapters.heads import HeadShape
from adapters.keras.library import keras

POOL, HIDDEN, HEAD = "forebear_pool", "forebear_hidden", "forebear_head"
"""Names of the layers that we add. A hidden layer with this name is part of the head when the head is removed."""


@dataclass(frozen=True, slots=True)
class ImageInput:
    """The images that a model takes: height and width `side` in pixels (None: any), 1 or 3 channels, channels last."""

    side: int | None
    channels: int


@dataclass(frozen=True, slots=True)
class Parts:
    """`trunk` gives features (N x D); `denses` are the layers of the head in order, empty if there is no head."""

    trunk: Any
    denses: tuple[Any, ...]
    dropout: float
    activation: str
    """The activation after the last Dense layer."""

    @property
    def outputs(self) -> int | None:
        """The number of outputs of the head; None if there is no head."""
        return int(self.denses[-1].units) if self.denses else None

    @property
    def shape(self) -> HeadShape:
        """The shape of the head."""
        hidden = int(self.denses[0].units) if len(self.denses) > 1 else HeadShape().hidden
        return HeadShape("mlp" if len(self.denses) > 1 else "linear", hidden, self.dropout)

    def fill(self, head: nn.Module) -> None:
        """Copy the weights of `denses` into the linear layers of `head`, which has this `shape`."""
        for dense, linear in zip(self.denses, linears(head), strict=True):
            linear.weight.data.copy_(dense.kernel.value.detach().t())
            linear.bias.data.copy_(dense.bias.value.detach())


def image_input(model: Any) -> ImageInput | None:
    """The images that `model` takes; None if its input is something else, or images that are not square."""
    if len(model.inputs) != 1 or len(model.inputs[0].shape) != 4:
        return None
    _, height, width, channels = model.inputs[0].shape
    return ImageInput(height, channels) if height == width and channels in {1, 3} else None


def split(model: Any) -> Parts | None:
    """Cut `model` before its last Dense layer; layers are shared, not copied.

    The activation after it and the dropout before it are part of the head. Feature maps at the end are averaged over
    their positions. None for several inputs or outputs, or if the features are neither maps nor vectors.
    """
    if len(model.inputs) != 1 or len(model.outputs) != 1:
        return None
    end, activation = _before_activations(model.outputs[0])
    denses: tuple[Any, ...] = ()
    dropout = 0.0
    if isinstance(_layer_of(end), keras.layers.Dense) and len(end.shape) == 2:
        denses = (_layer_of(end),)
        activation = activation or _name(denses[0].activation)
        end, dropout = _before_dropout(_input_of(end))
        if _layer_of(end).name == HIDDEN:
            denses, end = (_layer_of(end), *denses), _input_of(end)
    else:
        end = model.outputs[0]
    pools = {4: keras.layers.GlobalAveragePooling2D, 3: keras.layers.GlobalAveragePooling1D}
    if len(end.shape) in pools:
        end = pools[len(end.shape)](data_format="channels_last", name=POOL)(end)
    if len(end.shape) != 2 or end.shape[1] is None:
        return None
    return Parts(keras.Model(model.inputs[0], end, name=model.name), denses, dropout, activation)


def join(trunk: Any, shape: HeadShape, head: nn.Module, activation: str) -> Any:
    """`trunk` with Keras layers that compute the same as `head`, which has this `shape`, followed by `activation`."""
    x = trunk.outputs[0]
    *hidden, last = linears(head)
    made = []
    for linear in hidden:
        made.append((linear, keras.layers.Dense(linear.out_features, activation="relu", name=HIDDEN)))
        x = made[-1][1](x)
    if shape.dropout:
        x = keras.layers.Dropout(shape.dropout, name=f"{HEAD}_dropout")(x)
    made.append((last, keras.layers.Dense(last.out_features, activation=activation, name=HEAD)))
    model = keras.Model(trunk.inputs[0], made[-1][1](x), name=trunk.name)
    for linear, dense in made:
        dense.kernel.assign(linear.weight.detach().cpu().t())
        dense.bias.assign(linear.bias.detach().cpu())
    return model


def layers(model: Any, prefix: str = "") -> Iterator[tuple[str, list[Any]]]:
    """Layers with variables from input to output, as (name, variables), including those of nested models.

    A normalisation belongs to the layer before it.
    """
    norms = (keras.layers.BatchNormalization, keras.layers.LayerNormalization, keras.layers.GroupNormalization)
    last: tuple[str, list[Any]] | None = None
    for layer in model.layers:
        if isinstance(layer, keras.Model):
            if last is not None:
                yield last
            last = None
            yield from layers(layer, f"{prefix}{layer.name}/")
        elif isinstance(layer, norms) and last is not None:
            last[1].extend(layer.weights)
        elif layer.weights:
            if last is not None:
                yield last
            last = (prefix + layer.name, list(layer.weights))
    if last is not None:
        yield last


def linears(head: nn.Module) -> list[nn.Linear]:
    """The linear layers of `head`, in order."""
    return [part for part in head.modules() if isinstance(part, nn.Linear)]


def tensors(model: Any) -> list[Tensor]:
    """The values of the model's variables, in order."""
    return [variable.value.detach() for variable in model.weights]


def _layer_of(tensor: Any) -> Any:
    """The layer whose output is `tensor`."""
    return tensor._keras_history.operation


def _input_of(tensor: Any) -> Any:
    """The input of the layer whose output is `tensor`."""
    history = tensor._keras_history
    return history.operation._inbound_nodes[history.node_index].input_tensors[0]


def _before_activations(tensor: Any) -> tuple[Any, str]:
    """The input of the activations at the end, and the name of the last activation; empty if there is none."""
    name = ""
    while isinstance(_layer_of(tensor), (keras.layers.Activation, keras.layers.Softmax)):
        layer = _layer_of(tensor)
        name = name or ("softmax" if isinstance(layer, keras.layers.Softmax) else _name(layer.activation))
        tensor = _input_of(tensor)
    return tensor, name


def _before_dropout(tensor: Any) -> tuple[Any, float]:
    rate = 0.0
    while isinstance(_layer_of(tensor), keras.layers.Dropout):
        rate = float(_layer_of(tensor).rate)
        tensor = _input_of(tensor)
    return tensor, rate


def _name(activation: Any) -> str:
    return str(getattr(activation, "__name__", activation))
