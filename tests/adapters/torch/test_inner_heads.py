"""Heads on an inner layer or on the mean of all blocks: saved, loaded without Forebear, used as sources."""

from __future__ import annotations

import json
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from threading import Barrier
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from torch import Tensor

from adapters.inputs.images import read_images
from adapters.torch.definitions import squeezenet, transformers_mlp
from adapters.torch.families import DEFINITIONS
from adapters.torch.models import load_image_model
from adapters.torch.reading import Tap
from adapters.torch.taps import tap_at
from lineage import Digest
from registry.domain.recipes.recipe import Freeze, Head, Method, Optimizer
from registry.errors import BadArtifactError, BadRecipeError
from registry.plugins import EntryPointPlugins
from registry.ports.transfers import Finished, ModelInput
from tests.adapters.loop.worlds import CLASSES, World, finish, image_world, tree
from tests.adapters.torch.small import own_model, vision_transformer

PROBE, TUNE = Method.FEATURE_EXTRACTION, Method.FINE_TUNING
INNER = {
    "efficientnet_lite0": ("blocks.3", 80, "linear"),
    "inception_v3": ("mixed.0", 256, "mlp"),
    "inception_v3_mixed4": ("mixed.3", 768, "linear"),
    "resnet50_thin": ("layer2.1", 256, "mlp"),
    "squeezenet1_1": ("features.7", 256, "mlp"),
    "vgg16": ("features.12", 256, "linear"),
    "vgg16_pool4": ("features.19", 512, "mlp"),
}
"""An inner layer of each of our own definitions, its number of features, and a head for it."""
ALONE = """
import json, sys
import torch
torch.set_num_threads(1)
import {module} as definition
assert not [m for m in sys.modules if m.split(".")[0] in ("adapters", "registry", "lineage")]
x = torch.rand(2, 3, {side}, {side}, generator=torch.Generator().manual_seed(3))
with torch.inference_mode():
    print(json.dumps(definition.load()(x).tolist()))
"""
heads = pytest.mark.parametrize("head", [Head(), Head("mlp", hidden=12), Head("ridge")], ids=lambda head: head.kind)


def pictures(side: int) -> Tensor:
    return torch.rand(2, 3, side, side, generator=torch.Generator().manual_seed(3))


def alone(folder: Path, architecture: str, side: int) -> Tensor:
    """The outputs of the one-file definition for `pictures`, in a process without Forebear."""
    definition = EntryPointPlugins(memory=0, seconds=0).definition(architecture)
    assert definition is not None
    (folder / definition[0]).write_bytes(definition[1])
    program = ALONE.format(module=definition[0].removesuffix(".py"), side=side)
    answer = subprocess.run([sys.executable, "-c", program], cwd=folder, capture_output=True, text=True, check=True)
    return torch.tensor(json.loads(answer.stdout))


def config(folder: Path) -> dict[str, Any]:
    return dict(json.loads((folder / "config.json").read_bytes()))


def answers_of(done: Finished, world: World) -> list[str]:
    """The predictions of the saved model for the test images."""
    model = load_image_model(done.folder, done.architecture)
    rows = [row for row in world.data.rows if row.split == "test"]
    items = read_images(rows, world.data, model.preprocess)
    with torch.inference_mode():
        logits = model.logits(items.batch(np.arange(len(rows))))
    return [done.classes[int(n)] for n in logits.argmax(dim=1)]


def recorded(done: Finished) -> list[str]:
    return [row["prediction"] for row in json.loads((done.folder / "predictions.json").read_bytes())["rows"]]


@pytest.fixture(scope="module")
def lite_world(lite: Path, tmp_path_factory: pytest.TempPathFactory) -> World:
    """EfficientNet-Lite0 with real weights, and images of bars; the tests share cached features."""
    folder = tmp_path_factory.mktemp("lite-world")
    source = ModelInput(lite, Digest.of(b"lite"), "source", "efficientnet_lite0", "test/parent/1")
    return replace(image_world(folder), source=source, layer="blocks.3")


@pytest.fixture(scope="module")
def tokens(tmp_path_factory: pytest.TempPathFactory) -> World:
    """A tiny ViT and images of bars."""
    folder = tmp_path_factory.mktemp("tokens")
    vision_transformer(folder / "vit")
    source = ModelInput(folder / "vit", Digest.of(b"vit"), "source", "transformers:ViTModel", "test/parent/1")
    return replace(image_world(folder), source=source, layer="layers.1")


