"""The whole graph as arrays: made once, walked by many processes, together with what was recorded since.

A compiled graph holds all edges up to some moment, sorted by where they start (CSR: compressed sparse rows). What came
later, and what was closed since, stands beside it as `Newer`, so that a walk of both sees the graph as it is now.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lineage.errors import MisfitGraphError

Ints = NDArray[Any]
MODEL, DATASET, STEP, STEP_MAKING_DATA = range(4)
"""The kinds of nodes: how an input went into a step depends on whether data came out of it."""
_NONE = np.empty(0, np.int64)


@dataclass(frozen=True, slots=True)
class EdgeRows:
    """Edges as columns: the keys of their ends and the name of their role, each of one length."""

    sources: Ints = field(default_factory=lambda: _NONE)
    targets: Ints = field(default_factory=lambda: _NONE)
    roles: Sequence[str] = ()

    @classmethod
    def of(cls, rows: Iterable[tuple[int, int, str]]) -> EdgeRows:
        """Of (source, target, role)."""
        columns = list(zip(*rows, strict=True)) or [(), (), ()]
        return cls(np.array(columns[0], np.int64), np.array(columns[1], np.int64), columns[2])


@dataclass(frozen=True)
class CompiledGraph:
    """Every node with the edges that start at it. The arrays may lie in a file that several processes map.

    `keys` [nodes] int64, ascending; `kinds` [nodes] uint8; `starts` [nodes + 1] int32 (int64 from 2**31 edges on): the
    edges of node i are those from `starts[i]` to before `starts[i + 1]`; `targets` [edges] int32, places in `keys`;
    `roles` [edges] uint8 (uint16 where there are more than 256), places in `names`.
    """

    keys: Ints
    kinds: Ints
    starts: Ints
    targets: Ints
    roles: Ints
    names: tuple[str, ...]

    @classmethod
    def of(cls, keys: Ints, kinds: Ints, edges: Iterable[EdgeRows]) -> CompiledGraph:
        """Of all nodes, with ascending keys and kinds (`STEP` for every step), and edges in chunks of any order.

        Raises: MisfitGraphError for an edge to a node that is not among them.
        """
        names: dict[str, int] = {}
        parts = [(_NONE, _NONE, np.empty(0, np.uint16))]
        parts += [(place(keys, one.sources), place(keys, one.targets), _coded(one.roles, names)) for one in edges]
        sources, targets, roles = (np.concatenate(column) for column in zip(*parts, strict=True))
        return cls.sorted(keys, kinds, sources, targets, roles, tuple(names))

    @classmethod
    def sorted(
        cls, keys: Ints, kinds: Ints, sources: Ints, targets: Ints, roles: Ints, names: tuple[str, ...]
    ) -> CompiledGraph:
        """Of edges whose ends are places in `keys`, in any order."""
        order = np.argsort(sources * len(keys) + targets, kind="stable")
        sources, targets = sources[order], targets[order].astype(np.int32)
        starts = np.zeros(len(keys) + 1, np.int64)
        np.cumsum(np.bincount(sources, minlength=len(keys)), out=starts[1:])
        kinds = _making_data(kinds.astype(np.uint8), sources, targets)
        narrow = np.uint8 if len(names) <= 2**8 else np.uint16  # what is read at random is kept small
        starts = starts.astype(np.int32) if len(targets) < 2**31 else starts
        return cls(keys.astype(np.int64), kinds, starts, targets, roles[order].astype(narrow), names)

    def __len__(self) -> int:
        """How many edges it holds."""
        return len(self.targets)

    def slot(self, source: int, target: int, role: int, taken: set[int]) -> int:
        """Where an edge stands, but not in a place that is `taken`. Raises: MisfitGraphError."""
        first, last = int(self.starts[source]), int(self.starts[source + 1])
        first += int(np.searchsorted(self.targets[first:last], target))
        for slot in range(first, last):
            if self.targets[slot] != target:
                break
            if self.roles[slot] == role and slot not in taken:
                return slot
        raise MisfitGraphError


@dataclass(frozen=True)
class CurrentGraph:
    """A compiled graph with what came after it: nodes with greater keys, edges, and the edges that were closed."""

    base: CompiledGraph
    keys: Ints = field(default_factory=lambda: _NONE)
    """Of the newer nodes, ascending. A node's place is that among the compiled ones and these after them."""
    kinds: Ints = field(default_factory=lambda: np.empty(0, np.uint8))
    """Of all nodes; empty where there is nothing newer."""
    sources: Ints = field(default_factory=lambda: _NONE)
    """Of the newer edges, ascending places."""
    targets: Ints = field(default_factory=lambda: _NONE)
    roles: Ints = field(default_factory=lambda: np.empty(0, np.uint16))
    closed: Ints = field(default_factory=lambda: _NONE)
    """Where the edges that were closed stand among the compiled ones, ascending."""
    names: tuple[str, ...] = ()

    @classmethod
    def alone(cls, base: CompiledGraph) -> CurrentGraph:
        """With nothing newer."""
        return cls(base, names=base.names)

    @classmethod
    def of(cls, base: CompiledGraph, keys: Ints, kinds: Ints, added: EdgeRows, closed: EdgeRows) -> CurrentGraph:
        """What was recorded after `base`; `keys` and `kinds` of newer nodes, as in `CompiledGraph.of`.

        Raises: MisfitGraphError where that cannot have come after it.
        """
        if not (len(keys) or len(added.sources) or len(closed.sources)):
            return cls.alone(base)
        if len(keys) and len(base.keys) and keys[0] <= base.keys[-1]:
            raise MisfitGraphError
        every = np.concatenate([base.keys, keys])
        names = {name: number for number, name in enumerate(base.names)}
        sources, targets = place(every, added.sources), place(every, added.targets)
        order = np.argsort(sources, kind="stable")
        roles = _coded(added.roles, names)
        taken: set[int] = set()
        ends = zip(place(base.keys, closed.sources), place(base.keys, closed.targets), closed.roles, strict=True)
        for source, target, role in ends:
            if base.kinds[source] >= STEP:  # what a step made is never corrected, only what went in
                raise MisfitGraphError
            taken.add(base.slot(int(source), int(target), names.get(role, -1), taken))
        kinds = _making_data(np.concatenate([base.kinds, kinds.astype(np.uint8)]), sources, targets)
        gone = np.array(sorted(taken), np.int64)
        return cls(base, keys, kinds, sources[order], targets[order], roles[order], gone, tuple(names))

    def __len__(self) -> int:
        """How many edges are in force."""
        return len(self.base) - len(self.closed) + len(self.sources)

    @property
    def newer(self) -> int:
        """How many changes of edges the compiled graph does not hold."""
        return len(self.sources) + len(self.closed)

    @property
    def size(self) -> int:
        """How many nodes there are."""
        return len(self.base.keys) + len(self.keys)

    @cached_property
    def all_kinds(self) -> Ints:
        """The kind of every node."""
        return self.kinds if len(self.kinds) else self.base.kinds

    def places(self, keys: Ints) -> Ints:
        """Of the nodes with these keys. Raises: MisfitGraphError for one that is not here."""
        return place(np.concatenate([self.base.keys, self.keys]) if len(self.keys) else self.base.keys, keys)

    def keys_at(self, places: Ints) -> Ints:
        """The keys of nodes."""
        if not len(self.keys):
            found: Ints = self.base.keys[places]
            return found
        newer = places >= len(self.base.keys)
        found = np.empty(len(places), np.int64)
        found[newer] = self.keys[places[newer] - len(self.base.keys)]
        found[~newer] = self.base.keys[places[~newer]]
        return found

    def out_of(self, places: Ints, *, roles: bool = True) -> tuple[Ints, Ints, Ints]:
        """The edges that start at these nodes: target, source and role of each, as places; no roles where not asked."""
        base = self.base
        old = places if not len(self.keys) else places[places < len(base.keys)]
        first = base.starts[old]
        sources, slots = _ranges(old, first, base.starts[old + 1] - first)
        if len(self.closed):
            kept = ~np.isin(slots, self.closed)
            sources, slots = sources[kept], slots[kept]
        targets, found = base.targets[slots], base.roles[slots] if roles else base.roles[:0]
        if len(self.sources):
            first = np.searchsorted(self.sources, places)
            more, slots = _ranges(places, first, np.searchsorted(self.sources, places, side="right") - first)
            sources = np.concatenate([sources, more])
            targets = np.concatenate([targets, self.targets[slots]])
            found = np.concatenate([found, self.roles[slots]]) if roles else found
        return targets, sources, found

    def compiled(self) -> CompiledGraph:
        """All of it in arrays of its own."""
        base = self.base
        if not (self.newer or len(self.keys)):
            return base
        counts = np.diff(base.starts)
        old = np.repeat(np.arange(len(base.keys)), counts)
        kept = np.ones(len(base), bool)
        kept[self.closed] = False
        kinds = np.where(self.all_kinds == STEP_MAKING_DATA, STEP, self.all_kinds)
        return CompiledGraph.sorted(
            np.concatenate([base.keys, self.keys]),
            kinds,
            np.concatenate([old[kept], self.sources]),
            np.concatenate([base.targets[kept], self.targets]),
            np.concatenate([base.roles[kept], self.roles]),
            self.names,
        )


