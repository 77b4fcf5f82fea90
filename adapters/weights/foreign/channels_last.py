"""The layers of a convolutional network in plain numpy, for foreign weights in their own layout: [N, H, W, C] and HWIO.

Slow and simple on purpose: the outputs of a converted model are compared with the outputs of these layers for the
original weights. Everything is computed in double precision.
"""

from __future__ import annotations

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from adapters.weights.foreign.arrays import Array

Maps = NDArray[np.float64]
Pair = tuple[int, int]
# A padding is `valid` (windows lie inside), `same` (TensorFlow: as many windows as strides begin inside, the odd pixel
# right and below) or `over` (pooling in Caffe: windows start at the first pixel, and the last may hang over).


def convolution(
    x: Maps, kernel: Array, bias: Array | None = None, strides: Pair = (1, 1), padding: str = "same"
) -> Maps:
    """[N, H, W, I] with a kernel [h, w, I, O] to [N, H', W', O]."""
    high, wide, inputs, outputs = kernel.shape
    found = _windows(x, (high, wide), strides, padding, 0.0)  # [N, H', W', I, h, w]
    count, rows, columns = found.shape[:3]
    flat = found.transpose(0, 1, 2, 4, 5, 3).reshape(count * rows * columns, high * wide * inputs)
    maps = flat @ kernel.astype(np.float64).reshape(-1, outputs)
    maps += 0.0 if bias is None else bias.astype(np.float64)
    return maps.reshape(count, rows, columns, outputs)


def max_pool(x: Maps, size: Pair, strides: Pair, padding: str) -> Maps:
    """The largest value of each window; pixels beyond the border do not count."""
    found: Maps = _windows(x, size, strides, padding, -np.inf).max(axis=(4, 5))
    return found


def average_pool(x: Maps, size: Pair, strides: Pair, padding: str) -> Maps:
    """The average over the pixels of each window that lie inside the image."""
    sums = _windows(x, size, strides, padding, 0.0).sum(axis=(4, 5))
    counts = _windows(np.ones_like(x[:1, :, :, :1]), size, strides, padding, 0.0).sum(axis=(4, 5))
    found: Maps = sums / counts
    return found


def relu(x: Maps) -> Maps:
    """max(x, 0)."""
    return np.maximum(x, 0.0)


def average(x: Maps) -> Maps:
    """[N, H, W, C] to [N, C]: the average over all places."""
    found: Maps = x.mean(axis=(1, 2))
    return found


def _windows(x: Maps, size: Pair, strides: Pair, padding: str, fill: float) -> Maps:
    """Every window, [N, H', W', C, h, w]."""
    sides = [_beyond(x.shape[1 + axis], size[axis], strides[axis], padding) for axis in (0, 1)]
    if any(sum(side) for side in sides):
        x = np.pad(x, ((0, 0), sides[0], sides[1], (0, 0)), constant_values=fill)
    found: Maps = sliding_window_view(x, size, axis=(1, 2))[:, :: strides[0], :: strides[1]]
    return found


def _beyond(side: int, size: int, stride: int, padding: str) -> Pair:
    """Pixels to add before and after."""
    if padding == "valid":
        return 0, 0
    if padding == "same":
        total = max((-(-side // stride) - 1) * stride + size - side, 0)
        return total // 2, total - total // 2
    return 0, max(-(-(side - size) // stride) * stride + size - side, 0)
