"""Gathers what is on record about a version: the facts that a policy judges, from rows that nobody can edit."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from lineage import Assurance, Digest, Node, NodeId, NodeKind
from registry.domain.catalog.licences import is_known
from registry.domain.catalog.models import Status, VersionDetail
from registry.domain.comparison.records import verdict_of
from registry.domain.governance.case import Ancestors, Candidate, Case, Contribution, Standing, Subject, evidence_digest
from registry.domain.governance.policy import Policy
from registry.domain.governance.promotion import Bindings, EvidenceValue, VoteEntry
from registry.domain.manifests import canonical_json
from registry.domain.names import AssetKind, Reference, VersionRef
from registry.domain.verbs.lineage import Ancestry
from registry.services.comparison.verdicts import verdict_facts
from registry.services.governance.recorded_evidence import evidence_about
from registry.services.lookup import found
from registry.services.unit_of_work import UnitOfWork

MAX_ANCESTORS = 100_000
"""Nodes of an ancestry that are read; a larger one counts as unresolved, never as fine."""


@dataclass(frozen=True, slots=True)
class Dossier:
    """A version's record before any policy looks at it."""

    candidate: Candidate
    artifact: Digest
    lineage: Digest
    evidence: tuple[EvidenceValue, ...]


def open_dossier(uow: UnitOfWork, ref: VersionRef, *, requested_by: str | None) -> Dossier:
    """Read everything that is known of `ref` and of its ancestry. Raises: NotFoundError."""
    detail = found(uow.catalog.version(ref), ref)
    ancestry = _ancestry(uow, ref)
    ancestors, licences = _look_back(uow, ancestry)
    evidence = evidence_about(uow, detail)
    candidate = Candidate(
        ref=ref,
        stage=detail.summary.stage,
        status=detail.summary.status,
        subject=_subject(detail),
        ancestors=ancestors,
        unknown_licences=sum(not is_known(licence) for licence in (detail.summary.licence, *licences)),
        metrics=_finite(detail.summary.metrics),
        contributors=_contributors(uow, detail, requested_by),
        transfer=_transfer(uow, detail),
    )
    return Dossier(candidate, detail.summary.digest, _lineage_digest(ancestry), evidence)


def case_for(
    uow: UnitOfWork,
    dossier: Dossier,
    policy: Policy,
    *,
    target: str,
    now: datetime,
    votes: Sequence[VoteEntry] = (),
    also: Iterable[str] = (),
) -> Case:
    """The case that `policy` judges. `also` are people whose standing is wanted beside voters' and authors'."""
    handles = {vote.voter for vote in votes} | {item.added_by for item in dossier.evidence} | set(also)
    bound = Bindings(dossier.artifact, dossier.lineage, policy.digest, evidence_digest(dossier.evidence))
    return Case(
        candidate=replace(dossier.candidate, baseline=_baseline(uow, dossier.candidate.ref, policy, target)),
        target=target,
        bound=bound,
        now=now,
        evidence=dossier.evidence,
        votes=tuple(votes),
        people=_standings(uow, handles),
    )


def _subject(detail: VersionDetail) -> Subject:
    model, summary = detail.model, detail.summary
    return Subject(
        name=str(summary.ref.name),
        version=summary.ref.number,
        task=model.task,
        modality=model.modality.value,
        licence=summary.licence,
        method=summary.method,
        architecture=detail.architecture,
        origin=model.origin,
        owners=(model.owner,),
        tags={**model.tags, **detail.tags},
        parents=tuple(str(parent) for parent in detail.parents),
        aliases=summary.aliases,
    )


def _contributors(
    uow: UnitOfWork, detail: VersionDetail, requested_by: str | None
) -> Mapping[Contribution, frozenset[str]]:
    step = uow.steps.get(detail.step)
    stored = uow.governance.evidence(detail.summary.ref)
    return {
        Contribution.UPLOADER: frozenset({detail.summary.created_by}),
        Contribution.RUN_SUBMITTER: frozenset({step.summary.created_by} if step is not None else ()),
        Contribution.REQUESTER: frozenset({requested_by} if requested_by is not None else ()),
        Contribution.EVIDENCE_AUTHOR: frozenset(item.added_by for item in stored),
        Contribution.LAST_EDITOR: frozenset({detail.card.written_by} if detail.card is not None else ()),
    }


def _transfer(uow: UnitOfWork, detail: VersionDetail) -> Mapping[str, object]:
    """The verdict on the step that made it, from its manifest; nothing where no baselines were run."""
    step = uow.steps.get(detail.step)
    verdict = verdict_of(step.manifest) if step is not None else None
    return verdict_facts(verdict) if verdict is not None else {}


