"""A Keras trunk as the loop sees it: a torch module with its layers by name, in which Keras's variables are parameters.

Keras keeps its own books of what is trainable and in which mode a layer runs. Here only torch's count: gradients flow
to the parameters that require them, and the trunk runs in inference mode unless it is learnt from scratch, so that no
BatchNormalization forgets and no dropout inside a pretrained trunk disturbs what it knows.
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
    """The variables of one layer: those that learn as parameters, statistics as buffers."""

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
            raise BadArtifactError(f"two variables of one layer are called {variables[0].path}")
        self._bind()

    def _apply(self, fn: Callable[[Tensor], Tensor], recurse: bool = True) -> Weights:
        """As torch does when it moves a module; Keras then computes with what was moved."""
        super()._apply(fn, recurse)
        self._bind()
        return self

    def _bind(self) -> None:
        for name, variable in self._variables.items():
            variable._value = getattr(self, name)


class Network(nn.Module):
    """Pictures [N, 3, H, W] to scores [N, classes]: a Keras trunk under a head of torch."""

    def __init__(self, trunk: Any, head: nn.Module, *, channels: int, fresh: bool) -> None:
        super().__init__()
        self._keras = (trunk,)  # in a tuple, since torch would take it for a child and count its parameters twice
        self.channels, self.batch_statistics, self._averaged = channels, fresh, -1
        found = [(name, Weights(variables)) for name, variables in layers(trunk)]
        self.trunk = nn.ModuleList([module for _, module in found])
        self.head = head
        self.layers = found

    @property
    def keras(self) -> Any:
        """The trunk as Keras has it, with the same variables."""
        return self._keras[0]

    def features(self, x: Tensor) -> Tensor:
        """Features [N, D] of pictures [N, 3, H, W]; grey models get the mean of the channels."""
        x = x.permute(0, 2, 3, 1)
        x = x if self.channels == 3 else x.mean(dim=-1, keepdim=True)
        if self._averaged >= 0:  # the n-th batch counts 1/n: Keras's momentum is the share of what was there before
            for norm in self._norms():
                norm.momentum = self._averaged / (self._averaged + 1)
            self._averaged += 1
        with keras.device(str(x.device)):
            found: Tensor = self.keras(x, training=self._averaged >= 0 or (self.batch_statistics and self.training))
        return found

    def _norms(self) -> list[Any]:
        return [layer for layer in self.keras._flatten_layers() if isinstance(layer, keras.layers.BatchNormalization)]

    def keeps_statistics(self) -> bool:
        """True when some layer of the trunk is a BatchNormalization."""
        return bool(self._norms())

    @contextmanager
    def averaging(self) -> Iterator[None]:
        """While open, each BatchNormalization gathers the plain average of its batches; dropout is off."""
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
    """While this context is open, Keras makes its variables on the CPU, whatever the machine has."""
    return keras.device(str(torch.device("cpu")))
