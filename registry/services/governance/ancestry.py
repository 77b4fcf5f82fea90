"""What a policy reads of each ancestor, of licences and of compute: computed for the policies that read it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace

from lineage import Assurance, Digest, NodeId, NodeKind
from registry.domain.catalog.compute import ComputeReport
from registry.domain.catalog.licences import licence_clauses
from registry.domain.catalog.models import Status
from registry.domain.data.leakage import LeakageCount
from registry.domain.governance.ancestry import (
    BASE_MODEL,
    EVAL_DATASET,
    AncestorFact,
    Ancestry,
    ComputeFacts,
    Restriction,
)
from registry.domain.recipes.methods import MODEL_ROLES, TEST, split_role
from registry.domain.verbs.lineage import Use
from registry.services.lineage.leaking import LEAKAGE
from registry.services.lineage.obligations import owed
from registry.services.storage.lineage import Ancestor, AncestryRecord

MOST_LISTED = 1000
"""Ancestors that a case lists one by one; of a larger ancestry, no condition can look at each."""
MOST_SAID = 3
"""Reasons that a check names."""
_WEAKEST = (Assurance.CONTRADICTED, Assurance.DECLARED, Assurance.OBSERVED, Assurance.VERIFIED)


def ancestry_of(
    record: AncestryRecord,
    manifest: Mapping[str, object] | None,
    *,
    listed: bool,
    licences: bool,
    findings: Mapping[NodeId, int],
    compute: ComputeReport | None = None,
    marks: tuple[str, ...] | None = None,
    corrected: Callable[[], bool] = lambda: False,
    count: Callable[[], LeakageCount | None] = lambda: None,
) -> Ancestry:
    """The facts; each ancestor where they are `listed`, what licences ask where `licences` are read.

    Test rows were counted when the step ran: where its ancestry is `corrected`, the `count` that somebody asked for
    since says how many were seen, and without one nobody knows.
    `findings` are how many are open, by node; `compute` and `marks` are there where they are read.
    """
    overlap, counted = train_overlap(manifest), count()
    overlap = None if overlap is not None and corrected() else overlap
    found = Ancestry(
        too_many=not record.complete,
        bases=_bases(record),
        flops=_flops(manifest),
        marks=marks,
        overlap=counted.overlap if overlap is None and counted is not None else overlap,
        near_copies=None if counted is None else counted.near,
    )
    if listed:
        each = _listed(record, findings)
        found = replace(found, listed=each, too_many=each is None)
    if compute is not None:
        why = "; ".join(compute.missing[:MOST_SAID])
        found = replace(found, compute=ComputeFacts(compute.base_is_gpai, compute.share, why))
    if licences:
        restrictions = tuple(Restriction(one.clause, one.path[0], one.licence) for one in owed(record, None))
        conflicts = {use.value: sum(one.conflict for one in owed(record, use)) for use in Use}
        found = replace(found, restrictions=restrictions, conflicts=conflicts)
    return found


def _listed(record: AncestryRecord, findings: Mapping[NodeId, int]) -> tuple[AncestorFact, ...] | None:
    """Every model and dataset that the version comes from, by name; None where there are more than can be listed."""
    found = [one for one in record.members if one.node.id != record.focus and one.node.kind is not NodeKind.STEP]
    if len(found) > MOST_LISTED or not record.complete:
        return None
    went_into: dict[int, list[Assurance]] = {}
    for edge in record.edges:
        went_into.setdefault(edge.source, []).append(edge.assurance)
    facts = (_fact(one, went_into.get(one.node.id, ()), findings.get(one.node.id, 0)) for one in found)
    return tuple(sorted(facts, key=lambda fact: fact.ref))


def _fact(one: Ancestor, assurances: Iterable[Assurance], findings: int) -> AncestorFact:
    return AncestorFact(
        ref=one.node.label,
        kind=one.node.kind.value,
        status=one.status or Status.ACTIVE,
        licence=one.licence or "",
        clauses=tuple(sorted(licence_clauses(one.licence or ""))),
        assurance=min(assurances, key=_WEAKEST.index, default=Assurance.DECLARED).value,
        stage=one.stage or "",
        deleted=one.deleted,
        findings=findings,
    )


def _bases(record: AncestryRecord) -> dict[str, tuple[Digest, ...]]:
    """The digests of the data that the producing step tested on, and of the models that it started from."""
    digests = {one.node.id: one.node.digest for one in record.members}
    made_by = {edge.source for edge in record.edges if edge.target == record.focus}
    found: dict[str, set[Digest]] = {EVAL_DATASET: set(), BASE_MODEL: set()}
    for edge in record.edges:
        role, digest = split_role(edge.role)[0], digests.get(edge.source)
        kind = EVAL_DATASET if role == TEST else BASE_MODEL if role in MODEL_ROLES else None
        if edge.target in made_by and kind is not None and digest is not None:
            found[kind].add(digest)
    return {kind: tuple(sorted(some, key=str)) for kind, some in found.items()}


def _flops(manifest: Mapping[str, object] | None) -> float | None:
    """The floating-point operations of the producing step, as its manifest estimates them; None where it does not."""
    part = (manifest or {}).get("flops")
    estimate = part.get("estimate") if isinstance(part, Mapping) else None
    return float(estimate) if isinstance(estimate, int | float) and estimate > 0 else None


def train_overlap(manifest: Mapping[str, object] | None) -> int | None:
    """Test rows that stood in training data, as the producing step recorded it; None where it is not known of all.

    One that is known to have been seen is enough to say so.
    """
    facts = (manifest or {}).get("facts")
    part = facts.get(LEAKAGE) if isinstance(facts, Mapping) else None
    if not isinstance(part, Mapping) or not isinstance(part.get("seen"), int):
        return None
    seen: int = part["seen"]
    return seen if seen or (part.get("known") is True and part.get("test_rows")) else None
