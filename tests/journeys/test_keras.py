"""A Keras model's whole story on the command line: from an archive to a child that stock Keras loads."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import numpy as np
import pytest
import torch

from adapters.keras.folders import read_model
from adapters.keras.library import keras
from tests.adapters.keras.networks import archive, tiny
from tests.adapters.loop.worlds import image_data
from tests.command_line import command_line

RECIPE = """\
schema: forebear/recipe/v1
output: vision/bars
method: feature_extraction
source: models:/library/tiny/1
data: {train: datasets:/data/bars/1}
epochs: 5
"""


@pytest.mark.slow
def test_an_archive_becomes_a_child_that_stock_keras_loads(tmp_path: Path) -> None:
    file = archive(tiny(24), tmp_path / "tiny.keras")
    with command_line(tmp_path) as typed:
        typed.ask("init")
        imported = typed.ask("model", "import", "library/tiny", file, "--licence", "MIT", "--origin", "made up")
        assert imported["architecture"] == "keras"
        image_data(tmp_path)
        said = ("--task", "image-classification", "--licence", "CC0-1.0", "--origin", "made up")
        typed.ask("dataset", "add", "data/bars", tmp_path / "bars.npz", *said)
        (tmp_path / "bars.yaml").write_text(RECIPE, encoding="utf-8")
        done = typed.ask("transfer", "run", tmp_path / "bars.yaml")
        assert done["summary"]["state"] == "succeeded"
        assert done["recipe"]["adapter"] == "keras"
        pulled = tmp_path / "pulled"
        typed.ask("model", "pull", "models:/vision/bars/1", "--to", pulled)
    spec = importlib.util.spec_from_file_location("keras_model_of_bars", pulled / "keras_model.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    stock = keras.saving.load_model(module.export(tmp_path / "child.keras"), safe_mode=True)
    x = np.random.default_rng(0).random((4, 24, 24, 3), dtype=np.float32)
    with torch.no_grad():
        assert float((stock(x, training=False) - read_model(pulled)(x, training=False)).abs().max()) <= 1e-6
