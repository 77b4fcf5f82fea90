"""timm: a child carries the size, crop, filter and normalisation of its pictures where timm looks for them.

Tests that need the library itself are skipped where it cannot be imported; a slow test runs them where it can.
"""

from __future__ import annotations

import json
import math
import os
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from adapters.heads import HeadShape
from adapters.inputs.preprocess import Preprocess
from adapters.torch.importer import SafetensorsImporter, TimmFolderImporter
from adapters.torch.timm_models import TimmFamily, preprocess_of, pretrained_cfg
from lineage import Digest
from registry.domain.data.datasets import DataFormat
from registry.domain.recipes.recipe import Method
from registry.errors import BadArtifactError, BadRecipeError, InvalidError, MissingExtraError
from registry.ports.transfers import ModelInput
from tests import with_timm
from tests.adapters.loop.worlds import World, finish, image_world

SETTINGS = [
    Preprocess(size=96),
    Preprocess(size=224, resize=256, resample=3),
    Preprocess(size=64, resize=73, mean=(0.5, 0.4, 0.3), std=(0.2, 0.3, 0.4)),
    Preprocess(size=32, resize=32, rescale=1.0, mean=(127.5,) * 3, std=(127.5,) * 3),
]
READER = """
import json, sys, torch, timm
from PIL import Image
folder = sys.argv[1]
model = timm.create_model(f"local-dir:{folder}", pretrained=True).eval()
transform = timm.data.create_transform(**timm.data.resolve_model_data_config(model), is_training=False)
names = json.load(open(f"{folder}/config.json"))["label_names"]
with torch.inference_mode():
    for line in sys.stdin:
        scores = model(transform(Image.open(line.strip()).convert("RGB")).unsqueeze(0))[0]
        print(names[int(scores.argmax())])
"""


def importable() -> bool:
    try:
        import timm  # noqa: F401
    except (ImportError, RuntimeError):
        return False
    return True


needs_timm = pytest.mark.skipif(not importable(), reason="timm cannot be imported here")
pytestmark = pytest.mark.filterwarnings("ignore")
ROOT = Path(__file__).parents[3]


@pytest.mark.parametrize("settings", SETTINGS)
def test_what_is_written_for_timm_is_read_back_as_the_same_preprocessing(settings: Preprocess) -> None:
    read = preprocess_of(pretrained_cfg(settings))
    assert (read.size, read.resize, read.resample) == (settings.size, settings.resize, settings.resample)
    picture = Image.effect_noise((90, 61), 60).convert("RGB")
    assert torch.allclose(read.apply(picture), replace(settings, even=True).apply(picture), atol=1e-5)


def test_the_share_that_is_written_gives_every_length_of_the_shorter_edge() -> None:
    for size in (32, 96, 224, 299, 384):
        for resize in range(size, size + 80):
            written = pretrained_cfg(Preprocess(size=size, resize=resize))["crop_pct"]
            assert math.floor(size / written) == resize


def test_reversed_channels_cannot_be_written_for_timm() -> None:
    with pytest.raises(InvalidError, match="cannot reverse the channels"):
        pretrained_cfg(Preprocess(bgr=True))


def test_a_config_without_normalisation_is_refused() -> None:
    with pytest.raises(BadArtifactError, match="pretrained_cfg"):
        preprocess_of({"input_size": [3, 224, 224]})


def test_the_middle_of_a_picture_begins_where_the_library_says() -> None:
    row = np.tile(np.arange(39, dtype=np.uint8)[None, :, None] * 6, (32, 1, 3))
    plain = Preprocess(size=32, resize=32, mean=(0.0,) * 3, std=(1.0,) * 3, resample=0)
    first = {even: float(replace(plain, even=even).apply(row)[0, 0, 0]) * 255 / 6 for even in (False, True)}
    assert first == {False: pytest.approx(3), True: pytest.approx(4)}  # 7 columns too many: 3 or 3.5 before the middle


def test_a_family_names_its_classes_and_the_arguments_of_its_model() -> None:
    family = TimmFamily("vit_tiny_patch16_224", "head", 192, {"classifier": "head"}, {"img_size": 64})
    with pytest.raises(InvalidError, match="linear head"):
        family.architecture(HeadShape("mlp"))
    document = family.config(HeadShape(), ("a", "b"))
    assert document["label_names"] == ["a", "b"]
    assert document["model_args"] == {"img_size": 64}
    assert document["num_classes"] == 2


@pytest.mark.skipif(importable(), reason="says what happens where timm is absent")
def test_a_folder_of_timm_is_recognised_and_the_library_asked_for(tmp_path: Path) -> None:
    from safetensors.torch import save_file

    (tmp_path / "hub").mkdir()
    (tmp_path / "out").mkdir()
    save_file({"fc.weight": torch.zeros(2, 3)}, tmp_path / "hub/model.safetensors")
    (tmp_path / "hub/config.json").write_text(json.dumps({"architecture": "resnet18", "pretrained_cfg": {}}))
    found = TimmFolderImporter().detect(tmp_path / "hub")
    assert found is not None
    assert found.architecture == "timm:resnet18"
    with pytest.raises(MissingExtraError, match=r"forebear\[timm\]"):
        TimmFolderImporter().convert(tmp_path / "hub", tmp_path / "out", architecture=None)


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.skipif(importable(), reason="they run here")
def test_all_tests_of_this_file_pass_in_a_process_that_can_import_timm() -> None:
    words = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", __file__]
    around = os.environ | with_timm.environment()
    run = subprocess.run(words, env=around, cwd=ROOT, capture_output=True, text=True, timeout=800, check=False)
    assert run.returncode == 0, run.stdout[-3000:]
    assert re.search(r"\b19 passed", run.stdout), run.stdout[-500:]


