"""Heads on the mean of tokens and layers: the encoder stays, one file loads the child, and decoders can be probed."""

from __future__ import annotations

import json
from dataclasses import replace
from importlib.metadata import entry_points
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from transformers import AutoModel, AutoTokenizer

from adapters.transformers.classifiers.headed import NAME
from adapters.transformers.definitions import transformers_text_head
from registry.domain.data.datasets import LabelKind
from registry.domain.recipes.recipe import Head, Method, Optimizer
from registry.errors import BadRecipeError
from tests.adapters.loop.worlds import World, finish, text_world, tree
from tests.adapters.transformers.test_language import decoder_world

PROBE = Method.FEATURE_EXTRACTION


def answers(folder: Path, world: World) -> list[str]:
    """What the one file says of the test texts, with nothing of ours beside it."""
    texts = [str(row.text) for row in world.data.rows if row.split == "test"]
    return transformers_text_head.classify(transformers_text_head.load(folder), texts, folder)


@pytest.mark.parametrize("kind", ["bert", "roberta", "distilbert", "gpt2"])
def test_any_model_is_probed_at_the_mean_of_its_layers_and_stays_as_it_was(kind: str, tmp_path: Path) -> None:
    world = decoder_world(tmp_path) if kind == "gpt2" else text_world(tmp_path, kind)
    job = world.job(method=PROBE, params={"layer": "mean"}, epochs=20, optimizer=Optimizer(lr=2e-2))
    done, metrics = finish(world, job)
    assert done.architecture == NAME
    assert metrics["test", "accuracy"] > metrics["test", "baseline_accuracy"]
    told = json.loads((done.folder / "predictions.json").read_bytes())["rows"]
    assert answers(done.folder, world) == [row["prediction"] for row in told]
    parent, child = (load_file(folder / "model.safetensors") for folder in (world.source.folder, done.folder))
    kept = {name: tensor for name, tensor in child.items() if name.startswith("backbone.")}
    assert len(kept) > 20
    for name, tensor in kept.items():
        short = name.removeprefix("backbone.")
        assert torch.equal(tensor, parent[short] if short in parent else parent[f"transformer.{short}"])
    assert str(tmp_path) not in (done.folder / "config.json").read_text()


def test_features_are_the_mean_of_the_named_layers_and_tokens(tmp_path: Path) -> None:
    world = text_world(tmp_path)
    model = AutoModel.from_pretrained(world.source.folder, local_files_only=True).eval()
    tokenizer = AutoTokenizer.from_pretrained(world.source.folder, local_files_only=True)
    read = tokenizer(["red fruit", "a"], padding=True, return_tensors="pt")
    with torch.inference_mode():
        states = model(**read, output_hidden_states=True).hidden_states
    wanted = {"mean": torch.stack(states[1:]).mean(dim=0), "encoder.layer.1": states[2], "last": states[-1]}
    for layer, state in wanted.items():
        done, _ = finish(
            world, world.job(layer, method=PROBE, params={"layer": layer}, head=Head("mlp", hidden=8), epochs=1)
        )
        child = transformers_text_head.load(done.folder)
        with torch.inference_mode():
            found = child.embed(read["input_ids"], read["attention_mask"])
        torch.testing.assert_close(found[0], state[0].mean(dim=0))
        torch.testing.assert_close(found[1], state[1, :3].mean(dim=0))


def test_a_child_with_an_inner_head_is_measured_tuned_and_probed_again(tmp_path: Path) -> None:
    world = text_world(tmp_path)
    first = {"method": PROBE, "params": {"layer": "mean"}, "head": Head("mlp", hidden=8)}
    done, metrics = finish(world, world.job("one", **first))  # type: ignore[arg-type]
    child = world.child(done)
    again, measured = finish(child, replace(child.job("again", epochs=0), outputs=True))
    assert measured["test", "accuracy"] == metrics["test", "accuracy"]
    answers = json.loads((again.folder / "predictions.json").read_bytes())["rows"]
    outputs = np.load(again.folder / "outputs.npy", allow_pickle=False)
    assert [again.classes[n] for n in outputs.argmax(axis=1)] == [row["prediction"] for row in answers]
    assert tree(again.folder)["model.safetensors"] == tree(done.folder)["model.safetensors"]
    tuned, _ = finish(child, child.job("tuned", epochs=1))
    assert tuned.facts["head_kept"]
    assert tuned.architecture == NAME
    probed, _ = finish(child, child.job("probed", method=PROBE, head=Head("linear"), epochs=1))
    assert not probed.facts["head_kept"]
    assert sum(name.startswith("classifier.") for name in load_file(probed.folder / "model.safetensors")) == 2


def test_a_ridge_on_the_mean_of_layers_answers_numbers(tmp_path: Path) -> None:
    world = text_world(tmp_path)
    data = replace(world.relabelled({"apple": "101", "pear": "102.5", "plum": "107"}), labels=LabelKind.NUMBER)
    roles = {role: replace(data, split=role) for role in ("train", "validation", "test")}
    job = world.job(method=PROBE, params={"layer": "mean"}, head=Head("ridge"), data=roles, metrics=("rmse",))
    done, metrics = finish(world, job)
    assert metrics["test", "rmse"] < metrics["test", "baseline_rmse"]
    texts = [str(row.text) for row in data.rows if row.split == "test"]
    said = transformers_text_head.outputs(transformers_text_head.load(done.folder), texts, done.folder)[:, 0]
    truth = torch.tensor([float(str(row.label)) for row in data.rows if row.split == "test"])
    assert float((said - truth).square().mean().sqrt()) == pytest.approx(metrics["test", "rmse"], rel=1e-3)


def test_a_layer_that_is_not_there_is_named_beside_those_that_are(tmp_path: Path) -> None:
    world = text_world(tmp_path)
    with pytest.raises(BadRecipeError, match=r"'encoder\.layer\.9'.*one of last, mean, encoder\.layer\.0"):
        list(world.adapter.run(world.job(method=PROBE, params={"layer": "encoder.layer.9"})))


def test_the_definition_is_what_the_entry_point_names() -> None:
    (point,) = entry_points(group="forebear.definitions", name=NAME)
    assert point.load() is transformers_text_head
