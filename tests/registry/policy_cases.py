"""Cases and policies to judge with: a candidate that passes, and ways to make it fail."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from registry.domain.catalog.models import Status
from registry.domain.governance.case import (
    EDITION,
    SYSTEM,
    Ancestors,
    Candidate,
    Case,
    Contribution,
    Standing,
    Subject,
    evidence_digest,
)
from registry.domain.governance.policies.policy import Policy
from registry.domain.governance.promotion import Bindings, EvidenceValue, VoteEntry, VoteValue
from registry.services.governance.policies.document import read_policy
from tests.builders import digest, model_ref

NOW = datetime(2026, 11, 23, 9, 30, tzinfo=UTC)
REF = model_ref("vision/digits/2")

POLICY = """
apiVersion: governance/v1
kind: PromotionPolicy
metadata: {name: team, version: 3}
applies_to: {priority: 1, when: subject.kind == "model_version"}
roles:
  developer: {groups: [developer]}
  validator: {groups: [validator]}
  risk-owner: {groups: [risk-owner]}
  owner: {users_from: subject.owners}
stages: [registered, candidate, production, retired]
protected_aliases: {production: production}
evidence_types:
  model_card: {media_type: text/markdown, producer: [developer]}
  eval_report: {predicate: 'urn:test:metrics', producer: system}
  validation: {predicate: 'urn:test:validation', producer: [developer, validator]}
params: {min_margin: 0.05}
transitions:
  - id: to-candidate
    from: registered
    to: candidate
    evidence: [{type: model_card}]
    gates: [{id: licence-known, require: licence.unknown == 0}]
  - id: to-production
    from: candidate
    to: production
    evidence:
      - {type: eval_report}
      - {type: validation, max_age: P30D}
    gates:
      - {id: no-recall, require: lineage.recalled == 0, waivable: false}
      - id: quality
        require: metrics.accuracy >= metrics.baseline_accuracy + params.min_margin
        message: Better than guessing
    approvals:
      - {role: validator, quorum: 1}
      - {role: validator, quorum: 2, when: '"external" in subject.tags'}
      - {role: risk-owner, quorum: 1}
"""


def policy(*changes: tuple[str, str]) -> Policy:
    """The policy above, with pieces of its text replaced."""
    text = POLICY
    for old, new in changes:
        assert old in text, f"{old!r} is not in the policy"
        text = text.replace(old, new)
    return read_policy(text)


def evidence(
    type_: str, *, by: str = SYSTEM, days_old: float = 1, about: str = "bytes", **body: object
) -> EvidenceValue:
    """One piece of evidence about the candidate's bytes (or, with `about`, about others)."""
    at = NOW - timedelta(days=days_old)
    said = f"{type_} {by} {days_old} {sorted(body.items())}"
    return EvidenceValue(f"ev-{said}", REF, digest(about), type_, digest(said), body, None, None, at, by)


EVIDENCE = (evidence("eval_report"), evidence("validation", by="vera", result="pass"))
PEOPLE = {
    "ana": Standing(frozenset({"developer", "validator", "risk-owner"})),
    "vera": Standing(frozenset({"validator"})),
    "vito": Standing(frozenset({"validator"})),
    "rolf": Standing(frozenset({"risk-owner"})),
    "both": Standing(frozenset({"validator", "risk-owner"})),
    "robot": Standing(frozenset({"validator", "risk-owner"}), service=True),
    "guest": Standing(frozenset({"viewer"})),
}
NO_TROUBLE = Ancestors()
CANDIDATE = Candidate(
    ref=REF,
    stage="candidate",
    status=Status.ACTIVE,
    subject=Subject(
        "vision/digits", 2, "image-classification", "image", "MIT", "fine_tuning", "net", "internal", ("ana",)
    ),
    metrics={"accuracy": 0.9, "baseline_accuracy": 0.5},
    contributors={
        Contribution.UPLOADER: frozenset({"ana"}),
        Contribution.RUN_SUBMITTER: frozenset({"ana"}),
        Contribution.REQUESTER: frozenset({"ana"}),
        Contribution.EVIDENCE_AUTHOR: frozenset({"vera"}),
    },
)


def bindings(rules: Policy, items: tuple[EvidenceValue, ...] = EVIDENCE) -> Bindings:
    """What a vote on the candidate binds to."""
    return Bindings(digest("bytes"), digest("ancestry"), rules.digest, evidence_digest(items))


def vote(
    voter: str, bound: Bindings, value: VoteValue = VoteValue.APPROVE, *, minute: int = 0, **changes: Any
) -> VoteEntry:
    """A vote in every role that the voter holds."""
    at = NOW - timedelta(hours=1) + timedelta(minutes=minute)
    given = VoteEntry(voter, tuple(sorted(PEOPLE[voter].roles)), value, "", at, bound)
    return replace(given, **changes)


def case(
    rules: Policy,
    *,
    approvals: tuple[str, ...] = ("vito", "rolf"),
    items: tuple[EvidenceValue, ...] = EVIDENCE,
    votes: tuple[VoteEntry, ...] | None = None,
    people: Mapping[str, Standing] = PEOPLE,
    target: str = "production",
    now: datetime = NOW,
    candidate: Candidate = CANDIDATE,
    ancestors: Ancestors = NO_TROUBLE,
    **changes: Any,
) -> Case:
    """A case that passes, unless told otherwise; `changes` are those of the candidate."""
    bound = bindings(rules, items)
    given = tuple(vote(who, bound) for who in approvals) if votes is None else votes
    candidate = replace(candidate, ancestors=ancestors, **changes)
    return Case(candidate, target, bound, now, items, given, people, edition=EDITION)
