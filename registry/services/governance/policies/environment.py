"""The types of all facts that a condition can read: `case.expression_facts` gives the values, this what they are.

What nobody can list (tags, the manifest of a step, evidence without a form) takes any name; all else is known by name.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping

from lineage import Assurance
from registry.domain.catalog.clauses import MEANINGS
from registry.domain.catalog.models import Modality, Status
from registry.domain.comparison.verdict import Answer, ArmKind, FacetName, Outcome
from registry.domain.governance.case import INTEGRITY, INTENDED_USE, MLBOM, SCAN, Ancestors
from registry.domain.governance.conditions.types import (
    ANY,
    BOOL,
    DOUBLE,
    INT,
    TEXT,
    Kind,
    Many,
    Record,
    Single,
    Type,
    type_of,
)
from registry.domain.governance.policies.evidence_types import EvidenceField, EvidenceType, FieldType
from registry.domain.governance.policies.terms import Tier
from registry.domain.governance.reviews.findings import Severity
from registry.domain.recipes.recipe import Method
from registry.domain.selection.likeness import LikenessVerdict
from registry.domain.selection.similarity import Against
from registry.domain.transfers.metrics import BASELINE, SOURCE, SOURCE_ONLY
from registry.domain.verbs.lineage import Use
from registry.services.governance.quality import MAIN
from registry.services.governance.recording.boms import COUNTS as BOM_COUNTS
from registry.services.governance.similarity import FACT, ITSELF, NUMBERS, TEXTS

COUNTED = ("eval_train_overlap", "eval_train_near_copies")
FORGOTTEN = ("sets", "unmeasured", "worst", "worst_high", "by_probe")
_METRIC_REMEDY = ": name metrics of your own under `metrics` in the policy"


def fact_types(
    kinds: Iterable[EvidenceType], params: Mapping[str, object], metrics: Collection[str]
) -> dict[str, Type]:
    """By variable, what it holds under a policy with these types of evidence, parameters and names of metrics."""
    measured = {start + name: DOUBLE for name in metrics for start in ("", BASELINE, SOURCE_ONLY, SOURCE)}
    evidence = {kind.name: _evidence(kind, measured) for kind in kinds}
    remedy = ": declare it under `evidence_types`"
    given = {name: type_of(value, f"params.{name}") for name, value in params.items()}
    return {
        "findings": _findings(),
        "subject": _subject(evidence.get(INTENDED_USE)),
        "lineage": Record(
            "lineage",
            {**dict.fromkeys((*Ancestors.__dataclass_fields__, *COUNTED), INT), "marks": Many(TEXT)},
            sure=True,
        ),
        "ancestors": Many(_ancestor("an ancestor")),
        "datasets": Many(_ancestor("a dataset")),
        "licence": Record(
            "licence",
            {"unknown": INT, "conflicts": Record("licence.conflicts", dict.fromkeys(Use, INT), sure=True)},
            sure=True,
        ),
        "compute": Record("compute", {"flops": DOUBLE, "modification_share": DOUBLE}),
        "tier": Single(Kind.TEXT, tuple(Tier)),
        "metrics": Record("metrics", measured, remedy=_METRIC_REMEDY),
        "baseline": Record("baseline", measured, remedy=_METRIC_REMEDY),
        "quality": _quality(),
        "forgetting": Record("forgetting", {**dict.fromkeys(FORGOTTEN, DOUBLE), "on": TEXT}),
        "similarity": _similarity(),
        "transfer": _transfer("transfer"),
        "evidence": Record("evidence", evidence, remedy=remedy),
        "params": Record(
            "params", given, sure=bool(given), others=None if given else ANY, remedy=": declare it under `params`"
        ),  # a file without any leaves its values open: see `untold`
    }


def _ancestor(what: str) -> Record:
    """As `ancestry_facts` gives each."""
    fields: dict[str, Type] = {
        **dict.fromkeys(("ref", "stage", "licence"), TEXT),
        "status": Single(Kind.TEXT, tuple(Status)),
        "assurance": Single(Kind.TEXT, tuple(Assurance)),
        "clauses": Many(TEXT),
        "deleted": BOOL,
        "findings": INT,
    }
    return Record(what, fields, sure=True)


def _subject(use: Record | None) -> Record:
    """As `case.Subject` has it. `use` is the form of the evidence that declares the intended use."""
    remedy = f": declare it as a field of the evidence type {INTENDED_USE}"
    declared = Record("subject.use", use.fields if use else {}, others=use.others if use else None, remedy=remedy)
    texts_of = dict.fromkeys(("clause", "source", "licence"), TEXT)
    clause = Record("a restriction", {**texts_of, "class": Single(Kind.TEXT, tuple(MEANINGS))}, sure=True)
    texts = ("name", "stage", "task", "licence", "architecture", "origin")
    return Record(
        "subject",
        {
            **dict.fromkeys(texts, TEXT),
            "kind": Single(Kind.TEXT, ("model_version", "dataset_version")),
            "version": INT,
            "status": Single(Kind.TEXT, tuple(Status)),
            "modality": Single(Kind.TEXT, tuple(Modality)),
            "method": Single(Kind.TEXT, tuple(Method)),
            "owners": Many(TEXT),
            "tags": Record("subject.tags", others=TEXT),
            "parents": Many(TEXT),
            "aliases": Many(TEXT),
            "use": declared,
            "restrictions": Many(clause),
            "base_is_gpai": BOOL,
        },
        sure=True,
    )


def _findings() -> Record:
    """As `finding_facts` gives it."""
    opened = Record("findings.open", dict.fromkeys(Severity, INT), sure=True)
    return Record("findings", {"open": opened, "overdue": INT}, sure=True)


def _quality() -> Record:
    """As `quality.quality` gives it; empty where no main metric was measured."""
    numbers = dict.fromkeys(("value", "constant", "gain", "production", "change"), DOUBLE)
    return Record("quality", {"metric": Single(Kind.TEXT, MAIN), **numbers})


def _similarity() -> Record:
    """As `similarity.similarity_of` gives it; empty where nothing was compared."""
    against = (Against.ROWS, Against.SUMMARY, Against.STATISTICS, ITSELF)
    kinds: dict[str, Type] = {
        "verdict": Single(Kind.TEXT, tuple(LikenessVerdict)),
        "against": Single(Kind.TEXT, against),
        "assurance": Single(Kind.TEXT, tuple(Assurance)),
    }
    return Record(FACT, {**dict.fromkeys(TEXTS, TEXT), **dict.fromkeys(NUMBERS, DOUBLE), **kinds})


def _transfer(what: str) -> Record:
    """As `verdict_facts` gives it; empty where no baselines were run."""
    arms: dict[str, Type] = {arm.value: DOUBLE for arm in ArmKind}
    numbers = dict.fromkeys(("items", "seeds", "level", "margin", "worse_slices", "detectable", "looks"), DOUBLE)
    by_arm = {
        name: Record(f"{what}.{name}", arms) for name in ("score", "gain", "gain_low", "gain_high", "published_low")
    }
    answer = Single(Kind.TEXT, tuple(Answer))
    facets = Record(f"{what}.facets", {name.value: answer for name in FacetName if name is not FacetName.DETECTABLE})
    verdict = Single(Kind.TEXT, tuple(outcome for outcome in Outcome if outcome.counts))
    return Record(what, {"verdict": verdict, "metric": TEXT, "facets": facets, **numbers, **by_arm})


def _evidence(kind: EvidenceType, measured: Mapping[str, Type]) -> Record:
    """The fields of one type: its form, and what the registry records of that name itself."""
    what = f"evidence.{kind.name}"
    if kind.name == "transfer_verdict" and not kind.producers:
        return _transfer(what)
    recorded: dict[str, Mapping[str, Type]] = {
        "eval_report": measured,
        "model_card": {"revision": DOUBLE, "characters": DOUBLE},
        INTEGRITY: {"files": DOUBLE, "bytes": DOUBLE},
        SCAN: {**dict.fromkeys(("executable_files", "unknown_files", "files"), DOUBLE), "formats": TEXT, "named": TEXT},
        MLBOM: {**dict.fromkeys(BOM_COUNTS, DOUBLE), "format": TEXT, "content": TEXT},
    }
    known = recorded.get(kind.name, {}) if not kind.producers or kind.name == "model_card" else {}
    form = {field.name: _form_field(field) for field in kind.fields if field.type is not FieldType.FILE}
    remedy = ": a file cannot be read by a condition" if any(f.type is FieldType.FILE for f in kind.fields) else ""
    others = None if known or kind.fields else ANY
    return Record(what, {**known, **form}, others=others, remedy=remedy if not {**known, **form} else "")


def _form_field(field: EvidenceField) -> Type:
    match field.type:
        case FieldType.NUMBER:
            return DOUBLE
        case FieldType.BOOLEAN:
            return BOOL
        case FieldType.CHOICE:
            return Single(Kind.TEXT, field.choices)
    return TEXT
