"""What a policy reads of all that a version was made from: ancestors, licences, and what it was measured on.

A stored case from before these facts were recorded has None for them: a condition that reads them then has no answer.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from lineage import Digest
from registry.domain.catalog.models import Status
from registry.domain.governance.conditions.problems import Untold

MODEL, DATASET = "model_version", "dataset_version"
EVAL_DATASET, BASE_MODEL = "eval_dataset", "base_model"
"""What evidence can be bound to beside the files of a version."""
NOT_RECORDED = Untold("this was not recorded when the case was stored")
TOO_MANY = Untold("there are too many ancestors to look at each")
NO_TEST_ROWS = Untold("it was not recorded of all test rows of the version whether they stood in training data")
NO_NEAR_COPIES = Untold("nobody counted all test rows that are nearly copies of training rows")
NO_FLOPS = Untold("the step that made the version did not measure its compute")
NO_GPAI = Untold("the registry does not know whether the base is a general-purpose AI model")
NO_SHARE = Untold("nobody recorded how much compute the training of the base took")
"""Of cases from before anybody could say so, in the words of then: such a case replays as it was judged."""
_READ = (
    *("ancestors", "datasets", "restrictions", "conflicts", "flops", "marks"),
    *("eval_train_overlap", "eval_train_near_copies"),
)


@dataclass(frozen=True, slots=True)
class AncestorFact:
    """One model or dataset that the version comes from. `assurance` is the weakest of what it went into."""

    ref: str
    kind: str
    status: Status
    licence: str
    clauses: tuple[str, ...]
    assurance: str
    stage: str = ""
    """Empty for datasets."""
    deleted: bool = False
    findings: int | None = None
    """How many findings about it are open; None in cases that were stored without it."""


@dataclass(frozen=True, slots=True)
class Restriction:
    """One clause of a licence that is in force for the version, with where it comes from."""

    clause: str
    source: str
    licence: str


@dataclass(frozen=True, slots=True)
class ComputeFacts:
    """Whether the base is a GPAI model, and the part of its compute that was spent since; else `why` not."""

    base_is_gpai: bool | None
    share: float | None
    why: str = ""


@dataclass(frozen=True, slots=True)
class Ancestry:
    """What was read for one case, for the policy that judges it. None stands for what that does not read."""

    listed: tuple[AncestorFact, ...] | None = None
    too_many: bool = False
    """True where there are more ancestors than can be listed."""
    restrictions: tuple[Restriction, ...] | None = None
    conflicts: Mapping[str, int] | None = None
    """By use, how many clauses forbid it or leave it open."""
    bases: Mapping[str, tuple[Digest, ...]] = field(default_factory=dict)
    """The digests of `eval_dataset` (data it was tested on) and `base_model` (direct parents)."""
    flops: float | None = None
    compute: ComputeFacts | None = None
    marks: tuple[str, ...] | None = None
    """Those of the version and of all that it was made from."""
    overlap: int | None = None
    """Test rows that stood in training data; None where it is not known of all, or there are none."""
    near_copies: int | None = None
    """Test rows that are nearly copies of training rows, as it was counted last; None where it is not known of all."""


def ancestry_facts(ancestry: Ancestry | None) -> dict[str, object]:
    """By the way of names, what conditions read; see `docs/policies.md`."""
    known = ancestry if ancestry is not None else Ancestry()
    found: dict[str, object] = dict.fromkeys(("ancestors", "datasets", "marks"), TOO_MANY) if known.too_many else {}
    if known.listed is not None:
        found["ancestors"] = [_listed(one) for one in known.listed if one.kind == MODEL]
        found["datasets"] = [_listed(one) for one in known.listed if one.kind == DATASET]
    if known.restrictions is not None:
        found["restrictions"] = [
            {"class": one.clause.partition(":")[0], "clause": one.clause, "source": one.source, "licence": one.licence}
            for one in known.restrictions
        ]
    if known.marks is not None:
        found["marks"] = list(known.marks)
    if known.conflicts is not None:
        found["conflicts"] = dict(known.conflicts)
    if ancestry is not None:
        found["flops"] = NO_FLOPS if known.flops is None else known.flops
        found["eval_train_overlap"] = NO_TEST_ROWS if known.overlap is None else known.overlap
        found["eval_train_near_copies"] = NO_NEAR_COPIES if known.near_copies is None else known.near_copies
    found |= _compute(known.compute)
    return {**dict.fromkeys(_READ, NOT_RECORDED), **found}


def _compute(known: ComputeFacts | None) -> dict[str, object]:
    if known is None:
        return {"base_is_gpai": NO_GPAI, "modification_share": NO_SHARE}
    why = Untold(known.why)
    return {
        "base_is_gpai": why if known.base_is_gpai is None else known.base_is_gpai,
        "modification_share": why if known.share is None else known.share,
    }


def _listed(one: AncestorFact) -> dict[str, object]:
    return {
        "ref": one.ref,
        "status": one.status.value,
        "stage": one.stage,
        "licence": one.licence,
        "clauses": list(one.clauses),
        "assurance": one.assurance,
        "deleted": one.deleted,
        "findings": NOT_RECORDED if one.findings is None else one.findings,
    }
