"""Matches renamed tensors with an architecture by the order and the shapes of its layers.

The order of a file is that in which a model lists its layers, which says what they are as long as it is the same in
both. It is no proof: `evidence` gives one, or the import is refused.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from adapters.torch.networks.candidates import Candidate, Shape, Shapes
from adapters.torch.networks.matching import COUNTER, Match, head_outputs, left_out
from registry.errors import MisfitError

_LEAVES = {
    "gamma": "weight", "beta": "bias", "moving_mean": "running_mean", "moving_variance": "running_var",
    "moving_var": "running_var", "mean": "running_mean", "var": "running_var", "w": "weight", "b": "bias",
    "weights": "weight", "biases": "bias", "kernel": "weight",
}  # fmt: skip
"""Ends of names in use -> torch's."""
_ENDS = ("weight", "bias", "running_mean", "running_var")
"""The ends of torch's names, in its order."""
_MOST_BEHIND = 8
"""Tensors of a head that may follow the trunk."""
_COUNTER = COUNTER.removeprefix(".")


@dataclass(frozen=True, slots=True)
class _Layer:
    """Tensors of one layer by torch's ends of names: name and shape."""

    name: str
    tensors: Mapping[str, tuple[str, Shape]]


def match_by_order(candidate: Candidate, given: Shapes) -> Match | None:
    """The one way in which the layers of `given` are those of `candidate` in order; None when there is none.

    Raises: MisfitError when there are several, or when the numbers in the names contradict the order.
    """
    for network in (candidate, *candidate.trunks({n: s for n, s in candidate.trunk().items() if n[:3] != "fc."})):
        found = _ways(network.trunk(), given)
        if len(found) > 1:
            one, two = next((a, b) for a, b in zip(found[0].items(), found[1].items(), strict=True) if a != b)
            raise MisfitError(
                f"The names of the tensors are not those of {candidate.name}, and their order fits in more than one "
                f"way: {one[0]} or {two[0]} would be {one[1]}",
                remedy="Save the weights in the order of the layers, or give the names as 'rename' in an "
                "architecture.yaml (docs/models.md, 'An architecture of your own')",
            )
        if found:
            return _finished(network, given, found[0])
    return None


def _ways(trunk: Shapes, given: Shapes) -> list[dict[str, str]]:
    """Foreign name -> ours, for each order of the two in which all shapes fit."""
    ours = list(_layers(trunk))
    found: list[dict[str, str]] = []
    for order in (list(given), sorted(given, key=_natural)):
        layers = list(_layers({name: given[name] for name in order}))
        if not _numbers_rise(layers):
            continue
        for mine in (ours, _shortcuts_last(ours)):
            names = _same(mine, layers)
            if names is not None and names not in found:
                found.append(names)
    return found


def _finished(candidate: Candidate, given: Shapes, names: Mapping[str, str]) -> Match:
    weight, _ = candidate.head
    behind = [name for name in given if name not in names and not name.endswith(COUNTER)]
    ends = sorted(behind, key=lambda name: len(given[name]), reverse=True)
    head = dict(zip((weight, f"{weight.removesuffix('weight')}bias"), ends, strict=True)) if len(ends) == 2 else {}
    outputs = head_outputs(candidate, {ours: given[foreign] for ours, foreign in head.items()})
    headed = outputs is not None
    used = dict(names) | ({foreign: ours for ours, foreign in head.items()} if headed else {})
    notes = [left_out(behind, candidate.width())] if behind and not headed else []
    return Match(
        candidate,
        {foreign: candidate.named(ours, headed=headed) for foreign, ours in used.items()},
        outputs,
        tuple(candidate.named(name, headed=headed) for name in candidate.trunk() if name not in used.values()),
        tuple(notes),
        by_order=True,
    )


def _layers(shapes: Shapes) -> Iterator[_Layer]:
    """Runs of tensors whose names are equal but for the end."""
    for name, run in groupby(shapes, key=lambda tensor: _split(tensor)[0]):
        yield _Layer(name, {_split(tensor)[1]: (tensor, shapes[tensor]) for tensor in run})


def _split(name: str) -> tuple[str, str]:
    """The layer and torch's end of its tensor's name: `conv1/gamma` -> `conv1`, `weight`."""
    match = re.fullmatch(r"(.*?)[./_]?(running_mean|running_var|moving_\w+|num_batches_tracked|[^./_]+)", name)
    layer, leaf = (match[1], match[2]) if match else ("", name)
    return layer, _LEAVES.get(leaf.lower(), leaf)


def _same(ours: list[_Layer], theirs: list[_Layer]) -> dict[str, str] | None:
    """Foreign name -> ours when each tensor has the shape of its place; None otherwise."""
    mine, foreign = _in_order(ours), _in_order(theirs)
    if not len(mine) <= len(foreign) <= len(mine) + _MOST_BEHIND:
        return None
    for (_, leaf, shape), (_, other, found) in zip(mine, foreign, strict=False):
        if shape != found or (other in _ENDS and other != leaf):
            return None
    names = {name: own for (own, _, _), (name, _, _) in zip(mine, foreign, strict=False)}
    counters = [[layer.tensors[_COUNTER][0] for layer in part if _COUNTER in layer.tensors] for part in (ours, theirs)]
    if len(counters[0]) == len(counters[1]):
        names |= dict(zip(counters[1], counters[0], strict=True))
    return names


def _in_order(layers: list[_Layer]) -> list[tuple[str, str, Shape]]:
    """Name, end and shape of every tensor but counters: a layer's in torch's order where their ends are known."""
    found: list[tuple[str, str, Shape]] = []
    for layer in layers:
        leaves = [leaf for leaf in layer.tensors if leaf != _COUNTER]
        if all(leaf in _ENDS for leaf in leaves):
            leaves.sort(key=_ENDS.index)
        found += [(layer.tensors[leaf][0], leaf, layer.tensors[leaf][1]) for leaf in leaves]
    return found


def _numbers_rise(layers: list[_Layer]) -> bool:
    """False when names that differ in their numbers alone come in another order than their numbers."""
    last: dict[str, list[int]] = {}
    for layer in layers:
        numbers = [int(digits) for digits in re.findall(r"\d+", layer.name)]
        pattern = re.sub(r"\d+", "#", layer.name)
        if pattern in last and numbers < last[pattern]:
            return False
        last[pattern] = numbers
    return True


def _natural(name: str) -> list[Any]:
    """For sorting `block10` after `block2`."""
    return [(1, int(part), "") if part.isdigit() else (0, 0, part) for part in re.split(r"(\d+)", name)]


def _shortcuts_last(layers: list[_Layer]) -> list[_Layer]:
    """The same layers with the shortcut of each block after the block's others, where torchvision lists it."""

    def block(layer: _Layer) -> str:
        return re.split(r"\.(?:shortcut|layer)\.", layer.name)[0]

    found: list[_Layer] = []
    for _, group in groupby(layers, key=block):
        members = list(group)
        found += sorted(members, key=lambda layer: ".shortcut." in layer.name)
    return found
