"""Weights whose tensors have names of their own: matched by order where that is shown to be right, else refused."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from torch import Tensor

from adapters.torch.conversion.importers import PickledArraysImporter
from adapters.torch.definitions.squeezenet import ConvolutionHead, SqueezeNet
from adapters.torch.fitting import fit
from adapters.torch.importer import StateDictImporter
from registry.errors import MisfitError
from registry.ports.importing import ConvertedSource
from tests.adapters.torch import foreign_names as names
from tests.adapters.torch.conftest import packaged

Weights = dict[str, Tensor]
SQUEEZENET = "ndf", "example_models/weights/squeezenet_weights.pkl"


def imported(tensors: Weights, folder: Path, architecture: str) -> ConvertedSource:
    torch.save(tensors, folder / "w.pth")
    (folder / "out").mkdir()
    return StateDictImporter().convert(folder / "w.pth", folder / "out", architecture=architecture)


def renamed(weights: Weights, *, tail: str = "") -> Weights:
    """The same tensors, their layers called l0, l1, …"""
    layers = {name.rpartition(".")[0]: None for name in weights}
    numbers = {layer: f"l{i}{tail}" for i, layer in enumerate(layers)}
    return {f"{numbers[name.rpartition('.')[0]]}.{name.rpartition('.')[2]}": t for name, t in weights.items()}


def exchanged(weights: Weights, one: str, two: str) -> Weights:
    """The layers `one` and `two` with each other's tensors."""
    found = dict(weights)
    for end in ("weight", "bias"):
        if f"{one}.{end}" in weights:
            found[f"{one}.{end}"], found[f"{two}.{end}"] = weights[f"{two}.{end}"], weights[f"{one}.{end}"]
    return found


@pytest.fixture(scope="session")
def original(lite_file: Path) -> Weights:
    return dict(torch.load(lite_file, weights_only=True))


@pytest.fixture(scope="session")
def squeezenet(tmp_path_factory: pytest.TempPathFactory) -> Weights:
    """SqueezeNet 1.1 with its head of 1,000 classes, for pictures prepared as torchvision's."""
    folder = tmp_path_factory.mktemp("squeezenet")
    PickledArraysImporter().convert(packaged(*SQUEEZENET), folder, architecture=None)
    weights = load_file(folder / "model.safetensors")
    first = weights["features.0.weight"].flip(1) * 255  # blue, green, red of bytes -> red, green, blue of shares
    scale = torch.tensor([0.229, 0.224, 0.225]).view(1, 3, 1, 1)
    shift = torch.tensor([0.485, 0.456, 0.406]) - torch.tensor([123.68, 116.779, 103.939]) / 255
    weights["features.0.bias"] = weights["features.0.bias"] + (first.sum((2, 3)) * shift).sum(1)
    weights["features.0.weight"] = first * scale
    return {name: weights[name] for name in SqueezeNet(ConvolutionHead(1000)).state_dict()}  # in torchvision's order


@pytest.mark.slow
@pytest.mark.parametrize("count", [True, False])
def test_renamed_weights_are_matched_by_order_and_shown_to_be_right(
    count: bool, original: Weights, tmp_path: Path
) -> None:
    given = {k: v for k, v in renamed(original).items() if count or not k.endswith("tracked")}
    converted = imported(given, tmp_path, "efficientnet_lite0")
    assert "nats from its running statistics, and each of" in converted.notes[-1]
    assert "whole residual blocks" in converted.notes[-1]
    found = load_file(tmp_path / "out/model.safetensors")
    assert torch.equal(found["blocks.2.0.conv_pw.weight"], original["_blocks.3._expand_conv.weight"])
    assert torch.equal(found["classifier.bias"], original["_fc.bias"])
    assert converted.facts.task == "image-classification"


@pytest.mark.slow
def test_renamed_weights_without_a_head_become_a_model_of_transformers(mobilenet_file: Path, tmp_path: Path) -> None:
    weights = dict(torch.load(mobilenet_file, weights_only=True))
    converted = imported(renamed(weights), tmp_path, "mobilenet_v2")
    assert converted.facts.architecture == "transformers:MobileNetV2Model"
    assert "running statistics" in converted.notes[-1]


