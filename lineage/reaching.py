"""Everything that some nodes reach in a compiled graph: nearest first, with the strongest effect on each and a way.

An effect may weaken on its way, so a node is walked once for each effect that arrives there (breadth-first search over
pairs of node and effect). Effects are numbers from 0 on, the strongest first.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np

from lineage.compiled import STEP, STEP_MAKING_DATA, CurrentGraph, Ints

ENDS = 255
"""In a table of `reach`: the effect ends there."""


class Arrivals(NamedTuple):
    """Edges by which one effect came to nodes, in columns: their ends, their roles, the effect where they start."""

    targets: Ints
    sources: Ints
    roles: Ints
    effects: Ints


@dataclass(frozen=True)
class Reached:
    """What was reached. `places`, `effects` and `distances` are columns over the versions among it, in order.

    The order is by effect, then by distance in edges, then by place; each version has its strongest effect, and the
    nodes that were asked about come first, with distance 0. Steps are on the ways only.
    """

    graph: CurrentGraph
    places: Ints
    effects: Ints
    distances: Ints
    _logs: Sequence[Sequence[_Edges]]

    def __len__(self) -> int:
        return len(self.places)

    @cached_property
    def _arrivals(self) -> Sequence[Arrivals]:
        """By effect, how it came to each node that it came to."""
        return [_joined(log) for log in self._logs]

    @cached_property
    def _came(self) -> Sequence[Ints]:
        """By effect and place, which of the arrivals that was."""
        found = []
        for arrivals in self._arrivals:
            came = np.zeros(self.graph.size, np.int32)
            came[arrivals.targets] = np.arange(len(arrivals.targets))
            found.append(came)
        return found

    def parents(self, rows: slice) -> tuple[Ints, Ints]:
        """Of these rows the version before on a shortest way, and the number of the role in which that went in.

        -1 for both where the row is what was asked about.
        """
        places, effects = self.places[rows], self.effects[rows]
        above, roles = np.full(len(places), -1), np.full(len(places), -1)
        for effect, (came, arrivals) in enumerate(zip(self._came, self._arrivals, strict=True)):
            mine = (effects == effect) & (self.distances[rows] > 0)
            steps = came[arrivals.sources[came[places[mine]]]]
            above[mine], roles[mine] = arrivals.sources[steps], arrivals.roles[steps]
        return above, roles

    def way(self, row: int) -> Iterator[int]:
        """The places of a shortest way backwards, from the version of a row to what was asked about."""
        here, effect, left = int(self.places[row]), int(self.effects[row]), int(self.distances[row])
        yield here
        for _ in range(left):
            number, arrivals = int(self._came[effect][here]), self._arrivals[effect]
            here, effect = int(arrivals.sources[number]), int(arrivals.effects[number])
            yield here


class _Edges(NamedTuple):
    """Edges that bring an effect to nodes: their ends, their roles (none from steps), and the effect at their start."""

    targets: Ints
    sources: Ints
    roles: Ints
    effect: int

    def only(self, which: Ints) -> _Edges:
        """Some of them: by a mask or by their numbers."""
        return _Edges(
            self.targets[which], self.sources[which], self.roles[which] if len(self.roles) else self.roles, self.effect
        )


class _Walk:
    """The state of one walk: by effect, which nodes it came to, and along which edges."""

    def __init__(self, graph: CurrentGraph, effects: int) -> None:
        self.graph = graph
        self.seen = tuple(np.zeros(graph.size, bool) for _ in range(effects))
        self.logs: list[list[_Edges]] = [[] for _ in range(effects)]

    def leave(self, fronts: Mapping[int, Ints], table: Ints | None) -> list[list[_Edges]]:
        """Along all edges from `fronts`, by effect; by effect too, what comes where. Without a table, from steps."""
        coming: list[list[_Edges]] = [[] for _ in self.seen]
        for effect, front in fronts.items():
            edges = _Edges(*self.graph.out_of(front, roles=table is not None), effect)
            if not len(edges.targets):
                continue
            if table is None:
                coming[effect].append(edges)
                continue
            making_data = self.graph.all_kinds[edges.targets] == STEP_MAKING_DATA
            carried = table[effect][0][edges.roles]
            if making_data.any():
                carried = np.where(making_data, table[effect][1][edges.roles], carried)
            for becomes, into in enumerate(coming):
                mine = carried == becomes
                if mine.all():  # mostly
                    into.append(edges)
                    break
                if mine.any():
                    into.append(edges.only(mine))
        return coming

    def enter(self, effect: int, coming: list[_Edges]) -> Ints:
        """Record what comes with `effect` to nodes that it did not come to before; those nodes, each once, in order."""
        seen, entered = self.seen[effect], [_NOBODY]
        for edges in coming:
            fresh = ~seen[edges.targets]
            if not fresh.all():
                edges = edges.only(fresh)  # noqa: PLW2901 - the rest are known
            front = np.sort(edges.targets)
            if (front[1:] == front[:-1]).any():  # several edges to one node: one of them
                front, first = np.unique(edges.targets, return_index=True)
                edges = edges.only(first)  # noqa: PLW2901 - as above
            seen[front] = True
            self.logs[effect].append(edges)
            entered.append(front)
        return entered[1] if len(entered) == 2 else np.sort(np.concatenate(entered))


_NOBODY = np.empty(0, np.int32)


def reach(graph: CurrentGraph, starts: Ints, table: Ints) -> Reached:
    """Walk from the versions `starts` (places), on which the effect is 0, down to all that came from them.

    `table` [effects, 2, roles] uint8 says which effect an input has on a step, by the effect on the input, by whether
    data comes out of the step, and by the number of the role; `ENDS` for none. What a step makes has the effect on it.
    """
    effects = range(len(table))
    walk, starts = _Walk(graph, len(table)), np.unique(starts)
    for seen in walk.seen:
        seen[starts] = True  # nothing arrives at what was asked about
    levels = [[starts if not effect else _NOBODY] for effect in effects]
    fronts, from_steps = {0: starts}, False
    while fronts:
        coming = walk.leave(fronts, None if from_steps else table)
        entered = {effect: walk.enter(effect, coming[effect]) for effect in effects if coming[effect]}
        fronts = {effect: some for effect, some in entered.items() if len(some)}
        if from_steps:
            for effect in effects:
                levels[effect].append(fronts.get(effect, _NOBODY))
        from_steps = not from_steps
    return _reached(graph, walk, levels)


def _reached(graph: CurrentGraph, walk: _Walk, levels: list[list[Ints]]) -> Reached:
    """Each version by its strongest effect."""
    for effect, found in enumerate(levels):
        for stronger in walk.seen[:effect]:
            found[:] = [some[~stronger[some]] for some in found]
    counts = [[len(some) for some in found] for found in levels]
    far = np.tile(np.arange(0, 2 * len(levels[0]), 2), len(levels))
    return Reached(
        graph,
        np.concatenate([some for found in levels for some in found]),
        np.repeat(np.arange(len(levels), dtype=np.uint8), [sum(some) for some in counts]),
        np.repeat(far, [count for some in counts for count in some]),
        walk.logs,
    )


def _joined(log: Sequence[_Edges]) -> Arrivals:
    roles = [one.roles if len(one.roles) else np.zeros(len(one.targets), np.uint16) for one in log]
    counts = [len(one.targets) for one in log]
    return Arrivals(
        np.concatenate([_NOBODY, *(one.targets for one in log)]),
        np.concatenate([_NOBODY, *(one.sources for one in log)]),
        np.concatenate([_NOBODY, *roles]),
        np.repeat(np.array([one.effect for one in log], np.uint8), counts),
    )


def is_step(graph: CurrentGraph, place: int) -> bool:
    """True of a step."""
    return bool(graph.all_kinds[place] >= STEP)
