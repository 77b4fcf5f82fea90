"""The verdict on a step's baselines: recorded in its manifest, read from there, and computed again from the answers."""

from __future__ import annotations

import io
import math
from collections.abc import Mapping
from typing import BinaryIO

from registry.domain.codec import to_json
from registry.domain.comparison.answers import FILE_NAME, Arms, read_arms
from registry.domain.comparison.records import CHECKED, answers_of, verdict_of, voided
from registry.domain.comparison.verdict import RULE, FacetName, TransferVerdict
from registry.domain.transfers.steps import StepDetail
from registry.errors import IntegrityError, NotFoundError
from registry.ports.blobs import BlobStore

EVIDENCE = "transfer_verdict"
"""The type of evidence that the registry records of it."""
_ALIKE = 1e-9
"""How far a number computed again may lie from the stored one: machines differ in the last bits of sums of decimals."""


def record_verdict(blobs: BlobStore, arms: Arms) -> dict[str, object]:
    """Store the answers and give what the manifest says of them. Raises: InvalidError, NoSpaceError."""
    from registry.domain.comparison.scoring import verdict_on  # noqa: PLC0415 - numpy, where a comparison is made

    text = arms.write()
    digest, size = blobs.put(io.BytesIO(text))
    return {
        "verdict": to_json(verdict_on(arms)),
        CHECKED: True,
        "answers": {"digest": str(digest), "size": size, "name": FILE_NAME},
        "skipped": dict(arms.skipped),
        "arms": [{"arm": arm.arm.value, "seed": arm.seed, **arm.facts} for arm in arms.arms],
    }


def open_answers(blobs: BlobStore, step: StepDetail) -> BinaryIO:
    """What every arm of the step answered, as it is stored. Raises: NotFoundError without baselines."""
    digest = answers_of(step.manifest)
    if digest is None:
        raise NotFoundError(
            f"{step.summary.id} has no verdict",
            remedy="A step has one when it ran with --baselines and has succeeded",
        )
    return blobs.open(digest)


def compute_again(blobs: BlobStore, step: StepDetail) -> TransferVerdict:
    """The verdict from the stored answers. Raises: NotFoundError without baselines; IntegrityError where it differs."""
    from registry.domain.comparison.scoring import verdict_on  # noqa: PLC0415 - numpy, where a comparison is made

    stored = verdict_of(step.manifest)
    with open_answers(blobs, step) as stream:
        found = verdict_on(read_arms(stream.read()), rule=RULE if stored is None else stored.rule)
    if stored is None or not _alike(to_json(found), to_json(stored)):
        raise IntegrityError(
            f"The answers of {step.summary.id} give {found.outcome} now, and not what its manifest holds",
            remedy="Run forebear doctor: the manifest or the answers were changed, or "
            "this version of Forebear compares in another way",
        )
    return found if step.verdict_void is None else voided(found, step.verdict_void)


def verdict_facts(verdict: TransferVerdict) -> dict[str, object]:
    """What a policy reads as `transfer`: outcome and numbers, by name of the arm.

    Empty for one that does not count, as where nothing was compared: a gate that reads it finds it missing.
    """
    if not verdict.outcome.counts:
        return {}
    facets: dict[str, object] = {facet.name.value: facet.answer.value for facet in verdict.facets}
    own = {gap.arm.value: gap.published.gain.low for gap in verdict.gaps if gap.published is not None}
    least = verdict.facet(FacetName.DETECTABLE)
    since_facets = {
        "facets": facets,
        "published_low": own,
        "looks": float(verdict.looks) if verdict.rule > 1 else None,
        "detectable": None if least is None else least.effect.value,
    }
    return {
        "verdict": verdict.outcome.value,
        "metric": verdict.metric,
        "items": float(verdict.items),
        "level": verdict.level,
        "margin": verdict.margin,
        "seeds": float(min((len(score.seeds) for score in verdict.scores if len(score.seeds) > 1), default=1)),
        "worse_slices": float(sum(part.worse for part in verdict.slices)),
        "score": {score.arm.value: score.mean.value for score in verdict.scores},
        "gain": {gap.arm.value: gap.gain.value for gap in verdict.gaps},
        "gain_low": {gap.arm.value: gap.gain.low for gap in verdict.gaps},
        "gain_high": {gap.arm.value: gap.gain.high for gap in verdict.gaps},
        **{name: value for name, value in since_facets.items() if value},  # votes on older verdicts stay
    }


def _alike(one: object, two: object) -> bool:
    """Equal, numbers up to the last bits, sentences left out: they quote the numbers."""
    if isinstance(one, Mapping) and isinstance(two, Mapping):
        names = one.keys() - {"reasons"}
        return names == two.keys() - {"reasons"} and all(_alike(one[name], two[name]) for name in names)
    if isinstance(one, list) and isinstance(two, list):
        return len(one) == len(two) and all(map(_alike, one, two))
    if isinstance(one, int | float) and isinstance(two, int | float):
        return math.isclose(one, two, rel_tol=_ALIKE, abs_tol=_ALIKE)
    return one == two
