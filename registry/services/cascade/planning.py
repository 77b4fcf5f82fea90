"""`forebear cascade plan`: the descendants of a version in order, each with the recipe that would make it again."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from lineage import Edge, Node, NodeId, NodeKind
from registry.domain.cascade.plan import CascadePlan, NotPlanned, Planned
from registry.domain.catalog.models import NOT_APPROVED
from registry.domain.catalog.statuses import Use, allows
from registry.domain.names import Reference, VersionRef
from registry.errors import InvalidError, NotFoundError
from registry.services.cascade.recalled import TakenBack
from registry.services.context import Context
from registry.services.lookup import found, refuse_as_source, resolve, summary_of
from registry.services.recipes.recipes import problem_of
from registry.services.storage.lineage import Making
from registry.services.unit_of_work import UnitOfWork

MOST_NODES = 4_000
"""Descendants and their steps that one plan may hold."""


def plan(
    context: Context, uow: UnitOfWork, parent: Reference, instead: Reference | None, recall: str | None
) -> CascadePlan:
    """See `CascadeVerbs`."""
    new, now = resolve(uow, parent), context.clock.now()
    refuse_as_source(uow, summary_of(uow, new), now)
    if recall is not None:
        after = TakenBack.read(uow, recall, now)
        old = after.replaced_by(new, None if instead is None else resolve(uow, instead))
        return _planned(uow, new, old, after)
    old = _replaced(uow, new) if instead is None else resolve(uow, instead)
    if (old.kind, old.name) != (new.kind, new.name) or old == new:
        raise InvalidError(f"{new} replaces another version of {new.name}, not {old}")
    return _planned(uow, new, old, None)


def _planned(uow: UnitOfWork, new: VersionRef, old: VersionRef, after: TakenBack | None) -> CascadePlan:
    focus = found(uow.graph.node(str(old)), old)
    nodes, edges, cut = uow.graph.walk(focus, up=0, down=-1, limit=MOST_NODES)
    if cut:
        raise InvalidError(f"More than {MOST_NODES:,} versions and steps descend from {old}: too many for one plan")
    walk = _Walk(uow, nodes, edges, focus, after)
    if not any(one.ref != new for one in walk.made.values()):
        raise NotFoundError(f"Nothing was made from {old}", remedy=f"See: forebear lineage show {old} --down")
    planned, left = walk.planned(new, {str(old): str(new)} if after is None else after.places(new))
    known = [one.seconds for one in planned if one.seconds is not None]
    recall = "" if after is None else after.recall
    return CascadePlan(new, old, tuple(planned), tuple(left), sum(known), len(planned) - len(known), recall)


def _replaced(uow: UnitOfWork, new: VersionRef) -> VersionRef:
    """The newest earlier version that anything was made from. Raises: NotFoundError."""
    before = uow.graph.parent_before(new)
    if before is None:
        raise NotFoundError(
            f"Nothing was made from an earlier version of {new.name}",
            remedy="Name one with --replaces, if it has children",
        )
    return before


@dataclass
class _Walk:
    """The part of the graph below one version."""

    uow: UnitOfWork
    nodes: Sequence[Node]
    edges: Sequence[Edge]
    focus: Node
    after: TakenBack | None
    made: dict[NodeId, Making | NotPlanned] = field(default_factory=dict)
    order: list[NodeId] = field(default_factory=list)
    """Descendants, each after all that it was made from."""
    inputs: dict[NodeId, list[NodeId]] = field(default_factory=dict)
    """By descendant, what of this part it was made from."""

    def __post_init__(self) -> None:
        kinds = {node.id: node.kind for node in self.nodes}
        steps: dict[NodeId, list[NodeId]] = {}
        for edge in self.edges:
            if kinds.get(edge.target) is NodeKind.STEP and edge.source in kinds:
                steps.setdefault(edge.target, []).append(edge.source)
        for edge in self.edges:
            if kinds.get(edge.source) is NodeKind.STEP and edge.target in kinds and edge.source in steps:
                self.inputs[edge.target] = steps[edge.source]
        waiting, placed = dict(self.inputs), {self.focus.id}
        while ready := [key for key, above in waiting.items() if placed.issuperset(above)]:
            self.order += ready
            placed.update(ready)
            for key in ready:
                del waiting[key]
        makings = self.uow.graph.makings(self.order)
        self.made = {key: self._made(makings[key]) for key in self.order}

    def _made(self, one: Making) -> Making | NotPlanned:
        """The version, or why it cannot be made again."""
        if one.deleted:
            return NotPlanned(one.ref, "it was deleted")
        if "schema" not in one.recipe:
            return NotPlanned(one.ref, "it was imported, so no recipe is on record")
        if self.after is not None and (settled := self.after.settled(one.ref)):
            return NotPlanned(one.ref, settled)
        if self.after is None and not allows(one.status, Use.START):
            return NotPlanned(one.ref, f"it is {one.status}")
        return one

    def planned(self, new: VersionRef, places: Mapping[str, str]) -> tuple[list[Planned], list[NotPlanned]]:
        """What is made again in order, with every version that `places` names replaced, and what is not."""
        wanted = self._wanted()
        generations = {self.focus.id: 0}
        planned, left = [], []
        for key in self.order:
            one = self.made[key]
            if one.ref == new:
                continue
            if isinstance(one, NotPlanned):
                left.append(one)
                if str(one.ref) in places:  # another version takes its place already
                    generations[key] = 0
                continue
            above = [source for source in self.inputs[key] if source in generations]
            if key not in wanted:
                left.append(NotPlanned(one.ref, "a newer version of it is there, and nothing that is in use needs it"))
            elif not above:
                left.append(NotPlanned(one.ref, "what it was made from is not made again"))
            else:
                record = again(one.recipe, places)
                problem = problem_of(record)
                if problem:
                    left.append(NotPlanned(one.ref, f"its recipe cannot be read any more: {problem}"))
                    continue
                generations[key] = 1 + max(generations[source] for source in above)
                waits = [self.made[source] for source in above if generations[source]]
                refs = tuple(other.ref for other in waits)
                planned.append(
                    Planned(one.ref, generations[key], record, refs, one.owner, one.stage, one.aliases, one.seconds)
                )
        planned.sort(key=lambda one: (one.generation, str(one.old)))
        return planned, left

    def _wanted(self) -> set[NodeId]:
        """What is current, and what that was made from."""
        wanted: set[NodeId] = set()
        for key in reversed(self.order):
            one = self.made[key]
            if isinstance(one, Making) and (_is_current(one) or key in wanted):
                wanted.update({key, *self.inputs[key]})
        return wanted & set(self.order)


def _is_current(one: Making) -> bool:
    """True for the newest of its name, and for one that somebody approved or an alias names."""
    return one.newest or bool(one.aliases) or one.stage not in {"", *NOT_APPROVED}


def again(recipe: Mapping[str, object], places: Mapping[str, str]) -> dict[str, Any]:
    """The recipe of a step with every version that `places` names replaced; all else is pinned as it was."""
    return replaced({name: value for name, value in recipe.items() if name != "submitted"}, places)


def replaced(record: Mapping[str, object], places: Mapping[str, str]) -> dict[str, Any]:
    """The recipe `record` with every version that `places` names replaced."""
    made: dict[str, Any] = json.loads(json.dumps(record), object_hook=lambda part: _replace(part, places))
    return made


def _replace(part: dict[str, Any], places: Mapping[str, str]) -> dict[str, Any]:
    named = {"model", "dataset"} & part.keys()
    return part | {name: places.get(str(part[name]), part[name]) for name in named}
