"""State dicts as people have them: with prefixes, without heads or with others, cut short, renamed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
import torch.nn.functional as F  # noqa: N812 - as everyone writes it
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from adapters.torch.definitions import efficientnet_lite, inception, layers, squeezenet, vgg
from adapters.torch.families import DEFINITIONS
from adapters.torch.fitting import fit
from adapters.torch.importer import SafetensorsImporter, StateDictImporter
from adapters.torch.models import load_image_model
from adapters.torch.networks.families import FAMILIES
from adapters.torch.networks.table import shipped_names
from benchmarks.families import kind_of, try_family
from registry.errors import BadArtifactError, InvalidError, MisfitError
from registry.ports.importing import ConvertedSource
from tests.adapters.torch import foreign_names as names


def imported(tensors: dict[str, Any], folder: Path, architecture: str | None = None) -> ConvertedSource:
    torch.save(tensors, folder / "w.pth")
    (folder / "out").mkdir()
    return StateDictImporter().convert(folder / "w.pth", folder / "out", architecture=architecture)


def features(folder: Path, architecture: str, x: Tensor) -> Tensor:
    with torch.inference_mode():
        return load_image_model(folder, architecture).features(x)


# --- every architecture of the issue, under the names that people's files have ----------------------------------------

TORCHVISION = names.torchvision()


@pytest.mark.parametrize("architecture", TORCHVISION)
@pytest.mark.parametrize("lead", ["", "module.", "model.backbone.", "_orig_mod.encoder.", "basenet.", "net.vision."])
def test_every_tensor_of_torchvisions_models_is_known_under_any_prefix(architecture: str, lead: str) -> None:
    shapes = {f"{lead}{name}": shape for name, shape in TORCHVISION[architecture].items()}
    fitted = fit(architecture, shapes)
    assert fitted.headed
    assert len(fitted.names) == len(shapes) == len(set(fitted.names.values()))
    assert not fitted.added
    assert [note for note in fitted.notes if repr(lead) in note] or not lead


@pytest.mark.parametrize("depth", names.VGG)
@pytest.mark.parametrize("norms", [False, True])
def test_the_convolutions_of_a_vgg_are_imported_without_its_dense_layers(depth: int, norms: bool) -> None:
    shapes = names.vgg_features(depth, norms=norms)
    for given in (shapes, {name.removeprefix("features."): shape for name, shape in shapes.items()}):
        fitted = fit(f"vgg{depth}{'_bn' if norms else ''}", given)
        assert len(fitted.names) == len(shapes)
        assert not fitted.headed


@pytest.mark.parametrize("architecture", [name for name in shipped_names() if name not in {"vgg11", "resnet152"}])
def test_each_described_network_takes_a_picture_and_keeps_its_own_names(architecture: str) -> None:
    from adapters.torch.networks.candidates import candidates

    candidate = candidates(architecture)[0]
    if hasattr(candidate, "layouts") and architecture.startswith(("vgg", "mobilenet_v3", "squeezenet")):
        assert fit(architecture, candidate.trunk()).names == {name: name for name in candidate.trunk()}
    assert candidate.width() in {512, 1024, 1280, 2048, 4096}


def test_a_file_from_before_batches_were_counted_is_imported(tmp_path: Path) -> None:
    shapes = {k: v for k, v in names.resnet(18, 7).items() if not k.endswith("num_batches_tracked")}
    converted = imported(names.random(shapes), tmp_path, "resnet18")
    assert "added 20 counters of batches" in " ".join(converted.notes)
    assert load_image_model(tmp_path / "out", str(converted.facts.architecture)).module.head is not None


# --- what they compute ----------------------------------------------------------------------------------------------


def batch_norm(x: Tensor, state: dict[str, Tensor], name: str, eps: float = 1e-5) -> Tensor:
    mean, var, weight, bias = (state[f"{name}.{end}"] for end in ("running_mean", "running_var", "weight", "bias"))
    return F.batch_norm(x, mean, var, weight, bias, eps=eps)


def plain_resnet(state: dict[str, Tensor], depth: int, x: Tensor) -> Tensor:
    """As in torchvision's code: the 3x3 convolution of a bottleneck has the stride."""
    bottleneck, depths = names.RESNET[depth]
    x = F.relu(batch_norm(F.conv2d(x, state["conv1.weight"], stride=2, padding=3), state, "bn1"))
    x = F.max_pool2d(x, 3, 2, 1)
    for stage, blocks in enumerate(depths, start=1):
        for i in range(blocks):
            block, stride = f"layer{stage}.{i}", 2 if i == 0 and stage > 1 else 1
            y, strided = x, 2 if bottleneck else 1
            for number in range(1, 4 if bottleneck else 3):
                weight = state[f"{block}.conv{number}.weight"]
                step = stride if number == strided else 1
                y = F.conv2d(y, weight, stride=step, padding=weight.shape[-1] // 2)
                y = batch_norm(y, state, f"{block}.bn{number}")
                y = F.relu(y) if number < (3 if bottleneck else 2) else y
            if f"{block}.downsample.0.weight" in state:
                x = F.conv2d(x, state[f"{block}.downsample.0.weight"], stride=stride)
                x = batch_norm(x, state, f"{block}.downsample.1")
            x = F.relu(x + y)
    return F.linear(x.mean((2, 3)), state["fc.weight"], state["fc.bias"])


@pytest.mark.parametrize("depth", [18, pytest.param(50, marks=pytest.mark.slow)])
def test_a_resnet_of_torchvision_answers_the_same_as_a_model_of_stock_transformers(depth: int, tmp_path: Path) -> None:
    from transformers import AutoModelForImageClassification

    state = names.random(names.resnet(depth, 5))
    converted = imported({"state_dict": {f"module.{k}": v for k, v in state.items()}}, tmp_path, f"resnet{depth}")
    assert converted.facts.architecture == "transformers:ResNetForImageClassification"
    model, report = AutoModelForImageClassification.from_pretrained(tmp_path / "out", output_loading_info=True)
    assert not report["missing_keys"]
    assert not report["unexpected_keys"]
    x = torch.rand(2, 3, 64, 64)
    with torch.inference_mode():
        wanted = plain_resnet(state, depth, x)
        assert torch.allclose(model.eval()(pixel_values=x).logits, wanted, atol=1e-4 * float(wanted.abs().max()))


def plain_mobilenet_v3(state: dict[str, Tensor], x: Tensor) -> Tensor:
    """As in torchvision's code, for mobilenet_v3_small."""

    def unit(x: Tensor, name: str, act: Any, **options: Any) -> Tensor:
        y: Tensor = act(batch_norm(F.conv2d(x, state[f"{name}.0.weight"], **options), state, f"{name}.1", eps=1e-3))
        return y

    x = unit(x, "features.0", F.hardswish, stride=2, padding=1)
    for number, (inputs, kernel, inner, outputs, squeezes, stride) in enumerate(names.V3_SMALL, start=1):
        act, block, place, y = F.relu if number < 4 else F.hardswish, f"features.{number}.block", 0, x
        if inner != inputs:
            y, place = unit(y, f"{block}.0", act), 1
        y = unit(y, f"{block}.{place}", act, stride=stride, padding=kernel // 2, groups=inner)
        if squeezes:
            place += 1
            fc = [state[f"{block}.{place}.fc{n}.{end}"] for n in (1, 2) for end in ("weight", "bias")]
            y = y * F.hardsigmoid(F.conv2d(F.relu(F.conv2d(y.mean((2, 3), keepdim=True), fc[0], fc[1])), fc[2], fc[3]))
        y = unit(y, f"{block}.{place + 1}", lambda z: z)
        x = x + y if stride == 1 and inputs == outputs else y
    x = unit(x, "features.12", F.hardswish).mean((2, 3))
    x = F.hardswish(F.linear(x, state["classifier.0.weight"], state["classifier.0.bias"]))
    return F.linear(x, state["classifier.3.weight"], state["classifier.3.bias"])


def test_a_mobilenet_v3_of_torchvision_answers_the_same(tmp_path: Path) -> None:
    state = names.random(names.mobilenet_v3_small(6))
    converted = imported(state, tmp_path, "mobilenet_v3_small")
    assert converted.facts.architecture == "layers:mobilenet_v3_small"
    x = torch.rand(2, 3, 64, 64)
    model = load_image_model(tmp_path / "out", "layers:mobilenet_v3_small")
    with torch.inference_mode():
        wanted = plain_mobilenet_v3(state, x)
        assert torch.allclose(model.logits(x), wanted, atol=1e-4 * float(wanted.abs().max()))


def same_tensors(described: nn.Module, own: nn.Module) -> None:
    """Give `described` the tensors of `own`, which has them in the same order."""
    values = list(own.state_dict().values())
    described.load_state_dict(dict(zip(described.state_dict(), values, strict=True)))


def lite0() -> nn.Module:
    return efficientnet_lite.EfficientNetLite0(nn.Identity())


def inception_that_counts_padding() -> nn.Module:
    module = inception.InceptionV3(nn.Identity())
    for part in module.modules():
        if isinstance(part, nn.AvgPool2d):
            part.count_include_pad = True
    return module


V1_1 = {
    "first": [64, 3],
    "stages": [
        [[64, 16, 64], [128, 16, 64]],
        [[128, 32, 128], [256, 32, 128]],
        [[256, 48, 192], [384, 48, 192], [384, 64, 256], [512, 64, 256]],
    ],
}


@pytest.mark.parametrize(
    ("family", "settings", "own"),
    [
        ("efficientnet_lite", {"width": 1.0, "depth": 1.0}, lite0),
        ("squeezenet", V1_1, lambda: squeezenet.SqueezeNet(nn.Identity())),
        ("vgg", {"blocks": [[c] * n for c, n in vgg.BLOCKS]}, lambda: vgg.VGG16(nn.Identity())),
        ("inception_v3", {}, inception_that_counts_padding),
    ],
)
def test_a_described_network_computes_what_a_file_of_its_own_does(family: str, settings: Any, own: Any) -> None:
    torch.manual_seed(3)
    mine = own().eval()
    for name, tensor in mine.state_dict().items():
        if name.endswith(("running_mean", "running_var")):
            tensor.copy_(torch.rand_like(tensor) + 0.5)
    described = layers.Layers(FAMILIES[family](**settings), nn.Identity()).eval()
    same_tensors(described, mine)
    x = torch.rand(1, 3, 96, 96)
    with torch.inference_mode():
        assert torch.equal(described(x), mine(x))


def test_a_described_network_is_trained_saved_and_loaded_again(tmp_path: Path) -> None:
    imported(names.random(names.squeezenet1_0(9)), tmp_path, "squeezenet1_0")
    child = load_image_model(tmp_path / "out", "layers:squeezenet1_0").with_head(("yes", "no"))
    child.save(tmp_path / "child")
    again = load_image_model(tmp_path / "child", "layers:squeezenet1_0")
    x = torch.rand(2, 3, 64, 64)
    with torch.inference_mode():
        assert torch.equal(again.logits(x), child.logits(x))
        assert torch.equal(layers.load(tmp_path / "child")(x), child.logits(x))
    assert again.classes == ("yes", "no")
    inside = [name for name, _ in again.layers()]
    assert (inside[0], inside[-1]) == ("features.0", "head")


# --- parts of files ---------------------------------------------------------------------------------------------------


def test_the_trunk_of_a_text_detector_is_imported_and_its_own_layers_are_not(tmp_path: Path) -> None:
    """CRAFT has VGG16 with BatchNorm as far as the normalisation of its twelfth convolution."""
    state = names.random(names.craft())
    converted = imported(state, tmp_path, "vgg16_bn")
    notes = " ".join(converted.notes)
    assert "the file has vgg16_bn as far as features.38" in notes
    assert "left out 13 tensors" in notes
    kept = load_file(tmp_path / "out/model.safetensors")
    assert torch.equal(kept["features.37.weight"], state["module.basenet.slice4.37.weight"])
    x = torch.rand(1, 3, 64, 64)
    assert features(tmp_path / "out", "layers:vgg16_bn", x).shape == (1, 512)


@pytest.mark.parametrize(("lead", "head"), [("backbone.", "head.fc"), ("model.backbone.", "model.head"), ("", "fc")])
def test_a_head_of_another_kind_is_left_out_and_named(lead: str, head: str, tmp_path: Path) -> None:
    shapes = {f"{lead}{k}": v for k, v in names.resnet(18).items() if not k.startswith("fc.")}
    shapes |= names.linear(f"{head}.0", 512, 64) | names.linear(f"{head}.2", 64, 3)
    converted = imported(names.random(shapes), tmp_path, "resnet18")
    assert converted.facts.task == "image-feature-extraction"
    wanted = f"left out 4 tensors that are no part of the trunk and no head on its 512 features: {head}.0.bias"
    assert wanted in " ".join(converted.notes)


def test_of_a_safetensors_file_only_the_tensors_of_the_model_are_written(tmp_path: Path) -> None:
    """The file calls a tensor of its head what a tensor of ours is called in the end."""
    state = names.random({f"model.{k}": v for k, v in names.squeezenet1_0(4).items() if k.startswith("features.")})
    save_file(state | {"classifier.1.weight": torch.zeros(3, 3)}, tmp_path / "w.safetensors")
    (tmp_path / "out").mkdir()
    converted = SafetensorsImporter().convert(
        tmp_path / "w.safetensors", tmp_path / "out", architecture="squeezenet1_0"
    )
    found = load_file(tmp_path / "out/model.safetensors")
    assert found.keys() == {name.removeprefix("model.") for name in state}
    assert all(torch.equal(found[name.removeprefix("model.")], tensor) for name, tensor in state.items())
    assert any("left out 1 tensor " in note for note in converted.notes)


def test_a_tensor_inside_the_trunk_that_the_architecture_does_not_have_is_refused(tmp_path: Path) -> None:
    shapes = names.resnet(18) | names.conv("layer1.0.se.fc1", 64, 4, 1)
    with pytest.raises(MisfitError, match=r"1 left over \(layer1\.0\.se\.fc1\.weight\)"):
        imported(names.random(shapes), tmp_path, "resnet18")


def test_a_module_of_unknown_purpose_is_refused(tmp_path: Path) -> None:
    """It may stand before the trunk or inside it."""
    with pytest.raises(MisfitError, match=r"left over \(attention\.weight\)"):
        imported(names.random(names.resnet(18) | {"attention.weight": (4, 4)}), tmp_path, "resnet18")


def test_two_sets_of_weights_in_one_file_are_not_chosen_between(tmp_path: Path) -> None:
    shapes = {f"{lead}{k}": v for lead in ("student.", "teacher.") for k, v in names.squeezenet1_0().items()}
    with pytest.raises(MisfitError, match=r"Two sets of tensors fit squeezenet1_0: .*'student\.' and 'teacher\.'"):
        imported(names.random(shapes), tmp_path, "squeezenet1_0")


@pytest.mark.parametrize(
    "wrapped",
    [
        lambda state: {"state_dict": state, "ema": state, "epoch": 3},
        lambda state: {"model": {"state_dict": state}},
        lambda state: {"ema": state, "optimizer": {"state": {}}},
        lambda state: {"weights_of_the_best_epoch": state, "best": 0.9},
    ],
    ids=["beside an average", "in two wrappers", "the average alone", "under a key of its own"],
)
def test_weights_are_found_in_their_wrappers(wrapped: Any, tmp_path: Path) -> None:
    state = names.random(names.squeezenet1_0(3))
    converted = imported(wrapped(state), tmp_path, "squeezenet1_0")
    assert "took the weights from" in converted.notes[0]
    assert converted.tensors == len(state)


def test_several_sets_of_tensors_under_unknown_keys_are_not_chosen_between(tmp_path: Path) -> None:
    state = names.random(names.squeezenet1_0(3))
    with pytest.raises(BadArtifactError, match="several sets of tensors: 'generator', 'discriminator'"):
        imported({"generator": state, "discriminator": state}, tmp_path, "squeezenet1_0")


def test_an_unknown_architecture_is_refused_with_the_way_to_describe_it(tmp_path: Path) -> None:
    with pytest.raises(InvalidError) as caught:
        imported({"w": torch.zeros(1)}, tmp_path, "alexnet")
    assert "architecture.yaml" in caught.value.remedy
    assert "mobilenet_v3_large" in caught.value.remedy
    assert not set(DEFINITIONS) - set(caught.value.remedy.replace(",", " ").split())


# --- every architecture, transferred ----------------------------------------------------------------------------------

STATE_DICTS = kind_of("state_dicts")


def test_children_of_a_described_network_are_predicted_alike_by_the_file_that_is_pulled_with_them() -> None:
    assert [one.reason for one in try_family(STATE_DICTS, "squeezenet1_0")] == [""] * 5


@pytest.mark.slow
@pytest.mark.parametrize("family", sorted(set(STATE_DICTS.families()) - {"squeezenet1_0"}))
def test_every_architecture_of_state_dicts_is_imported_probed_and_fine_tuned(family: str) -> None:
    ways = 1 + len(STATE_DICTS.ways_of(family))
    assert [one.reason for one in try_family(STATE_DICTS, family)] == [""] * ways
