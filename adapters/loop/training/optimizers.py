"""Which parameters learn, at which rate: freezing, discriminative learning rates, and the optimizer over them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

import torch
from torch import nn

from registry.domain.recipes.recipe import Freeze, Optimizer
from registry.errors import BadRecipeError

Layers: TypeAlias = Sequence[tuple[str, nn.Module]]
"""The backbone from input to output, as (name, module)."""


def freeze(layers: Layers, head: nn.Module, what: Freeze) -> list[nn.Module]:
    """Switch gradients off before the layer that `what` names; gives the frozen modules.

    Frozen modules must also stay in evaluation mode (`statistics.keep_frozen`): a frozen BatchNorm that goes on
    averaging is not frozen.
    Raises: BadRecipeError when there is no such layer, naming those there are.
    """
    names = [name for name, _ in layers]
    if what.what == "backbone":
        frozen = len(layers)
    elif what.until is not None:
        if what.until not in names:
            raise BadRecipeError(
                f"freeze.until names {what.until!r}, and the source has no such layer",
                remedy=f"Choose one of {', '.join(names)}",
            )
        frozen = names.index(what.until)
    else:
        frozen = 0
    still = [module for _, module in layers[:frozen]]
    for module in still:
        module.requires_grad_(False)
    head.requires_grad_(True)
    return still


def parameter_groups(
    module: nn.Module, layers: Layers, head: nn.Module, settings: Optimizer
) -> list[dict[str, object]]:
    """Groups of trainable parameters by learning rate and decay.

    The head learns at `lr`. The layer that is k from the end of the backbone learns at
    `backbone_lr * layer_decay**k` (discriminative rates: Howard & Ruder 2018, ULMFiT). Biases and norms (one
    dimension) are not decayed. A parameter in no layer counts to the first one.
    """
    backbone_lr = settings.lr if settings.backbone_lr is None else settings.backbone_lr
    rates: dict[int, float] = {}
    for distance, (_, layer) in enumerate(reversed(layers)):
        rates |= {id(p): backbone_lr * settings.layer_decay**distance for p in layer.parameters()}
    rates |= {id(p): settings.lr for p in head.parameters()}
    lowest = backbone_lr * settings.layer_decay ** max(0, len(layers) - 1)
    groups: dict[tuple[float, float], list[nn.Parameter]] = {}
    for parameter in module.parameters():
        if parameter.requires_grad:
            decay = settings.weight_decay if parameter.ndim > 1 else 0.0
            groups.setdefault((rates.get(id(parameter), lowest), decay), []).append(parameter)
    return [
        {"params": members, "lr": lr, "initial_lr": lr, "weight_decay": decay}
        for (lr, decay), members in groups.items()
    ]


def build(groups: list[dict[str, object]], settings: Optimizer) -> torch.optim.Optimizer:
    """`adamw` (Loshchilov & Hutter 2019) or `sgd` with momentum, fused: one kernel per group, on CPU as on GPU.

    Raises: BadRecipeError for another name or when nothing is left to train.
    """
    if not groups:
        raise BadRecipeError("everything is frozen, so nothing would be learnt", remedy="Loosen freeze")
    if settings.name == "adamw":
        return torch.optim.AdamW(groups, lr=settings.lr, fused=True)
    if settings.name == "sgd":
        return torch.optim.SGD(groups, lr=settings.lr, momentum=settings.momentum, fused=True)
    raise BadRecipeError(f"optimizer.name is {settings.name!r}", remedy="Choose adamw or sgd")
