"""Wraps a Keras trunk as a torch module with named layers, whose parameters are the Keras variables.

The `trainable` flags of Keras are ignored: gradients flow to the parameters that require them in torch. A pretrained
trunk runs in inference mode, so that its BatchNormalization statistics do not change and its dropout is off; a trunk
that is trained from scratch runs in training mode.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from adapters.keras.library import keras
from adapters.keras.surgery import layers
from registry.errors import BadArtifactError


class Weights(nn.Module):
    """The variables of one layer: trainable ones as parameters, statistics as buffers."""

    def __init__(self, variables: list[Any]) -> None:
        super().__init__()
        self._variables: dict[str, Any] = {}
        for variable in variables:
            name, value = variable.path.replace(".", "_"), variable.value.detach()
            self._variables[name] = variable
            if variable.trainable:
                self.register_parameter(name, nn.Parameter(value))
            else:
                self.register_buffer(name, value)
        if len(self._variables) < len(variables):
            raise BadArtifactError(f"Two variables of one layer have the name {variables[0].path}")
        self._bind()

    def _apply(self, fn: Callable[[Tensor], Tensor], recurse: bool = True) -> Weights:
        """Called by torch to move a module; also gives the moved tensors to the Keras variables."""
        super()._apply(fn, recurse)
        self._bind()
        return self

    def _bind(self) -> None:
        for name, variable in self._variables.items():
            variable._value = getattr(self, name)


class Network(nn.Module):
    """Images [N, 3, H, W] to scores [N, classes]: a Keras trunk with a torch head."""

    def __init__(self, trunk: Any, head: nn.Module, *, channels: int, fresh: bool) -> None:
        super().__init__()
        self._keras = (trunk,)  # in a tuple, or torch would register it and count its parameters twice
        self.channels, self.batch_statistics, self._averaged = channels, fresh, -1
        found = [(name, Weights(variables)) for name, variables in layers(trunk)]
        self.trunk = nn.ModuleList([module for _, module in found])
        self.head = head
        self.layers = found

    @property
    def keras(self) -> Any:
        """The Keras model of the trunk, with the same variables."""
        return self._keras[0]

    def features(self, x: Tensor) -> Tensor:
        """Features [N, D] of images [N, 3, H, W]; models with one channel get the mean of the channels."""
        x = x.permute(0, 2, 3, 1)
        x = x if self.channels == 3 else x.mean(dim=-1, keepdim=True)
        if self._averaged >= 0:  # batch n has the weight 1/n; momentum in Keras is the weight of the previous value
            for norm in self._norms():
                norm.momentum = self._averaged / (self._averaged + 1)
            self._averaged += 1
        with keras.device(str(x.device)):
            found: Tensor = self.keras(x, training=self._averaged >= 0 or (self.batch_statistics and self.training))
        return found

    def _norms(self) -> list[Any]:
        return [layer for layer in self.keras._flatten_layers() if isinstance(layer, keras.layers.BatchNormalization)]

    def keeps_statistics(self) -> bool:
        """True if the trunk has a BatchNormalization layer."""
        return bool(self._norms())

    @contextmanager
    def averaging(self) -> Iterator[None]:
        """A context in which each BatchNormalization collects the plain average of its batches, without dropout."""
        norms, flat = self._norms(), self.keras._flatten_layers()
        momenta = [norm.momentum for norm in norms]
        rates = [(layer, layer.rate) for layer in flat if isinstance(layer, keras.layers.Dropout)]
        for layer, _ in rates:
            layer.rate = 0.0
        self._averaged = 0
        try:
            yield
        finally:
            self._averaged = -1
            for norm, momentum in zip(norms, momenta, strict=True):
                norm.momentum = momentum
            for layer, before in rates:
                layer.rate = before

    def forward(self, x: Tensor) -> Tensor:
        scores: Tensor = self.head(self.features(x))
        return scores


def on_cpu() -> Any:
    """A context in which Keras creates its variables on the CPU, also on a machine with a GPU."""
    return keras.device(str(torch.device("cpu")))
