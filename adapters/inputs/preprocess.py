"""How a picture becomes a model's input: read from `preprocessor_config.json`, applied, named by digest."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image

from adapters.inputs.pictures import READING, picture_of, to_rgb
from lineage import Digest
from registry.domain.manifests import canonical_json
from registry.errors import BadArtifactError

FILE = "preprocessor_config.json"
IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)
_LONG = 64
"""How many input sides long a resized picture may be. Of a longer one only the middle is resized, so that memory does
not grow with its length; the result then differs from the stock processor's by rounding (a level or two of 255)."""


@dataclass(frozen=True, slots=True)
class Preprocess:
    """A fixed recipe from picture to tensor [3, size, size], float32: resize, perhaps crop, rescale, normalise.

    With `resize` None the picture is stretched to size x size, so that nothing of it is lost; with a number its shorter
    edge becomes `resize` pixels and the middle size x size is cut out. `resample` is Pillow's filter (2 bilinear,
    3 bicubic); Pillow filters before it shrinks. `bgr` reverses the channels after rescaling, before normalising.
    """

    size: int = 224
    mean: tuple[float, float, float] = IMAGENET_MEAN
    std: tuple[float, float, float] = IMAGENET_STD
    rescale: float = 1 / 255
    resample: int = 2
    resize: int | None = None
    bgr: bool = False
    even: bool = False
    """Where the middle begins: half of what is cut off, rounded down as transformers does; with `even` to the nearest
    whole number, and halves to the even one, as torchvision does (and so timm)."""

    @property
    def interpolation(self) -> str:
        """The name of the filter, such as `bilinear`."""
        return Image.Resampling(self.resample).name.lower()

    @property
    def digest(self) -> Digest:
        """What feature caches key on: SHA-256 over the RFC 8785 JSON of every field and of how pictures are read."""
        fields = {name: value for name, value in asdict(self).items() if name != "even" or value}
        return Digest.of(canonical_json({**fields, "reading": READING}))

    def resized(self, size: int) -> Preprocess:
        """The same with another side length; the share that a crop cuts off stays."""
        return replace(self, size=size, resize=None if self.resize is None else round(self.resize * size / self.size))

    def apply(self, picture: Image.Image | NDArray[np.uint8]) -> torch.Tensor:
        """[3, size, size] float32 of a Pillow picture or a uint8 array H x W, H x W x 1 or H x W x 3 (RGB).

        Raises: BadDataError for an array of another shape or type, or a picture of unknown greys.
        """
        image = picture if isinstance(picture, Image.Image) else picture_of(picture)
        image = self._fit(to_rgb(image))
        pixels = torch.from_numpy(np.array(image, dtype=np.uint8)).permute(2, 0, 1).to(torch.float32) * self.rescale
        pixels = pixels.flip(0) if self.bgr else pixels
        mean, std = (torch.tensor(values).view(3, 1, 1) for values in (self.mean, self.std))
        return ((pixels - mean) / std).contiguous()

    def _fit(self, image: Image.Image) -> Image.Image:
        filtering = Image.Resampling(self.resample)
        if self.resize is None:
            return image.resize((self.size, self.size), resample=filtering)
        short, long = sorted(image.size)
        other = int(self.resize * long / short)
        wide, high = (self.resize, other) if image.width <= image.height else (other, self.resize)
        left, top = self._half(wide - self.size), self._half(high - self.size)
        if self.size <= self.resize and other > _LONG * self.size:
            across, down = image.width / wide, image.height / high
            box = (left * across, top * down, (left + self.size) * across, (top + self.size) * down)
            return image.resize((self.size, self.size), resample=filtering, box=box)
        image = image.resize((wide, high), resample=filtering)
        return image.crop((left, top, left + self.size, top + self.size))

    def _half(self, cut: int) -> int:
        return round(cut / 2) if self.even else cut // 2

    @property
    def _stock_type(self) -> str | None:
        """The image processor of transformers that does just this; None when it has none.

        Without a name in the file `AutoImageProcessor` takes the architecture's own, and that of ResNet, RegNet and
        ConvNeXt does not cut out the middle.
        """
        if not self.bgr:
            return "BitImageProcessor"
        plain = self.mean == (0.0, 0.0, 0.0) and self.std == (1.0, 1.0, 1.0)
        return "MobileViTImageProcessor" if plain else None  # the one that turns channels round does not normalise

    def document(self) -> dict[str, object]:
        """The Hub's keys, read back by `from_document` to an equal value, and applied alike by `AutoImageProcessor`."""
        side = {"height": self.size, "width": self.size}
        known: dict[str, object] = {} if self._stock_type is None else {"image_processor_type": self._stock_type}
        crop: dict[str, object] = {} if self.resize is None else {"crop_size": side}
        return (
            known
            | crop
            | {
                "do_center_crop": self.resize is not None,
                "do_convert_rgb": True,
                "do_flip_channel_order": self.bgr,
                "do_normalize": True,
                "do_rescale": True,
                "do_resize": True,
                "image_mean": list(self.mean),
                "image_std": list(self.std),
                "resample": self.resample,
                "rescale_factor": self.rescale,
                "size": side if self.resize is None else {"shortest_edge": self.resize},
            }
        )

    @classmethod
    def from_document(cls, document: Mapping[str, Any]) -> Preprocess:
        """Read the Hub's keys as transformers' image processors read them. Raises: BadArtifactError."""
        try:
            size, resize = _sides(document)
            normalise = document.get("do_normalize", True)
            mean = tuple(map(float, document.get("image_mean") or IMAGENET_MEAN)) if normalise else (0.0, 0.0, 0.0)
            std = tuple(map(float, document.get("image_std") or IMAGENET_STD)) if normalise else (1.0, 1.0, 1.0)
            if len(mean) != 3 or len(std) != 3 or min(std) <= 0:
                raise ValueError("image_mean and image_std hold three numbers, the latter positive")
            rescale = float(document.get("rescale_factor", 1 / 255)) if document.get("do_rescale", True) else 1.0
            resample = Image.Resampling(int(document.get("resample", 2))).value
            bgr = bool(document.get("do_flip_channel_order", False))
        except (KeyError, TypeError, ValueError) as error:
            raise BadArtifactError(f"The {FILE} cannot be read: {error}") from error
        return cls(size, (mean[0], mean[1], mean[2]), (std[0], std[1], std[2]), rescale, resample, resize, bgr)

    @classmethod
    def read(cls, folder: Path) -> Preprocess:
        """From `folder`; the defaults (224 pixels, ImageNet mean and deviation) where there is no such file."""
        file = folder / FILE
        if not file.is_file():
            return cls()
        try:
            return cls.from_document(json.loads(file.read_text(encoding="utf-8")))
        except json.JSONDecodeError as error:
            raise BadArtifactError(f"The {FILE} is not JSON: {error}") from error

    def write(self, folder: Path) -> None:
        """Write `preprocessor_config.json` into `folder`."""
        (folder / FILE).write_text(json.dumps(self.document(), indent=2, sort_keys=True) + "\n", encoding="utf-8")


def _sides(document: Mapping[str, Any]) -> tuple[int, int | None]:
    """(side of the input, shorter edge before the crop or None), from `size`, `crop_size` and `crop_pct`."""
    size, crop = document.get("size", 224), document.get("crop_size", 224)
    short = size.get("shortest_edge") if isinstance(size, Mapping) else size
    side = _square(crop) if document.get("do_center_crop") else short or _square(size)
    if document.get("do_center_crop"):
        return _positive(side), _positive(short or _square(size))
    share = document.get("crop_pct")
    if share and short and short < 384:  # ConvNeXt: enlarge by the share, then cut the middle out
        return _positive(short), int(_positive(short) / float(share))
    return _positive(side), None


def _square(size: object) -> object:
    if isinstance(size, Mapping):
        if size["height"] != size["width"]:
            raise ValueError("the height and width of the input differ")
        return size["height"]
    return size


def _positive(side: object) -> int:
    if not isinstance(side, int) or not 0 < side <= 4096:
        raise ValueError(f"a side of {side!r} pixels")
    return side
