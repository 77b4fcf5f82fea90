"""Image models: features, heads, layers, and children that load without Forebear."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image
from safetensors.torch import load_file
from torch import Tensor, nn

from adapters.torch.definitions import transformers_mlp
from adapters.torch.models import FLOPS_METHOD, ImageModel, load_image_model
from registry.errors import BadArtifactError, InvalidError, MisfitError
from registry.plugins import EntryPointPlugins

PLUGINS = EntryPointPlugins(memory=0, seconds=0)
BACKBONE = "transformers:MobileNetV2Model"
CLASSES = ("boat", "cat", "überraschung")


def pictures(count: int = 2, side: int = 64) -> Tensor:
    return torch.rand(count, 3, side, side, generator=torch.Generator().manual_seed(3))


def scores(model: ImageModel, x: Tensor) -> Tensor:
    with torch.inference_mode():
        return model.logits(x)


@pytest.fixture(scope="module")
def backbone(mobilenet: Path) -> ImageModel:
    return load_image_model(mobilenet, BACKBONE)


@pytest.fixture(scope="module")
def lite_model(lite: Path) -> ImageModel:
    return load_image_model(lite, "efficientnet_lite0")


def test_efficientnet_lite_names_what_is_on_photographs(lite_model: ImageModel, photos: list[tuple[Path, int]]) -> None:
    x = torch.stack([lite_model.preprocess.apply(Image.open(file)) for file, _ in photos])
    found = scores(lite_model, x).argmax(1).tolist()
    assert sum(guess == truth for guess, (_, truth) in zip(found, photos, strict=True)) >= 17


def test_features_then_head_are_the_logits(lite_model: ImageModel) -> None:
    x = pictures()
    with torch.inference_mode():
        features = lite_model.features(x)
        assert features.shape == (2, lite_model.dim)
        assert torch.equal(lite_model.head(features), lite_model.logits(x))
        assert torch.equal(lite_model.module(x), lite_model.logits(x))


def test_a_backbone_has_no_head_until_it_is_given_one(backbone: ImageModel) -> None:
    assert backbone.classes is None
    with pytest.raises(InvalidError, match="has no head"):
        backbone.logits(pictures())
    child = backbone.with_head(CLASSES)
    assert scores(child, pictures()).shape == (2, 3)
    assert backbone.module.head is None, "the backbone itself is as it was"


@pytest.mark.parametrize("classes", [("one",), ("same", "same"), ()])
def test_a_head_needs_two_different_classes(backbone: ImageModel, classes: tuple[str, ...]) -> None:
    with pytest.raises(InvalidError, match="two or more classes"):
        backbone.with_head(classes)


def test_a_head_of_unknown_kind_is_refused(backbone: ImageModel) -> None:
    with pytest.raises(InvalidError, match="no head of kind 'bilinear'"):
        backbone.with_head(CLASSES, kind="bilinear")


def test_a_saved_child_loads_with_stock_transformers_and_scores_the_same(backbone: ImageModel, tmp_path: Path) -> None:
    from transformers import AutoModelForImageClassification

    child = backbone.with_head(CLASSES, dropout=0.1)
    child.save(tmp_path)
    stock: Any = AutoModelForImageClassification.from_pretrained(tmp_path)
    with torch.inference_mode():
        assert torch.equal(stock.eval()(pixel_values=pictures()).logits, scores(child, pictures()))
    assert [stock.config.id2label[i] for i in range(3)] == list(CLASSES)
    assert stock.config.classifier_dropout_prob == 0.1


@pytest.mark.parametrize("kind", ["linear", "mlp"])
@pytest.mark.parametrize("source", ["mobilenet", "lite"])
def test_a_child_comes_back_as_it_was_saved(
    source: str, kind: str, backbone: ImageModel, lite_model: ImageModel, tmp_path: Path
) -> None:
    parent = backbone if source == "mobilenet" else lite_model
    child = parent.with_head(CLASSES, kind=kind, dropout=0.2)
    child.save(tmp_path / "a")
    again = load_image_model(tmp_path / "a", child.architecture)
    assert (again.classes, again.shape, again.architecture) == (CLASSES, child.shape, child.architecture)
    assert again.preprocess == child.preprocess
    assert torch.equal(scores(again, pictures()), scores(child, pictures()))
    again.save(tmp_path / "b")
    for name in ("model.safetensors", "config.json", "preprocessor_config.json"):
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()


def test_a_grandchild_may_have_other_classes(backbone: ImageModel, tmp_path: Path) -> None:
    backbone.with_head(CLASSES).save(tmp_path / "child")
    child = load_image_model(tmp_path / "child", "transformers:MobileNetV2ForImageClassification")
    child.with_head(("yes", "no")).save(tmp_path / "grandchild")
    grandchild = load_image_model(tmp_path / "grandchild", child.architecture)
    assert grandchild.classes == ("yes", "no")
    assert torch.equal(grandchild.features(pictures()), backbone.features(pictures()))


def test_an_imported_backbone_saves_as_a_backbone(backbone: ImageModel, mobilenet: Path, tmp_path: Path) -> None:
    backbone.save(tmp_path)
    ours, theirs = load_file(tmp_path / "model.safetensors"), load_file(mobilenet / "model.safetensors")
    assert ours.keys() == theirs.keys()
    assert all(torch.equal(ours[name], theirs[name]) for name in ours)
    assert json.loads((tmp_path / "config.json").read_text())["architectures"] == ["MobileNetV2Model"]


def test_an_mlp_child_loads_with_the_definition_beside_it(backbone: ImageModel, tmp_path: Path) -> None:
    child = backbone.with_head(CLASSES, kind="mlp", hidden=8)
    child.save(tmp_path)
    definition = PLUGINS.definition(child.architecture)
    assert definition is not None
    assert definition[0] == "transformers_mlp.py"
    with torch.inference_mode():
        assert torch.equal(transformers_mlp.load(tmp_path)(pictures()), scores(child, pictures()))


def test_no_definition_is_needed_where_transformers_has_the_class() -> None:
    assert PLUGINS.definition("transformers:MobileNetV2ForImageClassification") is None


@pytest.mark.parametrize("source", ["mobilenet", "lite"])
def test_every_parameter_lies_in_exactly_one_layer(source: str, backbone: ImageModel, lite_model: ImageModel) -> None:
    model = (backbone if source == "mobilenet" else lite_model).with_head(CLASSES)
    layers = model.layers()
    inside = [id(p) for _, layer in layers for p in layer.parameters()]
    assert len(inside) == len(set(inside))
    assert set(inside) == {id(p) for p in model.module.parameters()}
    assert (layers[0][0], layers[-1][0]) == ("conv_stem", "head")


def test_layers_come_in_the_order_in_which_pictures_pass_them(lite_model: ImageModel) -> None:
    passed: list[str] = []
    hooks = [
        next(layer.children()).register_forward_hook(lambda *_, name=name: passed.append(name))
        for name, layer in lite_model.layers()
        if name != "head"
    ]
    with torch.inference_mode():
        lite_model.features(pictures(1))
    for hook in hooks:
        hook.remove()
    assert list(dict.fromkeys(passed)) == [name for name, _ in lite_model.layers() if name != "head"]


def test_one_training_batch_does_not_wipe_out_the_statistics_of_imagenet(backbone: ImageModel) -> None:
    momenta = {m.momentum for m in backbone.module.modules() if isinstance(m, nn.BatchNorm2d)}
    assert momenta == {0.003}, "transformers writes TensorFlow's decay, 0.997, in this place"


def test_flops_are_those_of_the_paper(lite_model: ImageModel) -> None:
    multiply_adds = lite_model.flops(224) / 2
    assert multiply_adds == pytest.approx(407e6, rel=0.06), "norms and activations are not counted"
    assert lite_model.flops(112) < lite_model.flops(224) / 3
    assert "FlopCounterMode" in FLOPS_METHOD


def test_building_a_model_moves_no_random_numbers(mobilenet: Path, lite: Path) -> None:
    torch.manual_seed(11)
    before = torch.get_rng_state()
    load_image_model(mobilenet, BACKBONE)
    load_image_model(lite, "efficientnet_lite0")
    assert torch.equal(torch.get_rng_state(), before)


def test_the_same_seed_gives_the_same_head(backbone: ImageModel) -> None:
    heads = []
    for _ in range(2):
        torch.manual_seed(5)
        heads.append(next(backbone.with_head(CLASSES).head.parameters()))
    assert torch.equal(*heads)


def test_weights_that_do_not_fit_are_named(lite: Path, tmp_path: Path) -> None:
    for file in lite.iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes())
    config = json.loads((tmp_path / "config.json").read_text())
    (tmp_path / "config.json").write_text(json.dumps(config | {"num_labels": 12}))
    with pytest.raises(MisfitError, match=r"classifier\.bias: \[1000\] instead of \[12\]") as caught:
        load_image_model(tmp_path, "efficientnet_lite0")
    assert caught.value.facts["missing"] == []


def test_an_unknown_architecture_lists_the_known_ones(lite: Path) -> None:
    with pytest.raises(InvalidError, match="efficientnet_lite0, inception_v3"):
        load_image_model(lite, "alexnet")


def test_a_text_model_is_no_image_model(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text(json.dumps({"model_type": "bert"}))
    with pytest.raises(InvalidError, match="no image model of type 'bert'"):
        load_image_model(tmp_path, "transformers:BertModel")


def test_a_broken_config_is_said_to_be_broken(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text("{")
    with pytest.raises(BadArtifactError, match=r"config\.json"):
        load_image_model(tmp_path, "efficientnet_lite0")


@pytest.mark.parametrize("kind", ["resnet", "vit", "convnext", "dinov2"])
def test_other_vision_models_of_transformers_work_alike(kind: str, tmp_path: Path) -> None:
    """Small and random: this tests the code, not the weights."""
    from transformers import AutoConfig, AutoModelForImageClassification

    small: dict[str, dict[str, Any]] = {
        "resnet": {"embedding_size": 8, "hidden_sizes": [8, 16], "depths": [1, 1], "layer_type": "basic"},
        "vit": {"hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 32},
        "convnext": {"hidden_sizes": [8, 16], "depths": [1, 1], "num_stages": 2},
        "dinov2": {"hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2, "mlp_ratio": 2},
    }
    config = AutoConfig.for_model(kind, **small[kind], image_size=32, id2label={0: "a", 1: "b"})
    stock = AutoModelForImageClassification.from_config(config).eval()
    stock.save_pretrained(tmp_path / "source")
    model = load_image_model(tmp_path / "source", f"transformers:{type(stock).__name__}")
    x = pictures(side=32)
    with torch.inference_mode():
        assert torch.allclose(scores(model, x), stock(pixel_values=x).logits, atol=1e-6)
    child = model.with_head(CLASSES)
    assert len(child.layers()) >= 4
    child.save(tmp_path / "child")
    again = AutoModelForImageClassification.from_pretrained(tmp_path / "child").eval()
    with torch.inference_mode():
        assert torch.allclose(again(pixel_values=x).logits, scores(child, x), atol=1e-6)
