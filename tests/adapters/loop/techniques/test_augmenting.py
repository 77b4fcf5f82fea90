"""Light augmentation: crops and mirror images of pictures in colour, and nothing for grey ones such as digits."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from adapters.loop.techniques.augmenting import augmentation, augmented, cropped
from adapters.loop.training.learner import ArrayItems
from registry.domain.recipes.recipe import Method
from registry.errors import BadRecipeError
from tests.adapters.loop.worlds import World, finish, image_world, tree

TUNE = Method.FINE_TUNING
GREY = torch.rand(8, 1, 6, 6).expand(8, 3, 6, 6)
NORMALISED = (GREY - torch.tensor([0.5, 0.4, 0.4]).view(3, 1, 1)) / torch.tensor([0.2, 0.3, 0.2]).view(3, 1, 1)
COLOUR = torch.rand(8, 3, 6, 6)


@pytest.mark.parametrize(
    ("wanted", "pictures", "meant"),
    [("auto", COLOUR, "light"), ("auto", NORMALISED, "none"), ("light", NORMALISED, "light"), ("none", COLOUR, "none")],
    ids=["colour", "grey", "asked for", "declined"],
)
def test_pictures_in_colour_are_changed_and_grey_ones_where_the_recipe_says_so(
    wanted: str, pictures: torch.Tensor, meant: str
) -> None:
    assert augmentation(wanted, ArrayItems(pictures)) == meant


def test_rows_that_are_no_pictures_stay_and_light_is_refused_for_them() -> None:
    assert augmentation("auto", ArrayItems(torch.rand(4, 5))) == "none"
    with pytest.raises(BadRecipeError, match="works with pictures only"):
        augmentation("light", ArrayItems(torch.rand(4, 5)))


def test_a_crop_keeps_the_size_and_the_range_and_half_are_mirrored() -> None:
    ramp = torch.linspace(0, 1, 32).expand(400, 3, 32, 32)
    torch.manual_seed(0)
    found = cropped(ramp, 0.7)
    assert found.shape == ramp.shape
    assert 0 <= float(found.min()) <= float(found.max()) <= 1
    falling = float((found[:, 0, 0, 0] > found[:, 0, 0, -1]).float().mean())
    assert 0.4 < falling < 0.6
    spread = (found[:, 0, 0, -1] - found[:, 0, 0, 0]).abs()
    assert float(spread.min()) > 0.6


def test_only_what_is_learnt_from_is_changed() -> None:
    seen: list[torch.Tensor] = []

    def objective(inputs: object, targets: torch.Tensor) -> torch.Tensor:
        assert isinstance(inputs, torch.Tensor)
        seen.append(inputs)
        return inputs.sum()

    augmented(objective)(COLOUR, torch.zeros(8))
    assert seen[0].shape == COLOUR.shape
    assert not torch.equal(seen[0], COLOUR)


@pytest.fixture
def coloured(tmp_path: Path) -> World:
    """The bars of `image_world`, each picture in one of two colours."""
    world = image_world(tmp_path)
    path = world.data.root / "bars.npz"
    with np.load(path) as arrays:
        x, y = arrays["x"], arrays["y"]
    tint = np.where(np.arange(len(x))[:, None] % 2, [1.0, 0.6, 0.3], [0.3, 0.6, 1.0])
    np.savez(path, x=(x[..., None] * tint[:, None, None, :]).astype(np.uint8), y=y)
    return world


def test_the_choice_is_recorded_and_the_same_recipe_gives_the_same_bytes(coloured: World) -> None:
    job = coloured.job(method=TUNE, epochs=2, params={"augment": "auto"})
    done, _ = finish(coloured, job)
    again, _ = finish(coloured, coloured.job("again", method=TUNE, epochs=2, params={"augment": "auto"}))
    plain, _ = finish(coloured, coloured.job("plain", method=TUNE, epochs=2, params={"augment": "none"}))
    assert (done.facts["augmentation"], plain.facts["augmentation"]) == ("light", "none")
    assert tree(done.folder) == tree(again.folder)
    assert tree(done.folder) != tree(plain.folder)


def test_a_record_from_before_the_choice_changes_no_picture(coloured: World) -> None:
    job = coloured.job(method=TUNE, epochs=2)
    plain, _ = finish(coloured, coloured.job("plain", method=TUNE, epochs=2, params={"augment": "none"}))
    old, _ = finish(coloured, replace(job, recipe=replace(job.recipe, params={})))
    assert "augmentation" not in old.facts
    assert tree(old.folder) == tree(plain.folder)
