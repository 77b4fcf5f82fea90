"""Everything that some nodes reach in a compiled graph: nearest first, with the strongest effect on each and a way.

An effect may weaken on its way, so a node is walked once for each effect that arrives there (breadth-first search over
pairs of node and effect). Effects are numbers from 0 on, the strongest first.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from lineage.compiled import STEP, STEP_MAKING_DATA, CurrentGraph, Ints

ENDS = 255
"""In a table of `reach`: the effect ends there."""


@dataclass(frozen=True, slots=True)
class Reached:
    """What was reached. `places`, `effects` and `distances` are columns over the versions among it, in order.

    The order is by effect, then by distance in edges, then by place; each version has its strongest effect, and the
    nodes that were asked about come first, with distance 0. Steps are on the ways only.
    """

    graph: CurrentGraph
    places: Ints
    effects: Ints
    distances: Ints
    _before: tuple[Ints, ...]
    """By effect and place, the place before it on a shortest way, plus one; 0 where the effect does not arrive."""
    _effect_before: tuple[Ints, ...]
    _roles: tuple[Ints, ...]

    def __len__(self) -> int:
        return len(self.places)

    def parents(self, rows: slice) -> tuple[Ints, Ints]:
        """Of these rows the version before on a shortest way, and the number of the role in which that went in.

        -1 for both where the row is what was asked about.
        """
        places, effects = self.places[rows], self.effects[rows]
        above, roles = np.full(len(places), -1), np.full(len(places), -1)
        for effect in range(len(self._before)):
            mine = (effects == effect) & (self.distances[rows] > 0)
            steps = self._before[effect][places[mine]] - 1
            above[mine], roles[mine] = self._before[effect][steps] - 1, self._roles[effect][steps]
        return above, roles

    def way(self, row: int) -> Iterator[int]:
        """The places of a shortest way backwards, from the version of a row to what was asked about."""
        here, effect, left = int(self.places[row]), int(self.effects[row]), int(self.distances[row])
        yield here
        for _ in range(left):
            here, effect = int(self._before[effect][here]) - 1, int(self._effect_before[effect][here])
            yield here


class _Arrival(NamedTuple):
    """Edges that bring one effect to nodes: their ends, their roles, and the effect where they start."""

    targets: Ints
    sources: Ints
    roles: Ints
    effect: int


class _Walk:
    """The state of one walk."""

    def __init__(self, graph: CurrentGraph, effects: int) -> None:
        size = graph.size
        self.graph = graph
        self.before = tuple(np.zeros(size, np.int32) for _ in range(effects))  # the kernel gives zeros when touched
        self.effect_before = tuple(np.zeros(size, np.uint8) for _ in range(effects))
        self.roles = tuple(np.zeros(size, np.uint16) for _ in range(effects))

    def leave(self, fronts: Mapping[int, Ints], table: Ints | None) -> list[list[_Arrival]]:
        """Along all edges from `fronts`, by effect; by effect too, what arrives where. Without a table, from steps."""
        arrivals: list[list[_Arrival]] = [[] for _ in self.before]
        for effect, front in fronts.items():
            sources, targets, roles = self.graph.out_of(front)
            if not len(targets):
                continue
            if table is None:
                arrivals[effect].append(_Arrival(targets, sources, roles, effect))
                continue
            making_data = self.graph.all_kinds[targets] == STEP_MAKING_DATA
            carried = table[effect][making_data.astype(np.intp), roles]
            for becomes, into in enumerate(arrivals):
                mine = carried == becomes
                if mine.all():  # mostly
                    into.append(_Arrival(targets, sources, roles, effect))
                    break
                if mine.any():
                    into.append(_Arrival(targets[mine], sources[mine], roles[mine], effect))
        return arrivals

    def enter(self, effect: int, arrivals: list[_Arrival]) -> Ints:
        """Record who arrives with `effect` for the first time, each once: from source, by role, with its own effect."""
        if not arrivals:
            return np.empty(0, np.int64)
        targets = np.concatenate([one.targets for one in arrivals])
        sources = np.concatenate([one.sources for one in arrivals])
        roles = np.concatenate([one.roles for one in arrivals])
        effects = np.concatenate([np.full(len(one.targets), one.effect, np.uint8) for one in arrivals])
        before = self.before[effect]
        fresh = np.flatnonzero(before[targets] == 0)
        targets = targets[fresh]
        numbers = np.arange(1, len(targets) + 1, dtype=np.int32)
        before[targets] = numbers
        last = before[targets] == numbers  # of several edges to one node, one
        targets, fresh = targets[last], fresh[last]
        before[targets] = sources[fresh] + 1
        self.effect_before[effect][targets] = effects[fresh]
        self.roles[effect][targets] = roles[fresh]
        entered: Ints = targets
        return entered


def reach(graph: CurrentGraph, starts: Ints, table: Ints) -> Reached:
    """Walk from the versions `starts` (places), on which the effect is 0, down to all that came from them.

    `table` [effects, 2, roles] uint8 says which effect an input has on a step, by the effect on the input, by whether
    data comes out of the step, and by the number of the role; `ENDS` for none. What a step makes has the effect on it.
    """
    effects = range(len(table))
    walk, starts = _Walk(graph, len(table)), np.unique(starts)
    for before in walk.before:
        before[starts] = -1  # nothing arrives at what was asked about
    levels = [[starts if not effect else starts[:0]] for effect in effects]
    fronts, from_steps = {0: starts}, False
    while fronts:
        arrivals = walk.leave(fronts, None if from_steps else table)
        entered = {effect: walk.enter(effect, arrivals[effect]) for effect in effects}
        fronts = {effect: some for effect, some in entered.items() if len(some)}
        if from_steps:
            for effect in effects:
                levels[effect].append(np.sort(entered[effect]))
        from_steps = not from_steps
    return _reached(graph, walk, levels)


def _reached(graph: CurrentGraph, walk: _Walk, levels: list[list[Ints]]) -> Reached:
    places, effects, distances = [], [], []
    for effect, found in enumerate(levels):
        here = np.concatenate(found)
        far = np.repeat(2 * np.arange(len(found)), [len(one) for one in found])
        for stronger in walk.before[:effect]:
            alone = stronger[here] == 0
            here, far = here[alone], far[alone]
        places.append(here)
        distances.append(far)
        effects.append(np.full(len(here), effect, np.uint8))
    columns = np.concatenate(places), np.concatenate(effects), np.concatenate(distances)
    return Reached(graph, *columns, walk.before, walk.effect_before, walk.roles)


def is_step(graph: CurrentGraph, place: int) -> bool:
    """True of a step."""
    return bool(graph.all_kinds[place] >= STEP)
