"""Random views of a batch of pictures, made where the batch is: crops, mirrored sides, light and colour.

All randomness is torch's global generator's, so that a resumed run sees the same views. Pictures are normalised tensors
(N x 3 x H x W); light and colour are therefore changed in units of their own deviation.
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F  # noqa: N812 -- its name in the field
from torch import Tensor

SMALLEST_CROP = 0.2
"""Share of the area that a crop has at least (SimCLR: 0.08 of large photographs; MoCo v2: 0.2)."""


def random_view(pictures: Tensor) -> Tensor:
    """One view of each picture, of the same size."""
    return _lit(_cropped(pictures))


def _cropped(pictures: Tensor) -> Tensor:
    """A crop of random place, area and aspect (3/4 to 4/3), resized back; half of them mirrored."""
    n = len(pictures)
    area = torch.empty(n).uniform_(SMALLEST_CROP, 1.0)
    aspect = torch.exp(torch.empty(n).uniform_(math.log(3 / 4), math.log(4 / 3)))
    width, height = (area * aspect).sqrt().clamp_max(1.0), (area / aspect).sqrt().clamp_max(1.0)
    left, top = (torch.rand(n) * 2 - 1) * (1 - width), (torch.rand(n) * 2 - 1) * (1 - height)
    mirrored = torch.where(torch.rand(n) < 0.5, -1.0, 1.0)
    nothing = torch.zeros(n)
    corners = torch.stack(
        [torch.stack([width * mirrored, nothing, left], 1), torch.stack([nothing, height, top], 1)], 1
    )
    grid = F.affine_grid(corners.to(pictures.device), list(pictures.shape), align_corners=False)
    return F.grid_sample(pictures, grid, mode="bilinear", padding_mode="reflection", align_corners=False)


def _lit(pictures: Tensor) -> Tensor:
    """Contrast, brightness and the balance of colours, each changed at random; one picture in five goes grey."""
    n, device = len(pictures), pictures.device
    contrast = torch.empty(n, 1, 1, 1).uniform_(0.6, 1.4).to(device)
    light = torch.empty(n, 1, 1, 1).uniform_(-0.4, 0.4).to(device)
    balance = torch.empty(n, pictures.shape[1], 1, 1).uniform_(0.8, 1.2).to(device)
    mean = pictures.mean(dim=(1, 2, 3), keepdim=True)
    changed = ((pictures - mean) * contrast + mean + light) * balance
    grey = (torch.rand(n, 1, 1, 1) < 0.2).to(device)
    return torch.where(grey, changed.mean(dim=1, keepdim=True).expand_as(changed), changed)
