"""Cases that the author of a policy writes beside it, each with the outcome that it must have: tests of a policy.

What a case does not say is what a version has that is active, has no ancestors and was never measured.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, Field, model_validator

from lineage import Digest
from registry.domain.catalog.models import Status
from registry.domain.governance.ancestry import DATASET, MODEL, AncestorFact, Ancestry, ComputeFacts, Restriction
from registry.domain.governance.case import (
    EDITION,
    SIGNATURE,
    SYSTEM,
    Ancestors,
    Candidate,
    Case,
    Contribution,
    Standing,
    Subject,
)
from registry.domain.governance.policies.policy import Policy
from registry.domain.governance.promotion import Bindings, EvidenceValue, Rejection, VoteEntry, VoteValue
from registry.domain.governance.replays import PolicyDifference
from registry.domain.governance.reviews.findings import Finding, Severity
from registry.domain.governance.vouching import signature_body, vouchable
from registry.domain.manifests import canonical_json
from registry.domain.names import AssetKind, Name, VersionRef
from registry.domain.people.keys import new_key, public_key, sign
from registry.errors import BadPolicyError
from registry.services.documents import Found, read_document
from registry.services.governance.policies.trying import PROMOTED, REFUSED
from registry.services.governance.policies.words import STRICT, Duration, FieldName, Role, Text

MOST = 500
"""Cases of one file."""
_ABOUT = Digest.of(b"a version that was written for a test")
_REF = VersionRef(AssetKind.MODELS, Name.parse("written/case"), 1)
_DUE = timedelta(days=30)
_KEY = "written"
Digested = Annotated[Digest, BeforeValidator(lambda text: Digest.of(str(text).encode()))]
"""Some digest, by a name of one's own: the same name is the same digest."""
Count = Annotated[int, Field(ge=0, le=10**9)]


class _Part(BaseModel):
    model_config = STRICT


class SubjectPart(_Part):
    """`subject` in conditions."""

    name: Text = "written/case"
    version: Annotated[int, Field(ge=1, le=2**31)] = 1
    task: Text = ""
    modality: Text = ""
    licence: Text = ""
    method: Text = ""
    architecture: Text = ""
    origin: Text = ""
    owners: list[Text] = []
    tags: dict[str, Text] = {}
    parents: list[Text] = []
    aliases: list[Text] = []


class AncestorPart(_Part):
    """One of `ancestors` or `datasets` in conditions."""

    ref: Text
    status: Annotated[Status, Field(strict=False)] = Status.ACTIVE
    stage: Text = ""
    licence: Text = ""
    clauses: list[Text] = []
    assurance: Text = "observed"
    deleted: bool = False
    findings: Count = 0


class RestrictionPart(_Part):
    """One of `subject.restrictions` in conditions."""

    clause: Text
    source: Text = ""
    licence: Text = ""


class GivenPart(_Part):
    """One piece of evidence: who added it, how long ago, and what its form says."""

    by: Text
    age: Duration = timedelta()
    fields: dict[FieldName, Any] = {}


class ComputePart(_Part):
    """What is known of the base of a version, and of the compute that was spent since."""

    base_is_gpai: bool | None = None
    modification_share: float | None = None


