"""Whether the people there are could ever fulfil a policy: what `policy check` says of quorums and separated duties."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from registry.domain.governance.approvals import count
from registry.domain.governance.case import Contribution
from registry.domain.governance.policies.policy import Policy
from registry.domain.governance.policies.transitions import Transition
from registry.domain.paging import every
from registry.domain.people.people import OWN_ROLES, Actor, Permission, Person
from registry.domain.text import nearest
from registry.errors import BadPolicyError
from registry.services.unit_of_work import UnitOfWork

MANY = 200
"""People who are tried as requester or author: where there are more, somebody will do."""


def check_groups(uow: UnitOfWork, policy: Policy, known: frozenset[str]) -> None:
    """Raises: BadPolicyError for a granted role that looks like a misspelt one: nobody has it, and its namesake exists.

    `known` are the roles that published policies name.
    """
    there = OWN_ROLES | known | {role for person in every(uow.people.search) for role in person.roles}
    for name, rule in policy.roles.items():
        for group in sorted(rule.groups - there):
            near = nearest(group, there, alike=0.85)
            if near is not None and abs(len(near) - len(group)) <= 1:
                raise BadPolicyError(
                    f"'roles.{name}.groups': nobody has the role {group!r}, did you mean {near!r}?",
                    remedy="For a new role, choose a name that is not mistaken for that of another",
                )


def unmet(uow: UnitOfWork, policy: Policy) -> Iterator[str]:
    """A sentence for each transition that the people of this registry cannot complete today."""
    people = list(every(uow.people.search))
    for transition in policy.transitions:
        wanted: dict[str, int] = {}
        for row in transition.approvals:
            wanted[row.role] = max(row.quorum, wanted.get(row.role, 0))
        yield from _unmet(policy, transition, wanted, people)
    if policy.votes.signed:
        wanted = {row.role: row.quorum for transition in policy.transitions for row in transition.approvals}
        keyless = [one.handle for one in people if one.handle in _voters(policy, wanted, people) and not one.key]
        if keyless:
            yield f"Approvals have to be signed, and have no key yet: {', '.join(keyless[:MANY])} (forebear person key)"
    rule = policy.emergency
    if rule is not None and rule.enabled and rule.quorum > 1:
        who = {one.who for one in people if not one.service and policy.roles[rule.role].groups & set(one.roles)}
        if len(who) < rule.quorum:
            yield f"An emergency needs {rule.quorum} people with the role {rule.role}: there are {len(who)}"


def _unmet(policy: Policy, transition: Transition, wanted: dict[str, int], people: Sequence[Person]) -> Iterator[str]:
    voters = _voters(policy, wanted, people)
    filled = count(wanted, voters, distinct=policy.duties.distinct_people_per_stage)
    short = [role for role, quorum in wanted.items() if filled[role] < quorum]
    for role in short:
        have = sum(role in roles for roles in voters.values())
        holders = f"{have} {'person has' if have == 1 else 'people have'} the role {role}"
        if have >= wanted[role]:
            holders += ", and one person fills one role only"
        yield f"Transition {transition.id} needs {wanted[role]} {role} approvals: {holders}"
    teams = _teams(policy, transition, people)
    if not short and wanted and not any(_possible_without(policy, wanted, voters, team) for team in teams):
        yield (
            f"Transition {transition.id} cannot be completed: whoever requests it or adds its evidence may not "
            "approve, and all who could do that are needed as approvers"
        )


def _voters(policy: Policy, wanted: dict[str, int], people: Sequence[Person]) -> dict[str, tuple[str, ...]]:
    """By person, the wanted roles that they hold; the owner of a model stands for one more person."""
    found = {}
    for person in people:
        roles = tuple(role for role in wanted if policy.roles[role].groups & set(person.roles))
        if roles and (policy.duties.service_accounts_may_vote or not person.service):
            found[person.handle] = roles
    owned = tuple(role for role in wanted if policy.roles[role].owners)
    return {**found, "the owner": owned} if owned else found


def _teams(policy: Policy, transition: Transition, people: Sequence[Person]) -> Iterator[frozenset[str]]:
    """Who may not vote because of what they do for one promotion: the requester, and an author of its evidence."""
    duties = policy.duties
    named = duties.contributors if duties.no_self_approval else frozenset()
    if not named & {Contribution.REQUESTER, Contribution.EVIDENCE_AUTHOR}:
        yield frozenset()
        return
    editors = [p.handle for p in people if Permission.EDIT in Actor(p.handle, frozenset(p.roles)).permissions]
    authors = _authors(policy, transition, people) if Contribution.EVIDENCE_AUTHOR in named else [frozenset[str]()]
    requesters = [frozenset({who}) for who in editors] if Contribution.REQUESTER in named else [frozenset[str]()]
    for author in authors[:MANY]:
        yield from (author | requester for requester in (author, *requesters[:MANY]) if requester in requesters)


def _authors(policy: Policy, transition: Transition, people: Sequence[Person]) -> list[frozenset[str]]:
    """The people one of whom must add evidence that makes its author a contributor; nobody where none is needed."""
    for need in transition.evidence:
        producers = policy.evidence_types[need.type].producers
        if producers and need.type not in policy.duties.checking_evidence:
            groups = frozenset().union(*(policy.roles[role].groups for role in producers))
            if not any(policy.roles[role].owners for role in producers):
                return [frozenset({p.handle}) for p in people if groups & set(p.roles)]
    return [frozenset()]


def _possible_without(
    policy: Policy, wanted: dict[str, int], voters: dict[str, tuple[str, ...]], team: frozenset[str]
) -> bool:
    left = {who: roles for who, roles in voters.items() if who not in team}
    return count(wanted, left, distinct=policy.duties.distinct_people_per_stage) == wanted
