"""Encoders to choose among: real ones, and of the same size some that look like them and know nothing.

A decoy has the shape and the file of a real encoder, so that a list sorted by size cannot tell them apart: its weights
are noised, its channels are shuffled, or it was never trained.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.numpy import load_file, save_file

from benchmarks.material.methods import LITE0, MOBILENET, SOURCES
from registry.domain.names import Name
from registry.domain.verbs.catalog import CatalogVerbs, ImportModel
from registry.sources import resolve_source

Tensor = NDArray[Any]
Change = Callable[[str, Tensor, np.random.Generator], Tensor]
MINILM, GLOVE = SOURCES["minilm-l6"][0], SOURCES["glove-50d"][0]


def noised(_: str, tensor: Tensor, draw: np.random.Generator) -> Tensor:
    """As much noise as there is signal, in every weight with more than one axis."""
    if tensor.ndim < 2:
        return tensor
    scale = float(np.std(tensor))
    moved: Tensor = (tensor + draw.normal(0, scale, tensor.shape)).astype(tensor.dtype)
    return moved


def shuffled(_: str, tensor: Tensor, draw: np.random.Generator) -> Tensor:
    """The rows of every weight in another order, so that no layer fits the one before it."""
    return tensor[draw.permutation(len(tensor))] if tensor.ndim > 1 else tensor


def untrained(name: str, tensor: Tensor, draw: np.random.Generator) -> Tensor:
    """As at the beginning of training: small normal weights, and normalisations that change nothing."""
    if tensor.dtype.kind != "f":
        return np.zeros_like(tensor)
    if tensor.ndim > 1:
        fan = int(np.prod(tensor.shape[1:]))
        return draw.normal(0, (2 / fan) ** 0.5, tensor.shape).astype(tensor.dtype)
    ones = name.endswith(("running_var", "weight"))
    return np.full_like(tensor, 1.0 if ones else 0.0)


CHANGES: Mapping[str, Change] = {"noised": noised, "shuffled": shuffled, "untrained": untrained}


def bring_pictures(catalog: CatalogVerbs, folder: Path) -> list[str]:
    """Three real encoders of pictures, and five decoys of two of them; their names."""
    names = [_real(catalog, name) for name in ("lite0", "squeezenet", "mobilenet-v2")]
    for name, source, architecture, changes in (
        ("lite0", LITE0, "efficientnet_lite0", ("noised", "shuffled", "untrained")),
        ("mobilenet-v2", MOBILENET, "mobilenet_v2", ("shuffled", "untrained")),
    ):
        state = torch.load(resolve_source(source), weights_only=True)
        for change in changes:
            file = folder / f"{name}-{change}.pth"
            torch.save(_changed(state, change), file)
            names.append(_import(catalog, f"{name}-{change}", str(file), architecture, "apache-2.0"))
    return names


def bring_texts(catalog: CatalogVerbs, folder: Path) -> list[str]:
    """Two real encoders of texts, and six decoys of them; their names."""
    names = [_real(catalog, name) for name in ("minilm-l6", "glove-50d")]
    for change in CHANGES:
        copy = folder / f"minilm-{change}"
        shutil.copytree(resolve_source(MINILM), copy)
        tensors = load_file(copy / "model.safetensors")
        save_file(_each(tensors, change), copy / "model.safetensors", metadata={"format": "pt"})
        names.append(_import(catalog, f"minilm-l6-{change}", str(copy), None, "apache-2.0"))
        copy = folder / f"glove-{change}"
        shutil.copytree(resolve_source(GLOVE), copy)
        for file in copy.glob("*.npy"):
            np.save(file, CHANGES[change]("weight", np.load(file), np.random.default_rng(0)))
        names.append(_import(catalog, f"glove-50d-{change}", str(copy), None, "pddl-1.0"))
    return names


def _changed(state: Mapping[str, torch.Tensor], change: str) -> dict[str, torch.Tensor]:
    arrays = {name: one.numpy() for name, one in state.items()}
    return {name: torch.from_numpy(one) for name, one in _each(arrays, change).items()}


def _each(tensors: Mapping[str, Tensor], change: str) -> dict[str, Tensor]:
    draw = np.random.default_rng(0)
    return {name: np.array(CHANGES[change](name, one, draw), order="C") for name, one in tensors.items()}


def _real(catalog: CatalogVerbs, name: str) -> str:
    return _import(catalog, name, *SOURCES[name])


def _import(catalog: CatalogVerbs, name: str, source: str, architecture: str | None, licence: str) -> str:
    catalog.import_model(ImportModel(Name("library", name), source, architecture, licence=licence))
    return name
