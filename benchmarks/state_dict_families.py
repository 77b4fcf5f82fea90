"""Architectures that a bare state dict can be imported as, with random weights: what a registry can do with each.

Names are torchvision's where it has the model (written out in tests/adapters/torch/foreign_names.py), else timm's or
our own. Shapes are the real ones: there are no smaller members of these families.
"""

from __future__ import annotations

import importlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from adapters.torch.architectures import KNOWN
from adapters.torch.families import definition_of, read_config
from adapters.torch.fitting import fit
from adapters.torch.importer import StateDictImporter
from adapters.torch.networks.candidates import candidates
from adapters.torch.networks.table import shipped_names
from benchmarks.material.stock import stock
from lineage import Digest
from registry.domain.recipes.recipe import Head, Method, Optimizer
from registry.ports.transfers import ModelInput
from tests.adapters.loop.worlds import World, finish, image_world
from tests.adapters.torch import foreign_names as names

CLASSES = 10
SIDES = {"inception_v3": 96, "inception_v3_mixed4": 64}
"""Pixels a side for the transfers where 32 are too few."""
WIDE = 256
"""Millions of bytes above which a model is only imported: its transfers are those of its smaller relatives."""


def families() -> Sequence[str]:
    """Every architecture that weights alone can be imported as."""
    return sorted({*shipped_names(), *KNOWN})


@cache
def shapes_of(family: str) -> names.Shapes:
    """The tensors of a file with a head of ten classes."""
    written = names.torchvision(CLASSES)
    if family in written:
        return written[family]
    candidate = candidates(family)[0]
    weight, behind = candidate.head
    head = {weight: (CLASSES, candidate.width(), *behind), f"{weight.removesuffix('weight')}bias": (CLASSES,)}
    return {**candidate.trunk(), **head}


@dataclass(frozen=True)
class Material:
    """An imported model of one family, its file's tensors, and pictures of bars."""

    family: str
    world: World

    @classmethod
    def imported(cls, folder: Path, family: str) -> Material:
        """Write a state dict in two wrappers and import it."""
        torch.save({"model": {"state_dict": names.random(shapes_of(family))}}, folder / "w.pth")
        (folder / "imported").mkdir()
        converted = StateDictImporter().convert(folder / "w.pth", folder / "imported", architecture=family)
        if converted.facts.task != "image-classification":
            raise ValueError("the head did not come along")
        (folder / "w.pth").unlink()
        architecture = str(converted.facts.architecture)
        source = ModelInput(converted.folder, Digest.of(family.encode()), "source", architecture, "test/parent/1")
        return cls(family, replace(image_world(folder), source=source))

    def under_prefixes(self) -> None:
        """Raises: ValueError where not every tensor is known again."""
        for lead in ("module.model.", "_orig_mod.encoder.", "net.backbone."):
            fitted = fit(self.family, {f"{lead}{name}": shape for name, shape in shapes_of(self.family).items()})
            if len(fitted.names) != len(shapes_of(self.family)):
                raise ValueError(f"under {lead!r} not every tensor is known")

    def with_another_head(self) -> None:
        """Raises: ValueError where it is not left out with a note."""
        shapes, fitted = shapes_of(self.family), fit(self.family, shapes_of(self.family))
        trunk = {name: s for name, s in shapes.items() if not fitted.names[name].startswith("classifier.")}
        found = fit(self.family, trunk | names.linear("head.mlp.0", 7, 5) | names.linear("head.mlp.2", 5, 3))
        if found.headed or not any("left out 4 tensors" in note for note in found.notes):
            raise ValueError("the head was not left out")

    def transferred(self, method: Method) -> None:
        """Transfer it; the one-file definition or stock transformers must predict every test row again.

        Raises: ValueError where a prediction is another.
        """
        world, side = self.world, SIDES.get(self.family, 32)
        changes = {"optimizer": Optimizer(lr=1e-4)} if method is Method.FINE_TUNING else {"head": Head("ridge")}
        done, _ = finish(world, world.job(method.value, method=method, epochs=1, image_size=side, **changes))
        if done.architecture.startswith("transformers:"):
            predicted, recorded = stock().repeats(done.folder, world.data.root / "bars.npz")
        else:
            predicted, recorded = _alone(done.folder, done.architecture, world.data.root / "bars.npz")
        if predicted != recorded:
            raise ValueError("predictions differ from the recorded ones")


def _alone(folder: Path, architecture: str, array: Path) -> tuple[list[str], list[str]]:
    """What the one-file definition predicts, and the recorded predictions."""
    definition = importlib.import_module(definition_of(read_config(folder), architecture).make_head.__module__)
    recorded = json.loads((folder / "predictions.json").read_text())["rows"]
    with np.load(array) as file:
        pictures = [Image.fromarray(file["x"][row["key"]]).convert("RGB") for row in recorded]
    model = definition.load(folder)
    predicted = [definition.classify(model, picture, folder, top=1)[0][0] for picture in pictures]
    return predicted, [row["prediction"] for row in recorded]


WAYS: Mapping[str, Callable[[Material], None]] = {
    "under prefixes": Material.under_prefixes,
    "with another head": Material.with_another_head,
    "feature extraction": lambda material: material.transferred(Method.FEATURE_EXTRACTION),
    "fine-tuning": lambda material: material.transferred(Method.FINE_TUNING),
}


def ways_of(family: str) -> Sequence[str]:
    """The largest models are not transferred."""
    size = 4 * sum(int(np.prod(shape)) for shape in shapes_of(family).values()) / 1e6
    return list(WAYS) if size < WIDE else list(WAYS)[:2]
