"""The verbs of lineage: the part of the graph around one node, and the path from an ancestor to a descendant."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from lineage import Graph
from lineage.above import by_target, nearest_common, shortest_path, way_down
from registry.domain.catalog.compute import ComputeReport, NewCompute
from registry.domain.catalog.marks import Marks
from registry.domain.catalog.notices import Notice
from registry.domain.data.leakage import Leakage, LeakageCount
from registry.domain.names import Reference, VersionRef
from registry.domain.paging import Page, PageRequest
from registry.domain.people.people import Permission
from registry.domain.verbs.impact import Affected, ImpactSummary
from registry.domain.verbs.lineage import (
    Ancestry,
    CommonAncestors,
    Exchange,
    Identification,
    Kin,
    Neighbourhood,
    Obligations,
    Only,
    ParentCheck,
    Reach,
    Relatives,
    Use,
)
from registry.errors import UsageError
from registry.services.context import Context
from registry.services.lineage import (
    compute,
    counting_leakage,
    exchange,
    identifying,
    kinship,
    leaking,
    marks,
    neighbourhood,
    notices,
    obligations,
)
from registry.services.lineage.targets import label_of, node_of, nodes_of

MAX_NODES = 50_000
"""The most that one answer shows."""
MAX_COMPARED = 200
"""The most versions that one unknown file is compared with."""


@dataclass(frozen=True, slots=True)
class Lineage:
    """Implements `LineageVerbs`."""

    context: Context
    compared: Callable[[Context, VersionRef], None] = lambda _, __: None
    """Told of each version whose weights were compared with those of its claimed parents."""

    def show(
        self, target: str, *, up: int = -1, down: int = 0, limit: int = 2000, as_of: datetime | None = None
    ) -> Ancestry:
        """`target` and what is near it, nearest first: `up` and `down` count generations, -1 means all.

        Raises: BadReferenceError, NotFoundError (also when `target` came after `as_of`), UsageError for a depth below
        -1 or a limit out of range.
        """
        if min(up, down) < -1:
            raise UsageError(f"The depth cannot be {min(up, down)} generations", remedy="Give 0 or more, or -1 for all")
        _check_limit(limit)
        with self.context.read() as uow:
            if up < 0 and down == 0 and as_of is None:
                whole = uow.graph.whole_ancestry(label_of(uow, target), limit=limit)
                if whole is not None:
                    return Ancestry(whole[0], tuple(whole[1]), tuple(whole[2]), complete=True)
            focus = node_of(uow, target, as_of)
            nodes, edges, cut = uow.graph.walk(focus, up=up, down=down, limit=limit, as_of=as_of)
        return Ancestry(focus.id, tuple(nodes), tuple(edges), complete=not cut)

    def near(
        self, target: str, reach: Reach = Reach(), *, only: Only = Only(), as_of: datetime | None = None
    ) -> Neighbourhood:
        """What a picture shows of the family of `target`.

        Raises: BadReferenceError, NotFoundError (also when `target` came after `as_of`), UsageError.
        """
        with self.context.read() as uow:
            focus = node_of(uow, target, as_of)
            return neighbourhood.near(uow, focus, reach, only, as_of, self.context.actor.sight)

    def path(self, source: str, target: str, *, as_of: datetime | None = None) -> Ancestry | None:
        """One shortest way from `source` down to `target`, in that order; None when there is none.

        Raises: BadReferenceError, NotFoundError (also when one of them came after `as_of`).
        """
        with self.context.read() as uow:
            first, last = nodes_of(uow, (source, target), as_of)
            way = shortest_path(uow.graph.edges_above(last.id, as_of=as_of), first.id, last.id)
            if way is None:
                return None
            keys = [first.id, *(edge.target for edge in way)]
            nodes = uow.graph.nodes(keys)
        return Ancestry(last.id, tuple(nodes[key] for key in keys), way, complete=True)

    def common(self, one: str, other: str, *, as_of: datetime | None = None) -> CommonAncestors:
        """The nearest common ancestors, with ways down to both. Raises: BadReferenceError, NotFoundError."""
        with self.context.read() as uow:
            first, second = nodes_of(uow, (one, other), as_of)
            into = by_target(uow.graph.edges_above(first.id, second.id, as_of=as_of))
            nearest = sorted(nearest_common(into, first.id, second.id))
            edges = [
                edge
                for key in nearest
                for last in (first, second)
                for edge in way_down(lambda at: into.get(at, ()), key, last.id) or ()
            ]
            ways = tuple(dict.fromkeys(edges))
            keys = dict.fromkeys([first.id, second.id, *nearest, *(edge.target for edge in ways)])
            nodes = uow.graph.nodes(keys)
        found = Ancestry(first.id, tuple(nodes[key] for key in keys), ways, complete=True)
        return CommonAncestors(tuple(nodes[key] for key in nearest), found)

    def relatives(self, target: str, relation: Kin, *, limit: int = 100, as_of: datetime | None = None) -> Relatives:
        """Roots or siblings. Raises: BadReferenceError, NotFoundError, UsageError for a limit out of range."""
        _check_limit(limit)
        with self.context.read() as uow:
            focus = node_of(uow, target, as_of)
            if relation is Kin.SIBLINGS:
                keys = uow.graph.siblings(focus.id, limit=limit + 1, as_of=as_of)
                found = uow.graph.nodes(keys[:limit])
                return Relatives(tuple(found[key] for key in keys[:limit]), complete=len(keys) <= limit)
            nodes, edges, cut = uow.graph.walk(focus, up=-1, down=0, limit=MAX_NODES, as_of=as_of)
        roots = Graph(nodes, edges).roots(focus.id)
        return Relatives(roots[:limit], complete=not cut and len(roots) <= limit)

    def impact(self, target: str, *, as_of: datetime | None = None) -> ImpactSummary:
        """What a recall would touch, counted. Raises: BadReferenceError, NotFoundError."""
        from registry.services.lineage import impact  # noqa: PLC0415 - it needs NumPy

        return impact.summary(self.context, target, as_of)

    def affected(
        self, target: str, *, ways: bool = False, page: PageRequest = PageRequest(), as_of: datetime | None = None
    ) -> Page[Affected]:
        """What a recall would touch, a page at a time. Raises: BadReferenceError, NotFoundError, BadCursorError."""
        from registry.services.lineage import impact  # noqa: PLC0415 - it needs NumPy

        return impact.page_of(self.context, target, ways=ways, page=page, as_of=as_of)

    def every_affected(self, target: str, *, ways: bool = False, as_of: datetime | None = None) -> Iterator[Affected]:
        """All that a recall would touch. Raises: BadReferenceError, NotFoundError, at once."""
        from registry.services.lineage import impact  # noqa: PLC0415 - it needs NumPy

        return impact.every(self.context, target, ways=ways, as_of=as_of)

    def verify(self, reference: Reference, *, parent: Reference | None = None) -> Sequence[ParentCheck]:
        """Compare the weights with those of the parents. Raises: UsageError, NotFoundError, IntegrityError."""
        self.context.actor.require(Permission.EDIT)
        found = kinship.verify(self.context, reference, parent)
        if any(one.role is not None for one in found):
            self.compared(self.context, found[0].child)
        return found

    def identify(self, source: str, *, limit: int = 20) -> Identification:
        """What an unknown checkpoint is kin to.

        Raises: NotFoundError, UnsafeArtifactError, BadArtifactError, UsageError.
        """
        self.context.actor.require(Permission.EDIT)
        if not 1 <= limit <= MAX_COMPARED:
            raise UsageError(f"The limit cannot be {limit} versions", remedy=f"Give 1 to {MAX_COMPARED}")
        return identifying.identify(self.context, source, limit)

    def leakage(self, reference: Reference, *, near: bool = False) -> Leakage:
        """Which test rows stood in training data; see `LineageVerbs.leakage`. Raises: NotFoundError."""
        if near:
            self.context.actor.require(Permission.EDIT)
        same = leaking.leakage(self.context, reference)
        if not near:
            return same
        from registry.services.lineage.near_leaking import near_copies  # noqa: PLC0415 - it needs NumPy

        return replace(same, near=near_copies(self.context, reference))

    def count_leakage(self, reference: Reference) -> LeakageCount:
        """Count seen test rows anew, and keep it for gates. Raises: NotFoundError, ConflictError."""
        return counting_leakage.count_leakage(self.context, reference)

    def leakage_count(self, reference: Reference) -> LeakageCount:
        """The count that gates read. Raises: NotFoundError."""
        return counting_leakage.leakage_count(self.context, reference)

    def obligations(
        self, reference: Reference, *, use: Use | None = None, as_of: datetime | None = None
    ) -> Obligations:
        """What a version owes, each clause with its path. Raises: NotFoundError."""
        if as_of is not None:
            with self.context.read() as uow:
                node_of(uow, str(reference), as_of)
        return obligations.obligations(self.context, reference, use, as_of)

    def marks(self, reference: Reference) -> Marks:
        """The marks that hold for a version, each with its path. Raises: NotFoundError."""
        return marks.marks(self.context, reference)

    def compute(self, reference: Reference) -> ComputeReport:
        """How much compute went into a version since its bases. Raises: NotFoundError, BadReferenceError."""
        return compute.compute(self.context, reference)

    def declare_compute(self, reference: Reference, wish: NewCompute) -> ComputeReport:
        """Declare the compute of a version. Raises: NotFoundError, InvalidError, BadReferenceError."""
        return compute.declare_compute(self.context, reference, wish)

    def notice(self, reference: Reference) -> Notice:
        """Gathered from the files of all that a version came from. Raises: NotFoundError."""
        return notices.notice(self.context, reference)

    def export(self, reference: Reference, exchange_format: Exchange) -> object:
        """A version and its ancestry for other programs. Raises: NotFoundError, RefusedError when it is too large."""
        return exchange.export(self.context, reference, exchange_format)

    def checks(self, reference: Reference) -> Sequence[ParentCheck]:
        """The newest comparison with each parent. Raises: NotFoundError."""
        return kinship.checks(self.context, reference)


def _check_limit(limit: int) -> None:
    if not 1 <= limit <= MAX_NODES:
        raise UsageError(f"The limit cannot be {limit} nodes", remedy=f"Give 1 to {MAX_NODES:,}")
