"""What the provenance manifest of a step holds of the comparison with its baselines."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from lineage import Digest
from registry.domain.codec import from_json
from registry.domain.comparison.verdict import Outcome, TransferVerdict

BASELINES = "baselines"
"""The key in the manifest's facts that holds the comparison."""
CHECKED = "checked"
"""The key beside the verdict that is there since every arm is checked (`validity`)."""


def verdict_of(manifest: Mapping[str, object] | None, void: str | None = None) -> TransferVerdict | None:
    """The verdict that a step's manifest holds; None where no baselines were run.

    With `void`, the reason why it does not count any more, its outcome is void.
    """
    record = _record(manifest)
    if record is None:
        return None
    found = from_json(TransferVerdict, record["verdict"])
    return found if void is None else voided(found, void)


def voided(verdict: TransferVerdict, reason: str) -> TransferVerdict:
    """The verdict as one that does not count."""
    return replace(verdict, outcome=Outcome.VOID, reasons=(reason,))


def verdict_notes(manifest: Mapping[str, object] | None, void: str | None) -> tuple[str, ...]:
    """What a version is shown with where it was compared and no verdict counts."""
    found = verdict_of(manifest, void)
    return () if found is None or found.outcome.counts else (found.sentence,)


def was_checked(manifest: Mapping[str, object] | None) -> bool:
    """Whether the arms of the verdict were checked when it was recorded."""
    return CHECKED in (_record(manifest) or {})


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
