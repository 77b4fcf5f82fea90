"""One way to open a picture: its greys, its orientation and its memory come out right, or it is refused."""

from __future__ import annotations

import resource
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image, PngImagePlugin

from adapters.inputs.pictures import open_picture, read_array, thumbnail
from adapters.inputs.preprocess import Preprocess
from registry.errors import BadDataError

RAMP = np.arange(64, dtype=np.float64).reshape(8, 8) / 63
BYTES = np.round(RAMP * 255).astype(np.uint8)
PLAIN = Preprocess(size=8)


def greys(path: Path) -> Any:
    return np.asarray(open_picture(path, path.name))[..., 0]


@pytest.mark.parametrize("suffix", [".png", ".tif", ".pgm"])
def test_greys_of_16_bits_keep_their_share_of_white(suffix: str, tmp_path: Path) -> None:
    Image.fromarray(np.round(RAMP * 65535).astype(np.uint16)).save(tmp_path / f"a{suffix}")
    assert np.array_equal(greys(tmp_path / f"a{suffix}"), BYTES)


def test_floats_from_0_to_1_keep_their_share_of_white_and_others_are_refused(tmp_path: Path) -> None:
    Image.fromarray(RAMP.astype(np.float32)).save(tmp_path / "a.tif")
    assert np.array_equal(greys(tmp_path / "a.tif"), BYTES)
    Image.fromarray((RAMP * 255).astype(np.float32)).save(tmp_path / "b.tif")
    with pytest.raises(BadDataError, match=r"'b\.tif' has floats from 0 to 255. Scale them to 0"):
        open_picture(tmp_path / "b.tif", "b.tif")
    Image.fromarray((RAMP * 255).astype(np.int32)).save(tmp_path / "c.tif")
    with pytest.raises(BadDataError, match="greys of 32 bits, which do not say which number is white"):
        open_picture(tmp_path / "c.tif", "c.tif")


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_photograph_is_rotated_by_its_exif_as_stock_transformers_does(orientation: int, tmp_path: Path) -> None:
    from transformers.image_utils import load_image

    exif = Image.Exif()
    exif[0x0112] = orientation
    Image.fromarray(np.dstack([BYTES, BYTES.T, BYTES])).crop((0, 0, 8, 5)).save(tmp_path / "a.png", exif=exif)
    theirs = load_image(str(tmp_path / "a.png"))
    assert np.array_equal(np.asarray(open_picture(tmp_path / "a.png", "a.png")), np.asarray(theirs))
    assert torch.equal(PLAIN.apply(Image.open(tmp_path / "a.png")), PLAIN.apply(theirs))


@pytest.mark.parametrize("mode", ["RGBA", "LA", "P", "1", "CMYK"])
def test_transparency_and_palettes_are_read_as_stock_transformers_does(mode: str, tmp_path: Path) -> None:
    from transformers.image_utils import load_image

    image = Image.fromarray(np.dstack([BYTES, BYTES.T, BYTES, BYTES[::-1]])).convert(mode)
    image.save(tmp_path / "a.tif")
    ours = open_picture(tmp_path / "a.tif", "a.tif")
    assert np.array_equal(np.asarray(ours), np.asarray(load_image(str(tmp_path / "a.tif"))))


def test_a_png_with_a_long_text_is_read(tmp_path: Path) -> None:
    texts = PngImagePlugin.PngInfo()
    texts.add_text("description", "x" * 3_000_000, zip=True)
    Image.fromarray(BYTES).save(tmp_path / "a.png", pnginfo=texts)
    assert np.array_equal(greys(tmp_path / "a.png"), BYTES)


def test_of_a_long_picture_only_the_middle_is_enlarged() -> None:
    settings = Preprocess(size=64, resize=72)
    long = Image.fromarray(np.tile(BYTES[:4], (1, 500)))  # 4000 x 4: enlarged whole, it would be 72,000 pixels long
    ours = settings.apply(long)
    whole = long.convert("RGB").resize((72_000, 72), resample=2)
    left = (72_000 - 64) // 2
    theirs = np.asarray(whole.crop((left, 4, left + 64, 68)), dtype=np.float32) / 255
    mean, std = (np.array(values, dtype=np.float32) for values in (settings.mean, settings.std))
    levels = np.abs(ours.permute(1, 2, 0).numpy() * std + mean - theirs) * 255
    assert levels.max() < 3


def test_a_long_picture_takes_no_more_memory_than_its_input_side_asks_for() -> None:
    long = Image.fromarray(np.tile(BYTES[:4], (1, 500)))  # enlarged whole, 512,000 x 512 pixels of 4 bytes
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    Preprocess(size=448, resize=512).apply(long)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 200 * 1024, "KiB"


@pytest.mark.parametrize("shape", [(2, 8, 6), (2, 8, 6, 1), (2, 8, 6, 3), (2, 1, 8, 6), (2, 3, 8, 6)])
def test_arrays_have_channels_first_or_last(shape: tuple[int, ...]) -> None:
    found = read_array(np.arange(np.prod(shape), dtype=np.uint8).reshape(shape), "d.npz")
    assert found.shape[1:3] == (8, 6)
    for picture in found:
        PLAIN.apply(picture)


@pytest.mark.parametrize(
    ("x", "message"),
    [
        (np.zeros((2, 8, 8, 4), np.uint8), "neither its second nor its last axis has 1 or 3 channels"),
        (np.zeros((2, 8, 8, 5), np.uint8), "neither its second nor its last axis has 1 or 3 channels"),
        (np.full((2, 8, 8), -1.0), "below 0"),
        (np.full((2, 8, 8), np.nan), "not finite"),
        (np.zeros((2, 8)), "not an array of pictures"),
        (np.zeros((2, 0, 8)), "not an array of pictures"),
    ],
)
def test_arrays_that_are_not_pictures_are_refused(x: Any, message: str) -> None:
    with pytest.raises(BadDataError, match=message):
        read_array(x, "d.npz")


def test_a_small_picture_fits_keeps_its_shape_and_says_nothing_beside_its_pixels(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x010E] = "taken at home"
    Image.new("RGB", (800, 200), "red").save(tmp_path / "a.jpg", exif=exif)
    with Image.open(BytesIO(thumbnail(open_picture(tmp_path / "a.jpg", "a.jpg"), 100))) as small:
        assert (small.format, small.size, small.mode) == ("PNG", (100, 25), "RGB")
        assert not small.getexif()
        assert small.info == {}


def test_the_pixels_of_a_tiny_picture_are_magnified_and_not_blurred() -> None:
    with Image.open(BytesIO(thumbnail(Image.fromarray(BYTES), 100))) as shown:
        large = np.asarray(shown)[..., 0]
    assert large.shape == (96, 96)
    assert np.array_equal(large, BYTES.repeat(12, axis=0).repeat(12, axis=1))