@heads
def test_a_real_backbone_is_probed_inside_and_stays_the_parents(head: Head, lite_world: World) -> None:
    job = lite_world.job(
        head.kind, method=PROBE, head=head, image_size=64, params={"layer": "blocks.3"}, optimizer=Optimizer(lr=1e-2)
    )
    done, metrics = finish(lite_world, job)
    assert metrics["test", "accuracy"] > metrics["test", "baseline_accuracy"]
    assert done.facts["feature_layer"] == "blocks.3"
    kind = "mlp" if head.kind == "mlp" else "linear"
    expected = {"kind": kind, "reads": ["blocks.3"], "width": 80, "dropout": 0.0, "hidden": head.hidden}
    assert config(done.folder)["head"] == expected
    assert answers_of(done, lite_world) == recorded(done)
    parent, child = (load_file(folder / "model.safetensors") for folder in (lite_world.source.folder, done.folder))
    trunk = [name for name in parent if not name.startswith("classifier.")]
    assert any(name.startswith("blocks.6.") for name in trunk), "what lies behind the layer is kept"
    assert all(torch.equal(parent[name], child[name]) for name in trunk)


@heads
@pytest.mark.parametrize("kind", ["maps", "tokens"])
def test_a_model_of_transformers_is_probed_inside_and_loads_with_one_file(
    kind: str, head: Head, tokens: World, tmp_path: Path
) -> None:
    world, layer = (tokens, "mean") if kind == "tokens" else (image_world(tmp_path), "encoder.stages.0")
    done, _ = finish(world, world.job(kind + head.kind, method=PROBE, head=head, epochs=8, params={"layer": layer}))
    assert done.architecture == "transformers_mlp", "no class of transformers has such a head"
    assert answers_of(done, world) == recorded(done)
    model = load_image_model(done.folder, done.architecture)
    with torch.inference_mode():
        scores = model.logits(pictures(24))
        assert torch.equal(transformers_mlp.load(done.folder)(pictures(24)), scores)
    base = "vit" if kind == "tokens" else "resnet"
    parent = load_image_model(world.source.folder, world.source.architecture).module.trunk.state_dict()
    child = load_file(done.folder / "model.safetensors")
    frozen = {name: tensor for name, tensor in child.items() if name.startswith(f"backbone.{base}.")}
    assert len(frozen) == len(parent) > 10
    assert all(torch.equal(t, parent[n.replace("backbone.", "stock.", 1)]) for n, t in frozen.items())


@pytest.mark.parametrize("architecture", DEFINITIONS)
def test_a_definition_reads_where_the_head_was_learnt(architecture: str, tmp_path: Path) -> None:
    layer, width, kind = INNER[architecture]
    model, side = own_model(tmp_path, architecture), 80
    child = model.with_head(CLASSES, kind, hidden=64, tap=tap_at(model, layer, side))
    assert (child.width, child.dim) == (width, model.dim)
    child.save(tmp_path / "child")
    again = load_image_model(tmp_path / "child", architecture)
    again.save(tmp_path / "again")
    assert tree(tmp_path / "again") == tree(tmp_path / "child"), "the same weights are the same bytes"
    module = import_module(DEFINITIONS[architecture].make_head.__module__)
    with torch.inference_mode():
        scores = child.logits(pictures(side))
        assert torch.equal(child.head(child.features(pictures(side))), scores)
        assert torch.equal(child.module(pictures(side)), scores)
        assert torch.equal(again.logits(pictures(side)), scores)
        assert torch.equal(module.load(tmp_path / "child")(pictures(side)), scores)
        assert not torch.equal(module.load(tmp_path / "child")(pictures(side) / 2), scores)


def test_a_definition_averages_over_several_modules(tmp_path: Path) -> None:
    model = own_model(tmp_path, "squeezenet1_1")
    child = model.with_head(CLASSES, tap=Tap("two", ("features.3", "features.4"), 128))
    child.save(tmp_path / "child")
    with torch.inference_mode():
        features = child.features(pictures(64))
        found = model.module.trunk.get_submodule("features")[:5](pictures(64)).mean((2, 3))  # type: ignore[index]
        before = model.module.trunk.get_submodule("features")[:4](pictures(64)).mean((2, 3))  # type: ignore[index]
    assert torch.allclose(features, (found + before) / 2, atol=1e-6)
    with torch.inference_mode():
        assert torch.equal(alone(tmp_path / "child", "squeezenet1_1", 64), child.logits(pictures(64)))


