"""Image families of the installed transformers, one small random model of each: what a registry can do with it.

A family is imported as a folder of the Hub, its features are read for a new head, it is fine-tuned, and both children
are loaded again as a user would: in a process that knows only transformers, or the one file that is pulled with them.
"""

from __future__ import annotations

import inspect
import json
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

import torch

from adapters.stock_library import quiet
from adapters.torch.definitions import transformers_mlp
from adapters.torch.stock import MLP
from adapters.transformers.importer import HuggingFaceImporter
from benchmarks.material.stock import stock
from benchmarks.material.tiny_configs import SIDE, NotTriedError, tiny_config
from benchmarks.material.tiny_images import CHANGES, SIDES
from lineage import Digest
from registry.domain.recipes.recipe import Head, Method, Optimizer
from registry.ports.transfers import ModelInput
from tests.adapters.loop.worlds import World, finish, image_world

BACKENDS = frozenset({"timm", "natten", "torchaudio"})


@cache
def model_class(kind: str) -> str:
    """The class of a small model of a type, "" where none takes pictures: that of `AutoModel`, as published weights
    without a head have it, or else the classifier.

    Models that read pictures and texts count where they have a tower for each. Asking about one type imports its own
    classes only; asking about all of them takes seconds.
    """
    import transformers
    from transformers.models.auto import modeling_auto

    names = modeling_auto.MODEL_MAPPING_NAMES.get(kind)
    model = getattr(transformers, _first(names), None) if names else None
    if model is not None and not BACKENDS & set(getattr(model, "_backends", ())):
        taken = list(inspect.signature(model.forward).parameters)[1:]
        towers = hasattr(model, "get_image_features") and hasattr(model, "get_text_features")
        if (
            "pixel_values" in taken
            and (taken[0] == "pixel_values" or towers)
            and not _first(names).endswith("Backbone")
        ):
            return _first(names)
    heads = modeling_auto.MODEL_FOR_IMAGE_CLASSIFICATION_MAPPING_NAMES
    return _first(heads[kind]) if kind in heads else ""


def families() -> list[str]:
    """In alphabetical order, every type with an image classifier, and every type of `AutoModel` whose model takes
    `pixel_values` first."""
    from transformers.models.auto import modeling_auto

    known = set(modeling_auto.MODEL_MAPPING_NAMES) | set(modeling_auto.MODEL_FOR_IMAGE_CLASSIFICATION_MAPPING_NAMES)
    return sorted(kind for kind in known if model_class(kind))


def _first(names: Any) -> str:
    return str(names if isinstance(names, str) else names[0])


def hub_folder(folder: Path, kind: str) -> Path:
    """A small random model as `save_pretrained` writes it, with how its pictures are read (cropped, as most are).

    Raises: NotTriedError where the numbers of the small config do not go together, or another library is needed.
    """
    import transformers

    torch.manual_seed(5)
    side = SIDES.get(kind, SIDE)
    try:
        with quiet(transformers):
            model = getattr(transformers, model_class(kind))(tiny_config(kind, CHANGES.get(kind)))
            model.save_pretrained(folder)
    except Exception as error:
        raise NotTriedError(str(error).strip().splitlines()[0]) from error
    try:
        with torch.inference_mode():
            model.eval()(pixel_values=torch.zeros(2, 3, side, side))
    except (RuntimeError, IndexError) as error:
        if kind != "siglip2":  # which takes patches instead of pictures
            raise NotTriedError(f"the small model does not run: {error}") from error
    except (ValueError, TypeError, AttributeError):
        pass  # it takes something else beside pictures
    document = {
        "size": {"shortest_edge": side + 8},
        "crop_size": {"height": side, "width": side},
        "do_center_crop": True,
        "image_mean": [0.4] * 3,
        "image_std": [0.3] * 3,
        "resample": 3,
    }
    (folder / "preprocessor_config.json").write_text(json.dumps(document))
    return folder


@dataclass(frozen=True)
class Material:
    """A family's small model, imported, and pictures of bars."""

    world: World

    @classmethod
    def imported(cls, folder: Path, kind: str) -> Material:
        """Make the folder of the Hub and import it. Raises: NotTriedError."""
        (folder / "imported").mkdir(parents=True)
        converted = HuggingFaceImporter().convert(
            hub_folder(folder / "hub", kind), folder / "imported", architecture=None
        )
        architecture = str(converted.facts.architecture)
        source = ModelInput(converted.folder, Digest.of(kind.encode()), "source", architecture, "test/parent/1")
        return cls(replace(image_world(folder), source=source))

    def check(self, method: Method, **changes: Any) -> None:
        """Transfer it, and let a process with transformers alone predict every test row again.

        Raises: ValueError where its predictions are not the recorded ones, or, of a probe, are all the same.
        """
        world = self.world
        done, _ = finish(world, world.job(method.value, method=method, epochs=1, **changes))
        if done.architecture == MLP:
            shutil.copy(str(transformers_mlp.__file__), done.folder)
        predicted, recorded = stock().repeats(done.folder, world.data.root / "bars.npz")
        wrong = sum(one != other for one, other in zip(predicted, recorded, strict=True))
        if wrong:
            raise ValueError(f"{wrong} of {len(recorded)} predictions differ")
        if method is Method.FEATURE_EXTRACTION and len(set(recorded)) == 1:
            raise ValueError("the predictions are all the same, which proves nothing")


WAYS: Mapping[str, Callable[[Material], None]] = {
    "feature extraction": lambda material: material.check(Method.FEATURE_EXTRACTION, head=Head("ridge")),
    "fine-tuning": lambda material: material.check(
        Method.FINE_TUNING, params={"lp_ft": True}, optimizer=Optimizer(lr=1e-4)
    ),
}
"""Solved heads, so that even a random backbone gives different answers to different pictures after one epoch."""


def ways_of(_kind: str) -> Sequence[str]:
    """Every family is tried in every way."""
    return tuple(WAYS)
