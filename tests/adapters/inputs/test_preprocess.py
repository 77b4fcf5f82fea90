"""How pictures become tensors: as the Hub's settings say, alike in a transfer and in the one-file definitions."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from adapters.inputs.preprocess import Preprocess
from adapters.torch.definitions import efficientnet_lite, squeezenet, transformers_mlp
from registry.errors import BadArtifactError, BadDataError

WIDE = Image.fromarray(np.random.default_rng(0).integers(0, 256, (30, 50, 3), dtype=np.uint8))
SETTINGS = [
    Preprocess(size=16),
    Preprocess(size=16, resize=20, resample=3),
    Preprocess(size=24, mean=(123.0, 117.0, 104.0), std=(1.0, 1.0, 1.0), rescale=1.0, bgr=True),
]


@pytest.mark.parametrize("settings", SETTINGS)
def test_settings_survive_the_hubs_keys(settings: Preprocess, tmp_path: Path) -> None:
    settings.write(tmp_path)
    assert Preprocess.read(tmp_path) == settings
    assert Preprocess.read(tmp_path).digest == settings.digest


@pytest.mark.parametrize("settings", SETTINGS)
@pytest.mark.parametrize("definition", [efficientnet_lite, squeezenet, transformers_mlp])
def test_the_definitions_prepare_pictures_bit_for_bit_as_transfers_do(
    settings: Preprocess, definition: Any, tmp_path: Path
) -> None:
    settings.write(tmp_path)
    turned = WIDE.copy()
    turned.getexif()[0x0112] = 6
    for picture in (WIDE, WIDE.rotate(90, expand=True), WIDE.convert("L"), WIDE.convert("RGBA"), turned):
        assert torch.equal(definition.preprocess(picture, tmp_path), settings.apply(picture))
    assert not torch.equal(settings.apply(turned), settings.apply(WIDE))
    with pytest.raises(ValueError, match="Scale the greys to 8 bits"):
        definition.preprocess(WIDE.convert("F"), tmp_path)


def test_any_difference_changes_the_digest() -> None:
    base = Preprocess()
    others = [base.resized(96), Preprocess(resample=3), Preprocess(bgr=True), Preprocess(rescale=1.0)]
    others += [Preprocess(mean=(0.5, 0.5, 0.5)), Preprocess(std=(0.5, 0.5, 0.5)), Preprocess(resize=256)]
    assert len({p.digest for p in (base, *others)}) == 1 + len(others)


STOCK = [
    Preprocess(size=16),
    Preprocess(size=16, resize=20, resample=3),
    Preprocess(size=16, mean=(0.5, 0.5, 0.5), std=(0.5, 0.5, 0.5)),
    Preprocess(size=16, resize=18, mean=(0.0, 0.0, 0.0), std=(1.0, 1.0, 1.0), bgr=True),
]


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("model_type", ["resnet", "regnet", "convnext", "vit", "mobilenet_v2", "dinov2", "swin"])
@pytest.mark.parametrize("settings", STOCK)
def test_auto_image_processor_gives_the_same_tensor_whatever_the_architecture(
    settings: Preprocess, model_type: str, tmp_path: Path
) -> None:
    """The settings are written by us and read by transformers, beside the config of a model that has one of its own."""
    from transformers import AutoImageProcessor

    (tmp_path / "config.json").write_text(json.dumps({"model_type": model_type}))
    settings.write(tmp_path)
    processor = AutoImageProcessor.from_pretrained(tmp_path)
    for picture in (WIDE, WIDE.rotate(90, expand=True), WIDE.resize((7, 90))):
        theirs = processor(picture, return_tensors="pt")["pixel_values"][0]
        assert torch.allclose(theirs, settings.apply(picture), atol=1e-6)


@pytest.mark.parametrize("shape", [(8, 8), (8, 8, 1), (8, 8, 3)])
def test_arrays_of_bytes_are_pictures(shape: tuple[int, ...]) -> None:
    array = np.arange(np.prod(shape), dtype=np.uint8).reshape(shape)
    picture = Image.fromarray(array[..., 0] if shape[-1] == 1 else array)
    assert torch.equal(Preprocess(size=12).apply(array), Preprocess(size=12).apply(picture))


@pytest.mark.parametrize(
    "array", [np.zeros((8, 8)), np.zeros((8, 8, 4), np.uint8), np.zeros(8, np.uint8), np.zeros((0, 8), np.uint8)]
)
def test_other_arrays_are_no_pictures(array: Any) -> None:
    with pytest.raises(BadDataError, match="is not a picture"):
        Preprocess().apply(array)


@pytest.mark.parametrize(
    ("document", "wanted"),
    [
        ({"size": 224}, (224, None)),
        ({"size": {"height": 32, "width": 32}}, (32, None)),
        (
            {"size": {"shortest_edge": 256}, "crop_size": {"height": 224, "width": 224}, "do_center_crop": True},
            (224, 256),
        ),
        ({"size": {"shortest_edge": 256}, "crop_size": 224, "do_center_crop": True}, (224, 256)),
        ({"size": {"shortest_edge": 224}, "crop_pct": 0.875}, (224, 256)),
        ({"size": {"shortest_edge": 384}, "crop_pct": 0.875}, (384, None)),
        ({}, (224, None)),
    ],
)
def test_the_hubs_ways_to_say_a_size_are_understood(document: dict[str, Any], wanted: tuple[int, int | None]) -> None:
    found = Preprocess.from_document(document)
    assert (found.size, found.resize) == wanted


@pytest.mark.parametrize(
    "document",
    [
        {"size": {"height": 32, "width": 64}},
        {"size": 0},
        {"size": "large"},
        {"size": 10**9},
        {"image_mean": [0.5]},
        {"image_std": [0, 0, 0]},
        {"resample": 99},
    ],
)
def test_settings_that_make_no_sense_are_refused(document: dict[str, Any], tmp_path: Path) -> None:
    (tmp_path / "preprocessor_config.json").write_text(json.dumps(document))
    with pytest.raises(BadArtifactError, match=r"preprocessor_config\.json cannot be read"):
        Preprocess.read(tmp_path)


def test_a_preprocessing_step_that_is_switched_off_is_not_done() -> None:
    off = {"do_rescale": False, "do_normalize": False, "image_mean": [0.5] * 3, "image_std": [0.5] * 3, "size": 8}
    white = Preprocess.from_document(off).apply(np.full((8, 8), 255, np.uint8))
    assert white.unique().tolist() == [255.0]
