"""Import of state dicts: real ones become safetensors, bit by bit; dangerous ones are refused before they run."""

from __future__ import annotations

import io
import json
import pickle
import zipfile
from importlib.metadata import entry_points
from importlib.util import find_spec
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from adapters.torch.architectures import lite_original, mobilenet_flat, mobilenet_torchvision
from adapters.torch.definitions import squeezenet
from adapters.torch.importer import UNTRAINED, SafetensorsImporter, StateDictImporter
from registry.domain.catalog.models import Modality
from registry.errors import BadArtifactError, InvalidError, MisfitError, MissingExtraError, UnsafeArtifactError
from tests.adapters.files import Bomb, safetensors


def test_every_tensor_of_efficientnet_is_kept_bit_by_bit(lite: Path, lite_file: Path) -> None:
    ours, theirs = load_file(lite / "model.safetensors"), torch.load(lite_file, weights_only=True)
    names = {name: str(lite_original(name)) for name in theirs}
    assert len(ours) == len(theirs) == 296
    for foreign, tensor in theirs.items():
        assert ours[names[foreign]].dtype == tensor.dtype
        assert torch.equal(ours[names[foreign]], tensor)


def test_the_saved_folder_holds_everything_that_is_needed_to_rebuild_the_model(lite: Path, mobilenet: Path) -> None:
    assert sorted(p.name for p in lite.iterdir()) == ["config.json", "model.safetensors", "preprocessor_config.json"]
    assert json.loads((lite / "config.json").read_text())["num_labels"] == 1000
    assert json.loads((mobilenet / "config.json").read_text())["architectures"] == ["MobileNetV2Model"]


def test_mobilenet_becomes_a_model_of_stock_transformers(mobilenet: Path, mobilenet_file: Path) -> None:
    from transformers import AutoModel

    model, report = AutoModel.from_pretrained(mobilenet, output_loading_info=True)
    assert not report["missing_keys"]
    assert not report["unexpected_keys"]
    reference = plain_mobilenet(torch.load(mobilenet_file, weights_only=True))
    x = torch.rand(2, 3, 96, 96, generator=torch.Generator().manual_seed(1))
    with torch.inference_mode():
        assert torch.allclose(model.eval()(pixel_values=x).pooler_output.flatten(1), reference(x), atol=1e-5)


def test_facts_say_what_kind_of_model_it_is(mobilenet_file: Path, tmp_path: Path) -> None:
    converted = StateDictImporter().convert(mobilenet_file, tmp_path, architecture="mobilenet_v2")
    assert converted.facts.architecture == "transformers:MobileNetV2Model"
    assert converted.facts.modality is Modality.IMAGE
    assert converted.facts.task == "image-feature-extraction"
    assert (converted.tensors, converted.parameters) == (312, 2_223_872)


def test_both_layouts_of_mobilenet_name_the_same_tensors() -> None:
    pairs = {
        "features.1.conv.3.weight": "features.1.conv.1.weight",
        "features.5.conv.4.bias": "features.5.conv.1.1.bias",
        "features.17.conv.7.running_var": "features.17.conv.3.running_var",
        "features.0.1.weight": "features.0.1.weight",
        "classifier.weight": "classifier.1.weight",
    }
    for old, new in pairs.items():
        assert mobilenet_flat(old) == mobilenet_torchvision(new) is not None
    assert mobilenet_flat("features.5.conv.2.weight") is None, "an activation has no tensors"


def test_weights_need_the_name_of_an_architecture(lite_file: Path, tmp_path: Path) -> None:
    with pytest.raises(InvalidError, match=r"does not say which architecture"):
        StateDictImporter().convert(lite_file, tmp_path, architecture=None)


@pytest.mark.skipif(find_spec("timm") is not None, reason="says what happens where timm is absent")
def test_without_timm_the_error_names_the_extra(lite_file: Path, tmp_path: Path) -> None:
    with pytest.raises(MissingExtraError, match=r"forebear\[timm\]"):
        StateDictImporter().convert(lite_file, tmp_path, architecture="timm:tf_efficientnet_lite0")


def test_an_unknown_architecture_lists_the_known_ones(lite_file: Path, tmp_path: Path) -> None:
    with pytest.raises(InvalidError, match="Name one of efficientnet_lite0"):
        StateDictImporter().convert(lite_file, tmp_path, architecture="lenet")


def test_a_class_of_transformers_needs_its_config(lite_file: Path, tmp_path: Path) -> None:
    with pytest.raises(InvalidError, match=r"one folder with their config\.json"):
        StateDictImporter().convert(lite_file, tmp_path, architecture="transformers:ResNetModel")


