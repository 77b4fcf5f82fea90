"""Marks that flow down the edges: what a node owes, or is, because of what it came from.

A node has its own marks and those that its incoming links carry to it. That is a union over an acyclic graph, so the
order does not matter, a link more never removes a mark, and each mark of a node has a path that explains it.

`Flow.of` computes all of it once; `Flow.change` then follows a change down, and only as far as anything differs: nodes
are looked at in a topological order that is kept as links come (Pearce and Kelly 2006), each once, after all above it.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Collection, Hashable, Iterable, Mapping
from heapq import heapify, heappop, heappush
from typing import NamedTuple

from lineage.errors import CycleError, UnknownLinkError
from lineage.nodes import NodeId

Carried = Callable[[Hashable, str], str | None]
"""What becomes of a mark along a link, by the way of the link: itself, another mark, or None where it ends."""
Marking = tuple[NodeId, str]


class Link(NamedTuple):
    """One edge by which marks flow from `source` to `target`; `way` is None for one that carries nothing."""

    source: NodeId
    target: NodeId
    way: Hashable


_Reason = tuple[int, NodeId, str]
"""Why a node has a mark: the length of the way from where it begins, the node before it, and the mark there.

The smaller is the better one. The others count only where the length is not 0. Plain tuples, since there are many.
"""
_BEGINS: _Reason = (0, 0, "")


class _Table(dict[str, str | None]):
    """What becomes of each mark along one way, asked once."""

    def __init__(self, way: Hashable, carried: Carried) -> None:
        super().__init__()
        self.way, self._carried = way, carried

    def __missing__(self, mark: str) -> str | None:
        self[mark] = becomes = self._carried(self.way, mark)
        return becomes


class Flow:
    """The marks of every node of a graph, kept right while links and marks come and go.

    A node's own mark begins there only if nothing that it came from brings it.
    """

    __slots__ = ("_carried", "_high", "_into", "_low", "_out", "_own", "_rank", "_reasons", "_tables")

    def __init__(self, carried: Carried) -> None:
        self._carried = carried
        self._tables: dict[Hashable, _Table] = {}
        self._into: dict[NodeId, list[tuple[NodeId, _Table]]] = {}
        self._out: dict[NodeId, list[NodeId]] = {}
        self._own: dict[NodeId, set[str]] = {}
        self._rank: dict[NodeId, int] = {}
        self._low = self._high = 0
        self._reasons: dict[NodeId, dict[str, _Reason]] = {}

    @classmethod
    def of(cls, links: Iterable[Link], own: Mapping[NodeId, Iterable[str]], carried: Carried) -> Flow:
        """Let the marks of `own` flow down. Time grows with links times marks. Raises: CycleError."""
        made = cls(carried)
        made._own = {node: marks for node, some in own.items() if (marks := set(some))}
        for source, target, way in links:
            if way is not None:
                made._into.setdefault(target, []).append((source, made._table(way)))
                made._out.setdefault(source, []).append(target)
        made._rank_all()
        made._settle(made._own)
        return made

    # --- what is there ---------------------------------------------------------------------------------------------

    def marks(self, node: NodeId) -> frozenset[str]:
        """The marks of a node, its own and inherited ones."""
        return frozenset(self._reasons.get(node, ()))

    def path(self, node: NodeId, mark: str) -> tuple[NodeId, ...]:
        """The shortest way from where the mark begins to `node`, both named. Raises: KeyError for a mark it lacks."""
        way, (length, before, as_mark) = [node], self._reasons[node][mark]
        while length:
            way.append(before)
            length, before, as_mark = self._reasons[before][as_mark]
        return tuple(reversed(way))

    # --- changes ---------------------------------------------------------------------------------------------------

    def change(
        self,
        *,
        linked: Collection[Link] = (),
        unlinked: Collection[Link] = (),
        marked: Iterable[Marking] = (),
        unmarked: Iterable[Marking] = (),
    ) -> frozenset[NodeId]:
        """Add and take away links and own marks, and let that flow; the nodes whose marks are others than before.

        Raises: CycleError, and UnknownLinkError for a link that is not there to be taken away; then nothing changes.
        """
        self._relink([one for one in linked if one.way is not None], [one for one in unlinked if one.way is not None])
        touched = {one.target for one in (*linked, *unlinked)}
        for node, mark in unmarked:
            self._own.get(node, set()).discard(mark)
            touched.add(node)
        for node, mark in marked:
            self._own.setdefault(node, set()).add(mark)
            touched.add(node)
        return self._settle(touched)

    def _relink(self, linked: Collection[Link], unlinked: Collection[Link]) -> None:
        gone, come = list[Link](), list[Link]()
        try:
            for link in unlinked:
                self._drop(link)
                gone.append(link)
            for link in linked:
                self._add(link)
                come.append(link)
        except (CycleError, UnknownLinkError):
            for link in come:
                self._drop(link)
            for link in gone:  # what was acyclic is so again
                self._add(link)
            raise

    def _add(self, link: Link) -> None:
        source, target, way = link
        if target not in self._rank:
            self._high += 1
            self._rank[target] = self._high
        if source not in self._rank:
            self._low -= 1
            self._rank[source] = self._low
        if self._rank[source] >= self._rank[target]:
            self._reorder(source, target)
        self._into.setdefault(target, []).append((source, self._table(way)))
        self._out.setdefault(source, []).append(target)

    def _drop(self, link: Link) -> None:
        source, target, way = link
        table, into = self._table(way), self._into.get(target, [])
        for place, (before, by) in enumerate(into):
            if before == source and by is table:
                del into[place]
                self._out[source].remove(target)
                return
        raise UnknownLinkError(source, target)

    def _reorder(self, source: NodeId, target: NodeId) -> None:
        """Rank `source`, with what lies above it, before `target` and what lies below. Raises: CycleError."""
        rank, lowest, highest = self._rank, self._rank[target], self._rank[source]
        below, waiting = {target}, [target]
        while waiting:
            for there in self._out.get(waiting.pop(), ()):
                if there not in below and rank[there] <= highest:
                    below.add(there)
                    waiting.append(there)
        if source in below:
            raise CycleError(str(source), str(target))
        above, waiting = {source}, [source]
        while waiting:
            for there, _ in self._into.get(waiting.pop(), ()):
                if there not in above and rank[there] >= lowest:
                    above.add(there)
                    waiting.append(there)
        in_order = [*sorted(above, key=rank.__getitem__), *sorted(below, key=rank.__getitem__)]
        free = sorted(rank[node] for node in in_order)
        rank.update(zip(in_order, free, strict=True))

    # --- the flow itself -------------------------------------------------------------------------------------------

    def _settle(self, touched: Iterable[NodeId]) -> frozenset[NodeId]:
        """Look at `touched` and at all below that differs for it; the nodes whose marks are others than before."""
        rank, out, reasons = self._rank, self._out, self._reasons
        waiting = [(rank.get(node, 0), node) for node in touched]
        heapify(waiting)
        queued, changed = {node for _, node in waiting}, set[NodeId]()
        while waiting:
            _, node = heappop(waiting)
            found, before = self._found(node), reasons.get(node, {})
            if found == before:
                continue
            if found.keys() != before.keys():
                changed.add(node)
            if found:
                reasons[node] = found
            else:
                del reasons[node]
            for there in out.get(node, ()):
                if there not in queued:  # it ranks after this one, so it was not looked at yet
                    queued.add(there)
                    heappush(waiting, (rank[there], there))
        return frozenset(changed)

    def _found(self, node: NodeId) -> dict[str, _Reason]:
        found: dict[str, _Reason] = {}
        reasons = self._reasons
        for source, table in self._into.get(node, ()):
            for mark, reason in reasons.get(source, _NOTHING).items():
                becomes = table[mark]
                if becomes is None:
                    continue
                longer = (reason[0] + 1, source, mark)
                known = found.get(becomes)
                if known is None or longer < known:
                    found[becomes] = longer
        for mark in self._own.get(node, ()):
            found.setdefault(mark, _BEGINS)
        return found

    def _table(self, way: Hashable) -> _Table:
        table = self._tables.get(way)
        if table is None:
            table = self._tables[way] = _Table(way, self._carried)
        return table

    def _rank_all(self) -> None:
        """Each linked node's place in a topological order (Kahn 1962). Raises: CycleError."""
        waiting = {node: len(into) for node, into in self._into.items()}
        ready = deque(node for node in self._out if node not in waiting)
        rank = self._rank
        while ready:
            here = ready.popleft()
            rank[here] = len(rank)
            for there in self._out.get(here, ()):
                waiting[there] -= 1
                if not waiting[there]:
                    ready.append(there)
        self._high = len(rank)
        left = {node for node, count in waiting.items() if count}
        seen, here = set[NodeId](), next(iter(left), 0)
        while left:  # each of these has one of them above it: go up until one comes twice
            seen.add(here)
            source = next(before for before, _ in self._into[here] if before in left)
            if source in seen:
                raise CycleError(str(source), str(here))
            here = source


_NOTHING: Mapping[str, _Reason] = {}
