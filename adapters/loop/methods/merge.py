"""Merge: combines several versions of one architecture into one, without training, and measures it if there is data."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from safetensors import safe_open
from safetensors.torch import save_file
from torch import nn

from adapters.loop.environment import Environment
from adapters.loop.measured import measured_as_it_is
from adapters.loop.techniques.merging import Combine, check_alike, linear, slerp, task_arithmetic, ties
from registry.domain.recipes.methods import BASE, SOURCE
from registry.domain.recipes.params import number_of, value_of
from registry.errors import BadRecipeError
from registry.ports.transfers import Advanced, ModelInput, TransferEvent

WEIGHTS = "model.safetensors"
Shapes = Mapping[str, tuple[int, ...]]


def merge(env: Environment) -> Iterator[TransferEvent]:
    """Merge the weights; everything else (config, tokenizer, preprocessing) is copied from the first source."""
    sources = [source for source in env.job.sources if source.role == SOURCE]
    base = next((source for source in env.job.sources if source.role == BASE), None)
    combine = _combine(env, sources, base)
    _check(env, sources, base)
    yield env.started(nn.Module(), 0)
    draft = env.job.work / ".merged"
    yield from _write(draft, sources, base, combine)
    made = replace(sources[0], folder=draft, label=f"the merge of {', '.join(s.label for s in sources)}")
    kind = str(value_of(env.recipe, "kind"))
    yield from measured_as_it_is(env, made, {"kind": kind, "parents": [str(s.digest) for s in sources]})
    shutil.rmtree(draft, ignore_errors=True)


def _combine(env: Environment, sources: Sequence[ModelInput], base: ModelInput | None) -> Combine:
    """The function that merges one tensor. Raises: BadRecipeError if the models do not suit the kind of merge."""
    recipe, kind = env.recipe, str(value_of(env.recipe, "kind"))
    given: Any = value_of(recipe, "weights")
    shares = [float(w) for w in given] if isinstance(given, list | tuple) else [float(given)] * len(sources)
    if len(shares) != len(sources):
        raise BadRecipeError(f"'params.weights' has {len(shares)} values for {len(sources)} sources")
    if len(sources) < 2:
        raise BadRecipeError("A merge needs two sources or more", remedy="Add them to sources")
    if kind in {"task_arithmetic", "ties"} and base is None:
        raise BadRecipeError(
            f"A merge of kind {kind} needs a base", remedy="Add the common parent to sources with as: base"
        )
    if kind == "slerp" and len(sources) != 2:
        raise BadRecipeError(
            f"A merge of kind slerp takes two sources, and there are {len(sources)}", remedy="Use kind: linear"
        )
    if kind == "linear" and sum(shares) <= 0:
        raise BadRecipeError("'params.weights' must not sum to zero", remedy="Leave them out for equal shares")
    scale = number_of(recipe, "scale")
    return {
        "linear": linear(shares),
        "slerp": slerp(number_of(recipe, "share")),
        "task_arithmetic": task_arithmetic(shares, scale),
        "ties": ties(shares, scale, number_of(recipe, "density")),
    }[kind]


def _check(env: Environment, sources: Sequence[ModelInput], base: ModelInput | None) -> None:
    """Raises: BadRecipeError unless architecture, tensors and classes (in order) are the same."""
    classes = {source.label: env.framework.parent_classes(source) for source in sources}
    if len(set(classes.values())) > 1:
        listed = "; ".join(f"{label}: {', '.join(names) if names else 'none'}" for label, names in classes.items())
        raise BadRecipeError(
            f"The sources have different classes ({listed})", remedy="Merge models with the same classes"
        )
    every = [*sources, *([base] if base else [])]
    kinds = {source.architecture for source in sources}
    if len(kinds) > 1:
        raise BadRecipeError(f"The sources have different architectures: {', '.join(sorted(kinds))}")
    places = {source.label: _read_by_head(source.folder) for source in sources}
    if len(set(places.values())) > 1:
        listed = "; ".join(f"{label}: {place or 'the end'}" for label, place in places.items())
        raise BadRecipeError(
            f"The heads of the sources read features of different layers ({listed})",
            remedy="Merge models whose heads read the same layer",
        )
    shapes = {source.label: _shapes(source.folder) for source in every}
    if base is not None:  # a base usually has no head or another one; it must share at least half of the tensors
        wanted = shapes[sources[0].label]
        if 2 * len(_base_names(wanted, shapes[base.label])) >= len(wanted):
            shapes[base.label] = wanted
    check_alike(shapes)


def _read_by_head(folder: Path) -> str:
    """The modules (`reads`) or layer numbers (`layers`) that a head made here reads; empty for other heads."""
    config = folder / "config.json"
    head = json.loads(config.read_bytes()).get("head") if config.is_file() else None
    return ", ".join(map(str, head.get("reads") or head.get("layers") or ())) if isinstance(head, dict) else ""


def _shapes(folder: Path) -> dict[str, tuple[int, ...]]:
    with safe_open(folder / WEIGHTS, "pt") as file:
        return {name: tuple(file.get_slice(name).get_shape()) for name in file.keys()}  # noqa: SIM118 -- no mapping


def _write(
    draft: Path, sources: Sequence[ModelInput], base: ModelInput | None, combine: Combine
) -> Iterator[TransferEvent]:
    """Write the first source's folder with merged weights; holds one tensor of each source in memory at a time."""
    shutil.rmtree(draft, ignore_errors=True)
    shutil.copytree(sources[0].folder, draft, ignore=shutil.ignore_patterns(WEIGHTS, "predictions*.json"))
    merged: dict[str, torch.Tensor] = {}
    files = [safe_open(source.folder / WEIGHTS, "pt") for source in sources]
    ground = safe_open(base.folder / WEIGHTS, "pt") if base else None
    names = sorted(files[0].keys())
    known = _base_names(_shapes(sources[0].folder), _shapes(base.folder) if base else {})
    for number, name in enumerate(names, start=1):
        tensors = [file.get_tensor(name) for file in files]
        if not tensors[0].is_floating_point():
            merged[name] = tensors[0]
            continue
        floats = [tensor.float() for tensor in tensors]
        under = ground.get_tensor(known[name]).float() if ground and name in known else None
        if ground is not None and under is None:  # the base has no such head: use the mean of the sources
            under = torch.stack(floats).mean(dim=0)
        merged[name] = combine(floats, under).to(tensors[0].dtype).contiguous()
        yield Advanced(0, 0.0, "merging", None, number)
    save_file(merged, draft / WEIGHTS, metadata={"format": "pt"})


def _base_names(child: Shapes, base: Shapes) -> Mapping[str, str]:
    """The base's name for each tensor of a child: the same, or without the prefix of a task model (`bert.`)."""
    found = {}
    for name, shape in child.items():
        short = name.partition(".")[2]
        if shape in {base.get(name), base.get(short)}:
            found[name] = name if base.get(name) == shape else short
    return found
