"""Image transfers: pictures from files and arrays, and real weights that learn digits."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from adapters.inputs.images import read_images
from adapters.inputs.preprocess import Preprocess
from adapters.torch.models import load_image_model
from lineage import Digest
from registry.domain.catalog.models import Modality
from registry.domain.data.datasets import DataFormat, Row
from registry.domain.recipes.recipe import Head, Method, Optimizer
from registry.errors import BadDataError, BadRecipeError
from registry.ports.transfers import Advanced, DataInput
from tests.adapters.loop.worlds import finish, image_world

PROBE, TUNE = Method.FEATURE_EXTRACTION, Method.FINE_TUNING
SMALL = Preprocess(size=16)


@pytest.mark.parametrize("head", [Head(), Head("mlp", hidden=12, dropout=0.1)], ids=["linear", "mlp"])
@pytest.mark.parametrize("method", [PROBE, TUNE])
def test_the_saved_model_answers_as_recorded(method: Method, head: Head, tmp_path: Path) -> None:
    world = image_world(tmp_path)
    done, metrics = finish(world, world.job(method=method, head=head, epochs=10, optimizer=Optimizer(lr=1e-2)))
    model = load_image_model(done.folder, done.architecture)
    rows = [row for row in world.data.rows if row.split == "test"]
    items = read_images(rows, world.data, model.preprocess)
    with torch.inference_mode():
        logits = model.logits(items.batch(np.arange(len(rows))))
    answers = [done.classes[int(n)] for n in logits.argmax(dim=1)]
    recorded = json.loads((done.folder / "predictions.json").read_bytes())["rows"]
    assert model.classes == done.classes
    assert answers == [row["prediction"] for row in recorded]
    assert np.mean([a == row.label for a, row in zip(answers, rows, strict=True)]) == metrics["test", "accuracy"]


def test_features_of_all_splits_are_computed_before_the_head_learns(tmp_path: Path) -> None:
    world = image_world(tmp_path)
    job = world.job(method=Method.FEATURE_EXTRACTION, epochs=2)
    phases = [event.phase for event in world.adapter.run(job) if isinstance(event, Advanced)]
    read = [number for number, phase in enumerate(phases) if phase.startswith("features of")]
    assert {phases[number] for number in read} == {"features of train", "features of validation", "features of test"}
    assert read == list(range(len(read)))
    assert len(phases) > len(read)


def test_the_recipes_image_size_goes_into_the_model(tmp_path: Path) -> None:
    world = image_world(tmp_path)
    done, _ = finish(world, world.job(method=PROBE, image_size=32))
    assert load_image_model(done.folder, done.architecture).preprocess.size == 32
    with pytest.raises(BadRecipeError, match="'image_size' is 5"):
        list(world.adapter.run(world.job(image_size=5)))


def data_of(folder: Path, format: DataFormat = DataFormat.IMAGE_FOLDER) -> DataInput:
    return DataInput(folder, Digest.of(b"pictures"), "test/pictures/1", format, Modality.IMAGE, (), "train")


def row(key: int, path: str | None, index: int | None = None) -> Row:
    return Row(key, Digest.of(str(key).encode()), "train", "x", path=path, index=index)


def test_files_and_arrays_of_the_same_picture_are_the_same_tensor(tmp_path: Path) -> None:
    picture = np.random.default_rng(0).integers(0, 256, (20, 20, 3)).astype(np.uint8)
    Image.fromarray(picture).save(tmp_path / "one.png")
    np.savez(tmp_path / "many.npz", x=picture[None])
    items = read_images([row(0, "one.png"), row(1, "many.npz", 0)], data_of(tmp_path), SMALL)
    batch = items.batch(np.array([0, 1]))
    assert batch.shape == (2, 3, 16, 16)
    assert torch.equal(batch[0], batch[1])
    assert torch.equal(batch, items.batch(np.array([0, 1])))


def test_grey_floats_are_spread_over_the_bytes(tmp_path: Path) -> None:
    grey = np.linspace(0, 16, 64).reshape(1, 8, 8)
    np.savez(tmp_path / "float.npz", x=grey)
    np.savez(tmp_path / "bytes.npz", x=np.round(grey / 16 * 255).astype(np.uint8))
    items = read_images([row(0, "float.npz", 0), row(1, "bytes.npz", 0)], data_of(tmp_path), SMALL)
    batch = items.batch(np.array([0, 1]))
    assert torch.equal(batch[0], batch[1])


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("torn.png", b"\x89PNG\r\n\x1a\n broken", r"image 'torn\.png of .*' cannot be read"),
        ("gone.png", None, r"image 'gone\.png of .*' cannot be read"),
    ],
)
def test_a_file_that_is_no_picture_is_named(tmp_path: Path, name: str, content: bytes | None, message: str) -> None:
    if content is not None:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(BadDataError, match=message):
        read_images([row(0, name)], data_of(tmp_path), SMALL).batch(np.array([0]))


def test_arrays_that_are_no_pictures_are_refused(tmp_path: Path) -> None:
    np.savez(tmp_path / "flat.npz", x=np.zeros((3, 4)))
    np.savez(tmp_path / "negative.npz", x=np.full((3, 4, 4), -1.0))
    np.savez(tmp_path / "nameless.npz", y=np.zeros(3))
    for name, message in (
        ("flat", "not an array of pictures"),
        ("negative", "below 0"),
        ("nameless", "no readable array"),
    ):
        with pytest.raises(BadDataError, match=message):
            read_images([row(0, f"{name}.npz", 0)], data_of(tmp_path), SMALL)
    np.savez(tmp_path / "few.npz", x=np.zeros((3, 4, 4), dtype=np.uint8))
    with pytest.raises(BadDataError, match="past the end"):
        read_images([row(0, "few.npz", 3)], data_of(tmp_path), SMALL)
    with pytest.raises(BadDataError, match=r"Row 0 .* is not a picture"):
        read_images([replace(row(0, None), text="words")], data_of(tmp_path), SMALL)
