"""What a policy judges: the candidate with its ancestry, the evidence, the votes, the roles of people, and the time.

A `Case` is everything that a verdict depends on. It is stored with the decision, so that the same policy, given the
same case, gives the same verdict for ever.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from lineage import Digest
from registry.domain.catalog.models import Status
from registry.domain.governance.ancestry import Ancestry, ancestry_facts
from registry.domain.governance.promotion import Bindings, EvidenceValue, Rejection, VoteEntry
from registry.domain.governance.reviews.bypasses import Bypass
from registry.domain.governance.reviews.findings import Finding, finding_facts
from registry.domain.governance.reviews.waivers import Waiver
from registry.domain.manifests import canonical_json
from registry.domain.names import VersionRef

SYSTEM = "system"
"""The author of evidence that the registry records itself; no person can have this handle."""

RECORDED = "recorded-"
"""The prefix of the id of evidence that the registry records itself."""

INTEGRITY = "integrity"
"""The type of the registry's own evidence that it has read all bytes of a version and found them right."""

SCAN = "scan"
"""The type of its own evidence of what the files of a version are: see `file_kinds`."""

MLBOM = "mlbom"
"""The type of its own evidence of what a version was made from: a CycloneDX bill of materials, as its file."""

SIGNATURE = "signature"
"""The type of its own signed statement about a version and the evidence on record: see `governance.vouching`."""

INTENDED_USE = "intended_use"
"""The type of the evidence that declares what a version is for: `subject.use` in conditions."""

STRICT_LISTS, STRICT_CHECKS, EDITION = 2, 3, 3
"""The rules of judging of today, and those from which on `all` over an empty list has no answer, unless `emptyIsTrue`,
and evidence of checking by somebody who made the version does not count."""


class Contribution(StrEnum):
    """How a person contributed to a version. Taken from recorded facts, never from a field that a person can edit."""

    UPLOADER = "uploader"
    RUN_SUBMITTER = "run_submitter"
    REQUESTER = "requester"
    EVIDENCE_AUTHOR = "evidence_author"
    LAST_EDITOR = "last_editor"

    @property
    def deed(self) -> str:
        """What the person did, for a sentence: `ana uploaded this version`."""
        return _DEEDS[self]


_DEEDS = {
    Contribution.UPLOADER: "uploaded this version",
    Contribution.RUN_SUBMITTER: "ran the transfer that made it",
    Contribution.REQUESTER: "requested this promotion",
    Contribution.EVIDENCE_AUTHOR: "wrote evidence about it",
    Contribution.LAST_EDITOR: "wrote a revision of its card",
}


@dataclass(frozen=True, slots=True)
class Subject:
    """The version itself, as `subject` in an expression."""

    name: str
    version: int
    task: str
    modality: str
    licence: str
    method: str
    architecture: str
    origin: str
    owners: tuple[str, ...]
    tags: Mapping[str, str] = field(default_factory=dict)
    parents: tuple[str, ...] = ()
    aliases: tuple[str, ...] = ()
    kind: str = "model_version"


