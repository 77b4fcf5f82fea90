"""What a recall of something would touch, from the compiled graph: counted in groups, page by page, and as a stream.

As of an earlier time, only what is below the target is compiled, by the edges that were in force then.

Nothing is decided by these answers. A recall itself, its preview and every gate walk the edges of the table; the rules
of what an input does to what was made from it are the same.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np

from lineage import Node
from lineage.compiled import CurrentGraph, Ints
from lineage.reaching import ENDS, Reached, is_step, reach
from registry.domain.governance.recalls import Effect
from registry.domain.paging import Page, PageRequest
from registry.domain.people.teams import Sight
from registry.domain.transfers.ways import carried
from registry.domain.verbs.impact import Affected, ImpactSummary
from registry.errors import BadCursorError
from registry.services.context import Context
from registry.services.lineage.targets import node_of
from registry.services.storage.impact import Standings
from registry.services.unit_of_work import UnitOfWork

EFFECTS = (Effect.TAINTED, Effect.WEAKLY_TAINTED, Effect.EVIDENCE_INVALID)
"""By their numbers in the walk. The target itself taints as what it taints does."""
AT_ONCE = 5_000
"""Versions of a stream that are read by one transaction."""
_COUNTED_AT_ONCE = 50_000


@dataclass(frozen=True, slots=True)
class _Found:
    """What one question reached, and the names of the numbers of its roles."""

    target: Node
    reached: Reached
    names: tuple[str, ...]


def summary(context: Context, target: str, as_of: datetime | None = None) -> ImpactSummary:
    """See `LineageVerbs.impact`. Raises: BadReferenceError, NotFoundError."""
    with context.read() as uow:
        found = _found(uow, target, as_of)
        return _counted(uow, found, context.actor.sight)


def page_of(
    context: Context, target: str, *, ways: bool, page: PageRequest, as_of: datetime | None = None
) -> Page[Affected]:
    """See `LineageVerbs.affected`. Raises: BadReferenceError, NotFoundError, BadCursorError."""
    with context.read() as uow:
        found = _found(uow, target, as_of)
        reached = found.reached
        first = 0 if page.cursor is None else _after(reached, page.cursor)
        items: list[Affected] = []
        last = first
        while len(items) < page.limit and last < len(reached):  # deleted versions leave room
            rows = slice(last, min(len(reached), last + page.limit - len(items)))
            items += _described(uow, found, rows, ways=ways)
            last = rows.stop
    return Page(items, _cursor(reached, last - 1) if last < len(reached) else None)


def every(context: Context, target: str, *, ways: bool, as_of: datetime | None = None) -> Iterator[Affected]:
    """See `LineageVerbs.every_affected`. Raises: BadReferenceError, NotFoundError, at once.

    Who is slow to read it holds no transaction: the facts of the next versions are read when they are asked for.
    """
    with context.read() as uow:
        found = _found(uow, target, as_of)
    return _stream(context, found, ways=ways)


def _stream(context: Context, found: _Found, *, ways: bool) -> Iterator[Affected]:
    for start in range(0, len(found.reached), AT_ONCE):
        with context.read() as uow:
            some = _described(uow, found, slice(start, min(len(found.reached), start + AT_ONCE)), ways=ways)
        yield from some


def _found(uow: UnitOfWork, target: str, as_of: datetime | None) -> _Found:
    node = node_of(uow, target, as_of)
    graph = uow.impact.graph() if as_of is None else uow.impact.graph_below(node.id, as_of)
    starts = graph.places(np.array([node.id]))
    if is_step(graph, int(starts[0])):
        starts = graph.out_of(starts)[0]
    return _Found(node, reach(graph, starts, table(graph)), graph.names)


def table(graph: CurrentGraph) -> Ints:
    """What each role does with each effect, as `carried` says it, for `reach`."""
    table = np.full((len(EFFECTS), 2, len(graph.names)), ENDS, np.uint8)
    for number, effect in enumerate(EFFECTS):
        for makes_data in (False, True):
            for role, name in enumerate(graph.names):
                becomes = carried(effect, name, makes_data=makes_data)
                if becomes is not None:
                    table[number, int(makes_data), role] = EFFECTS.index(becomes)
    return table


def _counted(uow: UnitOfWork, found: _Found, sight: Sight) -> ImpactSummary:
    reached = found.reached
    keys = reached.graph.keys_at(reached.places)
    _, ways_in = reached.parents(slice(None))
    effects, roles, stages, owners, teams = (Counter[str]() for _ in range(5))
    deleted = hidden = 0
    together = reached.effects * (len(found.names) + 1) + ways_in + 1
    for number in np.unique(together):
        mine = np.flatnonzero(together == number)
        effect, role = _effect(reached, int(mine[0])), int(ways_in[mine[0]])
        for start in range(0, len(mine), _COUNTED_AT_ONCE):
            found_here = uow.impact.standings(keys[mine[start : start + _COUNTED_AT_ONCE]].tolist())
            live, gone, unseen = _seen(found_here, sight)
            deleted, hidden = deleted + gone, hidden + unseen
            stages.update(stage or "data" for stage in live.stages)
            owners.update(live.owners)
            teams.update(name.partition("/")[0] for name in live.names)
            effects[effect] += len(live.names)
            if role >= 0 and live.names:
                roles[found.names[role]] += len(live.names)
    return ImpactSummary(
        target=found.target.label,
        versions=sum(effects.values()),
        effects={one.value: effects[one] for one in Effect if effects[one]},
        roles=dict(roles.most_common()),
        stages=dict(stages.most_common()),
        owners=dict(owners.most_common()),
        teams=dict(teams.most_common()),
        deleted=deleted,
        hidden=hidden,
    )


def _seen(all_of_them: Standings, sight: Sight) -> tuple[Standings, int, int]:
    """The live versions that the person sees, and how many others of those are deleted, and live but hidden."""
    if not (sight.hidden or any(all_of_them.deleted)):
        return all_of_them, 0, 0
    columns = (all_of_them.names, all_of_them.owners, all_of_them.stages, all_of_them.deleted)
    rows = list(zip(*columns, strict=True))
    seen = [row for row in rows if not sight.hides(row[0].partition("/")[0])]
    live = [row for row in seen if not row[3]]
    hidden = sum(not row[3] for row in rows) - len(live)
    return Standings(*zip(*live, strict=True)) if live else Standings((), (), (), ()), len(seen) - len(live), hidden


def _effect(reached: Reached, row: int) -> Effect:
    return EFFECTS[int(reached.effects[row])] if reached.distances[row] else Effect.TARGET


def _described(uow: UnitOfWork, found: _Found, rows: slice, *, ways: bool) -> Sequence[Affected]:
    """The live versions of these rows."""
    reached = found.reached
    graph = reached.graph
    places = reached.places[rows]
    keys = graph.keys_at(places).tolist()
    above, roles = reached.parents(rows)
    before: list[int] = np.where(above < 0, -1, graph.keys_at(np.maximum(above, 0))).tolist()
    paths = [_way(reached, row) if ways else [] for row in range(rows.start, rows.stop)]
    facts = uow.impact.facts(keys)
    labels: Mapping[int, str] = uow.impact.labels({*before, *(key for path in paths for key in path)} - {-1})
    columns = zip(range(rows.start, rows.stop), keys, before, roles.tolist(), paths, strict=True)
    return [
        Affected(
            fact.ref,
            _effect(reached, row),
            int(reached.distances[row]) // 2,
            found.names[role] if role >= 0 else "",
            labels[parent] if parent >= 0 else "",
            fact.stage,
            fact.status,
            fact.owner,
            tuple(labels[one] for one in path),
        )
        for row, key, parent, role, path in columns
        if not (fact := facts[key]).deleted
    ]


def _way(reached: Reached, row: int) -> list[int]:
    places = np.fromiter(reached.way(row), np.int64)[::-1]
    keys: list[int] = reached.graph.keys_at(places).tolist()
    return keys


def _cursor(reached: Reached, row: int) -> str:
    key = int(reached.graph.keys_at(reached.places[row : row + 1])[0])
    return f"{int(reached.effects[row])}-{int(reached.distances[row])}-{key}"


def _after(reached: Reached, cursor: str) -> int:
    """The first row after that of a cursor, whether or not that version is still reached so."""
    try:
        effect, distance, key = (int(part) for part in cursor.split("-"))
        order = np.array([effect, distance, key], np.int64)
    except (ValueError, OverflowError):
        raise BadCursorError(
            f"The cursor {cursor[:40]!r} does not belong to this query",
            remedy="Take next_cursor from the page before, and change nothing else of the query",
        ) from None
    first = int(np.searchsorted(reached.effects, order[0], side="left"))
    last = int(np.searchsorted(reached.effects, order[0], side="right"))
    near = reached.distances[first:last]
    first, last = (
        first + int(np.searchsorted(near, order[1], side="left")),
        first + int(np.searchsorted(near, order[1], side="right")),
    )
    keys = reached.graph.keys_at(reached.places[first:last])
    return first + int(np.searchsorted(keys, order[2], side="right"))
