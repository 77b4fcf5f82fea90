"""Features of inner layers: the same as the library's hidden states, exported, and cached by layer."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from adapters.torch.definitions import inception
from adapters.torch.families import DEFINITIONS
from adapters.torch.models import load_image_model
from adapters.torch.taps import tap_at
from lineage import Digest
from registry.domain.recipes.recipe import Method
from registry.errors import BadRecipeError
from registry.ports.transfers import Finished
from tests.adapters.loop.worlds import World, image_world, keras_world, vector_world
from tests.adapters.torch.small import vision_transformer

PICTURES = torch.rand(3, 3, 24, 24, generator=torch.Generator().manual_seed(1))


@pytest.fixture
def world(tmp_path: Path) -> World:
    return image_world(tmp_path)


def shown_by(kind: str, folder: Path) -> tuple[Tensor, ...]:
    """The hidden states that transformers returns for the images."""
    import transformers

    from adapters.transformers.models import quiet

    with quiet(), torch.no_grad():
        model = getattr(transformers, kind).from_pretrained(folder).eval()
        states: tuple[Tensor, ...] = model(pixel_values=PICTURES, output_hidden_states=True).hidden_states
    return states


def exported(world: World, work: str, layer: str) -> Finished:
    params = {"export": "npz", "layer": layer}
    done = list(world.adapter.run(world.job(work, method=Method.FEATURE_EXTRACTION, params=params)))[-1]
    assert isinstance(done, Finished)
    return done


def test_a_named_layer_gives_what_the_library_shows_of_it(world: World) -> None:
    model = load_image_model(world.source.folder, world.source.architecture)
    states = shown_by("ResNetModel", world.source.folder)
    with torch.no_grad():
        for layer, state in zip(("encoder.stages.0", "encoder.stages.1"), states[1:], strict=True):
            found = tap_at(model, layer, 24)
            assert found.width == state.shape[1]
            child = model.with_head(("yes", "no"), tap=found)
            assert torch.allclose(child.features(PICTURES), state.mean(dim=(2, 3)), atol=1e-5)


def test_the_mean_of_all_blocks_is_that_of_the_hidden_states(tmp_path: Path) -> None:
    model = load_image_model(vision_transformer(tmp_path / "vit"), "transformers:ViTModel")
    states = shown_by("ViTModel", tmp_path / "vit")
    with torch.no_grad():
        found = tap_at(model, "mean", 24)
        assert len(found.reads) == len(states[1:]) == 3
        blocks = torch.stack([state.mean(dim=1) for state in states[1:]])
        child = model.with_head(("yes", "no"), tap=found)
        assert torch.allclose(child.features(PICTURES), blocks.mean(dim=0), atol=1e-5)


def test_an_export_holds_the_layers_features_and_the_cache_keeps_layers_apart(world: World) -> None:
    last = exported(world, "last", "last")
    inner = exported(world, "inner", "encoder.stages.0")
    assert (last.facts["features"], inner.facts["features"]) == (16, 8)
    assert inner.facts["feature_layer"] == "encoder.stages.0"
    assert inner.facts["features_computed"] == 81
    assert exported(world, "again", "encoder.stages.0").facts["features_computed"] == 0
    with np.load(inner.folder / "features.npz") as arrays:
        assert arrays["x"].shape == (81, 8)


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"layer": "encoder.stages.9"}, r"no such layer.*Choose last, mean, or one of embedder"),
        ({"layer": "mean", "export": "npz"}, r"different widths.*encoder\.stages\.0 \(8\), encoder\.stages\.1 \(16\)"),
    ],
)
def test_a_layer_that_cannot_be_read_is_refused(world: World, params: dict[str, object], message: str) -> None:
    with pytest.raises(BadRecipeError, match=message):
        list(world.adapter.run(world.job(method=Method.FEATURE_EXTRACTION, params=params)))


@pytest.mark.parametrize("made", [keras_world, vector_world])
@pytest.mark.parametrize("export", ["none", "npz"])
def test_a_learner_that_cannot_read_layers_refuses_them_by_name(
    made: Callable[[Path], World], export: str, tmp_path: Path
) -> None:
    other = made(tmp_path)
    job = other.job(method=Method.FEATURE_EXTRACTION, params={"layer": "mean", "export": export})
    with pytest.raises(BadRecipeError, match=rf"only taken after its last layer.*Its layers are .*{other.layer}"):
        list(other.adapter.run(job))


@pytest.mark.parametrize("name", sorted(inception.LEAST))
def test_an_inception_takes_no_smaller_picture_than_it_has_pixels_for(name: str, world: World, tmp_path: Path) -> None:
    least = inception.LEAST[name]
    network = DEFINITIONS[name].network(torch.nn.Identity()).eval()
    with torch.inference_mode():
        assert network(torch.zeros(1, 3, least, least)).shape == (1, inception.DIMS[name])
        with pytest.raises(RuntimeError):
            network(torch.zeros(1, 3, least - 1, least - 1))
    source = replace(world.source, architecture=name, digest=Digest.of(b"x"))
    with pytest.raises(BadRecipeError, match=rf"takes {least} to 4096 .*Write image_size: {least}"):
        list(world.adapter.run(world.job(sources=(source,), image_size=least - 1)))
