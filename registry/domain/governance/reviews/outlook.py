"""What can still become of a request: who can approve it, what will make votes stale, and where it is stuck."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from registry.domain.governance.approvals import Electorate, changed, count
from registry.domain.governance.case import Case, oldest_first
from registry.domain.governance.policies.evidence_types import EvidenceType, FieldType
from registry.domain.governance.promotion import Verdict
from registry.domain.governance.reviews.waivers import carried


def voters(electorate: Electorate) -> dict[str, tuple[str, ...]]:
    """By wanted role, the people whose approval would count and is not there yet.

    The case of `electorate` must hold everybody who has one of its roles.
    """
    possible, given = electorate.possible(), electorate.eligible()
    return {
        role: tuple(sorted(who for who, roles in possible.items() if role in roles and who not in given))
        for role in electorate.wanted
    }


def warnings(electorate: Electorate, verdict: Verdict) -> tuple[str, ...]:
    """Sentences about votes that are stale or will be, and about approvals that nobody can give."""
    return (
        *stale_votes(electorate),
        *_rejected_before(electorate.case),
        *_soon_stale(electorate, verdict),
        *_stuck(electorate),
        *carried(electorate.case.inherited, electorate.case.now),
    )


def contradicted(types: Mapping[str, EvidenceType], case: Case) -> Iterator[str]:
    """Evidence whose newest piece chose otherwise than an earlier one: only the newest is judged."""
    for kind in types.values():
        choices = [field.name for field in kind.fields if field.type is FieldType.CHOICE]
        pieces = [one for one in oldest_first(case.evidence) if one.type == kind.name]
        for earlier in pieces[:-1]:
            for name in choices:
                then, now = earlier.body.get(name), pieces[-1].body.get(name)
                if then not in {None, now}:
                    yield (
                        f"The newest {kind.name} evidence, by {pieces[-1].added_by}, has {name} = {now}; "
                        f"an earlier one by {earlier.added_by} has {name} = {then}"
                    )


def lost_votes(before: Electorate, after: Electorate) -> Iterator[str]:
    """Who could approve in `before` and cannot in `after`, who still can, and the way out when nobody can."""
    target, could, can = after.case.target, before.possible(), after.possible()
    for who in sorted(could.keys() - can.keys()):
        for role in could[who]:
            others = sorted(other for other, roles in can.items() if role in roles)
            still = f"{role} approvals can still come from {', '.join(others)}" if others else _way_out(after, role)
            yield f"{'; '.join(after.objections(who))}. A promotion to {target} needs another voter: {still}"


def _way_out(electorate: Electorate, role: str) -> str:
    groups = electorate.roles[role].groups
    if not groups:
        return "change the owner of the model"
    return f"grant the role to someone else: forebear role grant PERSON {min(groups)}"


def stale_votes(electorate: Electorate) -> Iterator[str]:
    """One sentence for each approval that was given before something changed."""
    for vote in electorate.last_votes():
        why = electorate.lapsed(vote) if vote.value.approves else None
        if why is not None:
            yield (f"The approval of {vote.voter} is stale because {why}: {vote.voter} needs to approve again")


def _rejected_before(case: Case) -> Iterator[str]:
    """A sentence for each earlier rejection that does not stand any more, with what has changed since."""
    for rejection in case.rejections:
        vote = rejection.vote
        if not rejection.stands(case.bound):
            yield f"{vote.voter} rejected it on {vote.at:%Y-%m-%d}: {vote.comment} (but {changed(vote, case)})"


def _soon_stale(electorate: Electorate, verdict: Verdict) -> Iterator[str]:
    missing = [check.id for check in verdict.checks if check.kind == "evidence" and not check.passed]
    if missing and electorate.wanted:
        yield (
            f"Evidence {' and '.join(missing)} is still needed: an approval given now becomes stale when it is added, "
            "and must then be given again"
        )
    failing = [check.id for check in verdict.checks if check.kind == "gate" and not check.passed]
    if failing and not missing and electorate.wanted:
        yield (
            f"{'Gates' if len(failing) > 1 else 'Gate'} {' and '.join(failing)} "
            f"{'do' if len(failing) > 1 else 'does'} not hold: an approval given now becomes stale when what "
            "is read there changes, and must then be given again"
        )


def _stuck(electorate: Electorate) -> Iterator[str]:
    """For each role that cannot reach its quorum with the people there are: why, and the way out."""
    filled = count(electorate.wanted, electorate.possible(), distinct=electorate.duties.distinct_people_per_stage)
    for role, quorum in electorate.wanted.items():
        if filled[role] >= quorum:
            continue
        rule, owners = electorate.roles[role], electorate.case.candidate.subject.owners
        holders = [
            who for who, now in electorate.case.people.items() if rule.held_by(who, now, owners) and not now.service
        ]
        barred = [why for who in sorted(holders) for why in electorate.objections(who)]
        because = f" ({'; '.join(barred)})" if barred else ""
        wanted = f"{quorum} {role} {'approval' if quorum == 1 else 'approvals'}"
        people = "nobody can give it" if quorum == 1 else f"only {filled[role]} can be given"
        yield (
            f"A promotion to {electorate.case.target} needs {wanted}, and {people}{because}. "
            f"Way out: {_way_out(electorate, role)}"
        )