def test_a_compiled_model_reads_the_same_inner_layer(tmp_path: Path) -> None:
    model = own_model(tmp_path, "squeezenet1_1")
    child = model.with_head(CLASSES, tap=tap_at(model, "features.3", 64))
    with torch.no_grad():
        scores = child.module(pictures(64))
        child.module.compile(backend="eager")
        assert torch.allclose(child.module(pictures(64)), scores, atol=1e-6)


def test_threads_that_share_a_loaded_model_read_their_own_pictures(tmp_path: Path) -> None:
    model = own_model(tmp_path, "squeezenet1_1")
    model.with_head(CLASSES, tap=tap_at(model, "features.3", 64)).save(tmp_path / "child")
    loaded, both = squeezenet.load(tmp_path / "child"), Barrier(2)
    light, dark = pictures(64), pictures(64) / 4
    with torch.inference_mode():
        wanted = [loaded(light), loaded(dark)]

    def meet(*_: object) -> None:
        both.wait(timeout=60)

    loaded.get_submodule("features.3").register_forward_hook(meet)

    def scores(x: Tensor) -> Tensor:
        with torch.inference_mode():
            found: Tensor = loaded(x)
            return found

    with ThreadPoolExecutor(2) as pool:
        found = list(pool.map(scores, [light, dark]))
    assert all(torch.equal(one, other) for one, other in zip(found, wanted, strict=True))


@pytest.mark.slow
@pytest.mark.parametrize("architecture", [*DEFINITIONS, "transformers_mlp"])
def test_every_definition_gives_the_same_scores_alone(architecture: str, tokens: World, tmp_path: Path) -> None:
    if architecture == "transformers_mlp":
        model, layer, side = load_image_model(tokens.source.folder, tokens.source.architecture), "mean", 24
    else:
        model, layer, side = own_model(tmp_path, architecture), INNER[architecture][0], 80
    child = model.with_head(CLASSES, tap=tap_at(model, layer, side))
    child.save(tmp_path / "child")
    with torch.inference_mode():
        assert torch.equal(alone(tmp_path / "child", architecture, side), child.logits(pictures(side)))


def probed(world: World, work: str, layer: str, **changes: Any) -> World:
    """The same world with a model whose head reads an inner layer as its source."""
    done, _ = finish(world, world.job(work, method=PROBE, params={"layer": layer}, **changes))
    return world.child(done)


def test_fine_tuning_goes_on_from_an_inner_head_and_leaves_what_lies_behind_it(tmp_path: Path) -> None:
    child = probed(image_world(tmp_path), "probe", "encoder.stages.0", epochs=20, optimizer=Optimizer(lr=1e-2))
    same, measured = finish(child, child.job("same", method=TUNE, epochs=0))
    assert tree(same.folder)["model.safetensors"] == tree(child.source.folder)["model.safetensors"]
    tuned, _ = finish(child, child.job("tuned", method=TUNE, epochs=2, params={"l2_sp": 0.1}))
    assert config(tuned.folder) == config(child.source.folder)
    assert measured["test", "accuracy"] > measured["test", "baseline_accuracy"]
    before, after = (load_file(folder / "model.safetensors") for folder in (child.source.folder, tuned.folder))
    changed = {name for name in before if not torch.equal(before[name], after[name])}
    assert any(name.startswith("classifier.") for name in changed)
    assert any("stages.0." in name for name in changed)
    assert not [name for name in changed if "stages.1." in name]
    with pytest.raises(BadRecipeError, match=r"no such layer") as refused:
        finish(child, child.job("behind", method=TUNE, freeze=Freeze("none", "encoder.stages.1")))
    assert str(refused.value.remedy) == "Choose one of embedder, encoder.stages.0"


def test_features_of_an_inner_head_are_cached_apart_from_those_of_the_end(tokens: World) -> None:
    child = probed(tokens, "first", "layers.0")
    end, _ = finish(child, child.job("end", method=PROBE, epochs=1))
    assert (end.facts["feature_layer"], end.architecture) == ("pooled", "transformers:ViTForImageClassification")
    params = {"lp_ft": True}
    tuned, _ = finish(child, child.job("cached", method=TUNE, epochs=1, params=params))
    alone = child.job("fresh", method=TUNE, epochs=1, params=params, features=child.folder / "elsewhere")
    assert tree(finish(child, alone)[0].folder) == tree(tuned.folder)
    mean, _ = finish(child, child.job("mean", method=PROBE, epochs=1, params={"layer": "mean"}))
    assert mean.facts["feature_layer"] == "mean of layers.0, layers.1, layers.2"
    assert mean.facts["features_computed"] == 81


