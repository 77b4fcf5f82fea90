"""A transition of a policy with all that it needs: evidence, gates and approvals, rules that give their reasons."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import TypeVar

from registry.domain.governance.case import MLBOM, SCAN, SIGNATURE, SYSTEM, Case
from registry.domain.governance.conditions.comparisons import compared
from registry.domain.governance.conditions.expressions import Expression, Scope
from registry.domain.governance.conditions.problems import UnanswerableError
from registry.domain.governance.policies.evidence_types import shown_facts
from registry.domain.governance.policies.terms import Conditional
from registry.domain.governance.promotion import CheckResult, EvidenceValue
from registry.domain.governance.vouching import unsigned

ARTIFACT = "artifact"
"""The files of the version: every piece of evidence is bound to them."""
ON_REQUEST = frozenset({SCAN, MLBOM, SIGNATURE})
"""Types of evidence that the registry makes when a promotion is requested."""


@dataclass(frozen=True, slots=True)
class EvidenceNeed:
    """Evidence that a transition needs, no older than `max_age`, where `when` holds."""

    type: str
    max_age: timedelta | None = None
    when: Expression | None = None
    verify: str | None = None
    """`signature`: the signature of the registry must cover it."""
    bound_to: tuple[str, ...] = ()
    """What it must be about beside the files of the version: `eval_dataset`, `base_model`."""

    def check(self, evidence: Mapping[str, EvidenceValue], case: Case) -> CheckResult:
        """Whether it is there, young enough, signed where that is asked, and about what it must be about."""
        item = evidence.get(self.type)
        if item is None:
            when = ": the registry records it when a promotion is requested" if self.type in ON_REQUEST else ""
            return CheckResult(self.type, "evidence", False, f"Evidence {self.type} is missing{when}")
        against = self._too_old(item, case) or self._unsigned(item, case) or self._unbound(item, case)
        if against is not None:
            return CheckResult(self.type, "evidence", False, f"Evidence {self.type} {against}")
        facts = (
            shown_facts(dict(sorted(item.body.items()))) if item.added_by != SYSTEM else ""
        )  # as a replay reads them
        message = f"Evidence {self.type} provided" + (f": {facts}" if facts else "")
        return CheckResult(self.type, "evidence", True, message)

    def _too_old(self, item: EvidenceValue, case: Case) -> str | None:
        age = max(case.now - item.added_at, timedelta(0))  # below 0 where the clock was set back since
        if self.max_age is None or age <= self.max_age:
            return None
        return f"is {span(age)} old; at most {span(self.max_age)} are allowed"

    def _unsigned(self, item: EvidenceValue, case: Case) -> str | None:
        """A signature itself is always verified."""
        if self.verify is None and (item.type != SIGNATURE or item.added_by != SYSTEM):
            return None
        return unsigned(item, case)

    def _unbound(self, item: EvidenceValue, case: Case) -> str | None:
        """All evidence is about the files; what the registry records is about the step, and so about its inputs."""
        ancestry = case.candidate.ancestry
        for base in self.bound_to:
            known = [str(digest) for digest in (ancestry.bases.get(base, ()) if ancestry is not None else ())]
            if base == ARTIFACT or (item.added_by == SYSTEM and known):
                continue
            if not known:
                return f"cannot be bound to {base}: the registry knows none of this version"
            named = item.body.get(base)
            if named is None:
                return f"does not name the {base} that it is about: give {base}={known[0]}"
            if named not in known:
                return f"is about another {base}: {str(named)[:80]}, not {' or '.join(known)}"
        return None


@dataclass(frozen=True, slots=True)
class Gate:
    """A condition on the candidate and its ancestry; it applies where `when` holds."""

    id: str
    require: Expression
    message: str = ""
    when: Expression | None = None
    waivable: bool = True

    def check(self, scope: Scope) -> CheckResult:
        """Whether it holds; a condition that cannot be evaluated does not."""
        rule = self.message or f"Gate {self.id}"
        try:
            passed = self.require.holds(scope)
        except UnanswerableError as error:
            return CheckResult(self.id, "gate", False, f"{rule}: {error} ({self.require})")
        values = compared(self.require.text, scope)
        condition = "" if passed and values else f" ({self.require})"
        message = f"{rule}: {values}{condition}" if values else f"{rule}{condition}"
        return CheckResult(self.id, "gate", passed, message, values)


@dataclass(frozen=True, slots=True)
class ApprovalRow:
    """`quorum` different people in `role`, where `when` holds."""

    role: str
    quorum: int = 1
    when: Expression | None = None


R = TypeVar("R", EvidenceNeed, Gate, ApprovalRow)


@dataclass(frozen=True, slots=True)
class Transition:
    """One way from a stage to a later one (or to itself: the protected alias comes back), with all that it needs."""

    id: str
    source: str
    target: str
    evidence: tuple[EvidenceNeed, ...] = ()
    gates: tuple[Gate, ...] = ()
    approvals: tuple[ApprovalRow, ...] = ()
    wait: timedelta | None = None
    """Time that passes between the last needed approval and the promotion; a veto within it blocks."""
    conditional: Conditional | None = None

    @property
    def conditions(self) -> tuple[Expression, ...]:
        """Every condition that may be evaluated for a verdict on it."""
        rows: tuple[EvidenceNeed | Gate | ApprovalRow, ...] = (*self.evidence, *self.gates, *self.approvals)
        return (*(row.when for row in rows if row.when is not None), *(gate.require for gate in self.gates))


@dataclass(frozen=True, slots=True)
class StatusChanges:
    """Who decides on the status of a version in use, and the roles that may suspend it at once in an emergency."""

    approvals: tuple[ApprovalRow, ...] = ()
    emergency_stop: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class PolicyChange:
    """How many people with which role agree before a policy changes; without a role, admins."""

    role: str | None = None
    quorum: int = 1
    author_counts: bool = False
    """True where who proposes a policy is one of those who agree."""


def firing(rows: Iterable[R], scope: Scope, kind: str) -> tuple[list[R], list[CheckResult]]:
    """The rows whose `when` holds, and a failed check for each `when` that cannot be evaluated."""
    found, unknown = [], []
    for row in rows:
        try:
            if row.when is None or row.when.holds(scope):
                found.append(row)
        except UnanswerableError as error:
            name = row.id if isinstance(row, Gate) else row.role if isinstance(row, ApprovalRow) else row.type
            message = f"It is unknown whether the {kind} {name} applies: {error} ({row.when})"
            unknown.append(CheckResult(name, kind, False, message))
    return found, unknown


def span(time: timedelta) -> str:
    """A time for people: `90 days`, `12 hours`."""
    minutes = time.seconds // 60
    many, unit = (time.days, "day") if time.days else (minutes // 60, "hour") if minutes >= 60 else (minutes, "minute")
    return f"{many} {unit}{'' if many == 1 else 's'}"
