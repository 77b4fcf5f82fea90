"""The reference model: who did what, in plain sets and lists, and whose votes count by it.

It knows nothing of policies as files, of digests and of the database: the rules of the policy that the state machine
plays under are written down here a second time, as small as can be.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import permutations

from registry.domain.governance.reviews.attestations import attest_target, attested_stage
from registry.domain.governance.status_changes import wanted_status
from registry.domain.names import VersionRef

WANTED: dict[tuple[str, str], dict[str, int]] = {
    ("registered", "candidate"): {},
    ("candidate", "validated"): {"validator": 1},
    ("validated", "production"): {"validator": 1, "risk-owner": 1},
    ("production", "production"): {"risk-owner": 1},
    ("production", "retired"): {"risk-owner": 1},
}
"""How many people of which role the way from one stage to another takes."""
STATUS = {"risk-owner": 1}
"""The same of a decision on the status, in any stage."""
ATTEST = attest_target("production")
"""The target of a request to approve a version in production again."""
LASTS, GRACE = timedelta(days=30), timedelta(days=5)
"""How long an approval in production lasts, and how long after that the version is suspended."""
CHECKING = "validation"
"""Adding evidence of this type does not bar its author from voting."""
DECIDES = ("validator", "risk-owner")


def wanted(stage: str, target: str) -> dict[str, int] | None:
    """Who decides on a request; None where there is no such way."""
    if attested_stage(target) is not None:  # as the way into the stage
        return WANTED["validated", "production"] if (stage, target) == ("production", ATTEST) else None
    return STATUS if wanted_status(target) is not None else WANTED.get((stage, target))


@dataclass
class Human:
    """One account. Accounts with the same `who` are one person."""

    roles: set[str]
    who: str
    since: datetime
    service: bool = False


@dataclass
class Vote:
    """An approval, on what was known then. `conditions` are ids of findings."""

    voter: str
    roles: frozenset[str]
    bound: object
    conditions: tuple[str, ...] = ()


@dataclass
class Asked:
    """A promotion request."""

    id: str
    ref: VersionRef
    target: str
    by: str
    at: datetime
    policy: int
    votes: list[Vote] = field(default_factory=list)


@dataclass
class Refusal:
    """A rejection: what it was given on, and who gave it."""

    request: str
    ref: VersionRef
    target: str
    bound: object
    policy: int
    by: str
    overruled_by: set[str] = field(default_factory=set)
    done: bool = False


@dataclass
class Made:
    """A version, with the people behind it."""

    ref: VersionRef
    maker: str
    parents: tuple[VersionRef, ...]
    writers: list[str] = field(default_factory=list)
    """Of its card."""
    evidence: list[tuple[str, str]] = field(default_factory=list)
    """Type and author of each piece that people added."""
    stopped: bool = False
    """Suspended or recalled by hand, by a decision, or by itself."""
    data: tuple[VersionRef, ...] = ()
    """What it was trained on."""
    approved: set[str] = field(default_factory=set)
    """The requests by which a quorum let it into production, or agreed afterwards that it came there."""


@dataclass
class TakenBack:
    """A recall that withholds bytes. `released` are those whose dispute was confirmed; `accepted` until when."""

    id: str
    reached: set[VersionRef]
    released: set[VersionRef] = field(default_factory=set)
    accepted: dict[VersionRef, datetime] = field(default_factory=dict)
    proposed: dict[VersionRef, tuple[str, str, datetime | None]] = field(default_factory=dict)
    """By version, the kind of the disposition, who proposed it, and until when."""

    def withholds(self, ref: VersionRef, now: datetime) -> bool:
        return ref in self.reached - self.released and not (ref in self.accepted and now < self.accepted[ref])


@dataclass
class Model:
    """Everything that the rules depend on."""

    people: dict[str, Human] = field(default_factory=dict)
    versions: dict[VersionRef, Made] = field(default_factory=dict)
    requests: dict[str, Asked] = field(default_factory=dict)
    decided: list[str] = field(default_factory=list)
    refusals: list[Refusal] = field(default_factory=list)
    vetoes: dict[tuple[str, str], Asked] = field(default_factory=dict)
    """By request and voter, those that were not taken back."""
    recalls: dict[str, TakenBack] = field(default_factory=dict)
    stopped_data: set[VersionRef] = field(default_factory=set)
    """Datasets that were suspended or recalled by hand."""
    requesters: dict[tuple[VersionRef, str], set[str]] = field(default_factory=dict)
    """Who ever asked to bring a version to a stage."""
    offers: dict[tuple[str, str], str] = field(default_factory=dict)
    """By person and role, who offered it."""
    due: dict[str, datetime] = field(default_factory=dict)
    """By id of a finding that is a condition and not resolved, from when on it is overdue."""
    held: dict[VersionRef, datetime] = field(default_factory=dict)
    """By version in production, until when its approval lasts."""
    lapsed: set[VersionRef] = field(default_factory=set)
    """Those of which that ended, and the grace after it."""
    policy: int = 4

    def who(self, handle: str) -> str:
        return self.people[handle].who if handle in self.people else handle

    def renewals(self, ref: VersionRef) -> list[str]:
        """The open requests to approve it again."""
        return [one.id for one in self.requests.values() if (one.ref, one.target) == (ref, ATTEST)]

    def left(self, ref: VersionRef) -> None:
        """A version left production, or came there anew: what was to renew its approval is void."""
        self.held.pop(ref, None)
        self.lapsed.discard(ref)
        for one in self.renewals(ref):
            del self.requests[one]

    def same(self, handle: str, others: Iterable[str]) -> bool:
        """True when one of `others` is the same person."""
        return self.who(handle) in {self.who(other) for other in others}

    def could_confirm(self, handle: str, offered_by: str) -> list[str]:
        """Who decides on something, and is neither the one who gets the role nor the one who offers it."""
        deciding = {"admin", *DECIDES}
        able = [one for one, human in self.people.items() if human.roles & deciding and not human.service]
        return [one for one in able if not self.same(one, [handle, offered_by])]

    def made(self, handle: str, ref: VersionRef) -> bool:
        """True when the person made the version or wrote its card."""
        version = self.versions[ref]
        return self.same(handle, [version.maker, *version.writers])

    def had_a_hand(self, handle: str, asked: Asked) -> bool:
        """True when the person made the version, described it, requested this, or added more than a check."""
        version = self.versions[asked.ref]
        own = [kind for kind, author in version.evidence if self.same(handle, [author])]
        return (
            self.made(handle, asked.ref)
            or self.same(handle, self.requesters[asked.ref, asked.target])
            or any(kind != CHECKING for kind in own)
        )

    def may_vote(self, handle: str, asked: Asked) -> bool:
        """True when nothing in the person bars a vote on this; the roles are looked at besides."""
        human = self.people[handle]
        return not human.service and human.since <= asked.at and not self.had_a_hand(handle, asked)

    def counted(self, asked: Asked, stage: str, bound: object, now: datetime) -> dict[str, set[str]]:
        """By person, the roles in which their vote counts now."""
        places, found = wanted(stage, asked.target) or {}, dict[str, set[str]]()
        for vote in {vote.voter: vote for vote in asked.votes}.values():
            late = any(one in self.due and self.due[one] <= now for one in vote.conditions)
            roles = vote.roles & self.people[vote.voter].roles & set(places)
            if vote.bound == bound and not late and roles and self.may_vote(vote.voter, asked):
                found.setdefault(self.who(vote.voter), set()).update(roles)
        return found

    def quorum(self, asked: Asked, stage: str, bound: object, now: datetime) -> bool:
        """True when distinct people fill every place."""
        needed = wanted(stage, asked.target)
        places = [role for role, number in (needed or {}).items() for _ in range(number)]
        voters = self.counted(asked, stage, bound, now)
        chosen = permutations(voters, len(places))
        return needed is not None and any(
            all(role in voters[who] for who, role in zip(one, places, strict=True)) for one in chosen
        )

    def forbids(self, ref: VersionRef, target: str, bound: object, policy: int) -> Refusal | None:
        """The rejection that stands against this."""
        asked = (ref, target, bound, policy)
        return next((r for r in self.refusals if not r.done and (r.ref, r.target, r.bound, r.policy) == asked), None)

    def vetoed(self, ref: VersionRef, target: str) -> list[str]:
        """Who vetoed bringing the version there, and has not voted otherwise since."""
        return [by for (_, by), asked in self.vetoes.items() if (asked.ref, asked.target) == (ref, target)]

    def ancestors(self, ref: VersionRef) -> Iterator[VersionRef]:
        """Every one, deleted ones too; some more than once."""
        for parent in self.versions[ref].parents:
            yield parent
            yield from self.ancestors(parent)

    def trained_on(self, ref: VersionRef) -> set[VersionRef]:
        """The datasets that the version, or an ancestor, was trained on."""
        return {data for one in (ref, *self.ancestors(ref)) for data in self.versions[one].data}

    def descendants(self, ref: VersionRef) -> set[VersionRef]:
        """The models that were made from a model or from a dataset."""
        return {one for one in self.versions if ref in self.trained_on(one) or ref in set(self.ancestors(one))}

    def withheld(self, ref: VersionRef, now: datetime) -> bool:
        """True when nobody but the role forensics may have its bytes."""
        stopped = ref in self.stopped_data or (ref in self.versions and self.versions[ref].stopped)
        return stopped or any(one.withholds(ref, now) for one in self.recalls.values())
