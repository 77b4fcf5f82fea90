"""Where a published policy stands: its earlier versions, the versions of models that it judges, and its neighbours."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import datetime
from itertools import islice, pairwise

from registry.domain.governance.conditions.problems import UnanswerableError
from registry.domain.governance.policies.changes import PolicyReach, PolicyRevision
from registry.domain.governance.policies.policy import Policy
from registry.domain.names import VersionRef
from registry.services.context import Context
from registry.services.governance.dossier import Dossier, case_for, open_dossier
from registry.services.governance.policies.effects import MOST_JUDGED, model_versions
from registry.services.governance.policies.stored import policy_value, published, with_rules
from registry.services.governance.policies.trying import changed_terms


def history_of(context: Context, name: str) -> Sequence[PolicyRevision]:
    """Every version of a policy, newest first, each with what it changed. Raises: NotFoundError."""
    with context.read() as uow:
        policy_value(uow, name, None)
        values = [with_rules(value) for value in uow.governance.policy_versions(name)]
    changes = [changed_terms(before.text, after.text) for after, before in pairwise(values)]
    return [PolicyRevision(value, terms) for value, terms in zip(values, [*changes, ()], strict=True)]


def reach_of(context: Context, name: str) -> PolicyReach:
    """What a policy judges now, and which policies it shadows or is shadowed by. Raises: NotFoundError."""
    now = context.clock.now()
    with context.read() as uow:
        policy_value(uow, name, None)
        policies = published(uow)
        own = next(policy for policy in policies if policy.name == name)
        refs = list(islice(model_versions(uow), MOST_JUDGED + 1))
        judges, untold = list[VersionRef](), list[VersionRef]()
        beside, under, over = Counter[str](), Counter[str](), Counter[str]()
        for ref in refs[:MOST_JUDGED]:
            dossier = open_dossier(uow, ref, requested_by=None)
            applying, unknown = _applying(dossier, policies, now)
            if own in unknown:
                untold.append(ref)
            if own not in applying:
                continue
            others = [policy for policy in applying if policy is not own]
            higher = [policy for policy in others if policy.priority > own.priority]
            over.update(policy.name for policy in _highest(higher))
            if not higher:
                judges.append(ref)
                beside.update(policy.name for policy in others if policy.priority == own.priority)
                under.update(policy.name for policy in others if policy.priority < own.priority)
    return PolicyReach(
        own.label,
        tuple(judges),
        len(refs[:MOST_JUDGED]),
        beside=dict(sorted(beside.items())),
        shadows=dict(sorted(under.items())),
        shadowed_by=dict(sorted(over.items())),
        untold=tuple(untold),
        complete=len(refs) <= MOST_JUDGED,
    )


def judging(dossier: Dossier, policies: Iterable[Policy], now: datetime) -> list[Policy]:
    """The policies that judge a version now, and those of which that cannot be told."""
    applying, unknown = _applying(dossier, policies, now)
    return _highest(applying) + unknown


def _applying(dossier: Dossier, policies: Iterable[Policy], now: datetime) -> tuple[list[Policy], list[Policy]]:
    """The policies whose condition holds for a version, and those of which that cannot be told."""
    applying, unknown = list[Policy](), list[Policy]()
    for policy in policies:
        case = case_for(dossier, policy, target=dossier.candidate.stage, now=now)
        try:
            if policy.when.holds(policy.scope(case)):
                applying.append(policy)
        except UnanswerableError:
            unknown.append(policy)
    return applying, unknown


def _highest(policies: Sequence[Policy]) -> list[Policy]:
    """Those of the highest priority among these."""
    return [policy for policy in policies if policy.priority == max(one.priority for one in policies)]
