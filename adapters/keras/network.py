"""A Keras trunk as the loop sees it: a torch module with its layers by name, in which Keras's variables are parameters.

Keras keeps its own books of what is trainable and in which mode a layer runs. Here only torch's count: gradients flow
to the parameters that require them, and the trunk runs in inference mode unless it is learnt from scratch, so that no
BatchNormalization forgets and no dropout inside a pretrained trunk disturbs what it knows.
"""

from __future__ import annotations

from collections.abc import Callable
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
        self.channels, self._fresh = channels, fresh
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
        with keras.device(str(x.device)):
            found: Tensor = self.keras(x, training=self._fresh and self.training)
        return found

    def forward(self, x: Tensor) -> Tensor:
        scores: Tensor = self.head(self.features(x))
        return scores


def on_cpu() -> Any:
    """While this context is open, Keras makes its variables on the CPU, whatever the machine has."""
    return keras.device(str(torch.device("cpu")))
