"""Random views of a batch of images, computed on its device: crops, flips, brightness and colour.

All random numbers come from torch's global generator, so that a resumed run gets the same views. Images are normalised
tensors (N x 3 x H x W), so brightness and colour change in units of the normalised deviation.
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F  # noqa: N812 -- its name in the field
from torch import Tensor

SMALLEST_CROP = 0.2
"""Smallest share of the area of a crop (SimCLR: 0.08, for large photographs; MoCo v2: 0.2)."""


def random_view(images: Tensor) -> Tensor:
    """One view of each image, of the same size."""
    return _color_jittered(_cropped(images))


def _cropped(images: Tensor) -> Tensor:
    """A crop of random position, area and aspect ratio (3/4 to 4/3), resized to the original size; half are flipped."""
    n = len(images)
    area = torch.empty(n).uniform_(SMALLEST_CROP, 1.0)
    aspect = torch.exp(torch.empty(n).uniform_(math.log(3 / 4), math.log(4 / 3)))
    width, height = (area * aspect).sqrt().clamp_max(1.0), (area / aspect).sqrt().clamp_max(1.0)
    left, top = (torch.rand(n) * 2 - 1) * (1 - width), (torch.rand(n) * 2 - 1) * (1 - height)
    mirrored = torch.where(torch.rand(n) < 0.5, -1.0, 1.0)
    zeros = torch.zeros(n)
    corners = torch.stack([torch.stack([width * mirrored, zeros, left], 1), torch.stack([zeros, height, top], 1)], 1)
    grid = F.affine_grid(corners.to(images.device), list(images.shape), align_corners=False)
    return F.grid_sample(images, grid, mode="bilinear", padding_mode="reflection", align_corners=False)


def _color_jittered(images: Tensor) -> Tensor:
    """Random changes of contrast, brightness and colour balance; one image in five becomes grey."""
    n, device = len(images), images.device
    contrast = torch.empty(n, 1, 1, 1).uniform_(0.6, 1.4).to(device)
    light = torch.empty(n, 1, 1, 1).uniform_(-0.4, 0.4).to(device)
    balance = torch.empty(n, images.shape[1], 1, 1).uniform_(0.8, 1.2).to(device)
    mean = images.mean(dim=(1, 2, 3), keepdim=True)
    changed = ((images - mean) * contrast + mean + light) * balance
    grey = (torch.rand(n, 1, 1, 1) < 0.2).to(device)
    return torch.where(grey, changed.mean(dim=1, keepdim=True).expand_as(changed), changed)
