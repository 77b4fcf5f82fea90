"""The evidence on record about a version: what the registry observed itself, and what people added."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime

from lineage import Digest
from registry.domain.comparison.answers import FILE_NAME
from registry.domain.comparison.forgetting import FORGETTING
from registry.domain.comparison.records import answers_of, verdict_of
from registry.domain.governance.case import INTEGRITY, MLBOM, RECORDED, SCAN, SIGNATURE, SYSTEM
from registry.domain.governance.promotion import EvidenceValue
from registry.domain.manifests import canonical_json
from registry.domain.names import VersionRef
from registry.domain.objects import VersionCheck
from registry.services.comparison.verdicts import EVIDENCE, verdict_facts
from registry.services.lookup import found
from registry.services.storage.governance import VersionRecord
from registry.services.unit_of_work import UnitOfWork

MODEL_CARD, PROVENANCE, EVAL_REPORT = "model_card", "provenance", "eval_report"
RECORDED_TYPES = frozenset(
    {MODEL_CARD, PROVENANCE, EVAL_REPORT, EVIDENCE, INTEGRITY, FORGETTING, SCAN, MLBOM, SIGNATURE}
)
"""The types that the registry writes itself."""


def evidence_about(uow: UnitOfWork, ref: VersionRef) -> tuple[EvidenceValue, ...]:
    """All evidence about a version: the registry's own first, then what people added, oldest first.

    Raises: NotFoundError.
    """
    return (*recorded_evidence(found(uow.governance.version(ref), ref)), *uow.governance.evidence(ref))


def recorded_evidence(record: VersionRecord) -> list[EvidenceValue]:
    """The card, the manifest, the verdict on baselines, the test metrics, and the last check of the files.

    Each where it is there. The card's author is whoever wrote it; the others are the registry's own observation.
    """
    records = []
    card, step = record.card, record.step
    if card is not None and card.text.strip():
        body = {"revision": card.number, "characters": len(card.text)}
        records.append(_recorded(record, MODEL_CARD, card.digest, body, card.written_at, card.written_by))
    ended = step.ended_at or record.created_at
    if step.manifest is not None and step.manifest_digest is not None:
        # The digest stands for the whole manifest; the body holds its entries that are one word or number.
        short = {name: value for name, value in step.manifest.items() if isinstance(value, str | int | float)}
        records.append(_recorded(record, PROVENANCE, step.manifest_digest, short, ended, SYSTEM))
    verdict, answers = verdict_of(step.manifest, step.verdict_void), answers_of(step.manifest)
    if verdict is not None and verdict.outcome.counts:
        facts = verdict_facts(verdict)
        about = _recorded(record, EVIDENCE, Digest.of(canonical_json(facts)), facts, ended, SYSTEM)
        records.append(replace(about, file=answers, file_name=FILE_NAME if answers else None))
    metrics = {name: value for name, value in record.metrics.items() if math.isfinite(value)}
    if metrics:
        digest = Digest.of(canonical_json(metrics))
        records.append(_recorded(record, EVAL_REPORT, digest, metrics, record.created_at, SYSTEM))
    if record.checked is not None:
        body = {"files": record.checked.files, "bytes": record.checked.size}
        digest = Digest.of(canonical_json({**body, "artifact": str(record.digest)}))
        records.append(_recorded(record, INTEGRITY, digest, body, record.checked.at, SYSTEM))
        records += _scanned(record, record.checked)
    return records


def _scanned(record: VersionRecord, checked: VersionCheck) -> list[EvidenceValue]:
    """What the files are, where the last check of the bytes looked at that."""
    if (scan := checked.scan) is None:
        return []
    body = {
        "executable_files": scan.executable,
        "unknown_files": scan.unknown,
        "files": checked.files,
        "formats": ", ".join(scan.formats),
        **({"named": ", ".join(scan.named)} if scan.named else {}),
    }
    digest = Digest.of(canonical_json({**body, "artifact": str(record.digest)}))
    return [_recorded(record, SCAN, digest, body, checked.at, SYSTEM)]


def _recorded(
    record: VersionRecord, type_: str, digest: Digest, body: Mapping[str, object], at: datetime, by: str
) -> EvidenceValue:
    return EvidenceValue(f"{RECORDED}{type_}", record.ref, record.digest, type_, digest, body, None, None, at, by)