def test_the_wrong_architecture_is_refused_tensor_by_tensor(lite_file: Path, tmp_path: Path) -> None:
    with pytest.raises(MisfitError, match=r"do not fit squeezenet1_1: .* missing .* left over") as caught:
        StateDictImporter().convert(lite_file, tmp_path, architecture="squeezenet1_1")
    assert "features.0.weight" in caught.value.facts["missing"]  # type: ignore[operator]
    assert len(caught.value.facts["left_over"]) == 296  # type: ignore[arg-type]


def test_a_misshapen_tensor_is_named_with_both_shapes(lite: Path, tmp_path: Path) -> None:
    tensors = load_file(lite / "model.safetensors") | {"conv_stem.weight": torch.zeros(32, 3, 5, 5)}
    torch.save(tensors, tmp_path / "w.pth")
    (tmp_path / "out").mkdir()
    with pytest.raises(MisfitError) as caught:
        StateDictImporter().convert(tmp_path / "w.pth", tmp_path / "out", architecture="efficientnet_lite0")
    assert caught.value.facts["misshapen"] == ["conv_stem.weight: [32, 3, 5, 5] instead of [32, 3, 3, 3]"]


def test_a_checkpoint_gives_its_weights_and_says_what_it_left(lite: Path, tmp_path: Path) -> None:
    tensors = {f"module.{name}": tensor for name, tensor in load_file(lite / "model.safetensors").items()}
    torch.save({"state_dict": tensors, "epoch": 9, "optimizer": {"lr": 0.1}}, tmp_path / "w.pth")
    (tmp_path / "out").mkdir()
    converted = StateDictImporter().convert(tmp_path / "w.pth", tmp_path / "out", architecture="efficientnet_lite0")
    assert converted.tensors == 296
    assert converted.notes[0] == "took the weights from 'state_dict'; left out: epoch, optimizer"
    assert "module." in converted.notes[1]


@pytest.mark.parametrize("prefix", ["_orig_mod.", "module.", "_orig_mod.module."])
@pytest.mark.parametrize("name", ["w.pth", "w.safetensors"])
def test_weights_saved_from_a_compiled_or_parallel_model_are_imported(prefix: str, name: str, tmp_path: Path) -> None:
    torch.manual_seed(0)
    state = squeezenet.SqueezeNet(squeezenet.ConvolutionHead(10)).state_dict()
    wrapped = {f"{prefix}{key}": tensor for key, tensor in state.items()}
    (tmp_path / "out").mkdir()
    if name == "w.pth":
        torch.save(wrapped, tmp_path / name)
        StateDictImporter().convert(tmp_path / name, tmp_path / "out", architecture="squeezenet1_1")
    else:
        save_file(wrapped, tmp_path / name)
        SafetensorsImporter().convert(tmp_path / name, tmp_path / "out", architecture="squeezenet1_1")
    found = load_file(tmp_path / "out/model.safetensors")
    assert found.keys() == state.keys()
    assert all(torch.equal(found[key], tensor) for key, tensor in state.items())


def test_weights_in_eight_bit_floats_are_kept_as_they_are(tmp_path: Path) -> None:
    state = squeezenet.SqueezeNet(squeezenet.ConvolutionHead(10)).state_dict()
    small = {key: tensor.to(torch.float8_e4m3fn) for key, tensor in state.items()}
    torch.save(small, tmp_path / "w.pth")
    (tmp_path / "out").mkdir()
    StateDictImporter().convert(tmp_path / "w.pth", tmp_path / "out", architecture="squeezenet1_1")
    found = load_file(tmp_path / "out/model.safetensors")
    assert all(found[key].view(torch.uint8).equal(tensor.view(torch.uint8)) for key, tensor in small.items())


def test_squeezenet_is_imported_with_its_original_head(tmp_path: Path) -> None:
    torch.manual_seed(0)
    model = squeezenet.SqueezeNet(squeezenet.ConvolutionHead(10)).eval()
    torch.save(model.state_dict(), tmp_path / "w.pt")
    (tmp_path / "out").mkdir()
    StateDictImporter().convert(tmp_path / "w.pt", tmp_path / "out", architecture="squeezenet1_1")
    x = torch.rand(1, 3, 64, 64)
    with torch.inference_mode():
        assert torch.equal(squeezenet.load(tmp_path / "out")(x), model(x))