def test_renamed_weights_without_normalisations_are_shown_to_be_right_by_what_their_head_knows(
    squeezenet: Weights, tmp_path: Path
) -> None:
    converted = imported(renamed(squeezenet), tmp_path, "squeezenet1_1")
    assert "The head knows" in converted.notes[-1]
    found = load_file(tmp_path / "out/model.safetensors")
    assert all(torch.equal(found[name], tensor) for name, tensor in squeezenet.items())


@pytest.mark.slow
@pytest.mark.parametrize(
    ("one", "two"),
    [
        ("_blocks.6._depthwise_conv", "_blocks.7._depthwise_conv"),
        ("_blocks.12._expand_conv", "_blocks.13._expand_conv"),
        ("_blocks.13._project_conv", "_blocks.14._project_conv"),
    ],
)
def test_layers_of_equal_shape_in_each_others_places_are_noticed(
    one: str, two: str, original: Weights, tmp_path: Path
) -> None:
    with pytest.raises(MisfitError, match="order does not prove right"):
        imported(renamed(exchanged(original, one, two)), tmp_path, "efficientnet_lite0")


def test_a_head_that_recognises_no_photograph_proves_nothing(squeezenet: Weights, tmp_path: Path) -> None:
    """Its tensors have the right shapes in the right order, but they are random."""
    draw = torch.Generator().manual_seed(0)  # one network in twenty knows a photograph by chance
    noise = {name: torch.randn(t.shape, generator=draw) * 0.1 for name, t in squeezenet.items()}
    with pytest.raises(MisfitError, match="the head knows 0 of three stored photographs"):
        imported(renamed(noise), tmp_path, "squeezenet1_1")


def test_untrained_weights_under_other_names_are_refused(tmp_path: Path) -> None:
    with pytest.raises(MisfitError, match="order does not prove right"):
        imported(renamed(names.random(names.resnet(18))), tmp_path, "resnet18")


def test_where_nothing_can_show_the_order_it_is_refused(tmp_path: Path) -> None:
    """No normalisation, no head of 1,000 classes: the convolutions of VGG11 alone."""
    with pytest.raises(MisfitError, match="nothing in the file shows that their order is right") as caught:
        imported(renamed(names.random(names.vgg_features(11, norms=False))), tmp_path, "vgg11")
    assert "'rename' in an architecture.yaml" in caught.value.remedy


def test_numbers_in_names_that_contradict_the_order_are_no_match() -> None:
    """block10 before block2: the names were sorted as words."""
    shapes = {name.replace("features.", "p"): shape for name, shape in names.squeezenet1_0().items()}
    assert fit("squeezenet1_0", shapes, ordered=True).by_order
    backwards = dict(sorted(shapes.items()))
    assert list(backwards) != list(shapes)
    with pytest.raises(MisfitError):
        fit("squeezenet1_0", {k: shapes[k] for k in reversed(shapes)}, ordered=True)


def test_tensors_that_fit_in_two_orders_are_refused() -> None:
    """The order of the file is one way, the order of the names another, and shapes allow both."""
    shapes = names.vgg_features(16, norms=False)
    letters = iter("abcdefghijklmnop")
    plain = {name.rpartition(".")[0]: None for name in shapes}
    called = {layer: next(letters) for layer in plain}
    called["features.24"], called["features.26"] = called["features.26"], called["features.24"]
    given = {f"{called[n.rpartition('.')[0]]}.{n.rpartition('.')[2]}": s for n, s in shapes.items()}
    with pytest.raises(MisfitError, match="their order fits in more than one way"):
        fit("vgg16", given, ordered=True)


@pytest.mark.slow
def test_tensors_without_any_names_of_layers_are_matched_by_their_shapes(original: Weights, tmp_path: Path) -> None:
    given = {f"p{i:03}": t for i, (n, t) in enumerate((n, t) for n, t in original.items() if not n.endswith("tracked"))}
    converted = imported(given, tmp_path, "efficientnet_lite0")
    assert "matched by order and shape" in converted.notes[-1]


def test_the_storedphotographs_are_known_to_a_real_model(lite: Path) -> None:
    from adapters.torch.models import load_image_model
    from adapters.torch.networks.evidence import PHOTOS, photographs

    model = load_image_model(lite, "efficientnet_lite0")
    with torch.inference_mode():
        best = model.logits(torch.stack([model.preprocess.apply(p) for p in photographs()])).topk(5).indices.tolist()
    assert all(set(row) & set(classes) for row, classes in zip(best, PHOTOS.values(), strict=True))