@dataclass(frozen=True, slots=True)
class Ancestors:
    """Counts over the whole ancestry (models, datasets and steps), as `lineage` in an expression.

    `unresolved` also counts an ancestry too large to be read whole: the part that was not read may hold anything.
    """

    unresolved: int = 0
    recalled: int = 0
    suspended: int = 0
    deleted: int = 0
    declared: int = 0
    """Inputs that someone only claimed."""
    contradicted: int = 0
    """Inputs that someone claimed and the weights speak against."""
    depth: int = 0
    """Generations from the candidate to its farthest root, each on its shortest path."""
    models: int = 0
    datasets: int = 0
    archived: int = 0
    deprecated: int = 0
    tainted: int = 0
    """Those that a recall withholds because of what they were made from, the version itself among them."""
    invalid_evidence: int = 0
    """1 when the version was measured on something that was recalled, for each such recall."""
    claims_contradicted: int = 0
    """Base models that the version's card, or its adapter config, names otherwise than the recorded parents."""
    interface_changes: int = 0
    """Where the version is spoken to otherwise than a parent, and its recipe does not ask for it."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """One version that may be promoted, with everything known about it except evidence and votes.

    `metrics` are those of the producing step on its test role; `baseline` the same of the version that the protected
    alias of the target stage names now. `unknown_licences` counts the candidate and its ancestors whose licence is
    on no list.
    """

    ref: VersionRef
    stage: str
    status: Status
    subject: Subject
    ancestors: Ancestors = Ancestors()
    unknown_licences: int = 0
    metrics: Mapping[str, float] = field(default_factory=dict)
    baseline: Mapping[str, float] = field(default_factory=dict)
    contributors: Mapping[Contribution, frozenset[str]] = field(default_factory=dict)
    transfer: Mapping[str, object] = field(default_factory=dict)
    """The verdict of the producing step's baselines; empty when it ran without them."""
    quality: Mapping[str, object] = field(default_factory=dict)
    """Its main metric, against a constant answer and the version in production; see `services.governance.quality`."""
    forgetting: Mapping[str, object] = field(default_factory=dict)
    """What it lost on the test data of the models above it; see `services.governance.quality`."""
    similarity: Mapping[str, object] = field(default_factory=dict)
    """How like its data is to what its source learnt from; see `services.governance.similarity`."""
    damaged: bool = False
    """True while one of its stored objects is missing or changed."""
    ancestry: Ancestry | None = None
    """What conditions read of each ancestor and of licences; None in cases that were stored without it."""


@dataclass(frozen=True, slots=True)
class Standing:
    """What a person is now: the roles granted to them, and whether they are a service account."""

    roles: frozenset[str] = frozenset()
    service: bool = False
    since: datetime | None = None
    """When the account was made."""
    identity: str = ""
    """The account that this one belongs to, where one person has several."""
    key: str = ""
    """The public key that they sign approvals with."""


@dataclass(frozen=True, slots=True)
class Case:
    """Everything that a verdict depends on, except the policy: the candidate, the target stage, evidence, votes, time.

    `people` holds the standing of every voter and evidence author; someone who is not in it has no role.
    """

    candidate: Candidate
    target: str
    bound: Bindings
    now: datetime
    evidence: tuple[EvidenceValue, ...] = ()
    votes: tuple[VoteEntry, ...] = ()
    people: Mapping[str, Standing] = field(default_factory=dict)
    rejections: tuple[Rejection, ...] = ()
    """Rejections of earlier requests for the same version and target that were not overruled."""
    seen: Mapping[str, str] = field(default_factory=dict)
    """What `bound.seen` stands for: see `governance.seen`."""
    findings: tuple[Finding, ...] = ()
    """Every finding about the version, oldest first."""
    waivers: tuple[Waiver, ...] = ()
    """The waivers of the version that were granted and not ended."""
    inherited: tuple[Waiver, ...] = ()
    """The same of its ancestors, which except the version from nothing."""
    signed: Mapping[str, frozenset[str]] = field(default_factory=dict)
    """By stage, who approved an earlier promotion of the version into it."""
    bypass: Bypass | None = None
    """Who promotes without votes, and why; None for all that is decided by votes."""
    opened_at: datetime | None = None
    """When the request was opened; None before there is one."""
    request: str = ""
    """The id of the request; empty before there is one, and in cases that were stored without it."""
    keys: Mapping[str, str] = field(default_factory=dict)
    """The public keys of the registry, by their ids: see `governance.vouching`."""
    edition: int = 1
    """Which rules it is judged by, so that a stored case is judged as it was: see `EDITION`."""

    def made_by(self, handle: str, kinds: Iterable[Contribution]) -> bool:
        """True where `handle`, by any account, contributed to the making of the version in one of these ways."""
        made = {Contribution.UPLOADER, Contribution.RUN_SUBMITTER, Contribution.LAST_EDITOR}.intersection(kinds)
        makers = frozenset[str]().union(*(self.candidate.contributors.get(kind, frozenset()) for kind in made))
        return self.who(handle) in {self.who(maker) for maker in makers}

    def who(self, handle: str) -> str:
        """The account that all accounts of a person belong to."""
        return self.standing(handle).identity or handle

    def standing(self, handle: str) -> Standing:
        """The standing of `handle` now; without roles for somebody unknown."""
        return self.people.get(handle, Standing())


