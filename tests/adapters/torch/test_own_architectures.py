"""An architecture that nobody here has heard of: described in a file beside the weights, as docs/models.md shows."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from adapters.torch.definitions import layers
from adapters.torch.importer import SafetensorsImporter, StateDictImporter
from adapters.torch.models import load_image_model
from registry.errors import BadArtifactError, InvalidError, MisfitError
from registry.sandbox.parent import convert_in_subprocess
from tests.house.tree import ROOT

SMALL = """
name: small
layers:
  stem: [conv 3 8 3 padding=1 bias=no, norm 8, relu]
  block:
    conv1: conv 8 8 3 padding=1
    conv2: conv 8 8 3 padding=1
    wide: conv 8 4 1x3 padding=0x1
    wiring: [{add: [[], [conv1, conv2]]}, {cat: [[], wide]}]
pictures: zero_to_one
side: 32
"""


def folder_of(description: str, tensors: dict[str, Tensor], folder: Path) -> Path:
    folder.mkdir(exist_ok=True)
    (folder / "architecture.yaml").write_text(description)
    torch.save(tensors, folder / "weights.pth")
    return folder


def small_weights() -> dict[str, Tensor]:
    torch.manual_seed(0)
    return {
        "stem.0.weight": torch.randn(8, 3, 3, 3),
        **{f"stem.1.{name}": torch.rand(8) for name in ("weight", "bias", "running_mean", "running_var")},
        **{f"block.conv{n}.weight": torch.randn(8, 8, 3, 3) for n in (1, 2)},
        **{f"block.conv{n}.bias": torch.rand(8) for n in (1, 2)},
        "block.wide.weight": torch.randn(4, 8, 1, 3),
        "block.wide.bias": torch.rand(4),
        "classifier.weight": torch.randn(5, 12),
        "classifier.bias": torch.rand(5),
    }  # fmt: skip


def test_the_example_of_the_documentation_is_imported_in_its_subprocess(tmp_path: Path) -> None:
    text = (ROOT / "docs/models.md").read_text(encoding="utf-8")
    (example,) = re.findall(r"```yaml\n(name: alexnet_features.*?)```", text, re.DOTALL)
    torch.manual_seed(0)
    alexnet = nn.Sequential(
        nn.Conv2d(3, 64, 11, 4, 2), nn.ReLU(), nn.MaxPool2d(3, 2), nn.Conv2d(64, 192, 5, padding=2), nn.ReLU(),
        nn.MaxPool2d(3, 2), nn.Conv2d(192, 384, 3, padding=1), nn.ReLU(), nn.Conv2d(384, 256, 3, padding=1), nn.ReLU(),
        nn.Conv2d(256, 256, 3, padding=1), nn.ReLU(), nn.MaxPool2d(3, 2),
    )  # fmt: skip
    tensors = {f"net.{name}": tensor for name, tensor in alexnet.state_dict().items()}
    source = folder_of(example, tensors | {"fc.weight": torch.zeros(9, 9)}, tmp_path / "source")
    converted = convert_in_subprocess(source, tmp_path / "out", architecture=None, pickles=True, memory=0, seconds=120)
    assert converted.facts.architecture == "layers:alexnet_features"
    assert "left out 1 tensor " in converted.notes[0]
    x = torch.rand(2, 3, 96, 96)
    with torch.inference_mode():
        found = load_image_model(tmp_path / "out", "layers:alexnet_features").features(x)
        assert torch.allclose(found, alexnet(x).mean((2, 3)), atol=1e-6)


def test_layers_are_connected_as_the_description_says(tmp_path: Path) -> None:
    weights = small_weights()
    (tmp_path / "out").mkdir()
    converted = StateDictImporter().convert(
        folder_of(SMALL, weights, tmp_path / "in"), tmp_path / "out", architecture=None
    )
    model = load_image_model(tmp_path / "out", "layers:small")
    assert (converted.facts.task, model.dim, model.preprocess.size) == ("image-classification", 12, 32)
    x = torch.rand(1, 3, 16, 16)

    def conv(name: str, y: Tensor, padding: tuple[int, int] = (1, 1)) -> Tensor:
        return torch.conv2d(y, weights[f"{name}.weight"], weights.get(f"{name}.bias"), padding=padding)

    scale = weights["stem.1.weight"] / (weights["stem.1.running_var"] + 1e-5).sqrt()
    y = (conv("stem.0", x) - weights["stem.1.running_mean"].view(-1, 1, 1)) * scale.view(-1, 1, 1)
    y = (y + weights["stem.1.bias"].view(-1, 1, 1)).relu()
    y = y + conv("block.conv2", conv("block.conv1", y))
    y = torch.cat([y, conv("block.wide", y, (0, 1))], 1).mean((2, 3))
    wanted = y @ weights["classifier.weight"].T + weights["classifier.bias"]
    with torch.inference_mode():
        assert torch.allclose(model.logits(x), wanted, rtol=1e-3, atol=1e-3)
        assert torch.equal(layers.load(tmp_path / "out")(x), model.logits(x))


def test_safetensors_beside_a_description_are_imported_too(tmp_path: Path) -> None:
    source = folder_of(SMALL, {}, tmp_path / "in")
    (source / "weights.pth").unlink()
    save_file(small_weights(), source / "w.safetensors")
    (tmp_path / "out").mkdir()
    assert SafetensorsImporter().detect(source) is not None
    converted = SafetensorsImporter().convert(source, tmp_path / "out", architecture=None)
    assert converted.facts.architecture == "layers:small"


def test_an_entry_takes_from_the_one_that_it_names_what_it_does_not_give(tmp_path: Path) -> None:
    from tests.adapters.torch import foreign_names as names

    shapes = {name.replace("features", "trunk.part"): s for name, s in names.vgg_features(11, norms=True).items()}
    text = "name: mine\nlike: vgg11_bn\nrename: [['trunk\\.part\\.', 'features.']]\nside: 96\n"
    (tmp_path / "out").mkdir()
    source = folder_of(text, names.random(shapes), tmp_path / "in")
    converted = StateDictImporter().convert(source, tmp_path / "out", architecture=None)
    assert converted.facts.architecture == "layers:mine"
    assert load_image_model(tmp_path / "out", "layers:mine").preprocess.size == 96


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("name: Small Net\nlayers: {a: relu}", "the key name is|whose key name"),
        ("name: small\nlayers: {a: conv3d 3 8 3}", "there is no layer 'conv3d'"),
        ("name: small\nlayers: {a: conv 3}", "the layer 'conv 3' cannot be made"),
        ("name: small\nlayers: {a: relu, wiring: [b]}", "disagree about 'a'"),
        ("name: small\nlayers: {a: relu, wiring: [{minus: [a, a]}]}", "joins a list of two or more by add, cat, times"),
        ("name: small", "one of stock, family and layers"),
        ("name: small\nlike: lenet", "no architecture 'lenet' to be like"),
        ("name: small\nlayers: {a: relu}\ncode: import os", "there is no key 'code'"),
        ("name: small\nlayers: {a: &x relu, b: *x}", "anchors or aliases"),
        ("name: small\nfamily: vgg\nsettings: {depth: 3}", "unexpected keyword"),
        ("name: [", "describes no architecture"),
    ],
)
def test_a_description_that_is_not_understood_is_refused_with_the_reason(
    text: str, message: str, tmp_path: Path
) -> None:
    (tmp_path / "out").mkdir()
    source = folder_of(text, small_weights(), tmp_path / "in")
    with pytest.raises(BadArtifactError, match=message) as caught:
        StateDictImporter().convert(source, tmp_path / "out", architecture=None)
    assert "An architecture of your own" in caught.value.remedy


def test_channels_that_do_not_fit_are_refused_before_anything_is_written(tmp_path: Path) -> None:
    text = SMALL.replace("conv 8 8 3 padding=1", "conv 16 8 3 padding=1", 1)
    (tmp_path / "out").mkdir()
    weights = small_weights() | {"block.conv1.weight": torch.zeros(8, 16, 3, 3)}
    with pytest.raises(BadArtifactError, match="A picture does not get through the layers of 'small'"):
        StateDictImporter().convert(folder_of(text, weights, tmp_path / "in"), tmp_path / "out", architecture=None)
    assert not list((tmp_path / "out").iterdir())


def test_weights_that_do_not_fit_their_description_are_refused(tmp_path: Path) -> None:
    weights = {name: tensor for name, tensor in small_weights().items() if "wide" not in name}
    with pytest.raises(MisfitError, match=r"do not fit small: 2 missing \(block\.wide\.bias, block\.wide\.weight\)"):
        StateDictImporter().convert(folder_of(SMALL, weights, tmp_path / "in"), tmp_path, architecture=None)


def test_a_description_and_a_name_are_not_both_taken(tmp_path: Path) -> None:
    with pytest.raises(InvalidError, match="and --architecture names another"):
        StateDictImporter().convert(folder_of(SMALL, small_weights(), tmp_path / "in"), tmp_path, architecture="vgg11")
