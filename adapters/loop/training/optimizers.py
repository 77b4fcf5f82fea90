"""Freezing, discriminative learning rates and the optimizer."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

import torch
from torch import nn

from adapters.loop.training.eager import SGD, AdamW
from registry.domain.recipes.recipe import Freeze, Optimizer
from registry.errors import BadRecipeError

Layers: TypeAlias = Sequence[tuple[str, nn.Module]]
"""The layers of the backbone from input to output, as (name, module)."""


def freeze(layers: Layers, head: nn.Module, what: Freeze) -> list[nn.Module]:
    """Freeze the layers before the one that `what` names; returns the frozen modules.

    Frozen modules must also stay in evaluation mode (`statistics.keep_frozen`): in training mode a BatchNorm would
    update its statistics.
    Raises: BadRecipeError if there is no such layer, naming the existing ones.
    """
    names = [name for name, _ in layers]
    if what.what == "backbone":
        frozen = len(layers)
    elif what.until is not None:
        if what.until not in names:
            raise BadRecipeError(
                f"'freeze.until' is {what.until!r}, but the source has no such layer",
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
    """Groups of trainable parameters by learning rate and weight decay.

    The head has the learning rate `lr`, the k-th last layer of the backbone (k from 0) `backbone_lr * layer_decay**k`
    (discriminative rates: Howard & Ruder 2018, ULMFiT). Biases and norms (one dimension) have no weight decay. A
    parameter outside all layers has the rate of the first layer.
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
    """`adamw` (Loshchilov & Hutter 2019) or `sgd` with momentum, fused (one kernel per group, on CPUs and GPUs).

    Raises: BadRecipeError for another name, or if there is nothing to train.
    """
    if not groups:
        raise BadRecipeError("All parameters are frozen, so there is nothing to train", remedy="Freeze fewer layers")
    if settings.name == "adamw":
        return AdamW(groups, lr=settings.lr, fused=True)
    if settings.name == "sgd":
        return SGD(groups, lr=settings.lr, momentum=settings.momentum, fused=True)
    raise BadRecipeError(f"'optimizer.name' is {settings.name!r}", remedy="Choose adamw or sgd")
