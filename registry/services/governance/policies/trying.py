"""Trying a policy before it is published: on decisions that were taken, on one version, and against another policy.

A decision is judged on the case that was stored with it. What the tried policy reads and the old one did not was not
recorded then: it cannot be told, so it is denied, with that reason.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import islice

import yaml

from registry.domain.governance.case import Case
from registry.domain.governance.conditions.problems import UnanswerableError
from registry.domain.governance.policies.policy import Policy
from registry.domain.governance.promotion import RequestState, RequestSummary
from registry.domain.governance.replays import ChangedTerm, PolicyDifference, PolicyTrial
from registry.domain.names import VersionRef
from registry.domain.paging import every
from registry.domain.people.people import Permission
from registry.errors import InvalidError
from registry.ports.blobs import BlobStore
from registry.services.context import Context
from registry.services.governance.decisions import decided_case
from registry.services.governance.dossier import open_dossier
from registry.services.governance.policies.effects import judged
from registry.services.governance.policies.stored import check_policy, published, read_stored
from registry.services.unit_of_work import UnitOfWork

MOST_DAYS = 3660
MOST_DECISIONS = 500
"""Decisions that one trial judges again, the newest first."""
NAMES = ("id", "type", "role", "tier")
"""Keys that name an item of a list, so that an item that moved is no difference."""
PROMOTED, REFUSED, ELSEWHERE = "promoted", "refused", "not judged by this policy"


def try_on_history(context: Context, text: str, days: int) -> PolicyTrial:
    """What the policy would have decided otherwise in the last `days`. Raises: BadPolicyError, InvalidError."""
    if not 1 <= days <= MOST_DAYS:
        raise InvalidError(f"A history of {days} days cannot be tried", remedy=f"Give 1 to {MOST_DAYS} days")
    check_policy(context, text)
    policy, since = read_stored(text), context.clock.now() - timedelta(days=days)
    with context.read() as uow:
        taken = list(islice(_decisions(uow, since), MOST_DECISIONS + 1))
        found = [_again(uow, context.blobs, policy, one) for one in taken[:MOST_DECISIONS]]
    differences = tuple(one for one in found if one is not None)
    return PolicyTrial(policy.label, min(len(taken), MOST_DECISIONS), differences, len(taken) <= MOST_DECISIONS)


def try_on_version(context: Context, text: str, ref: VersionRef) -> PolicyTrial:
    """By stage that may follow for `ref`, what the policies say now and what they would say with this one."""
    check_policy(context, text)
    policy = read_stored(text)
    with context.read() as uow:
        before = published(uow)
        dossier = open_dossier(uow, ref, requested_by=None)
        after = [*(one for one in before if one.name != policy.name), policy]
        now = context.clock.now()
        (_, old), (_, new) = judged(dossier, before, now=now), judged(dossier, after, now=now)
    stages = sorted({*old, *new})
    rows = (
        PolicyDifference(str(ref), stage, old.get(stage, "not possible"), new.get(stage, "not possible"))
        for stage in stages
        if old.get(stage) != new.get(stage)
    )
    return PolicyTrial(policy.label, len(stages), tuple(rows))


def try_on_cases(context: Context, text: str, cases: str) -> PolicyTrial:
    """The cases of a file that do not come out as it says, judged as of now. Raises: BadPolicyError."""
    from registry.services.governance.policies.written import judged_cases  # noqa: PLC0415 - Pydantic

    check_policy(context, text)
    policy = read_stored(text)
    judged, differences = judged_cases(policy, cases, context.clock.now())
    return PolicyTrial(policy.label, judged, differences)


def compare_policies(context: Context, before: str, after: str) -> Sequence[ChangedTerm]:
    """Every place in which two policy files differ, in the order of their names. Raises: BadPolicyError."""
    context.actor.require(Permission.READ)
    for text in (before, after):
        read_stored(text)
    return changed_terms(before, after)


def changed_terms(before: str, after: str) -> tuple[ChangedTerm, ...]:
    """The same of two texts that were read before."""
    old, new = (dict(_places(yaml.safe_load(text))) for text in (before, after))
    places = sorted({*old, *new})
    rows = (ChangedTerm(place, old.get(place, ""), new.get(place, "")) for place in places)
    return tuple(row for row in rows if row.before != row.after)


def _decisions(uow: UnitOfWork, since: datetime) -> Iterator[RequestSummary]:
    """Closed requests that were decided since, newest first."""
    for one in every(lambda page: uow.governance.requests(name=None, ref=None, state=None, page=page)):
        if one.state not in {RequestState.OPEN, RequestState.WITHDRAWN} and one.closed_at and one.closed_at >= since:
            yield one


def _again(uow: UnitOfWork, blobs: BlobStore, policy: Policy, taken: RequestSummary) -> PolicyDifference | None:
    """The difference that `policy` makes to one decision, if any."""
    case = _given_on(decided_case(uow, blobs, taken.id), policy)
    before = REFUSED if taken.state is RequestState.REJECTED else PROMOTED
    try:
        applies = policy.when.holds(policy.scope(case))
    except UnanswerableError:
        applies = True  # its own check says that nobody knows
    if not applies:
        return PolicyDifference(taken.id, taken.to_stage, before, ELSEWHERE)
    if all(vote.signature is not None for vote in case.votes if vote.value.approves):
        policy = replace(policy, votes=replace(policy.votes, signed=False))  # they were verified when they were given
    verdict = policy.judge(case)
    after = PROMOTED if verdict.allowed else REFUSED
    return None if before == after else PolicyDifference(taken.id, taken.to_stage, before, after, verdict.reasons)


def _given_on(case: Case, policy: Policy) -> Case:
    """`case` with the votes that counted as if they had been given on this policy."""
    votes = tuple(
        replace(vote, bound=replace(vote.bound, policy=policy.digest)) if vote.bound == case.bound else vote
        for vote in case.votes
    )
    return replace(case, bound=replace(case.bound, policy=policy.digest), votes=votes)


def _places(value: object, place: str = "") -> Iterator[tuple[str, str]]:
    """Each single value of a document with its way; what stands in a list is named by its own name where it has one."""
    if isinstance(value, Mapping):
        for key, item in value.items():
            yield from _places(item, f"{place}.{key}" if place else str(key))
    elif isinstance(value, list) and any(isinstance(item, Mapping) for item in value):
        seen: dict[str, int] = {}
        for item in value:
            name = next((str(item[key]) for key in NAMES if isinstance(item, Mapping) and key in item), "")
            seen[name] = seen.get(name, 0) + 1
            yield from _places(item, f"{place}[{name}{'' if seen[name] == 1 else f' {seen[name]}'}]")
    else:
        yield place, ", ".join(map(str, value)) if isinstance(value, list) else str(value)