def place(keys: Ints, wanted: Ints) -> Ints:
    """Where the `wanted` stand in ascending `keys`. Raises: MisfitGraphError for one that does not."""
    if not len(wanted):
        return _NONE
    if not len(keys):
        raise MisfitGraphError
    if keys[-1] - keys[0] + 1 == len(keys):  # no gap
        found: Ints = wanted - keys[0]
        if found.min() < 0 or found.max() >= len(keys):
            raise MisfitGraphError
        return found
    found = np.minimum(np.searchsorted(keys, wanted), len(keys) - 1)
    if not np.array_equal(keys[found], wanted):
        raise MisfitGraphError
    return found


def _ranges(owners: Ints, first: Ints, counts: Ints) -> tuple[Ints, Ints]:
    """Each owner as often as it counts, and beside it the numbers from `first` on."""
    if (counts == 1).all():  # from steps mostly
        return owners, first
    ends = np.cumsum(counts, dtype=counts.dtype)
    total = int(ends[-1]) if len(ends) else 0
    return np.repeat(owners, counts), np.repeat(first - ends + counts, counts) + np.arange(total, dtype=ends.dtype)


def _coded(roles: Sequence[str], names: dict[str, int]) -> Ints:
    """Each role as its number; a new one gets the next."""
    return np.fromiter((names.setdefault(role, len(names)) for role in roles), np.uint16, len(roles))


def _making_data(kinds: Ints, sources: Ints, targets: Ints) -> Ints:
    """The kinds, with the steps marked that these edges lead from to data."""
    kinds[sources[kinds[targets] == DATASET]] = STEP_MAKING_DATA
    return kinds
