"""Distances between the features of two domains: Deep CORAL, MMD and an adversarial discriminator (DANN).

Each takes features of the source and of the target domain (N x D and M x D) and gives a scalar to minimise.
"""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F  # noqa: N812 -- its name in the field
from torch import Tensor, nn

WIDTHS = (0.25, 0.5, 1.0, 2.0, 4.0)
"""Kernel widths of MMD, in units of the mean squared distance of the batch."""


def coral(source: Tensor, target: Tensor) -> Tensor:
    """|C_s - C_t|² / (4 D²) of the covariances (Sun and Saenko 2016, Deep CORAL)."""
    one, two = (side - side.mean(dim=0) for side in (source.float(), target.float()))
    difference = one.T @ one / max(1, len(one) - 1) - two.T @ two / max(1, len(two) - 1)
    return difference.square().sum() / (4 * source.shape[1] ** 2)


def mmd(source: Tensor, target: Tensor) -> Tensor:
    """Squared maximum mean discrepancy, biased estimate, under a mean of Gaussian kernels (Long and others 2015, DAN).

    The widths follow the mean squared distance within the batch, through which no gradient flows.
    """
    both = torch.cat([source.float(), target.float()])
    squares = both.square().sum(dim=1)
    distances = (squares[:, None] + squares[None, :] - 2 * both @ both.T).clamp_min(0)
    width = distances.detach().mean().clamp_min(1e-12)
    kernel = torch.stack([torch.exp(-distances / (factor * width)) for factor in WIDTHS]).mean(dim=0)
    n = len(source)
    return kernel[:n, :n].mean() + kernel[n:, n:].mean() - 2 * kernel[:n, n:].mean()


class Discriminator(nn.Module):
    """A domain classifier whose gradient is reversed before it reaches the features (Ganin and others 2016, DANN).

    The reversed gradient is scaled by 2 / (1 + exp(-10 p)) - 1 at share p of all `steps`, as in the paper: from 0 to 1.
    """

    seen: Tensor

    def __init__(self, size: int, steps: int, hidden: int = 256) -> None:
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(size, hidden), nn.ReLU(), nn.Linear(hidden, 1))
        self.steps = max(1, steps)
        self.register_buffer("seen", torch.zeros((), dtype=torch.int64))  # a buffer, so that checkpoints hold it

    def forward(self, source: Tensor, target: Tensor) -> Tensor:
        """Binary cross-entropy of the classification by domain."""
        strength = 2 / (1 + torch.exp(-10.0 * self.seen / self.steps)) - 1
        if self.training:
            self.seen += 1
        features = _ReversedGradient.apply(torch.cat([source, target]), strength)
        domain = torch.cat([features.new_zeros(len(source)), features.new_ones(len(target))])
        return F.binary_cross_entropy_with_logits(self.layers(features).squeeze(1), domain)


class _ReversedGradient(torch.autograd.Function):
    """The identity, with a gradient multiplied by -strength."""

    @staticmethod
    def forward(context: Any, features: Tensor, strength: Tensor) -> Tensor:
        context.save_for_backward(strength)
        return features.view_as(features)

    @staticmethod
    def backward(context: Any, *gradients: Tensor) -> tuple[Tensor, None]:
        (strength,) = context.saved_tensors
        return -strength * gradients[0], None
