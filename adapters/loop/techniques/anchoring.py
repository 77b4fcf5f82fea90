"""Regularisers: L2-SP (a penalty on the distance from the initial weights), WiSE-FT (an average with them), MixUp."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from adapters.loop.training.loop import Inputs, Objective
from registry.errors import BadRecipeError


@dataclass(frozen=True, slots=True)
class Anchor:
    """The initial weights of a module, by name, on the module's device."""

    weights: dict[str, Tensor]

    @classmethod
    def of(cls, module: nn.Module) -> Anchor:
        """A copy of every trainable parameter."""
        learning = ((name, p) for name, p in module.named_parameters() if p.requires_grad)
        return cls({name: p.detach().clone() for name, p in learning})

    def l2_sp(self, objective: Objective, module: nn.Module, head: nn.Module, alpha: float, beta: float) -> Objective:
        """`objective` + alpha/2 |w - w0|² over the backbone + beta/2 |w|² over a new head (Li and others 2018)."""
        new = {id(p) for p in head.parameters()}
        named = [(name, p) for name, p in module.named_parameters() if name in self.weights]
        old = [(p, self.weights[name]) for name, p in named if id(p) not in new]
        fresh = [p for _, p in named if id(p) in new]

        def penalised(inputs: Inputs, targets: Tensor) -> Tensor:
            drift = torch.stack([(p - start).square().sum() for p, start in old]).sum() if old else 0.0
            size = torch.stack([p.square().sum() for p in fresh]).sum() if fresh else 0.0
            return objective(inputs, targets) + alpha / 2 * drift + beta / 2 * size

        return penalised

    def average(self, module: nn.Module, share: float) -> None:
        """Set weights to `share` * current + (1 - `share`) * initial (Wortsman and others 2022, WiSE-FT)."""
        with torch.no_grad():
            for name, parameter in module.named_parameters():
                if name in self.weights:
                    parameter.copy_(torch.lerp(self.weights[name], parameter, share))


def mixed(objective: Objective, alpha: float) -> Objective:
    """`objective` on items mixed in pairs, with shares drawn from Beta(alpha, alpha) (Zhang and others 2018, MixUp)."""

    def mixing(inputs: Inputs, targets: Tensor) -> Tensor:
        if not isinstance(inputs, Tensor):
            raise BadRecipeError("'params.mixup' works with images only", remedy="Leave mixup out")
        share = torch.distributions.Beta(alpha, alpha).sample().to(inputs.device)
        partner = torch.randperm(len(targets), device=inputs.device)
        blend = torch.lerp(inputs[partner], inputs, share)
        return share * objective(blend, targets) + (1 - share) * objective(blend, targets[partner])

    return mixing