def test_an_inner_head_is_removed_when_the_next_head_is_put_elsewhere(tokens: World) -> None:
    child = probed(tokens, "gone", "layers.0")
    again, _ = finish(child, child.job("gone-2", method=PROBE, epochs=1, params={"layer": "layers.2"}))
    assert config(again.folder)["head"]["reads"] == ["layers.2"]
    other = child.relabelled({"apple": "quince"})
    data = {role: replace(other, split=role) for role in ("train", "validation", "test")}
    new, _ = finish(child, child.job("new-classes", method=TUNE, epochs=1, data=data))
    assert new.architecture == "transformers:ViTForImageClassification"
    params = {"export": "npz"}
    done = list(child.adapter.run(child.job("export", method=PROBE, params=params)))[-1]
    assert isinstance(done, Finished)
    assert done.facts["features"] == 16


def test_an_inner_head_is_kept_by_quantization(tmp_path: Path) -> None:
    child = probed(image_world(tmp_path), "bits", "encoder.stages.0", epochs=20, optimizer=Optimizer(lr=1e-2))
    small, metrics = finish(child, child.job("int8", method=Method.QUANTIZATION, params={"bits": 8}, roles=("test",)))
    assert small.architecture == "int8:transformers_mlp"
    assert metrics["test", "accuracy"] > 0.5
    again, measured = finish(child.child(small), child.child(small).job("again", method=TUNE, epochs=0))
    assert measured["test", "accuracy"] == metrics["test", "accuracy"]
    assert config(again.folder)["head"]["reads"] == ["encoder.stages.0"]


def test_training_goes_on_unlabelled_from_the_trunk_alone(tmp_path: Path) -> None:
    child = probed(image_world(tmp_path), "simclr", "encoder.stages.0")
    bare = replace(child.relabelled({}), split="train")
    job = child.job("on", method=Method.CONTINUED_PRETRAINING, data={"unlabelled": bare}, epochs=1, metrics=("loss",))
    done, _ = finish(child, job)
    assert done.architecture == "transformers:ResNetModel"
    assert load_image_model(done.folder, done.architecture).width == 16


def test_heads_of_different_layers_are_not_merged(tokens: World) -> None:
    one, two = (probed(tokens, f"merge-{n}", f"layers.{n}") for n in (0, 1))
    sources = (replace(one.source, label="one"), replace(two.source, label="two"))
    with pytest.raises(BadRecipeError, match=r"different layers \(one: layers\.0; two: layers\.1\)"):
        finish(one, one.job("merged", method=Method.MERGE, sources=sources, data={}))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"reads": ["encoder.stages.7"]}, r"names 'encoder\.stages\.7', and the model has no such module"),
        ({"reads": "encoder"}, "reads is not a list"),
        ({"reads": []}, "reads 0 modules cannot have the width 8"),
        ({"width": 0}, "reads 1 modules cannot have the width 0"),
        ({"reads": ["encoder.stages.1"]}, r"reads 8 features, and encoder\.stages\.1 gives 16"),
    ],
)
def test_a_config_that_reads_what_is_not_there_is_refused(
    change: dict[str, object], message: str, tmp_path: Path
) -> None:
    child = probed(image_world(tmp_path), "bad", "encoder.stages.0", epochs=1).source
    document = config(child.folder)
    document["head"] |= change
    (child.folder / "config.json").write_text(json.dumps(document))
    with pytest.raises(BadArtifactError, match=message):
        load_image_model(child.folder, child.architecture).logits(pictures(24))


def test_a_child_saved_by_an_older_version_reads_the_last_layer(tmp_path: Path) -> None:
    model = own_model(tmp_path, "vgg16_pool4").with_head(CLASSES)
    model.save(tmp_path / "child")
    assert set(config(tmp_path / "child")["head"]) == {"kind", "hidden", "dropout"}, "as it always was"
    assert load_image_model(tmp_path / "child", "vgg16_pool4").width == 512