class CasePart(_Part):
    """One case: a version, what is known of it, who voted, and what has to become of it."""

    name: Text
    source: Annotated[Text, Field(alias="from")]
    to: Text
    expect: Literal["promoted", "refused"]
    because: list[Text] = []
    subject: SubjectPart = SubjectPart()
    status: Annotated[Status, Field(strict=False)] = Status.ACTIVE
    made_by: list[Text] = []
    requested_by: Text | None = None
    metrics: dict[str, float] = {}
    baseline: dict[str, float] = {}
    quality: dict[str, Any] = {}
    forgetting: dict[str, Any] = {}
    similarity: dict[str, Any] = {}
    transfer: dict[str, Any] = {}
    lineage: dict[str, Count] = {}
    ancestors: list[AncestorPart] = []
    datasets: list[AncestorPart] = []
    restrictions: list[RestrictionPart] = []
    conflicts: dict[str, Count] = {}
    unknown_licences: Count = 0
    eval_train_overlap: Count | None = None
    eval_train_near_copies: Count | None = None
    compute: ComputePart | None = None
    bases: dict[Literal["eval_dataset", "base_model"], list[Digested]] = {}
    marks: list[Text] = []
    evidence: dict[str, GivenPart] = {}
    people: dict[str, list[Role]] = {}
    service_accounts: list[Text] = []
    findings: dict[Annotated[Severity, Field(strict=False)], Annotated[int, Field(ge=0, le=20)]] = {}
    overdue: dict[Annotated[Severity, Field(strict=False)], Annotated[int, Field(ge=0, le=20)]] = {}
    votes: dict[str, Annotated[VoteValue, Field(strict=False)]] = {}
    voted: Duration = timedelta()

    @model_validator(mode="after")
    def _known(self) -> CasePart:
        if unknown := sorted(self.lineage.keys() - Ancestors.__dataclass_fields__.keys()):
            known = ", ".join(Ancestors.__dataclass_fields__)
            raise ValueError(f"lineage has no {', '.join(unknown)[:80]}; it has {known}")
        if self.because and self.expect == PROMOTED:
            raise ValueError("because names what refuses a version, and this one is expected to be promoted")
        return self

    def case(self, policy: Policy, now: datetime) -> Case:
        """What the policy judges."""
        bound = Bindings(_ABOUT, _ABOUT, policy.digest, _ABOUT, _ABOUT)
        people = {
            who: Standing(frozenset(self.people.get(who, ())), who in self.service_accounts)
            for who in {*self.people, *self.service_accounts}
        }
        votes = [
            VoteEntry(who, _roles(policy, who, people, self.subject), value, "As written", now - self.voted, bound)
            for who, value in self.votes.items()
        ]
        evidence = tuple(self._evidence(now))
        signed = any((one.type, one.added_by) == (SIGNATURE, SYSTEM) for one in evidence)
        vetoes = (Rejection("req-written", self.to, vote) for vote in votes if vote.value is VoteValue.VETO)
        return Case(
            candidate=self._candidate(),
            target=self.to,
            bound=bound,
            now=now,
            evidence=self._signed(evidence, now) if signed else evidence,
            keys={_KEY: public_key(_key())} if signed else {},
            votes=tuple(votes),
            people=people,
            rejections=tuple(vetoes),
            findings=tuple(self._findings(now)),
            opened_at=now - self.voted,
            edition=EDITION,
        )

    def _candidate(self) -> Candidate:
        fields = self.subject.model_dump().items()
        told: dict[str, Any] = {name: tuple(one) if isinstance(one, list) else one for name, one in fields}
        listed = [(MODEL, one) for one in self.ancestors] + [(DATASET, one) for one in self.datasets]
        made = {
            Contribution.UPLOADER: frozenset(self.made_by),
            Contribution.REQUESTER: frozenset(filter(None, [self.requested_by])),
            Contribution.EVIDENCE_AUTHOR: frozenset(given.by for given in self.evidence.values()) - {SYSTEM},
        }
        return Candidate(
            ref=_REF,
            stage=self.source,
            status=self.status,
            subject=Subject(**told),
            ancestors=Ancestors(**{"models": len(self.ancestors), "datasets": len(self.datasets), **self.lineage}),
            unknown_licences=self.unknown_licences,
            metrics=self.metrics,
            baseline=self.baseline,
            contributors=made,
            transfer=self.transfer,
            quality=self.quality,
            forgetting=self.forgetting,
            similarity=self.similarity,
            ancestry=Ancestry(
                listed=tuple(_ancestor(kind, one) for kind, one in listed),
                restrictions=tuple(Restriction(r.clause, r.source, r.licence) for r in self.restrictions),
                conflicts=self.conflicts,
                overlap=self.eval_train_overlap,
                near_copies=self.eval_train_near_copies,
                bases={name: tuple(digests) for name, digests in self.bases.items()},
                compute=None if self.compute is None else self._compute(self.compute),
                marks=tuple(sorted(self.marks)),
            ),
        )

    def _compute(self, part: ComputePart) -> ComputeFacts:
        return ComputeFacts(part.base_is_gpai, part.modification_share, "the case does not say")

    def _signed(self, evidence: tuple[EvidenceValue, ...], now: datetime) -> tuple[EvidenceValue, ...]:
        """`evidence` with a signature over what the case has of the registry's own, by a key of this process."""

        def sign_(text: bytes) -> bytes:
            return bytes.fromhex(sign(_key(), text.decode()))

        body = signature_body(_REF, _ABOUT, vouchable(evidence, _ABOUT), key=_KEY, sign=sign_, at=now)
        return tuple(replace(one, body=body) if one.type == SIGNATURE else one for one in evidence)

    def _evidence(self, now: datetime) -> Iterator[EvidenceValue]:
        for type_, given in self.evidence.items():
            digest = Digest.of(canonical_json(given.fields))
            yield EvidenceValue(
                f"written-{type_}", _REF, _ABOUT, type_, digest, given.fields, None, None, now - given.age, given.by
            )

    def _findings(self, now: datetime) -> Iterator[Finding]:
        for counts, due in ((self.findings, now + _DUE), (self.overdue, now - _DUE)):
            for severity, many in counts.items():
                for number in range(many):
                    made = f"written-{severity}-{number}"
                    yield Finding(made, _REF, severity, "As written", "nobody", due, "nobody", now - 2 * _DUE)


