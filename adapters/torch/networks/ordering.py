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
_MOST_BEHIND = 4
"""Layers of a head that may follow the trunk."""


@dataclass(frozen=True, slots=True)
class _Layer:
    """Tensors of one layer by torch's ends of names: name and shape."""

    name: str
    tensors: Mapping[str, tuple[str, Shape]]


def match_by_order(candidate: Candidate, given: Shapes) -> Match | None:
    """The one way in which the layers of `given` are those of `candidate` in order; None when there is none.

    Raises: MisfitError when there are several, or when the numbers in the names contradict the order.
    """
    trunk = candidate.trunk()
    wanted = [list(_layers(trunk)), _shortcuts_last(list(_layers(trunk)))]
    found: list[dict[str, str]] = []
    behind: list[_Layer] = []
    for order in (list(given), sorted(given, key=_natural)):
        layers = list(_layers({name: given[name] for name in order}))
        for ours in wanted:
            same = _same(ours, layers) if _numbers_rise(layers) else None
            if same is not None and same[0] not in found:
                found.append(same[0])
                behind = same[1]
    if not found:
        return None
    if len(found) > 1:
        one, two = next((a, b) for a, b in zip(found[0].items(), found[1].items(), strict=True) if a != b)
        raise MisfitError(
            f"The names of the tensors are not those of {candidate.name}, and their order fits in more than one way: "
            f"{one[0]} would be {one[1]} or another",
            remedy="Save the weights in the order of the layers, or give the names as 'rename' in an architecture.yaml",
            facts={"first": list(one), "second": list(two)},
        )
    return _finished(candidate, given, found[0], behind)


def _finished(candidate: Candidate, given: Shapes, names: Mapping[str, str], behind: list[_Layer]) -> Match:
    weight = candidate.head[0].rpartition(".")[0]
    head: dict[str, str] = {}
    if len(behind) == 1:
        head = {f"{weight}.{leaf}": foreign for leaf, (foreign, _) in behind[0].tensors.items()}
    outputs = head_outputs(candidate, {ours: given[foreign] for ours, foreign in head.items()})
    used = dict(names) | ({foreign: ours for ours, foreign in head.items()} if outputs is not None else {})
    left = [name for name in given if name not in used and not name.endswith(COUNTER)]
    notes = [left_out(left, candidate.width())] if left else []
    headed = outputs is not None
    added = [candidate.named(name, headed=headed) for name in candidate.trunk() if name not in used.values()]
    final = {foreign: candidate.named(ours, headed=headed) for foreign, ours in used.items()}
    return Match(candidate, final, outputs, tuple(added), tuple(notes), by_order=True)


def _layers(shapes: Shapes) -> Iterator[_Layer]:
    """Runs of tensors whose names are equal but for the end."""
    for name, run in groupby(shapes, key=lambda tensor: _split(tensor)[0]):
        yield _Layer(name, {_split(tensor)[1]: (tensor, shapes[tensor]) for tensor in run})


def _split(name: str) -> tuple[str, str]:
    """The layer and torch's end of its tensor's name: `conv1/gamma` -> `conv1`, `weight`."""
    match = re.fullmatch(r"(.*?)[./_]?(running_mean|running_var|moving_\w+|num_batches_tracked|[^./_]+)", name)
    layer, leaf = (match[1], match[2]) if match else ("", name)
    return layer, _LEAVES.get(leaf.lower(), leaf)


def _same(ours: list[_Layer], theirs: list[_Layer]) -> tuple[dict[str, str], list[_Layer]] | None:
    """Foreign name -> ours when each tensor has the shape of its place, and the layers behind; None otherwise."""
    mine, foreign = _in_order(ours), _in_order(theirs)
    if len(foreign) < len(mine):
        return None
    for (_, leaf, shape), (_, other, found) in zip(mine, foreign, strict=False):
        if shape != found or (other in _ENDS and other != leaf):
            return None
    names = {name: own for (own, _, _), (name, _, _) in zip(mine, foreign, strict=False)}
    behind = [layer for layer in theirs if not any(name in names for name, _ in layer.tensors.values())]
    if len(behind) > _MOST_BEHIND or len(names) + len(_in_order(behind)) != len(foreign):
        return None
    counters = [[n for layer in layers for leaf, (n, _) in layer.tensors.items() if leaf == COUNTER[1:]] for layers in (ours, theirs)]
    if len(counters[0]) == len(counters[1]):
        names |= dict(zip(counters[1], counters[0], strict=True))
    return names, behind


def _in_order(layers: list[_Layer]) -> list[tuple[str, str, Shape]]:
    """Name, end and shape of every tensor but counters: a layer's in torch's order where their ends are known."""
    found: list[tuple[str, str, Shape]] = []
    for layer in layers:
        leaves = [leaf for leaf in layer.tensors if leaf != COUNTER[1:]]
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

