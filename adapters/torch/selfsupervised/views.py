"""Random views of a batch of images, computed on its device: crops, flips, brightness and colour.

All random numbers come from torch's global generator, so that a resumed run gets the same views. Images are normalised
tensors (N x 3 x H x W), so brightness and colour change in units of the normalised deviation.
"""

from __future__ import annotations

import torch
from torch import Tensor

from adapters.loop.techniques.augmenting import cropped

SMALLEST_CROP = 0.2
"""Smallest share of the area of a crop (SimCLR: 0.08, for large photographs; MoCo v2: 0.2)."""


def random_view(images: Tensor) -> Tensor:
    """One view of each image, of the same size."""
    return _color_jittered(cropped(images, SMALLEST_CROP))


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
