"""Pictures as 8-bit RGB: one way to open a file and one to read an array, for registration and for training.

- Greys of 16 bits are scaled from 0 … 65535, floats from 0 … 1. Floats outside 0 … 1, and whole numbers of 32 bits in a
  TIFF, do not say which number is white, so they are refused.
- The EXIF orientation is applied, as transformers' `load_image` does.
- Transparency is dropped: the colours below it count, as in transformers' `load_image` (Pillow's `convert("RGB")`).
- Of an animation the first frame counts.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps, PngImagePlugin, UnidentifiedImageError

from registry.errors import BadDataError

READING = 2
"""The version of the rules above. Feature caches key on it, so whoever changes how a picture is read raises it."""
FORMATS = ("PNG", "JPEG", "BMP", "GIF", "TIFF", "WEBP", "PPM")
"""Decoders that run no other program: Pillow's EPS, for one, starts Ghostscript."""
Pixels = NDArray[np.uint8]
_SCAN, _MOST_SCANS = b"\xff\xda", 100
"""The marker that begins a scan (ITU-T T.81), and how many a JPEG may have."""

Image.MAX_IMAGE_PIXELS = None  # whoever reads pictures of others asks `size_of` first; see registry.limits
_TEXT = 64 * 1024 * 1024
PngImagePlugin.MAX_TEXT_CHUNK = PngImagePlugin.MAX_TEXT_MEMORY = _TEXT
"""Bytes of text in a PNG, unpacked. Pillow's 1 MiB refuses sound pictures that carry a long description or XMP."""


def open_picture(path: Path, name: str) -> Image.Image:
    """The picture at `path`, decoded, upright and in RGB; `name` is what messages call it.

    Raises: BadDataError for a file that is not a sound picture, or has unknown greys.
    """
    with _opened(path, name) as image:
        image.load()
        return to_rgb(image, name)


def size_of(path: Path, name: str) -> tuple[int, int]:
    """Width and height as the file says, before anything is decoded. Raises: BadDataError."""
    with path.open("rb") as file:
        if (webp := _webp_size(file.read(30))) is not None:
            return webp
    with _opened(path, name) as image:
        return image.size


def _webp_size(head: bytes) -> tuple[int, int] | None:
    """The size in the header of a WebP (RFC 9649), because Pillow makes room for its pixels when it opens it."""
    if len(head) < 30 or head[:4] != b"RIFF" or head[8:12] != b"WEBP":
        return None
    if head[12:16] == b"VP8X":
        return int.from_bytes(head[24:27], "little") + 1, int.from_bytes(head[27:30], "little") + 1
    if head[12:16] == b"VP8L":
        bits = int.from_bytes(head[21:25], "little")
        return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    return int.from_bytes(head[26:28], "little") & 0x3FFF, int.from_bytes(head[28:30], "little") & 0x3FFF