def expression_facts(
    case: Case, evidence: Mapping[str, EvidenceValue], params: Mapping[str, object], tier: str = "high"
) -> dict[str, object]:
    """The variables of a policy's expressions. Numbers in metrics, baseline, evidence and params are doubles."""
    candidate, subject = case.candidate, case.candidate.subject
    ancestry, use = ancestry_facts(candidate.ancestry), evidence.get(INTENDED_USE)
    return {
        "subject": {
            "kind": subject.kind,
            "name": subject.name,
            "version": subject.version,
            "stage": candidate.stage,
            "status": candidate.status.value,
            "task": subject.task,
            "modality": subject.modality,
            "licence": subject.licence,
            "method": subject.method,
            "architecture": subject.architecture,
            "origin": subject.origin,
            "owners": list(subject.owners),
            "tags": dict(subject.tags),
            "parents": list(subject.parents),
            "aliases": list(subject.aliases),
            "use": {} if use is None else _doubles(use.body),
            "restrictions": ancestry["restrictions"],
            "base_is_gpai": ancestry["base_is_gpai"],
        },
        "findings": finding_facts(case.findings, case.now),
        "lineage": {name: getattr(candidate.ancestors, name) for name in Ancestors.__dataclass_fields__}
        | {name: ancestry[name] for name in ("eval_train_overlap", "eval_train_near_copies", "marks")},
        "ancestors": ancestry["ancestors"],
        "datasets": ancestry["datasets"],
        "licence": {"unknown": candidate.unknown_licences, "conflicts": ancestry["conflicts"]},
        "compute": {"flops": ancestry["flops"], "modification_share": ancestry["modification_share"]},
        "metrics": _doubles(candidate.metrics),
        "baseline": _doubles(candidate.baseline),
        "quality": _doubles(candidate.quality),
        "forgetting": _doubles(candidate.forgetting),
        "similarity": _doubles(candidate.similarity),
        "transfer": _doubles(candidate.transfer),
        "evidence": {type_: _doubles(item.body) for type_, item in evidence.items()},
        "tier": tier,
        "params": _doubles(params),
    }


def oldest_first(evidence: Iterable[EvidenceValue]) -> list[EvidenceValue]:
    """Evidence by age. What was added keeps the order in which it was added, whatever the clock was set to.

    What the registry reads from the version (its card, its metrics) is placed among it by its time.
    """
    latest: dict[bool, datetime] = {}
    dated = list[tuple[datetime, int, EvidenceValue]]()
    for place, item in enumerate(evidence):
        own = item.id.startswith(RECORDED)
        latest[own] = max(latest.get(own, item.added_at), item.added_at)
        dated.append((latest[own], place, item))
    return [item for _, _, item in sorted(dated, key=lambda one: one[:2])]


def evidence_digest(evidence: tuple[EvidenceValue, ...]) -> Digest:
    """One digest over all evidence of a version: its types, contents and authors, sorted.

    Without the registry's own checks of the bytes, which are made again at each vote: votes bind to their digest.
    """
    bound = [item for item in evidence if item.id not in {RECORDED + INTEGRITY, RECORDED + SCAN}]
    rows = sorted([item.type, item.digest.hex, item.added_by, item.id] for item in bound)
    return Digest.of(canonical_json(rows))


def _doubles(value: object) -> object:
    """CEL does not mix integers and doubles in arithmetic, so all numbers from outside become doubles."""
    if isinstance(value, bool):
        return value
    if isinstance(value, int):
        return float(value)
    if isinstance(value, Mapping):
        return {str(key): _doubles(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_doubles(item) for item in value]
    return value
