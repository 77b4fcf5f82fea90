"""Evidence about a version: what people add, and what the registry itself has on record."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from datetime import datetime
from typing import BinaryIO

from lineage import Digest
from registry.domain.catalog import VersionDetail
from registry.domain.ids import new_id
from registry.domain.manifests import canonical_json
from registry.domain.policy_facts import SYSTEM
from registry.domain.promotion import EvidenceValue
from registry.errors import InvalidError
from registry.ports import BlobStore
from registry.services.unit_of_work import UnitOfWork

MAX_BODY = 65_536
"""Bytes of canonical JSON in the body of one piece of evidence; the rest belongs in its file."""

MODEL_CARD, PROVENANCE, EVAL_REPORT = "model_card", "provenance", "eval_report"
"""The types that the registry has on record without anybody adding them."""

_FILE_NAME = re.compile(r"[^/\\\x00-\x1f\x7f]{1,255}")


def evidence_about(uow: UnitOfWork, detail: VersionDetail) -> tuple[EvidenceValue, ...]:
    """All evidence about a version: the registry's own first, then what people added, oldest first."""
    return (*recorded_evidence(uow, detail), *uow.governance.evidence(detail.summary.ref))


def recorded_evidence(uow: UnitOfWork, detail: VersionDetail) -> list[EvidenceValue]:
    """The model card, the provenance manifest and the test metrics, each where it is there.

    The card's author is whoever wrote it; the other two are the registry's own observation.
    """
    records = []
    card = detail.card
    if card is not None and card.text.strip():
        body = {"revision": card.number, "characters": len(card.text)}
        records.append(_record(detail, MODEL_CARD, card.digest, body, card.written_at, card.written_by))
    step = uow.steps.get(detail.step)
    if step is not None and step.manifest is not None and step.manifest_digest is not None:
        ended = step.summary.ended_at or detail.summary.created_at
        records.append(_record(detail, PROVENANCE, step.manifest_digest, step.manifest, ended, SYSTEM))
    metrics = {name: value for name, value in detail.summary.metrics.items() if math.isfinite(value)}
    if metrics:
        digest = Digest.of(canonical_json(metrics))
        records.append(_record(detail, EVAL_REPORT, digest, metrics, detail.summary.created_at, SYSTEM))
    return records


def store_file(blobs: BlobStore, file: BinaryIO | None, name: str | None) -> tuple[Digest | None, str | None]:
    """Put the file of a piece of evidence into the blob store. Raises: InvalidError, NoSpaceError."""
    if file is None:
        return None, None
    if name is None or name in {".", ".."} or not _FILE_NAME.fullmatch(name):
        raise InvalidError(f"{str(name)[:80]!r} is not a plain file name", remedy="Give the name without folders")
    return blobs.put(file)[0], name


def new_evidence(
    detail: VersionDetail,
    type_: str,
    body: Mapping[str, object],
    *,
    file: Digest | None,
    file_name: str | None,
    by: str,
    at: datetime,
) -> EvidenceValue:
    """A piece of evidence bound to the bytes of the version. Raises: InvalidError for a body that is too large."""
    ref, subject = detail.summary.ref, detail.summary.digest
    if not body and file is None:
        raise InvalidError("the evidence says nothing", remedy="Give a JSON body, a file, or both")
    statement = {
        "body": dict(body),
        "file": str(file) if file else None,
        "file_name": file_name,
        "subject": str(subject),
        "type": type_,
    }
    written = canonical_json(statement)
    if len(written) > MAX_BODY:
        raise InvalidError(f"the body of the evidence is larger than {MAX_BODY:,} bytes", remedy="Attach it as a file")
    digest = Digest.of(written)
    return EvidenceValue(new_id("ev", at), ref, subject, type_, digest, dict(body), file, file_name, at, by)


def _record(
    detail: VersionDetail, type_: str, digest: Digest, body: Mapping[str, object], at: datetime, by: str
) -> EvidenceValue:
    ref, subject = detail.summary.ref, detail.summary.digest
    return EvidenceValue(f"recorded-{type_}", ref, subject, type_, digest, body, None, None, at, by)
