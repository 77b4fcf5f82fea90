"""What a policy file says that cannot be: names that lead nowhere, things given twice, stages out of order."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from registry.domain.catalog.models import FIRST_STAGE
from registry.domain.governance.conditions.checking import check
from registry.domain.governance.conditions.expressions import tree_of
from registry.domain.governance.conditions.other_names import MEASURED_ELSEWHERE
from registry.domain.governance.policies.evidence_types import EvidenceType
from registry.domain.manifests import canonical_json
from registry.domain.text import did_you_mean
from registry.errors import RegistryError
from registry.services.documents import Found
from registry.services.governance.policies.environment import fact_types
from registry.services.governance.policies.parts import (
    ApprovalPart,
    EvidencePart,
    GatePart,
    PolicyDocument,
    TransitionPart,
)
from registry.services.governance.policies.words import Path
from registry.services.recipes.rules import GIVES

METRICS = MEASURED_ELSEWHERE.union(*GIVES.values())
"""The metrics that a policy need not name under `metrics`: those of Forebear's own adapters, and a few known ones."""


def loose_ends(document: PolicyDocument) -> Iterator[Found]:
    """Unknown names, things given twice, and stages out of order, each with where it stands."""
    stages = document.stages
    if stages[0] != FIRST_STAGE:
        yield ("stages", 0), f"the first stage is {FIRST_STAGE!r}: every new version has it"
    yield from _twice(stages, ("stages",), "stage")
    for stage in document.protected_aliases:
        yield from _unknown(stage, stages, ("protected_aliases", stage), "stage")
    for stage, former in document.one_version.items():
        yield from _unknown(stage, stages, ("one_version", stage), "stage")
        yield from _unknown(former, stages, ("one_version", stage), "stage")
        if former == stage or former in document.one_version or former in document.protected_aliases:
            yield ("one_version", stage), f"the former version of {stage} cannot move to {former}"
    yield from _twice(list(document.protected_aliases.values()), ("protected_aliases",), "alias")
    for name, kind in document.evidence_types.items():
        for role in kind.producer if isinstance(kind.producer, list) else ():
            yield from _unknown(role, document.roles, ("evidence_types", name, "producer"), "role")
    for number, checking in enumerate(document.separation_of_duties.checking_evidence):
        path = ("separation_of_duties", "checking_evidence", number)
        yield from _unknown(checking, document.evidence_types, path, "evidence type")
    for name, value in document.params.items():
        try:
            canonical_json(value)
        except RegistryError as error:
            yield ("params", name), str(error)
    yield from _loose_roles(document)
    yield from _twice([t.id for t in document.transitions], ("transitions",), "transition")
    yield from _twice([f"{t.source} -> {t.target}" for t in document.transitions], ("transitions",), "transition")
    for number, transition in enumerate(document.transitions):
        yield from _loose_transition(document, transition, ("transitions", number))


def _loose_roles(document: PolicyDocument) -> Iterator[Found]:
    """Unknown roles of those who overrule rejections, and decide on policies and on statuses."""
    if document.rejections is not None:
        yield from _unknown(document.rejections.overruled_by, document.roles, ("rejections", "overruled_by"), "role")
    if (change := document.separation_of_duties.policy_change) is not None:
        place: Path = ("separation_of_duties", "policy_change", "role")
        yield from _unknown(change.role, document.roles, place, "role")
        if change.role in document.roles and not document.roles[change.role].groups:
            yield place, f"{change.role} has no groups: a policy has no owner, so nobody could agree"
    if (changes := document.status_changes) is not None:
        for number, row in enumerate(changes.approvals):
            yield from _unknown(row.role, document.roles, ("status_changes", "approvals", number, "role"), "role")
        for number, role in enumerate(changes.emergency_stop):
            yield from _unknown(role, document.roles, ("status_changes", "emergency_stop", number), "role")


def _loose_transition(document: PolicyDocument, part: TransitionPart, path: Path) -> Iterator[Found]:
    stages = document.stages
    strange = [
        *_unknown(part.source, stages, (*path, "from"), "stage"),
        *_unknown(part.target, stages, (*path, "to"), "stage"),
    ]
    yield from strange
    back = document.one_version.get(part.target) == part.source
    if not strange and not back and stages.index(part.target) < stages.index(part.source):
        yield (*path, "to"), f"{part.target} comes before {part.source} in stages: a version never goes back"
    for number, need in enumerate(part.evidence):
        yield from _unknown(need.type, document.evidence_types, (*path, "evidence", number, "type"), "evidence type")
    for number, row in enumerate(part.approvals):
        yield from _unknown(row.role, document.roles, (*path, "approvals", number, "role"), "role")
    yield from _twice([gate.id for gate in part.gates], (*path, "gates"), "gate")


def misread_conditions(document: PolicyDocument, kinds: Iterable[EvidenceType]) -> Iterator[Found]:
    """Conditions that could never be answered, or not always where they choose the policy: one sentence for each."""
    metrics = {*document.metrics, *METRICS}
    types = fact_types(kinds, document.params, metrics)
    when = check(tree_of(document.applies_to.when), types, always=True)
    if when is not None:
        yield ("applies_to", "when"), when
    for number, rule in enumerate(document.risk_tier):
        problem = check(tree_of(rule.when), types)
        if problem is not None:
            yield ("risk_tier", number, "when"), problem
    transitions = ((part, ("transitions", number)) for number, part in enumerate(document.transitions))
    conditions = [found for part, path in transitions for found in _conditions(part, path)]
    for number, row in enumerate(document.status_changes.approvals if document.status_changes is not None else ()):
        if row.when is not None:
            conditions.append((("status_changes", "approvals", number, "when"), row.when))
    for path, condition in conditions:
        problem = check(tree_of(condition), types)
        if problem is not None:
            yield path, problem


def _conditions(part: TransitionPart, path: Path) -> Iterator[tuple[Path, str]]:
    """Every condition of a transition, with where it stands."""
    for number, gate in enumerate(part.gates):
        yield (*path, "gates", number, "require"), gate.require
    lists: dict[str, Sequence[EvidencePart | GatePart | ApprovalPart]] = {
        "evidence": part.evidence,
        "gates": part.gates,
        "approvals": part.approvals,
    }
    for name, rows in lists.items():
        for number, row in enumerate(rows):
            if row.when is not None:
                yield (*path, name, number, "when"), row.when


def _unknown(name: str, known: Iterable[str], path: Path, what: str) -> Iterator[Found]:
    if name not in known:
        yield path, f"there is no {what} {name!r}{did_you_mean(name, known)}"


def _twice(names: list[str], path: Path, what: str) -> Iterator[Found]:
    seen: set[str] = set()
    for number, name in enumerate(names):
        if name in seen:
            yield (*path, number), f"the {what} {name!r} is given twice"
        seen.add(name)