# --- with the library ----------------------------------------------------------------------------------------------


def hub(folder: Path, name: str, **settings: Any) -> Path:
    """A model of timm with random weights, as timm writes it for the Hub."""
    import timm
    from timm.models import save_for_hf

    torch.manual_seed(3)
    model = timm.create_model(name, pretrained=False, num_classes=7, pretrained_cfg_overlay=settings)
    save_for_hf(model, folder, safe_serialization=True)
    (folder / "pytorch_model.bin").unlink(missing_ok=True)
    return folder


@pytest.fixture
def photographs(tmp_path: Path) -> World:
    """Pictures of several sizes in files, in place of an array of small squares."""
    plain = image_world(tmp_path)
    with np.load(plain.data.root / "bars.npz") as file:
        arrays = file["x"]
    rows = []
    for row in plain.data.rows:
        assert row.index is not None
        name = f"{row.key}.png"
        Image.fromarray(arrays[row.index]).resize((60 + row.key % 9, 50)).save(tmp_path / name)
        rows.append(replace(row, path=name, index=None))
    return replace(plain, data=replace(plain.data, rows=tuple(rows), format=DataFormat.IMAGE_FOLDER))


FAMILIES = {
    "resnet18": {"input_size": (3, 48, 48), "crop_pct": 0.9, "interpolation": "bilinear", "mean": (0.3, 0.4, 0.5)},
    "mobilenetv3_small_050": {"input_size": (3, 64, 64), "crop_pct": 0.875},
    "vit_tiny_patch16_224": {"input_size": (3, 64, 64), "crop_mode": "squash", "crop_pct": 1.0},
    "convnext_atto": {"input_size": (3, 64, 64), "crop_pct": 0.95},
}


@needs_timm
@pytest.mark.parametrize("name", FAMILIES)
@pytest.mark.parametrize("size", [None, 96])
def test_stock_timm_in_a_process_of_its_own_gives_the_recorded_predictions(
    name: str, size: int | None, tmp_path: Path, photographs: World
) -> None:
    (tmp_path / "imported").mkdir()
    importer = TimmFolderImporter()
    facts = importer.detect(hub(tmp_path / "hub", name, **FAMILIES[name]))
    assert facts is not None
    assert facts.architecture == f"timm:{name}"
    converted = importer.convert(tmp_path / "hub", tmp_path / "imported", architecture=None)
    source = ModelInput(converted.folder, Digest.of(name.encode()), "source", facts.architecture, "test/parent/1")
    world = replace(photographs, source=source)
    job = world.job("probe", method=Method.FEATURE_EXTRACTION, image_size=size)
    if name.startswith("vit") and size:
        with pytest.raises(BadRecipeError, match="does not take pictures of 96 pixels"):
            finish(world, job)
        return
    done, _ = finish(world, job)
    assert done.architecture == f"timm:{name}"
    assert done.facts["reproduced"]["by"] == "timm"  # type: ignore[index]
    settings = json.loads((done.folder / "config.json").read_text())["pretrained_cfg"]
    wanted = size or FAMILIES[name]["input_size"][1]  # type: ignore[index]
    assert settings["input_size"] == [3, wanted, wanted]
    recorded = json.loads((done.folder / "predictions.json").read_text())["rows"]
    paths = "\n".join(str(world.data.root / f"{row['key']}.png") for row in recorded)
    run = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", READER, str(done.folder)],
        input=paths,
        capture_output=True,
        text=True,
        check=True,
        cwd=tmp_path,
    )
    assert run.stdout.split() == [row["prediction"] for row in recorded]
    assert len(set(run.stdout.split())) > 1


@needs_timm
def test_a_child_of_timm_is_imported_again_and_keeps_its_head(tmp_path: Path, photographs: World) -> None:
    (tmp_path / "imported").mkdir()
    converted = TimmFolderImporter().convert(
        hub(tmp_path / "hub", "resnet18", input_size=(3, 48, 48)), tmp_path / "imported", architecture=None
    )
    source = ModelInput(converted.folder, Digest.of(b"timm"), "source", "timm:resnet18", "test/parent/1")
    world = replace(photographs, source=source)
    first, before = finish(world, world.job("first", method=Method.FINE_TUNING, epochs=1))
    (tmp_path / "again").mkdir()
    again = TimmFolderImporter().convert(first.folder, tmp_path / "again", architecture=None)
    grown = replace(world, source=replace(source, folder=again.folder, digest=Digest.of(b"again")))
    second, after = finish(grown, grown.job("second", method=Method.FINE_TUNING, epochs=0))
    assert after["test", "accuracy"] == before["test", "accuracy"]
    assert second.classes == first.classes


@needs_timm
def test_weights_alone_take_the_preprocessing_of_the_name(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    folder = hub(tmp_path / "hub", "resnet18")
    SafetensorsImporter().convert(folder / "model.safetensors", tmp_path / "out", architecture="timm:resnet18")
    document = json.loads((tmp_path / "out/config.json").read_text())
    assert document["pretrained_cfg"]["input_size"] == [3, 224, 224]
    assert document["pretrained_cfg"]["crop_pct"] == pytest.approx(0.95, abs=5e-3)
