"""What a proposed policy would change: the versions that another policy would judge, or with another result."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from itertools import islice

from registry.domain.catalog.models import SearchQuery
from registry.domain.governance.policies.changes import PolicyEffect
from registry.domain.governance.policies.policy import Policy
from registry.domain.governance.policies.together import matching
from registry.domain.names import VersionRef
from registry.domain.paging import every
from registry.services.governance.dossier import Dossier, case_for, open_dossier
from registry.services.lookup import all_versions
from registry.services.unit_of_work import UnitOfWork

MOST_JUDGED = 200
"""Versions that are judged under the policies before and after."""


def effects_of(
    uow: UnitOfWork, before: Sequence[Policy], after: Sequence[Policy], *, now: datetime
) -> tuple[tuple[PolicyEffect, ...], bool]:
    """The versions whose policy or verdict changes, and whether all versions were judged."""
    refs = list(islice(model_versions(uow), MOST_JUDGED + 1))
    found = []
    for ref in refs[:MOST_JUDGED]:
        dossier = open_dossier(uow, ref, requested_by=None)
        old, new = judged(dossier, before, now=now), judged(dossier, after, now=now)
        if old != new:
            found.append(_effect(ref, old, new))
    return tuple(found), len(refs) <= MOST_JUDGED


def model_versions(uow: UnitOfWork) -> Iterator[VersionRef]:
    """Every live version of a model, in the order of the catalog."""
    for model in every(lambda page: uow.catalog.search(SearchQuery(page=page))):
        yield from (version.ref for version in all_versions(uow, model.name))


Judged = tuple[str | None, dict[str, str]]
"""The policy that judges a version, and by stage that may follow: allowed, or what is missing."""


def judged(dossier: Dossier, policies: Sequence[Policy], *, now: datetime) -> Judged:
    """The policy that judges it now, and by stage that may follow: allowed, or what is missing."""
    stage = dossier.candidate.stage
    targets = sorted({t.target for policy in policies for t in policy.transitions if t.source == stage})
    name, results = None, {}
    for target in targets or [stage]:
        policy, _ = matching(policies, lambda one, target=target: case_for(dossier, one, target=target, now=now))  # type: ignore[misc]
        if policy is None:
            continue
        name = " and ".join(part.name for part in policy.parts) or policy.name
        if policy.transition(stage, target) is not None:
            reasons = policy.judge(case_for(dossier, policy, target=target, now=now)).reasons
            results[target] = "; ".join(reasons) or "allowed"
    return name, results


def _effect(ref: VersionRef, old: Judged, new: Judged) -> PolicyEffect:
    stages = sorted({*old[1], *new[1]})
    changes = [
        f"{stage}: {old[1].get(stage, 'not possible')} → {new[1].get(stage, 'not possible')}"
        for stage in stages
        if old[1].get(stage) != new[1].get(stage)
    ]
    return PolicyEffect(ref, old[0], new[0], tuple(changes))
