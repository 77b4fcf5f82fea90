"""Gathers what is on record about a version: the facts that a policy judges, from rows that nobody can edit.

Everything is read once, by `open_dossier`; what is made of it afterwards reads nothing. The number of statements does
not depend on how many ancestors there are.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import cache

from lineage import Assurance, Digest, Graph, NodeId, NodeKind, lineage_digest
from registry.domain.catalog.compute import ComputeReport
from registry.domain.catalog.interface import silent
from registry.domain.catalog.licences import is_known
from registry.domain.catalog.models import Status
from registry.domain.comparison.records import verdict_of
from registry.domain.data.leakage import LeakageCount
from registry.domain.governance.ancestry import Ancestry
from registry.domain.governance.case import (
    EDITION,
    SIGNATURE,
    Ancestors,
    Candidate,
    Case,
    Contribution,
    Standing,
    Subject,
    evidence_digest,
    expression_facts,
)
from registry.domain.governance.conditions.expressions import Expression
from registry.domain.governance.conditions.presence import Place, places_read
from registry.domain.governance.policies.policy import Policy
from registry.domain.governance.promotion import Bindings, EvidenceValue, Rejection, VoteEntry
from registry.domain.governance.reviews.bypasses import Bypass
from registry.domain.governance.reviews.findings import Finding
from registry.domain.governance.reviews.waivers import Waiver
from registry.domain.governance.seen import WAIVED, seen_digest, seen_state
from registry.domain.manifests import canonical_json
from registry.domain.names import VersionRef
from registry.domain.people.people import Person
from registry.domain.verifier import PublicKey
from registry.services.comparison.forgetting import sets_on_record
from registry.services.comparison.verdicts import verdict_facts
from registry.services.governance.ancestry import ancestry_of
from registry.services.governance.claims import claims_of, contradictions
from registry.services.governance.quality import MAIN, compared_with, forgetting, newest_in_production, quality
from registry.services.governance.recorded_evidence import recorded_evidence
from registry.services.governance.similarity import FACT as SIMILARITY
from registry.services.governance.similarity import similarity_of
from registry.services.lineage.compute import Amounts, amounts_of, reported
from registry.services.lineage.counting_leakage import count_in_force
from registry.services.lineage.marks import marks_in_force, set_marks
from registry.services.lookup import found
from registry.services.storage.governance import NamedVersion, VersionRecord
from registry.services.storage.lineage import AncestryRecord
from registry.services.unit_of_work import UnitOfWork

_OF_COMPUTE = {("subject", "base_is_gpai"), ("compute", "modification_share")}
MAX_ANCESTORS = 100_000
"""Nodes of an ancestry that are read; a larger one counts as unresolved, so that a policy can refuse it."""
_COUNTED = {("lineage", "eval_train_overlap"), ("lineage", "eval_train_near_copies"), ("lineage",)}


def _uncounted() -> None:
    return None


@dataclass(frozen=True, slots=True)
class Dossier:
    """A version's record before any policy looks at it.

    `people` holds the standing of evidence authors and of whoever else was named; `compared` the version that each
    alias of the model names now; `ancestors` is the digest of the statuses of all ancestors; `requesters` are who has
    ever requested a promotion, by its target.
    """

    candidate: Candidate
    artifact: Digest
    lineage: Digest
    evidence: tuple[EvidenceValue, ...]
    people: Mapping[str, Standing] = field(default_factory=dict)
    compared: Mapping[str, NamedVersion] = field(default_factory=dict)
    in_production: Callable[[], NamedVersion | None] = field(default=lambda: None, compare=False)
    """The newest other version in production, read where a policy asks for it."""
    ancestors: Digest | None = None
    rejections: tuple[Rejection, ...] = ()
    requesters: Mapping[str, frozenset[str]] = field(default_factory=dict)
    signed: Mapping[str, frozenset[str]] = field(default_factory=dict)
    """By stage, who approved an earlier promotion of the version into it."""
    findings: tuple[Finding, ...] = ()
    waivers: tuple[Waiver, ...] = ()
    inherited: tuple[Waiver, ...] = ()
    ancestry: AncestryRecord | None = None
    manifest: Mapping[str, object] | None = None
    """Of the step that made the version."""
    open_findings: Mapping[NodeId, int] = field(default_factory=dict)
    """How many findings are open about each node of the ancestry that has one."""
    keys: Mapping[str, str] = field(default_factory=dict)
    """The public keys of the registry, where there is a signature of it to verify."""
    amounts: Callable[[], Amounts] | None = field(default=None, compare=False)
    """Reads what is on record of the compute of the ancestry, where a policy asks for it."""
    marks: Callable[[], tuple[str, ...]] | None = field(default=None, compare=False)
    """Reads the marks that hold for the version, where a policy asks for them."""

    corrected: Callable[[], bool] = field(default=lambda: False, compare=False)
    """Whether an edge of the ancestry was corrected; read where a count of test rows rests on it."""
    count: Callable[[], LeakageCount | None] = field(default=_uncounted, compare=False)
    """Reads how many test rows were seen in training, as somebody had it counted, where a policy asks for it."""
    similarity: Callable[[], Mapping[str, object]] | None = field(default=None, compare=False)
    """Reads what kept rankings say of its source and its data, where a policy asks for it."""

    def with_evidence(self, value: EvidenceValue) -> Dossier:
        """The record after `value` was added."""
        contributors = dict(self.candidate.contributors)
        authors = contributors.get(Contribution.EVIDENCE_AUTHOR, frozenset())
        contributors[Contribution.EVIDENCE_AUTHOR] = authors | {value.added_by}
        candidate = replace(self.candidate, contributors=contributors)
        return replace(self, candidate=candidate, evidence=(*self.evidence, value))

    def asked_by(self, handle: str) -> Dossier:
        """The record for a request that `handle` opened."""
        contributors = {**self.candidate.contributors, Contribution.REQUESTER: frozenset({handle})}
        return replace(self, candidate=replace(self.candidate, contributors=contributors))


def open_dossier(uow: UnitOfWork, ref: VersionRef, *, requested_by: str | None, also: Iterable[str] = ()) -> Dossier:
    """Read everything that is known of `ref` and of its ancestry, and the standing of its authors and of `also`.

    Raises: NotFoundError.
    """
    record = found(uow.governance.version(ref), ref)
    ancestry = found(uow.graph.ancestry(ref, limit=MAX_ANCESTORS), ref)
    added = uow.governance.evidence(ref)
    evidence = (*recorded_evidence(record), *added)
    licences = Counter(one.licence for one in ancestry.members if one.licence is not None)
    candidate = Candidate(
        ref=ref,
        stage=record.stage,
        status=record.status,
        subject=_subject(record),
        ancestors=_ancestors(uow, ancestry, record),
        unknown_licences=sum(times for licence, times in licences.items() if not is_known(licence)),
        metrics=_finite(record.metrics),
        contributors=_contributors(record, added, requested_by),
        transfer=_transfer(record),
        forgetting=_forgetting(uow, ancestry, added),
        damaged=record.damaged,
    )
    granted = uow.reviews.waivers_granted()
    models = {one.node.label for one in ancestry.members if one.node.kind is NodeKind.MODEL} if granted else set()
    handles = (
        {item.added_by for item in evidence}
        | set(also)
        | {who for found in candidate.contributors.values() for who in found}
    )
    return Dossier(
        candidate,
        record.digest,
        lineage_digest([one.node for one in ancestry.members], ancestry.edges, complete=ancestry.complete),
        evidence,
        people={p.handle: standing_of(p) for p in uow.people.known(handles)},
        compared=uow.governance.baselines(ref.name),
        in_production=cache(lambda: newest_in_production(uow, ref)),
        ancestors=_statuses(ancestry),
        rejections=tuple(uow.governance.rejections(ref)),
        requesters=record.requesters,
        signed=uow.governance.approvers(ref),
        findings=tuple(uow.reviews.findings_about(ref)),
        waivers=tuple(one for one in granted if one.ref == ref),
        inherited=tuple(one for one in granted if one.ref != ref and one.ref.label in models),
        ancestry=ancestry,
        manifest=record.step.manifest,
        open_findings=uow.reviews.open_findings([one.node.id for one in ancestry.members]),
        keys=_keys(uow, evidence),
        amounts=cache(lambda: amounts_of(uow, ancestry)),
        marks=cache(lambda: tuple(one.mark for one in marks_in_force(ancestry, set_marks(uow, ancestry)))),
        corrected=cache(lambda: uow.corrections.corrected(_steps(ancestry))),
        count=cache(lambda: count_in_force(uow, ancestry)),
        similarity=cache(lambda: similarity_of(uow, ancestry)),
    )


def _steps(ancestry: AncestryRecord) -> list[NodeId]:
    return [one.node.id for one in ancestry.members if one.node.kind is NodeKind.STEP]


def _keys(uow: UnitOfWork, evidence: Sequence[EvidenceValue]) -> Mapping[str, str]:
    """The public keys of the registry by name, where there is a signature of it to verify. Raises: AuditBrokenError."""
    signing = uow.audit.checkpoints
    if signing is None or not any(one.type == SIGNATURE for one in evidence):
        return {}
    public = signing.keys()
    return {key_name(key): key.raw.hex() for key in public}


def key_name(key: PublicKey) -> str:
    """How a signature names a key of the registry."""
    return f"{key.name}+{key.id.hex()}"


def standing_of(person: Person) -> Standing:
    """What a person is now, as a case holds it."""
    return Standing(frozenset(person.roles), person.service, person.created_at, person.identity, person.key)


def case_for(
    dossier: Dossier,
    policy: Policy,
    *,
    target: str,
    now: datetime,
    votes: Sequence[VoteEntry] = (),
    opened_at: datetime | None = None,
    bypass: Bypass | None = None,
    request: str = "",
) -> Case:
    """The case that `policy` judges. The dossier must know the standing of every voter."""
    contributors = dict(dossier.candidate.contributors)
    contributors[Contribution.REQUESTER] |= dossier.requesters.get(target, frozenset())
    case = Case(
        candidate=replace(dossier.candidate, contributors=contributors),
        target=target,
        bound=Bindings(dossier.artifact, dossier.lineage, policy.digest, evidence_digest(dossier.evidence)),
        now=now,
        evidence=dossier.evidence,
        votes=tuple(votes),
        people=dossier.people,
        rejections=tuple(one for one in dossier.rejections if one.to_stage == target),
        findings=dossier.findings,
        waivers=dossier.waivers,
        inherited=dossier.inherited,
        signed=dossier.signed,
        opened_at=opened_at,
        bypass=bypass,
        request=request,
        keys=dossier.keys,
        edition=EDITION,
    )
    conditions = list(policy.conditions(case))
    compared, against = compared_with(policy, target, conditions, dossier.compared, dossier.in_production)
    baseline = _finite(compared.metrics) if compared is not None else {}
    ancestry, good = _read(dossier, policy, case, conditions), quality(dossier.candidate.metrics, baseline)
    like = dossier.similarity() if dossier.similarity is not None and _asks(conditions, SIMILARITY) else {}
    candidate = replace(case.candidate, baseline=baseline, quality=good, ancestry=ancestry, similarity=like)
    case = replace(case, candidate=candidate)
    facts = expression_facts(case, {}, {})
    seen = seen_state(conditions, facts, ancestors=dossier.ancestors, compared=against)
    waived = sorted(f"{one.gate} ({one.id})" for one in dossier.waivers if one.in_force(now))
    seen |= {WAIVED: ", ".join(waived)} if waived else {}
    return replace(case, seen=seen, bound=replace(case.bound, seen=seen_digest(seen)))


def _asks(conditions: Sequence[Expression], variable: str) -> bool:
    return any(place[0] == variable for one in conditions for place in places_read(one.tree))


def _read(dossier: Dossier, policy: Policy, case: Case, conditions: Sequence[Expression]) -> Ancestry | None:
    """What these conditions read of the ancestry: the more that is read, the longer it takes."""
    if dossier.ancestry is None:
        return None
    places = frozenset[Place]().union(*(places_read(one.tree) for one in conditions))
    listed = any(place[0] in {"ancestors", "datasets"} for place in places)
    licences = any(place[:2] in {("subject", "restrictions"), ("licence", "conflicts")} for place in places)
    # A place that ends above, such as `subject` alone, reads all that is under it.
    licences = licences or ("subject",) in places or ("licence",) in places
    computed = any(place[:2] in _OF_COMPUTE or place in {("subject",), ("compute",)} for place in places)
    marked = any(place[:2] == ("lineage", "marks") or place == ("lineage",) for place in places)
    return ancestry_of(
        dossier.ancestry,
        dossier.manifest,
        listed=listed,
        marks=dossier.marks() if marked and dossier.marks is not None and dossier.ancestry.complete else None,
        licences=licences,
        findings=dossier.open_findings,
        corrected=dossier.corrected,
        count=dossier.count if _COUNTED & places else _uncounted,
        compute=_compute(dossier, policy, case) if computed else None,
    )


def _compute(dossier: Dossier, policy: Policy, case: Case) -> ComputeReport | None:
    """What was done since the bases. Who made the version says nothing of its bases, unless they may approve it too."""
    if dossier.amounts is None or dossier.ancestry is None:
        return None
    made = (Contribution.UPLOADER, Contribution.RUN_SUBMITTER, Contribution.LAST_EDITOR)
    makers = {who for kind in made for who in case.candidate.contributors.get(kind, ())}
    without = frozenset(case.who(maker) for maker in makers) if policy.duties.no_self_approval else frozenset[str]()
    return reported(dossier.ancestry, dossier.amounts(), case.candidate.ref, without=without)


def _subject(record: VersionRecord) -> Subject:
    return Subject(
        name=str(record.ref.name),
        version=record.ref.number,
        task=record.task,
        modality=record.modality,
        licence=record.licence,
        method=record.method,
        architecture=record.architecture,
        origin=record.origin,
        owners=(record.owner,),
        tags=record.tags,
        parents=tuple(str(parent) for parent in record.parents),
        aliases=record.aliases,
    )


def _contributors(
    record: VersionRecord, added: Sequence[EvidenceValue], requested_by: str | None
) -> Mapping[Contribution, frozenset[str]]:
    return {
        Contribution.UPLOADER: frozenset({record.created_by}),
        Contribution.RUN_SUBMITTER: frozenset({record.step.created_by}) | record.runners,
        Contribution.REQUESTER: frozenset({requested_by} if requested_by is not None else ()),
        Contribution.EVIDENCE_AUTHOR: frozenset(item.added_by for item in added),
        Contribution.LAST_EDITOR: record.card_writers,
    }


def _transfer(record: VersionRecord) -> Mapping[str, object]:
    """The verdict on the step that made it, from its manifest; nothing where no baselines were run."""
    verdict = verdict_of(record.step.manifest, record.step.verdict_void)
    return verdict_facts(verdict) if verdict is not None else {}


def _forgetting(uow: UnitOfWork, ancestry: AncestryRecord, added: Sequence[EvidenceValue]) -> Mapping[str, object]:
    """What the version lost on the test data of the models above it: as steps measured it, and the registry since."""
    models = {one.node.id for one in ancestry.members if one.node.kind is NodeKind.MODEL}
    makers = {edge.target: edge.source for edge in ancestry.edges if edge.target in models}
    own = makers.pop(ancestry.focus, None)
    if own is None or not makers:
        return {}
    tested = uow.governance.tested([own, *makers.values()], MAIN)
    above = {one.node.label for one in ancestry.members if one.node.id in models - {ancestry.focus}}
    measured = [one for one in sets_on_record(added) if one.parent.partition(":/")[2] in above]
    return forgetting(tested.get(own, ()), (tested.get(key, ()) for key in set(makers.values()) - {own}), measured)


def _ancestors(uow: UnitOfWork, ancestry: AncestryRecord, record: VersionRecord) -> Ancestors:
    """Counts over the ancestors, the version itself left out. What was deleted keeps the status that it had."""
    versions = [one for one in ancestry.members if one.node.kind is not NodeKind.STEP]
    others = [one for one in versions if one.node.id != ancestry.focus]
    statuses = Counter(one.status for one in others)
    datasets = sum(one.node.kind is NodeKind.DATASET for one in others)
    return Ancestors(
        unresolved=sum(one.node.digest is None for one in versions) + (not ancestry.complete),
        recalled=statuses[Status.RECALLED],
        suspended=statuses[Status.SUSPENDED],
        archived=statuses[Status.ARCHIVED],
        deprecated=statuses[Status.DEPRECATED],
        deleted=sum(one.deleted for one in others),
        declared=sum(edge.assurance is Assurance.DECLARED for edge in ancestry.edges),
        contradicted=sum(edge.assurance is Assurance.CONTRADICTED for edge in ancestry.edges),
        depth=_depth(ancestry),
        tainted=uow.recalls.tainted([one.node.id for one in versions]),
        invalid_evidence=uow.recalls.invalid_evidence(ancestry.focus),
        claims_contradicted=len(
            contradictions(
                uow,
                claims_of(record.card.text if record.card else None, record.step.manifest),
                record.parents,
                lambda: {one.node.label.rpartition("/")[0] for one in others},
            )
        ),
        interface_changes=sum(
            len(silent(one.interface or ())) for one in uow.graph.comparisons(record.step.id).values()
        ),
        models=len(others) - datasets,
        datasets=datasets,
    )


def _statuses(ancestry: AncestryRecord) -> Digest:
    """One digest over the status of every ancestor, and over which of them were deleted."""
    others = (one for one in ancestry.members if one.node.id != ancestry.focus and one.node.kind is not NodeKind.STEP)
    return Digest.of(canonical_json(sorted([one.node.label, str(one.status), one.deleted] for one in others)))


def _depth(ancestry: AncestryRecord) -> int:
    """How many generations lie between the version and the farthest model it comes from, each by its shortest way."""
    graph = Graph([one.node for one in ancestry.members], ancestry.edges)
    generations = graph.ancestors(ancestry.focus)
    return max((n for key, n in generations.items() if graph.node(key).kind is NodeKind.MODEL), default=0)


def _finite(metrics: Mapping[str, float]) -> Mapping[str, float]:
    """Metrics without those that are not finite: a gate that reads one of them finds it missing."""
    return {name: float(value) for name, value in metrics.items() if math.isfinite(value)}
