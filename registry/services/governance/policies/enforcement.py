"""What the terms of a policy file say that cannot be."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from registry.domain.governance.policies.transitions import ARTIFACT
from registry.domain.text import did_you_mean
from registry.services.documents import Found
from registry.services.governance.policies.parts import PolicyDocument
from registry.services.governance.policies.term_parts import EmergencyPart, ReattestPart
from registry.services.governance.policies.words import Path


def loose_terms(document: PolicyDocument) -> Iterator[Found]:
    """Unknown roles, stages and gates that terms name, each with where it stands."""
    for number, group in enumerate(document.separation_of_duties.distinct_across_stages):
        for place, stage in enumerate(group):
            path: Path = ("separation_of_duties", "distinct_across_stages", number, place)
            yield from _unknown(stage, document.stages, path, "stage")
    if document.waivers is not None:
        yield from _unknown(document.waivers.role, document.roles, ("waivers", "role"), "role")
    if document.reattest is not None:
        yield from _renewals(document.reattest, document)
    if document.emergency is not None:
        yield from _emergency(document.emergency, document)
    for number, vote in enumerate(document.votes.comment_required_for):
        yield from _unknown(vote, document.votes.values, ("votes", "comment_required_for", number), "vote among values")
    for number, part in enumerate(document.transitions):
        for place, need in enumerate(part.evidence):
            kind = document.evidence_types.get(need.type)
            for base in need.bound_to if kind is not None and kind.fields else ():
                if base != ARTIFACT and kind is not None and base not in kind.fields:
                    where: Path = ("transitions", number, "evidence", place, "bound_to")
                    yield where, f"the form of {need.type} has no field {base}: declare it, of the type text"


def _emergency(emergency: EmergencyPart, document: PolicyDocument) -> Iterator[Found]:
    """Unknown roles and gates."""
    yield from _unknown(emergency.role, document.roles, ("emergency", "role"), "role")
    review: Path = ("emergency", "post_review", "role")
    yield from _unknown(emergency.post_review.role, document.roles, review, "role")
    told = {*document.roles, *(group for role in document.roles.values() for group in role.groups)}
    for number, name in enumerate(emergency.notify):
        yield from _unknown(name, told, ("emergency", "notify", number), "role or group")
    gates = [gate.id for part in document.transitions for gate in part.gates]
    for number, gate in enumerate(emergency.never_skips):
        yield from _unknown(gate, gates, ("emergency", "never_skips", number), "gate")


def _renewals(reattest: ReattestPart, document: PolicyDocument) -> Iterator[Found]:
    """Stages that nothing leads into, so that nobody approves a version in them, and triggers that reach no stage."""
    if not reattest.stages:
        yield ("reattest",), "no stage is named, so nothing is asked for again: give one, as production"
    entered = {part.target for part in document.transitions if part.target != part.source}
    for stage, times in reattest.stages.items():
        yield from _unknown(stage, document.stages, ("reattest", stage), "stage")
        if stage in document.stages and stage not in entered:
            yield ("reattest", stage), "no transition leads into this stage, so nobody can approve a version in it"
        if not times.value().after and not reattest.triggers:
            yield ("reattest", stage), "neither a time nor a trigger is given: give tier_high, or triggers"


def _unknown(name: str, known: Iterable[str], path: Path, what: str) -> Iterator[Found]:
    if name not in known:
        yield path, f"there is no {what} {name!r}{did_you_mean(name, known)}"
