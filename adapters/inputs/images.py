"""The pictures of a role: turned into tensors batch by batch, and kept where they are few."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from adapters.inputs.pictures import Pixels, load_array, open_picture, picture_of, to_rgb
from adapters.inputs.preprocess import Preprocess
from registry.domain.data.datasets import Row
from registry.errors import BadDataError
from registry.ports.transfers import DataInput

KEPT = 1 * 1024**3
"""Bytes of prepared tensors kept between epochs; a larger set is prepared anew each time it is read."""


@dataclass(slots=True)
class ImageItems:
    """The pictures of one role, and how they become tensors.

    The tensors are kept where all of them fit into `KEPT` bytes.
    """

    pictures: Sequence[Pixels | Path]
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
        return self.preprocess.apply(self.picture(index))

    def picture(self, index: int) -> Image.Image:
        """One picture, upright and in RGB, before any preprocessing. Raises: BadDataError."""
        picture = self.pictures[index]
        if isinstance(picture, Path):
            return open_picture(picture, f"{picture.name} of {self.label}")
        return to_rgb(picture_of(picture))


def read_images(rows: Sequence[Row], data: DataInput, preprocess: Preprocess) -> ImageItems:
    """The pictures of `rows`: files, or rows of the array `x` in an .npz (see `pictures.read_array`).

    Raises: BadDataError naming the row or array that is not a picture.
    """
    arrays: dict[str, Pixels] = {}
    pictures: list[Pixels | Path] = []
    for row in rows:
        if row.path is None:
            raise BadDataError(f"Row {row.key} of {data.label} is not a picture", remedy="Use a dataset of images")
        if row.index is None:
            pictures.append(data.root / row.path)
            continue
        if row.path not in arrays:
            arrays[row.path] = load_array(data.root / row.path, f"{Path(row.path).name} of {data.label}")
        if not 0 <= row.index < len(arrays[row.path]):
            raise BadDataError(f"Row {row.key} of {data.label} points past the end of {row.path}")
        pictures.append(arrays[row.path][row.index])
    return ImageItems(pictures, preprocess, data.label)
