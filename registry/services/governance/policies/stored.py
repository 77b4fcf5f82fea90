"""Policies: which one is in force, which aliases they protect, and how one is published."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import lru_cache
from pathlib import Path

from registry.domain.catalog.models import PRODUCTION, VersionSummary
from registry.domain.governance.case import Case
from registry.domain.governance.policies.policy import Policy
from registry.domain.governance.policies.together import combined, matching
from registry.domain.governance.promotion import PolicyValue, RequestDetail, StageMove
from registry.domain.people.people import READING_ROLES, Permission
from registry.errors import BadPolicyError, IntegrityError, NotFoundError, PolicyRefusedError
from registry.services.context import Context
from registry.services.governance.policies.satisfiable import check_groups, unmet
from registry.services.unit_of_work import UnitOfWork


def default_policy_text() -> str:
    """The policy that `init` publishes."""
    return Path(__file__).with_name("default_policy.yaml").read_text(encoding="utf-8")


def protected_aliases(uow: UnitOfWork) -> frozenset[str]:
    """Every alias that the newest version of some policy protects: only a promotion moves it."""
    return frozenset(alias for policy in published(uow) for alias in policy.protected_aliases.values())


def published(uow: UnitOfWork) -> list[Policy]:
    """The newest version of each policy. Raises: BadPolicyError for one that this program cannot read any more."""
    return [_read(value.text) for value in uow.governance.policies()]


def places_in_use(uow: UnitOfWork) -> tuple[frozenset[str], frozenset[str]]:
    """The stages, and the aliases, that make a version one in use: of all published policies."""
    policies = published(uow)
    stages = frozenset({PRODUCTION}.union(*(policy.protected_aliases for policy in policies)))
    return stages, frozenset(alias for policy in policies for alias in policy.protected_aliases.values())


def in_use(uow: UnitOfWork, version: VersionSummary) -> bool:
    """True for a version in production, in a stage with a protected alias, or named by one."""
    stages, aliases = places_in_use(uow)
    return version.stage in stages or not aliases.isdisjoint(version.aliases)


def stopping_roles(uow: UnitOfWork) -> frozenset[str]:
    """The granted roles whose holders may suspend and recall versions, beside admins."""
    changes = [(policy, policy.status_changes) for policy in published(uow)]
    named = [policy.roles[role] for policy, one in changes if one is not None for role in one.emergency_stop]
    return frozenset(group for rule in named for group in rule.groups)


def deciding_roles(uow: UnitOfWork) -> frozenset[str]:
    """The granted roles whose holders decide on something under a published policy, and admin; two grant them."""
    found = {"admin"}
    for policy in published(uow):
        rows = [row for transition in policy.transitions for row in transition.approvals]
        names = {row.role for row in rows}
        if policy.status_changes is not None:
            names |= {row.role for row in policy.status_changes.approvals} | set(policy.status_changes.emergency_stop)
        if policy.rejections is not None:
            names.add(policy.rejections.role)
        if policy.emergency is not None:
            names.add(policy.emergency.role)
            names |= {policy.emergency.post_review.role} if policy.emergency.post_review is not None else set()
        if policy.waivers is not None:
            names.add(policy.waivers.role)
        if policy.policy_change.role is not None:
            names.add(policy.policy_change.role)
        found |= {group for name in names for group in policy.roles[name].groups}
    return frozenset(found)


def in_force(uow: UnitOfWork, case_for: Callable[[Policy], Case]) -> Policy:
    """The policy that judges a version now. Raises: PolicyRefusedError when none applies."""
    policy, why = matching(published(uow), case_for)
    if policy is None:
        raise PolicyRefusedError("No policy is in force", (why,))
    return policy


def frozen_policy(uow: UnitOfWork, detail: RequestDetail) -> Policy:
    """The very policy that a request was opened under. Raises: IntegrityError when its text is not what it was."""
    parts = []
    for label in detail.policy.split("+"):
        name, _, version = label.rpartition("/")
        value = uow.governance.policy(name, int(version))
        parts += [_read(value.text)] if value is not None else []
    policy = combined(parts) if parts else None
    if policy is None or policy.digest != detail.policy_digest:
        raise IntegrityError(
            f"Policy {detail.policy} is not what it was when {detail.summary.id} was opened",
            remedy="Withdraw the request and find out who changed the database: forebear audit verify",
        )
    return policy


def check_policy(context: Context, text: str) -> PolicyValue:
    """What `text` would be published as; nothing is written. Raises: BadPolicyError."""
    context.actor.require(Permission.READ)
    policy = _read(text, new=True)
    for role, rule in policy.roles.items():
        if silent := sorted(rule.groups & READING_ROLES):
            raise BadPolicyError(
                f"'roles.{role}.groups': {', '.join(silent)} may only read, so nobody with it can vote"
            )
    now, by = context.clock.now(), context.actor.handle
    return with_rules(PolicyValue(policy.name, policy.version, policy.digest, text, now, by))


def examined_policy(context: Context, text: str) -> PolicyValue:
    """The same, with a warning for each thing that nobody can tell, and that the people here cannot complete.

    Raises: BadPolicyError, also for a granted role that looks like a misspelt one.
    """
    from registry.services.governance.policies.untold import untold  # noqa: PLC0415 - Pydantic, as below

    value, policy = check_policy(context, text), _read(text)
    with context.read() as uow:
        policies = published(uow)
        check_groups(uow, policy, frozenset(g for one in policies for rule in one.roles.values() for g in rule.groups))
        return replace(value, warnings=(*untold(policy, text), *unmet(uow, policy)))


def read_stored(text: str) -> Policy:
    """The policy that `text`, which was checked when it was proposed, says."""
    return _read(text)


def with_rules(value: PolicyValue) -> PolicyValue:
    """`value` with the roles and transitions that its text names. Raises: BadPolicyError."""
    policy = _read(value.text)
    roles = {name: tuple(sorted(rule.groups)) for name, rule in policy.roles.items()}
    return replace(value, roles=roles, moves=tuple(StageMove(t.source, t.target) for t in policy.transitions))


def policy_value(uow: UnitOfWork, name: str, version: int | None) -> PolicyValue:
    """One published policy, the newest when no version is given. Raises: NotFoundError."""
    value = uow.governance.policy(name, version)
    if value is None:
        what = f"policy {name}" if version is None else f"version {version} of policy {name}"
        raise NotFoundError(f"There is no {what}", remedy="See what there is: forebear policy show")
    return with_rules(value)


@lru_cache(maxsize=64)
def _read(text: str, *, new: bool = False) -> Policy:
    """Kept, since reading takes ten milliseconds and a policy is a value that never changes."""
    from registry.services.governance.policies.document import read_policy  # noqa: PLC0415 - Pydantic; most verbs need no policy

    return read_policy(text, new=new)
