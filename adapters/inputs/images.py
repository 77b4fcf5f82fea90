"""Pictures as a model reads them: decoded once to small bytes, turned into tensors batch by batch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError
from torch import Tensor

from adapters.inputs.preprocess import Preprocess
from registry.domain.data.datasets import Row
from registry.errors import BadDataError
from registry.ports.transfers import DataInput

Picture = NDArray[np.uint8]
KEPT = 1 * 1024**3
"""Bytes of prepared tensors kept between epochs; a larger set is prepared anew each time it is read."""


@dataclass(slots=True)
class ImageItems:
    """The pictures of one role, and how they become tensors.

    Decoded pictures are kept; so are the tensors where all of them fit into `KEPT` bytes.
    """

    pictures: Sequence[Picture | Path]
    preprocess: Preprocess
    label: str
    lengths: None = None
    _ready: Tensor | None = None
    _done: NDArray[np.bool_] | None = None

    def __post_init__(self) -> None:
        side = self.preprocess.size
        if len(self.pictures) * 3 * side * side * 4 <= KEPT:
            self._ready = torch.empty(len(self.pictures), 3, side, side)
            self._done = np.zeros(len(self.pictures), dtype=np.bool_)

    def __len__(self) -> int:
        return len(self.pictures)

    def batch(self, indexes: NDArray[np.int64]) -> Tensor:
        """Pictures as the model wants them (N x 3 x size x size, float32). Raises: BadDataError."""
        if self._ready is None or self._done is None:
            return torch.stack([self._prepare(int(index)) for index in indexes])
        for index in indexes[~self._done[indexes]]:
            self._ready[index] = self._prepare(int(index))
        self._done[indexes] = True
        return self._ready[torch.from_numpy(indexes)]

    def _prepare(self, index: int) -> Tensor:
        picture = self.pictures[index]
        if not isinstance(picture, Path):
            return self.preprocess.apply(picture)
        try:
            with Image.open(picture) as image:
                return self.preprocess.apply(image)
        except (OSError, UnidentifiedImageError, Image.DecompressionBombError) as error:
            raise BadDataError(f"{picture.name} of {self.label} is no picture that can be read: {error}") from error


def read_images(rows: Sequence[Row], data: DataInput, preprocess: Preprocess) -> ImageItems:
    """The pictures of `rows`: files, or rows of the array `x` in an .npz (N x H x W, or with 1 or 3 channels last).

    Raises: BadDataError naming the row or array that is no picture.
    """
    arrays: dict[str, Picture] = {}
    pictures: list[Picture | Path] = []
    for row in rows:
        if row.path is None:
            raise BadDataError(f"row {row.key} of {data.label} is no picture", remedy="Use a dataset of images")
        if row.index is None:
            pictures.append(data.root / row.path)
            continue
        if row.path not in arrays:
            arrays[row.path] = _array(data.root / row.path, data.label)
        if not 0 <= row.index < len(arrays[row.path]):
            raise BadDataError(f"row {row.key} of {data.label} points past the end of {row.path}")
        pictures.append(arrays[row.path][row.index])
    return ImageItems(pictures, preprocess, data.label)


def _array(path: Path, label: str) -> Picture:
    """`x` of an .npz as bytes. Numbers of another type are spread over 0 … 255 by the largest of the whole array."""
    try:
        with np.load(path, allow_pickle=False) as file:
            found = file["x"]
    except (OSError, ValueError, KeyError) as error:
        raise BadDataError(f"{path.name} of {label} has no readable array x: {error}") from error
    if found.ndim not in {3, 4} or not np.issubdtype(found.dtype, np.number):
        raise BadDataError(f"x in {path.name} of {label} has shape {found.shape} and type {found.dtype}, not pictures")
    if found.dtype == np.uint8:
        return np.asarray(found)
    low, high = float(found.min()), float(found.max())
    if low < 0 or not np.isfinite(high):
        raise BadDataError(
            f"x in {path.name} of {label} has values below 0 or not finite", remedy="Store bytes (uint8)"
        )
    spread: Picture = np.round(found * (255.0 / (high or 1.0))).astype(np.uint8)
    return spread