class CasesDocument(_Part):
    """The file: `cases`, each with a name of its own."""

    cases: Annotated[list[CasePart], Field(min_length=1, max_length=MOST)]


def judged_cases(policy: Policy, text: str, now: datetime) -> tuple[int, tuple[PolicyDifference, ...]]:
    """How many cases there are, and each that does not come out as written. Raises: BadPolicyError."""
    document = read_document(text, CasesDocument, error=BadPolicyError, what="cases", check=_named_twice)
    policy = replace(policy, votes=replace(policy.votes, signed=False))  # written votes are taken for signed ones
    found = (_judged(policy, one, now) for one in document.cases)
    return len(document.cases), tuple(one for one in found if one is not None)


def _judged(policy: Policy, written: CasePart, now: datetime) -> PolicyDifference | None:
    verdict = policy.judge(written.case(policy, now))
    outcome = PROMOTED if verdict.allowed else REFUSED
    failed = {check.id: check.message for check in verdict.checks if not check.passed}
    missing = [wanted for wanted in written.because if wanted not in failed]
    if outcome == written.expect and not missing:
        return None
    wanted = written.expect if not missing else f"{written.expect} by {', '.join(written.because)}"
    got = outcome if not failed else f"{outcome} by {', '.join(failed)}"
    return PolicyDifference(written.name, written.to, wanted, got, tuple(failed.values()))


@lru_cache(maxsize=1)
def _key() -> bytes:
    """The key that signs what is written as signed by the registry."""
    return new_key()


def _roles(policy: Policy, who: str, people: Mapping[str, Standing], subject: SubjectPart) -> tuple[str, ...]:
    """The roles of the policy that `who` holds."""
    standing = people.get(who, Standing())
    return tuple(name for name, rule in policy.roles.items() if rule.held_by(who, standing, subject.owners))


def _ancestor(kind: str, one: AncestorPart) -> AncestorFact:
    clauses = tuple(one.clauses)
    return AncestorFact(
        one.ref, kind, one.status, one.licence, clauses, one.assurance, one.stage, one.deleted, one.findings
    )


def _named_twice(document: CasesDocument) -> Iterator[Found]:
    seen: dict[str, int] = {}
    for place, one in enumerate(document.cases):
        if seen.setdefault(one.name, place) != place:
            yield ("cases", place, "name"), f"case {seen[one.name] + 1} has the same name"
