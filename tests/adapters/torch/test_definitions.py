"""The one-file definitions give the same outputs in a folder of their own, without Forebear."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from PIL import Image
from torch import nn

from adapters.torch.definitions import efficientnet_lite, inception, resnet_thin, squeezenet, vgg
from adapters.torch.families import DEFINITIONS
from adapters.torch.models import load_image_model
from registry.plugins import EntryPointPlugins
from tests.adapters.torch.small import own_model

ALONE = """
import json, sys
import torch
torch.set_num_threads(1)
from PIL import Image
from torch import nn
import {module} as definition
assert not [m for m in sys.modules if m.split(".")[0] in ("adapters", "registry", "lineage")]
model = definition.load()
print(json.dumps(definition.classify(model, Image.open(sys.argv[1]), top=3)))
"""


@pytest.mark.slow
@pytest.mark.parametrize("architecture", [*DEFINITIONS, "transformers_mlp"])
def test_a_definition_runs_alone_and_agrees_with_us(
    architecture: str, lite: Path, mobilenet: Path, photos: list[tuple[Path, int]], tmp_path: Path
) -> None:
    folder = tmp_path / "pulled"
    if architecture == "efficientnet_lite0":
        model = load_image_model(lite, architecture).with_head(("a", "b", "c"), kind="mlp")
    elif architecture in DEFINITIONS:
        model = own_model(tmp_path, architecture).with_head(("a", "b", "c"))
    else:
        model = load_image_model(mobilenet, "transformers:MobileNetV2Model").with_head(("a", "b", "c"), kind="mlp")
    assert model.architecture == architecture
    model.save(folder)
    definition = EntryPointPlugins(memory=0, seconds=0).definition(architecture)
    assert definition is not None
    name, source = definition
    (folder / name).write_bytes(source)
    program = ALONE.format(module=name.removesuffix(".py"))
    answer = subprocess.run(
        [sys.executable, "-c", program, str(photos[0][0])], cwd=folder, capture_output=True, text=True, check=True
    )
    x = model.preprocess.apply(Image.open(photos[0][0])).unsqueeze(0)
    with torch.inference_mode():
        shares = model.logits(x).softmax(1)[0]
    assert model.classes is not None
    wanted = dict(zip(model.classes, shares.tolist(), strict=True))
    found = dict(json.loads(answer.stdout))
    assert found == pytest.approx(wanted, abs=1e-6)


@pytest.mark.parametrize("module", [efficientnet_lite, inception, resnet_thin, squeezenet, vgg])
def test_a_definition_imports_torch_safetensors_and_pillow_only(module: object) -> None:
    import ast

    tree = ast.parse(Path(str(module.__file__)).read_text(encoding="utf-8"))  # type: ignore[attr-defined]
    roots = {
        (node.module or "").split(".")[0] if isinstance(node, ast.ImportFrom) else alias.name.split(".")[0]
        for node in ast.walk(tree)
        if isinstance(node, (ast.Import, ast.ImportFrom))
        for alias in node.names
    }
    assert roots <= {"__future__", "json", "pathlib", "threading", "typing", "torch", "safetensors", "PIL"}


def test_padding_is_that_of_tensorflow() -> None:
    """With an even side and stride 2, the odd pixel of padding is on the right and below: output 0 sees pixel 0."""
    conv = efficientnet_lite.SameConv2d(1, 1, 3, stride=2)
    torch.nn.init.constant_(conv.weight, 0)
    with torch.no_grad():
        conv.weight[0, 0, 0, 0] = 1
    picture = torch.arange(16.0).view(1, 1, 4, 4)
    assert conv(picture).flatten().tolist() == [0, 2, 8, 10]
    assert conv(torch.arange(25.0).view(1, 1, 5, 5)).flatten().tolist() == [0, 0, 0, 0, 6, 8, 0, 16, 18]


@pytest.mark.parametrize(
    ("model", "parameters", "side"),
    [
        (squeezenet.SqueezeNet(squeezenet.ConvolutionHead(1000)), 1_235_496, 224),
        (vgg.VGG16(nn.Linear(vgg.DIM, 1000)), 14_714_688 + 513_000, 64),
        (resnet_thin.ResNetThin(nn.Linear(resnet_thin.DIM, 1000)), 5_902_528 + 1_025_000, 64),
        (inception.InceptionV3(nn.Linear(2048, 1000)), 23_817_352 + 17_216, 96),
    ],
    ids=["squeezenet", "vgg", "resnet", "inception"],
)
def test_networks_have_the_size_that_is_known_of_them(model: nn.Module, parameters: int, side: int) -> None:
    """Keras counts 23,817,352 parameters for Inception v3, without 17,216 scales that are always 1."""
    assert sum(p.numel() for p in model.parameters()) == parameters
    with torch.inference_mode():
        assert model.eval()(torch.zeros(1, 3, side, side)).shape == (1, 1000)


@pytest.mark.parametrize("architecture", ["inception_v3", "resnet50_thin", "vgg16_pool4"])
def test_every_parameter_of_a_definition_lies_in_one_layer_in_order(architecture: str, tmp_path: Path) -> None:
    model = own_model(tmp_path, architecture).with_head(("yes", "no"))
    layers = model.layers()
    inside = [id(p) for _, layer in layers for p in layer.parameters()]
    assert len(inside) == len(set(inside))
    assert set(inside) == {id(p) for p in model.module.parameters()}
    first = {"inception_v3": "stem.0", "resnet50_thin": "conv1", "vgg16_pool4": "features.0"}
    assert (layers[0][0], layers[-1][0]) == (first[architecture], "head")


def test_squeezenets_original_head_is_no_start_for_transfer_but_its_features_are(tmp_path: Path) -> None:
    model = own_model(tmp_path, "squeezenet1_1")
    assert (model.dim, model.classes) == (512, None)
    child = model.with_head(("yes", "no"))
    child.save(tmp_path / "child")
    again = load_image_model(tmp_path / "child", "squeezenet1_1")
    x = torch.rand(2, 3, 64, 64)
    with torch.inference_mode():
        assert torch.equal(again.logits(x), child.logits(x))