def test_a_network_of_the_same_shapes_but_without_training_is_noticed(lite: Path, tmp_path: Path) -> None:
    tensors = load_file(lite / "model.safetensors")
    decoy = {n: torch.zeros_like(t) if n.endswith(("mean", "tracked")) else t for n, t in tensors.items()}
    torch.save(decoy, tmp_path / "w.pth")
    (tmp_path / "out").mkdir()
    converted = StateDictImporter().convert(tmp_path / "w.pth", tmp_path / "out", architecture="efficientnet_lite0")
    assert UNTRAINED in converted.notes


# --- what is refused -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("zipped", [True, False], ids=["zip", "older format"])
def test_a_pickle_that_runs_code_inside_a_torch_file_is_named_and_never_runs(zipped: bool, tmp_path: Path) -> None:
    canary = tmp_path / "canary"
    torch.save({"w": torch.zeros(1), "x": Bomb(canary)}, tmp_path / "w.pt", _use_new_zipfile_serialization=zipped)
    with pytest.raises(UnsafeArtifactError, match=r"asks for posix\.system"):
        StateDictImporter().convert(tmp_path / "w.pt", tmp_path, architecture="mobilenet_v2")
    assert not canary.exists()


@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
def test_a_plain_pickle_is_refused_unread(protocol: int, tmp_path: Path) -> None:
    canary, file = tmp_path / "canary", tmp_path / "w.pkl"
    file.write_bytes(pickle.dumps(Bomb(canary), protocol=protocol))
    assert StateDictImporter().detect(file) is not None, "so that the refusal is ours, and clear"
    with pytest.raises(UnsafeArtifactError, match="plain pickle"):
        StateDictImporter().convert(file, tmp_path, architecture="mobilenet_v2")
    assert not canary.exists()


def test_a_whole_pickled_module_is_refused_by_name(tmp_path: Path) -> None:
    torch.save(torch.nn.Linear(2, 2), tmp_path / "w.pt")
    with pytest.raises(UnsafeArtifactError, match=r"torch\.nn\.modules\.linear\.Linear"):
        StateDictImporter().convert(tmp_path / "w.pt", tmp_path, architecture="mobilenet_v2")


