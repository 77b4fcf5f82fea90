"""Random changes of pictures while a model is trained, computed on the device of the batch.

All random numbers come from torch's global generator, so that a resumed run gets the same ones.
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F  # noqa: N812 -- its name in the field
from torch import Tensor

from adapters.loop.training.learner import Items
from adapters.loop.training.loop import Inputs, Objective
from registry.errors import BadRecipeError

LIGHT_CROP = 0.7
"""Smallest share of the area of a crop under `light`; the training of ImageNet models from scratch takes 0.08."""
LOOKED_AT = 64
"""Training pictures that are looked at for colour."""


def cropped(images: Tensor, smallest: float, *, stretch: float = 4 / 3) -> Tensor:
    """Crops of random position, area (a share from `smallest` to 1) and aspect ratio (1 / `stretch` to `stretch`).

    They are resized to the size of the originals (N x 3 x H x W); half are mirrored.
    """
    n = len(images)
    area = torch.empty(n).uniform_(smallest, 1.0)
    aspect = torch.exp(torch.empty(n).uniform_(-math.log(stretch), math.log(stretch)))
    width, height = (area * aspect).sqrt().clamp_max(1.0), (area / aspect).sqrt().clamp_max(1.0)
    left, top = (torch.rand(n) * 2 - 1) * (1 - width), (torch.rand(n) * 2 - 1) * (1 - height)
    mirrored = torch.where(torch.rand(n) < 0.5, -1.0, 1.0)
    zeros = torch.zeros(n)
    corners = torch.stack([torch.stack([width * mirrored, zeros, left], 1), torch.stack([zeros, height, top], 1)], 1)
    grid = F.affine_grid(corners.to(images.device), list(images.shape), align_corners=False)
    return F.grid_sample(images, grid, mode="bilinear", padding_mode="reflection", align_corners=False)


def augmentation(wanted: str, items: Items) -> str:
    """What `params.augment` means for the training rows: `none` or `light`.

    `auto` is `light` for pictures in colour. Grey ones are digits, letters or scans more often than photographs, and a
    mirrored letter is another one; so they stay as they are. Raises: BadRecipeError for `light` on other rows.
    """
    if wanted == "none" or not len(items):
        return "none"
    found = items.batch(torch.arange(min(LOOKED_AT, len(items))).numpy())
    pictures = isinstance(found, Tensor) and found.ndim == 4
    if wanted == "light" and not pictures:
        raise BadRecipeError("'params.augment: light' works with pictures only", remedy="Leave augment out")
    if wanted == "auto" and not (pictures and _in_colour(found)):
        return "none"
    return "light"


def _in_colour(images: Inputs) -> bool:
    """True if the channels (N x 3 x H x W) differ beyond the mean and the scale of their normalisation."""
    assert isinstance(images, Tensor)  # noqa: S101 -- for the type checker: pictures are one tensor
    channels = images.transpose(0, 1).flatten(1).double()
    centred = channels - channels.mean(dim=1, keepdim=True)
    scaled = centred / centred.square().mean(dim=1, keepdim=True).sqrt().clamp_min(1e-12)
    return bool((scaled - scaled[:1]).abs().max() > 1e-2)


def augmented(objective: Objective) -> Objective:
    """`objective` on lightly cropped and mirrored pictures."""

    def changing(inputs: Inputs, targets: Tensor) -> Tensor:
        assert isinstance(inputs, Tensor)  # noqa: S101 -- for the type checker: `augmentation` has seen pictures
        return objective(cropped(inputs, LIGHT_CROP), targets)

    return changing