def _ancestry(uow: UnitOfWork, ref: VersionRef) -> Ancestry:
    start = found(uow.graph.node(str(ref)), f"node of {ref} in the graph")
    nodes, edges, cut = uow.graph.walk(start, up=-1, down=0, limit=MAX_ANCESTORS)
    return Ancestry(start.id, tuple(nodes), tuple(edges), not cut)


def _look_back(uow: UnitOfWork, ancestry: Ancestry) -> tuple[Ancestors, list[str]]:
    """Counts over the ancestors, and the licence of each."""
    states: list[Status | None] = []
    licences: list[str] = []
    datasets = 0
    for node in ancestry.nodes:
        if node.kind is NodeKind.STEP or node.id == ancestry.focus:
            continue
        datasets += node.kind is NodeKind.DATASET
        state, licence = _ancestor(uow, node)
        states.append(state)
        licences += [licence] if licence is not None else []
    undigested = sum(node.digest is None and node.kind is not NodeKind.STEP for node in ancestry.nodes)
    return Ancestors(
        unresolved=undigested + (not ancestry.complete),
        recalled=states.count(Status.RECALLED),
        suspended=states.count(Status.SUSPENDED),
        deleted=states.count(None),
        declared=sum(edge.assurance is Assurance.DECLARED for edge in ancestry.edges),
        depth=_generations(ancestry),
        models=len(states) - datasets,
        datasets=datasets,
    ), licences


def _ancestor(uow: UnitOfWork, node: Node) -> tuple[Status | None, str | None]:
    """Status and licence of one ancestor; None, None when it was deleted since."""
    if node.kind is NodeKind.DATASET:
        ref = _exact(node.label, AssetKind.DATASETS)
        data = uow.datasets.version(ref)
        return (None, None) if data is None else (Status.ACTIVE, data.summary.licence)
    model = uow.catalog.version(_exact(node.label, AssetKind.MODELS))
    return (None, None) if model is None else (model.summary.status, model.summary.licence)


def _exact(label: str, kind: AssetKind) -> VersionRef:
    reference = Reference.parse(label, kind=kind)
    return VersionRef(kind, reference.name, found(reference.number, label))


def _generations(ancestry: Ancestry) -> int:
    """How many steps lie between the version and the farthest model it comes from, each by its shortest way."""
    kinds = {node.id: node.kind for node in ancestry.nodes}
    inputs: dict[NodeId, list[NodeId]] = {}
    for edge in ancestry.edges:
        inputs.setdefault(edge.target, []).append(edge.source)
    hops = {ancestry.focus: 0}
    queue = deque([ancestry.focus])
    while queue:
        node = queue.popleft()
        for parent in inputs.get(node, ()):
            if parent not in hops:
                hops[parent] = hops[node] + 1
                queue.append(parent)
    # Two edges, into the step and out of it, are one generation.
    return max((count // 2 for node, count in hops.items() if kinds[node] is NodeKind.MODEL), default=0)


def _lineage_digest(ancestry: Ancestry) -> Digest:
    """One digest over the whole ancestry: what is in it, how it hangs together, and how well each edge is known."""
    name = {node.id: f"{node.kind.value} {node.label}" for node in ancestry.nodes}
    document = {
        "complete": ancestry.complete,
        "edges": sorted(
            [name[edge.source], name[edge.target], edge.role, edge.split or "", edge.assurance.value]
            for edge in ancestry.edges
        ),
        "nodes": sorted([name[node.id], str(node.digest or "")] for node in ancestry.nodes),
    }
    return Digest.of(canonical_json(document))


def _baseline(uow: UnitOfWork, ref: VersionRef, policy: Policy, target: str) -> Mapping[str, float]:
    """The metrics of the version that the protected alias of the wanted stage names now."""
    alias = policy.protected_aliases.get(target)
    current = uow.catalog.resolve(Reference(AssetKind.MODELS, ref.name, alias=alias)) if alias else None
    detail = uow.catalog.version(current) if current is not None else None
    return _finite(detail.summary.metrics) if detail is not None else {}


def _standings(uow: UnitOfWork, handles: Collection[str]) -> Mapping[str, Standing]:
    people = (uow.people.get(handle) for handle in sorted(handles))
    return {p.handle: Standing(frozenset(p.roles), p.service) for p in people if p is not None}


def _finite(metrics: Mapping[str, float]) -> Mapping[str, float]:
    """A metric that is no number is no evidence: a gate that asks for it finds it missing."""
    return {name: float(value) for name, value in metrics.items() if math.isfinite(value)}