def check_picture(path: Path, name: str) -> None:
    """Decode the picture and keep nothing: a JPEG at an eighth of its size, which shows that all of it can be decoded.

    Raises: BadDataError as `open_picture` does.
    """
    with _opened(path, name) as image:
        _check_scans(path, image, name)
        image.draft("RGB", (max(image.width // 8, 1), max(image.height // 8, 1)))
        image.load()
        _check_greys(image, name)


def greys(path: Path, name: str, side: int) -> Pixels:
    """The picture's greys at `side` x `side`, for a comparison of pictures; a JPEG is decoded no larger than it needs.

    Raises: BadDataError as `open_picture` does.
    """
    with _opened(path, name) as image:
        image.draft("L", (4 * side, 4 * side))
        image.load()
        small = to_rgb(image, name).convert("L").resize((side, side), Image.Resampling.BOX)
        return np.asarray(small, dtype=np.uint8)


@contextmanager
def _opened(path: Path, name: str) -> Iterator[Image.Image]:
    """The picture before it is decoded; failures of Pillow in the block become a BadDataError."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about odd metadata; what matters is whether the pixels can be decoded
            with Image.open(path, formats=FORMATS) as image:
                yield image
    except (OSError, SyntaxError, ValueError, UnidentifiedImageError, Image.DecompressionBombError) as error:
        if "out of memory" in str(error):
            raise MemoryError from error
        reason = str(error).replace(str(path), path.name)
        raise BadDataError(f"The image {name!r} cannot be read: {reason}", remedy="Replace or remove it") from error


def _check_scans(path: Path, image: Image.Image, name: str) -> None:
    """A decoder goes over the whole picture once for each scan of a JPEG, and ten are usual. Raises: BadDataError."""
    if image.info.get("progressive") and (scans := path.read_bytes().count(_SCAN)) > _MOST_SCANS:
        raise BadDataError(f"The image {name!r} has {scans:,} scans", remedy="Save it as an ordinary JPEG")


def to_rgb(image: Image.Image, name: str = "picture") -> Image.Image:
    """A decoded picture upright and in RGB, by the rules of this module. Raises: BadDataError for unknown greys."""
    _check_greys(image, name)
    sixteen = image.mode.startswith("I")
    image = ImageOps.exif_transpose(image)
    if sixteen:
        image = Image.fromarray(np.round(np.asarray(image) / 257.0).astype(np.uint8))
    elif image.mode == "F":
        image = Image.fromarray(np.round(np.asarray(image) * 255.0).astype(np.uint8))
    return image.convert("RGB")


def _check_greys(image: Image.Image, name: str) -> None:
    """Raises: BadDataError for numbers that do not say which of them is white."""
    if image.mode == "I" and image.format not in {"PNG", "PPM"}:  # in those two, greys of 16 bits
        raise BadDataError(
            f"The image {name!r} has greys of 32 bits, which do not say which number is white",
            remedy="Save it with 8 or 16 bits, or with floats from 0 to 1",
        )
    if image.mode == "F":
        greys = np.asarray(image)
        low, high = float(greys.min()), float(greys.max())
        if not (low >= 0.0 and high <= 1.0):  # also true of NaN
            raise BadDataError(
                f"The image {name!r} has floats from {low:.4g} to {high:.4g}",
                remedy="Scale them to 0 (black) … 1 (white), or save the image with 8 or 16 bits",
            )


def read_array(found: NDArray[Any], name: str) -> Pixels:
    """Pictures of an array as bytes: N x H x W, or N x H x W x C with 1 or 3 channels.

    Channels may come first as well (N x C x H x W); where both axes could be channels, the last one is. Numbers of
    another type than bytes are spread over 0 … 255 by the largest of the whole array.

    Raises: BadDataError for other shapes or types, and for values below 0 or not finite.
    """
    if found.dtype.kind not in "uif" or found.ndim not in {3, 4} or 0 in found.shape[1:]:
        raise BadDataError(
            f"'x' of {name!r} is {found.dtype} of shape {found.shape}, which is not an array of pictures",
            remedy="Give bytes (uint8): N x height x width, with 1 or 3 channels last or first",
        )
    if found.ndim == 4 and found.shape[3] not in {1, 3}:
        if found.shape[1] not in {1, 3}:
            raise BadDataError(
                f"'x' of {name!r} has shape {found.shape}: neither its second nor its last axis has 1 or 3 channels",
                remedy="Store grey or RGB pictures; leave a channel of transparency out",
            )
        found = found.transpose(0, 2, 3, 1)
    if found.dtype == np.uint8 or not len(found):
        return np.asarray(found, dtype=np.uint8)
    low, high = float(found.min()), float(found.max())
    if not (low >= 0 and np.isfinite(high)):
        raise BadDataError(f"'x' of {name!r} has values below 0 or not finite", remedy="Store bytes (uint8)")
    spread: Pixels = np.round(found * (255.0 / (high or 1.0))).astype(np.uint8)
    return spread


def load_array(path: Path, name: str) -> Pixels:
    """The array `x` of pictures in an .npz file. Raises: BadDataError."""
    try:
        with np.load(path, allow_pickle=False) as file:
            found = file["x"]
    except (OSError, ValueError, KeyError) as error:
        raise BadDataError(f"{name} has no readable array x: {error}") from error
    return read_array(found, name)


def picture_of(array: NDArray[np.uint8]) -> Image.Image:
    """The picture in an array H x W, H x W x 1 or H x W x 3 of bytes. Raises: BadDataError for any other."""
    flat = array[..., 0] if array.ndim == 3 and array.shape[2] == 1 else array
    if array.dtype != np.uint8 or not (flat.ndim == 2 or (flat.ndim == 3 and flat.shape[2] == 3)) or not flat.size:
        raise BadDataError(
            f"An array of {array.dtype} with shape {array.shape} is not a picture",
            remedy="Give bytes (uint8): height x width, with 1 or 3 channels last",
        )
    return Image.fromarray(np.ascontiguousarray(flat))


def thumbnail(picture: Image.Image, side: int) -> bytes:
    """A PNG of at most `side` x `side`, without what the file said beside its pixels; tiny ones are magnified."""
    magnified = side // max(picture.size)
    if magnified > 1:
        picture = picture.resize((picture.width * magnified, picture.height * magnified), Image.Resampling.NEAREST)
    else:
        picture.thumbnail((side, side))
    out = BytesIO()
    picture.convert("RGB").save(out, "PNG")
    return out.getvalue()
