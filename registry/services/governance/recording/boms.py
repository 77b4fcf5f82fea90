"""The bill of materials of a version as evidence: the CycloneDX document as its file, and what it counts.

`forebear lineage export --as cyclonedx` prints the same document as of now.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from lineage import Digest
from lineage.exchange.cyclonedx import bom
from registry.domain.governance.case import MLBOM, SYSTEM
from registry.domain.governance.promotion import EvidenceValue
from registry.domain.manifests import canonical_json
from registry.domain.names import VersionRef
from registry.services.governance.evidence import bound
from registry.services.lineage.exchange import record_of
from registry.services.unit_of_work import UnitOfWork

FILE_NAME, FORMAT = "mlbom.cdx.json", "CycloneDX 1.6"
COUNTS = ("models", "datasets", "without_digest", "without_licence")
"""What conditions read as `evidence.mlbom.…`, the version itself counted among its models."""
_KINDS = {"machine-learning-model": "models", "data": "datasets"}


def bom_evidence(uow: UnitOfWork, ref: VersionRef, subject: Digest, now: datetime) -> tuple[EvidenceValue, bytes]:
    """The bill of materials as of now, and the document that is its file; the caller keeps both.

    Raises: UsageError for an ancestry that is too large for one document.
    """
    document: Mapping[str, Any] = json.loads(json.dumps(bom(record_of(uow, ref, now))))
    every = [document["metadata"]["component"], *document["components"]]
    counts = dict.fromkeys(COUNTS, 0)
    for one in every:
        counts[_KINDS[one["type"]]] += 1
        counts["without_digest"] += "hashes" not in one
        counts["without_licence"] += "licenses" not in one
    data = canonical_json(document)
    body = {"format": FORMAT, **counts, "content": str(_content(document))}
    return bound(ref, subject, MLBOM, body, file=Digest.of(data), name=FILE_NAME, by=SYSTEM, at=now), data


def _content(document: Mapping[str, Any]) -> Digest:
    """A digest without what is otherwise each time: the time, the release, and the stage of the version."""
    component = {key: value for key, value in document["metadata"]["component"].items() if key != "properties"}
    return Digest.of(canonical_json({**document, "metadata": {"component": component}}))
