"""The evidence on record about a version: what the registry observed itself, and what people added."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime

from lineage import Digest
from registry.domain.catalog.models import VersionDetail
from registry.domain.comparison.answers import FILE_NAME
from registry.domain.comparison.records import answers_of, verdict_of
from registry.domain.governance.case import SYSTEM
from registry.domain.governance.promotion import EvidenceValue
from registry.domain.manifests import canonical_json
from registry.services.comparison.verdicts import EVIDENCE, verdict_facts
from registry.services.unit_of_work import UnitOfWork

MODEL_CARD, PROVENANCE, EVAL_REPORT = "model_card", "provenance", "eval_report"
"""The types that are on record without anybody adding them."""


def evidence_about(uow: UnitOfWork, detail: VersionDetail) -> tuple[EvidenceValue, ...]:
    """All evidence about a version: the registry's own first, then what people added, oldest first."""
    return (*recorded_evidence(uow, detail), *uow.governance.evidence(detail.summary.ref))


def recorded_evidence(uow: UnitOfWork, detail: VersionDetail) -> list[EvidenceValue]:
    """The model card, the provenance manifest, the verdict on baselines and the test metrics, each where it is there.

    The card's author is whoever wrote it; the others are the registry's own observation.
    """
    records = []
    card = detail.card
    if card is not None and card.text.strip():
        body = {"revision": card.number, "characters": len(card.text)}
        records.append(_record(detail, MODEL_CARD, card.digest, body, card.written_at, card.written_by))
    step = uow.steps.get(detail.step)
    if step is not None and step.manifest is not None and step.manifest_digest is not None:
        ended = step.summary.ended_at or detail.summary.created_at
        # The digest stands for the whole manifest; the body holds what it says in one word each.
        short = {name: said for name, said in step.manifest.items() if isinstance(said, str | int | float)}
        records.append(_record(detail, PROVENANCE, step.manifest_digest, short, ended, SYSTEM))
    verdict, answers = (None, None) if step is None else (verdict_of(step.manifest), answers_of(step.manifest))
    if step is not None and verdict is not None:
        said, ended = verdict_facts(verdict), step.summary.ended_at or detail.summary.created_at
        record = _record(detail, EVIDENCE, Digest.of(canonical_json(said)), said, ended, SYSTEM)
        records.append(replace(record, file=answers, file_name=FILE_NAME if answers else None))
    metrics = {name: value for name, value in detail.summary.metrics.items() if math.isfinite(value)}
    if metrics:
        digest = Digest.of(canonical_json(metrics))
        records.append(_record(detail, EVAL_REPORT, digest, metrics, detail.summary.created_at, SYSTEM))
    return records


def _record(
    detail: VersionDetail, type_: str, digest: Digest, body: Mapping[str, object], at: datetime, by: str
) -> EvidenceValue:
    ref, subject = detail.summary.ref, detail.summary.digest
    return EvidenceValue(f"recorded-{type_}", ref, subject, type_, digest, body, None, None, at, by)
