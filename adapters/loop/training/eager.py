"""Torch's optimizers without the import of its compiler.

Torch marks the methods of an optimizer as not to be compiled, and at the first call these marks import `torch._dynamo`,
which takes a second, whether or not anything is compiled. We compile models and never an optimizer, so these classes
have the same methods without the marks; the arithmetic is torch's own.
"""

from __future__ import annotations

import inspect
from typing import Any

import torch


def _unmarked(method: Any) -> Any:
    return inspect.unwrap(method)


class _Unmarked(torch.optim.Optimizer):
    state_dict = _unmarked(torch.optim.Optimizer.state_dict)
    load_state_dict = _unmarked(torch.optim.Optimizer.load_state_dict)
    zero_grad = _unmarked(torch.optim.Optimizer.zero_grad)
    add_param_group = _unmarked(torch.optim.Optimizer.add_param_group)


class AdamW(_Unmarked, torch.optim.AdamW):
    """`torch.optim.AdamW`."""

    step = torch.no_grad()(_unmarked(torch.optim.AdamW.step))


class SGD(_Unmarked, torch.optim.SGD):
    """`torch.optim.SGD`."""

    step = torch.no_grad()(_unmarked(torch.optim.SGD.step))


class LBFGS(_Unmarked, torch.optim.LBFGS):
    """`torch.optim.LBFGS`."""

    step = torch.no_grad()(_unmarked(torch.optim.LBFGS.step))
