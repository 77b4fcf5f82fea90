"""A trained model is published only if its files, loaded as a user loads them, give the recorded outputs."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from adapters.loop.reproducing import ROWS, compare, on_cpu
from adapters.loop.tasks.roles import read_roles, rows_of, unlabelled_role
from adapters.loop.tasks.tasks import Task
from adapters.loop.training.learner import Learner, Reloaded
from adapters.torch.transfer import ImageLearner, TorchTransfers
from registry.domain.recipes.recipe import Head, Method, Recipe
from registry.errors import NotReproducedError
from registry.ports.transfers import ModelInput, TransferEvent
from tests.adapters.loop.worlds import WORLDS, World, finish, image_world, text_world

LIBRARIES = {
    "gensim": "static_embeddings",
    "keras": "keras",
    "torch": "transformers",
    "transformers": "transformers",
}


class Careless(TorchTransfers):
    """Image transfers whose learners change a file after they wrote it."""

    def __init__(self, spoil: Callable[[Path], None]) -> None:
        self._spoil = spoil

    def open(self, source: ModelInput, recipe: Recipe, task: Task, *, keep_head: bool, fresh: bool) -> Learner:
        learner = super().open(source, recipe, task, keep_head=keep_head, fresh=fresh)
        assert isinstance(learner, ImageLearner)
        save = learner.save

        def spoilt(folder: Path, task: Task) -> None:
            save(folder, task)
            self._spoil(folder)

        learner.save = spoilt  # type: ignore[method-assign]
        return learner

    def run(self, job: Any) -> Iterator[TransferEvent]:
        return super().run(job)


def cropped(folder: Path) -> World:
    """The small ResNet with a crop, as published ones have it."""
    world = image_world(folder)
    document = {"size": {"shortest_edge": 28}, "crop_size": {"height": 24, "width": 24}, "do_center_crop": True}
    document |= {"image_mean": [0.3] * 3, "image_std": [0.3] * 3}
    (folder / "source/preprocessor_config.json").write_text(json.dumps(document))
    return world


def change_json(name: str, **changes: Any) -> Callable[[Path], None]:
    def spoil(folder: Path) -> None:
        document = json.loads((folder / name).read_text())
        (folder / name).write_text(json.dumps({k: v for k, v in (document | changes).items() if v is not None}))

    return spoil


def forget_the_head(folder: Path) -> None:
    tensors = load_file(folder / "model.safetensors")
    names = [name for name in tensors if name.startswith("classifier")]
    save_file({name: torch.zeros_like(t) if name in names else t for name, t in tensors.items()}, folder / "m")
    (folder / "m").rename(folder / "model.safetensors")


@pytest.mark.parametrize("method", [Method.FEATURE_EXTRACTION, Method.FINE_TUNING])
@pytest.mark.parametrize("kind", sorted(WORLDS))
def test_four_test_rows_of_every_child_are_predicted_again_from_its_files(
    kind: str, method: Method, tmp_path: Path
) -> None:
    world = WORLDS[kind](tmp_path)
    done, _ = finish(world, world.job(method=method))
    fact: Any = done.facts["reproduced"]
    assert (fact["by"], fact["rows"]) == (LIBRARIES[kind], ROWS)
    assert fact["largest_difference"] < 1e-4


@pytest.mark.parametrize("roles", [("train", "validation"), ("train",)])
def test_without_test_data_rows_that_were_trained_on_are_compared(roles: tuple[str, ...], tmp_path: Path) -> None:
    done, _ = finish(image_world(tmp_path), image_world(tmp_path).job(roles=roles))
    fact: Any = done.facts["reproduced"]
    assert fact["rows"] == ROWS


def test_a_head_of_our_own_is_loaded_with_its_one_file_definition(tmp_path: Path) -> None:
    for make, name in ((image_world, "transformers_mlp"), (text_world, "transformers_text_head")):
        folder = tmp_path / name
        folder.mkdir()
        world = make(folder)
        done, _ = finish(world, world.job(method=Method.FEATURE_EXTRACTION, head=Head("mlp", 8)))
        fact: Any = done.facts["reproduced"]
        assert fact["by"] == name


@pytest.mark.parametrize(
    "spoil",
    [
        change_json("preprocessor_config.json", image_processor_type=None),  # as they were until November 2026
        change_json("preprocessor_config.json", image_mean=[0.5, 0.5, 0.5]),
        change_json("config.json", hidden_act="gelu"),
        forget_the_head,
    ],
    ids=["no processor", "other mean", "other activation", "no head"],
)
def test_a_child_that_does_not_give_its_recorded_outputs_is_not_published(
    spoil: Callable[[Path], None], tmp_path: Path
) -> None:
    world = replace(cropped(tmp_path), adapter=Careless(spoil))
    with pytest.raises(NotReproducedError, match="does not give the recorded outputs when transformers loads it") as e:
        finish(world, world.job(epochs=8))
    assert e.value.code == "not-reproduced"
    assert e.value.facts["largest_difference"] > e.value.facts["allowed"]  # type: ignore[operator]
    assert not (tmp_path / "work/output").exists()


def test_a_child_that_cannot_be_loaded_is_not_published(tmp_path: Path) -> None:
    world = replace(cropped(tmp_path), adapter=Careless(lambda folder: (folder / "config.json").unlink()))
    with pytest.raises(NotReproducedError, match="cannot be loaded again from its folder"):
        finish(world, world.job())


def test_outputs_of_another_shape_or_that_are_no_numbers_are_refused(tmp_path: Path) -> None:
    data = image_world(tmp_path).data
    sample = unlabelled_role("test", data)
    recorded = np.linspace(-1, 1, 2 * len(rows_of("test", data)), dtype=np.float32).reshape(-1, 2)
    assert compare(Reloaded(recorded, "stock"), recorded, sample)["largest_difference"] == 0.0
    for wrong in (recorded[:, :1], recorded * np.nan, recorded[::-1]):
        with pytest.raises(NotReproducedError):
            compare(Reloaded(wrong, "stock"), recorded, sample)


def test_the_model_with_the_head_of_the_first_task_is_compared_too(tmp_path: Path) -> None:
    world = image_world(tmp_path)
    roles = {f"{role}.{task}": replace(world.data, split=role) for task in ("one", "two") for role in ("train", "test")}
    done, _ = finish(world, replace(world.job(method=Method.MULTI_TASK, roles=()), data=roles))
    fact: Any = done.facts["reproduced"]
    assert (fact["by"], fact["rows"]) == ("transformers", ROWS)


@pytest.mark.slow
def test_a_compiled_model_is_compared_without_its_compiled_code(tmp_path: Path) -> None:
    world = image_world(tmp_path)
    job = world.job()
    roles = read_roles(job)
    learner = TorchTransfers().open(world.source, job.recipe, roles.task, keep_head=False, fresh=False)
    learner.module.eval()
    sample = roles.train.take(np.arange(ROWS))
    plain = on_cpu(learner, sample)

    def broken(*_: object) -> Any:
        raise AssertionError("compiled")

    learner.module.compile(backend=broken)
    assert np.array_equal(on_cpu(learner, sample), plain)