def test_a_truncated_archive_is_corrupt(tmp_path: Path) -> None:
    torch.save({"w": torch.zeros(1000)}, tmp_path / "w.pt")
    whole = (tmp_path / "w.pt").read_bytes()
    for length in (10, len(whole) // 2, len(whole) - 1):
        (tmp_path / "w.pt").write_bytes(whole[:length])
        with pytest.raises(BadArtifactError):
            StateDictImporter().convert(tmp_path / "w.pt", tmp_path, architecture="mobilenet_v2")


def test_a_truncated_file_of_the_older_format_is_corrupt(lite_file: Path, tmp_path: Path) -> None:
    (tmp_path / "w.pth").write_bytes(lite_file.read_bytes()[:100_000])
    with pytest.raises(BadArtifactError, match="cannot be read by torch"):
        StateDictImporter().convert(tmp_path / "w.pth", tmp_path, architecture="efficientnet_lite0")


def test_an_archive_that_is_not_torchs_is_refused(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "w.pt", "w") as archive:
        archive.writestr("hello.txt", "hello")
    with pytest.raises(BadArtifactError, match="not one of torch's"):
        StateDictImporter().convert(tmp_path / "w.pt", tmp_path, architecture="mobilenet_v2")


def test_a_compressed_archive_is_refused_before_it_is_unpacked(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "w.pt", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("w/data.pkl", bytes(10_000_000))
    with pytest.raises(BadArtifactError, match="compressed"):
        StateDictImporter().convert(tmp_path / "w.pt", tmp_path, architecture="mobilenet_v2")


def test_tensors_that_safetensors_cannot_hold_are_refused(tmp_path: Path) -> None:
    torch.save({"w": torch.eye(3).to_sparse()}, tmp_path / "w.pt")
    with pytest.raises((BadArtifactError, MisfitError)):
        StateDictImporter().convert(tmp_path / "w.pt", tmp_path, architecture="mobilenet_v2")


def test_a_file_of_other_things_than_tensors_is_refused(tmp_path: Path) -> None:
    torch.save({"w": torch.zeros(1), "classes": ["a", "b"]}, tmp_path / "w.pt")
    with pytest.raises(BadArtifactError, match="more than tensors by name: classes"):
        StateDictImporter().convert(tmp_path / "w.pt", tmp_path, architecture="mobilenet_v2")


def test_files_are_known_by_content_and_not_by_name(tmp_path: Path) -> None:
    buffer = io.BytesIO()
    torch.save({"w": torch.zeros(1)}, buffer)
    (tmp_path / "a.safetensors").write_bytes(buffer.getvalue())
    safetensors(tmp_path / "b.pt")
    (tmp_path / "c.pt").write_text("hello")
    assert StateDictImporter().detect(tmp_path / "a.safetensors") is not None
    assert SafetensorsImporter().detect(tmp_path / "a.safetensors") is None
    assert SafetensorsImporter().detect(tmp_path / "b.pt") is not None
    assert StateDictImporter().detect(tmp_path / "c.pt") is None


# --- plain safetensors ---------------------------------------------------------------------------------------------


def test_a_safetensors_file_may_be_kept_as_it_is(tmp_path: Path) -> None:
    file = safetensors(tmp_path / "w.safetensors")
    (tmp_path / "out").mkdir()
    converted = SafetensorsImporter().convert(file, tmp_path / "out", architecture=None)
    assert converted.facts.architecture == "generic"
    assert (tmp_path / "out/model.safetensors").read_bytes() == file.read_bytes()


def test_a_safetensors_file_for_a_named_architecture_is_renamed_and_compared(lite_file: Path, tmp_path: Path) -> None:
    original = {k: v.contiguous() for k, v in torch.load(lite_file, weights_only=True).items()}
    save_file(original, tmp_path / "w.safetensors")
    (tmp_path / "out").mkdir()
    converted = SafetensorsImporter().convert(
        tmp_path / "w.safetensors", tmp_path / "out", architecture="efficientnet_lite0"
    )
    found = load_file(tmp_path / "out/model.safetensors")
    assert torch.equal(found["conv_stem.weight"], original["_conv_stem.weight"])
    assert converted.facts.task == "image-classification"


def test_weights_under_our_names_already_keep_their_bytes(lite: Path, tmp_path: Path) -> None:
    SafetensorsImporter().convert(lite / "model.safetensors", tmp_path, architecture="efficientnet_lite0")
    assert (tmp_path / "model.safetensors").read_bytes() == (lite / "model.safetensors").read_bytes()


def test_state_dict_and_safetensors_of_the_same_weights_give_the_same_bytes(lite: Path, tmp_path: Path) -> None:
    """One model has one digest, whatever file it came in."""
    torch.save(load_file(lite / "model.safetensors"), tmp_path / "w.pth")
    (tmp_path / "out").mkdir()
    StateDictImporter().convert(tmp_path / "w.pth", tmp_path / "out", architecture="efficientnet_lite0")
    for name in ("model.safetensors", "config.json", "preprocessor_config.json"):
        assert (tmp_path / "out" / name).read_bytes() == (lite / name).read_bytes()


def plain_mobilenet(tensors: dict[str, Tensor]) -> torch.nn.Sequential:
    """MobileNetV2 (Sandler and others, arXiv 1801.04381) with the file's tensor names: an independent reference."""
    nn = torch.nn

    def conv(i: int, o: int, k: int, s: int = 1, groups: int = 1) -> list[torch.nn.Module]:
        return [nn.Conv2d(i, o, k, s, k // 2, groups=groups, bias=False), nn.BatchNorm2d(o), nn.ReLU6()]

    class Block(nn.Module):
        def __init__(self, i: int, o: int, s: int, t: int) -> None:
            super().__init__()
            first = conv(i, i * t, 1) if t > 1 else []
            self.conv = nn.Sequential(*first, *conv(i * t, i * t, 3, s, i * t), *conv(i * t, o, 1)[:2])
            self.same = s == 1 and i == o

        def forward(self, x: Tensor) -> Tensor:
            y: Tensor = self.conv(x)
            return x + y if self.same else y

    rows = ((1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 3, 2), (6, 64, 4, 2), (6, 96, 3, 1), (6, 160, 3, 2), (6, 320, 1, 1))
    layers: list[torch.nn.Module] = [nn.Sequential(*conv(3, 32, 3, 2))]
    width = 32
    for t, c, n, s in rows:
        for i in range(n):
            layers.append(Block(width, c, s if i == 0 else 1, t))
            width = c
    features = nn.Sequential(*layers, nn.Sequential(*conv(320, 1280, 1)))
    features.load_state_dict({name.removeprefix("features."): tensor for name, tensor in tensors.items()})
    return nn.Sequential(features, nn.AdaptiveAvgPool2d(1), nn.Flatten()).eval()


def test_of_our_own_importers_only_one_takes_a_safetensors_file_so_the_others_need_not_be_loaded(
    tmp_path: Path,
) -> None:
    file = tmp_path / "model.safetensors"
    save_file({"embedding.weight": torch.zeros(3, 2)}, file)
    taken = [p.name for p in entry_points(group="forebear.importers") if p.load()().detect(file) is not None]
    assert taken == ["safetensors"]
