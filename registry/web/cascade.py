"""The page of a cascade: what is made again from a new version of a parent, by generation, and how far that is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby

from fastapi import APIRouter
from fastapi.responses import HTMLResponse
from starlette.requests import Request

from registry.domain.cascade.plan import CascadePlan, NotPlanned, Planned
from registry.domain.governance.promotion import RequestSummary
from registry.domain.names import AssetKind, Reference, VersionRef
from registry.domain.paging import PageRequest
from registry.domain.people.people import Permission
from registry.domain.transfers.steps import StepSummary
from registry.domain.verbs.registry import Registry
from registry.errors import NotFoundError
from registry.web.parts import AsActor
from registry.web.render import link, page

router = APIRouter()
MOST = 100
"""Versions whose state is looked up; of more, the plan alone is shown."""
RECENT = 20
"""Steps of one name, newest first, among which the one of the plan is looked for."""


@dataclass(frozen=True, slots=True)
class Again:
    """How far it is that a version is made again: the newest step that a run of a plan submitted, and what came of it.

    All None before a run has come to it.
    """

    step: StepSummary | None = None
    request: RequestSummary | None = None


@dataclass(frozen=True, slots=True)
class Member:
    """One version of the plan."""

    planned: Planned
    again: Again


@dataclass(frozen=True, slots=True)
class Generation:
    """Versions that may be made side by side."""

    number: int
    members: Sequence[Member]


@dataclass(frozen=True, slots=True)
class CascadePage:
    """A plan by generation. `command` makes it; None: no parent was named yet, or nothing was made from it."""

    reference: str
    replaced: str
    recall: str
    plan: CascadePlan | None
    nothing: str
    generations: Sequence[Generation]
    made: Sequence[tuple[VersionRef, Again]]
    """What an earlier run made again, so that the plan leaves it out now."""
    left_out: Sequence[NotPlanned]
    followed: bool
    """False where the plan is too large for the state of each to be looked up."""
    command: str


@router.get("/cascade")
def cascade(
    request: Request, registry: AsActor, reference: str = "", replaced: str = "", recall: str = ""
) -> HTMLResponse:
    """The plan for `reference` instead of `replaced`, or instead of what `recall` took back."""
    registry.actor.require(Permission.READ)
    plan, nothing = None, ""
    if reference:
        try:
            other = Reference.parse(replaced) if replaced else None
            plan = registry.cascades.plan(Reference.parse(reference), replaced=other, recall=recall or None)
        except NotFoundError as error:
            nothing = error.message
    old = [] if plan is None else [one.old for one in plan.planned] + [one.ref for one in plan.left_out]
    followed = len(old) <= MOST
    again = {ref: _again(registry, ref) if followed else Again() for ref in old}
    context = CascadePage(
        reference=reference,
        replaced=replaced,
        recall=recall,
        plan=plan,
        nothing=nothing,
        generations=() if plan is None else _generations(plan, again),
        made=() if plan is None else [(one.ref, again[one.ref]) for one in plan.left_out if again[one.ref].step],
        left_out=() if plan is None else [one for one in plan.left_out if not again[one.ref].step],
        followed=followed,
        command=_command(reference, replaced, recall),
    )
    api = link("/api/v1/lineage/cascade", reference=reference, replaced=replaced, recall=recall) if plan else ""
    return page(request, "cascade.html", context, section="models", api=api or "/api/v1/transfers")


def _generations(plan: CascadePlan, again: Mapping[VersionRef, Again]) -> Sequence[Generation]:
    return [
        Generation(number, [Member(one, again[one.old]) for one in members])
        for number, members in groupby(plan.planned, key=lambda one: one.generation)
    ]


def _command(reference: str, replaced: str, recall: str) -> str:
    words = ["forebear --output json cascade plan", reference]
    words += ["--replaces", replaced] if replaced else []
    words += ["--recall", recall] if recall else []
    return f"{' '.join(words)} > plan.json"


def _again(registry: Registry, old: VersionRef) -> Again:
    step = _step(registry, old)
    if step is None or step.output is None or step.output.kind is not AssetKind.MODELS:
        return Again(step)
    found = registry.promotions.requests(reference=Reference.to(step.output)).items
    return Again(step, next(iter(found), None))


def _step(registry: Registry, old: VersionRef) -> StepSummary | None:
    """Steps of a plan are known by the tag `replaces`; none is older than the step of what it replaces."""
    for summary in registry.transfers.search(output=old.name, page=PageRequest(RECENT)).items:
        if summary.output == old:
            return None
        tags = registry.transfers.step(summary.id).recipe.get("tags")
        if isinstance(tags, dict) and "cascade" in tags and tags.get("replaces") == str(old):
            return summary
    return None
