"""What the provenance manifest of a step holds of the comparison with its baselines."""

from __future__ import annotations

from collections.abc import Mapping

from lineage import Digest
from registry.domain.codec import from_json
from registry.domain.comparison.verdict import TransferVerdict

BASELINES = "baselines"
"""The key in the manifest's facts that holds the comparison."""


def verdict_of(manifest: Mapping[str, object] | None) -> TransferVerdict | None:
    """The verdict that a step's manifest holds; None where no baselines were run."""
    record = _record(manifest)
    return None if record is None else from_json(TransferVerdict, record["verdict"])


def answers_of(manifest: Mapping[str, object] | None) -> Digest | None:
    """The digest of the answers that the verdict was computed from."""
    record = _record(manifest)
    answers = record.get("answers") if record is not None else None
    return Digest.parse(str(answers["digest"])) if isinstance(answers, Mapping) else None


def skipped_of(manifest: Mapping[str, object] | None) -> Mapping[str, str]:
    """By name the arms that did not run, and why."""
    skipped = (_record(manifest) or {}).get("skipped")
    return {str(arm): str(why) for arm, why in skipped.items()} if isinstance(skipped, Mapping) else {}


def _record(manifest: Mapping[str, object] | None) -> Mapping[str, object] | None:
    facts = (manifest or {}).get("facts")
    record = facts.get(BASELINES) if isinstance(facts, Mapping) else None
    return record if isinstance(record, Mapping) else None
