"""A Keras model taken apart at its head, and put together again under another one."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from torch import Tensor, nn

from adapters.heads import HeadShape
from adapters.keras.library import keras

POOL, HIDDEN, HEAD = "forebear_pool", "forebear_hidden", "forebear_head"
"""Names of the layers that we add; a hidden layer of that name belongs to the head when it is taken off again."""


@dataclass(frozen=True, slots=True)
class Pictures:
    """What pictures a model takes: `side` pixels high and wide (None: any), with 1 or 3 channels last."""

    side: int | None
    channels: int


@dataclass(frozen=True, slots=True)
class Parts:
    """`trunk` gives features (N x D); `denses` turned them into scores, in order; none where nothing does."""

    trunk: Any
    denses: tuple[Any, ...]
    dropout: float
    activation: str
    """What follows the last Dense layer's sums."""

    @property
    def outputs(self) -> int | None:
        """How many numbers the head gives."""
        return int(self.denses[-1].units) if self.denses else None

    @property
    def shape(self) -> HeadShape:
        """The head, as recipes describe it."""
        hidden = int(self.denses[0].units) if len(self.denses) > 1 else HeadShape().hidden
        return HeadShape("mlp" if len(self.denses) > 1 else "linear", hidden, self.dropout)

    def fill(self, head: nn.Module) -> None:
        """Put the weights of `denses` into the linear layers of `head`, which is of this `shape`."""
        for dense, linear in zip(self.denses, linears(head), strict=True):
            linear.weight.data.copy_(dense.kernel.value.detach().t())
            linear.bias.data.copy_(dense.bias.value.detach())


def pictures(model: Any) -> Pictures | None:
    """The pictures that `model` takes; None for a model of anything else, or of pictures that are not square."""
    if len(model.inputs) != 1 or len(model.inputs[0].shape) != 4:
        return None
    _, high, wide, channels = model.inputs[0].shape
    return Pictures(high, channels) if high == wide and channels in {1, 3} else None


def split(model: Any) -> Parts | None:
    """Cut `model` before its last Dense layer; layers are shared, not copied.

    An activation after the Dense and dropout before it go with the head. Maps that are left at the end are averaged
    over their places. None for several inputs or outputs, or features that are neither maps nor vectors.
    """
    if len(model.inputs) != 1 or len(model.outputs) != 1:
        return None
    end, activation = _before_activations(model.outputs[0])
    denses: tuple[Any, ...] = ()
    dropout = 0.0
    if isinstance(_maker(end), keras.layers.Dense) and len(end.shape) == 2:
        denses = (_maker(end),)
        activation = activation or _name(denses[0].activation)
        end, dropout = _before_dropout(_before(end))
        if _maker(end).name == HIDDEN:
            denses, end = (_maker(end), *denses), _before(end)
    else:
        end = model.outputs[0]
    pools = {4: keras.layers.GlobalAveragePooling2D, 3: keras.layers.GlobalAveragePooling1D}
    if len(end.shape) in pools:
        end = pools[len(end.shape)](data_format="channels_last", name=POOL)(end)
    if len(end.shape) != 2 or end.shape[1] is None:
        return None
    return Parts(keras.Model(model.inputs[0], end, name=model.name), denses, dropout, activation)


def join(trunk: Any, shape: HeadShape, head: nn.Module, activation: str) -> Any:
    """`trunk` under Keras layers that compute what `head`, of this `shape`, does, and then `activation`."""
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
    """Layers with variables from input to output, as (name, variables), models in the model opened.

    A normalisation goes with the layer before it.
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
    """The values of the model's variables, in their order."""
    return [variable.value.detach() for variable in model.weights]


def _maker(tensor: Any) -> Any:
    """The layer that gives `tensor`."""
    return tensor._keras_history.operation


def _before(tensor: Any) -> Any:
    """What goes into the layer that gives `tensor`."""
    history = tensor._keras_history
    return history.operation._inbound_nodes[history.node_index].input_tensors[0]


def _before_activations(tensor: Any) -> tuple[Any, str]:
    """What goes into the activations at the end, and the name of the last; empty when there is none."""
    name = ""
    while isinstance(_maker(tensor), (keras.layers.Activation, keras.layers.Softmax)):
        maker = _maker(tensor)
        name = name or ("softmax" if isinstance(maker, keras.layers.Softmax) else _name(maker.activation))
        tensor = _before(tensor)
    return tensor, name


def _before_dropout(tensor: Any) -> tuple[Any, float]:
    rate = 0.0
    while isinstance(_maker(tensor), keras.layers.Dropout):
        rate = float(_maker(tensor).rate)
        tensor = _before(tensor)
    return tensor, rate


def _name(activation: Any) -> str:
    return str(getattr(activation, "__name__", activation))
