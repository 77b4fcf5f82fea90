"""What a policy asks for that nobody can tell today, with its line: said before it is published, not at every request.

Evidence that the registry does not record itself, and a signature on what people add, are
denied whenever they are judged. A transition that needs one of them lets no version through.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from registry.domain.governance.conditions.answers import NONE, possible_answers, untold_places
from registry.domain.governance.conditions.expressions import Expression
from registry.domain.governance.conditions.presence import Place, places_read
from registry.domain.governance.policies.policy import Policy
from registry.domain.governance.policies.transitions import ApprovalRow, EvidenceNeed, Gate, Transition
from registry.services.documents import lines_of, value_of
from registry.services.governance.policies.words import Path
from registry.services.governance.recorded_evidence import MODEL_CARD, RECORDED_TYPES

Warned = tuple[Path, str]
_NO_VALUE = "the file gives it no value: declare it under `params`, or give it with --param NAME=VALUE"


def untold(policy: Policy, text: str) -> Iterator[str]:
    """A sentence with its line for each thing in the file `text` that can never be fulfilled, or only in part."""
    line = lines_of(text)
    for path, sentence in _warnings(policy, text):
        yield f"Line {line(path)}: {sentence}"


def _warnings(policy: Policy, text: str) -> Iterator[Warned]:
    denied = _denied(policy)
    if (found := _never(policy.when, denied)) is not None:
        yield ("applies_to", "when"), f"The policy applies to no version: {found}"
    yield from _added(policy, text)
    for number, rule in enumerate(policy.risk_tiers):
        if possible_answers(rule.when.tree, denied) == NONE:
            why = _because(rule.when, denied)
            yield ("risk_tier", number, "when"), f"Versions that reach this rule have the risk tier high: {why}"
    for number, transition in enumerate(policy.transitions):
        for path, sentence in _of_transition(policy, transition, denied):
            yield ("transitions", number, *path), sentence
    changes = policy.status_changes
    for number, row in enumerate(changes.approvals if changes is not None else ()):
        if row.when is not None and possible_answers(row.when.tree, denied) == NONE:
            why = _because(row.when, denied)
            yield ("status_changes", "approvals", number, "when"), f"No status can be decided on: {why}"


def _added(policy: Policy, text: str) -> Iterator[Warned]:
    """The standard types of evidence that the conditions of the file read and that it does not declare."""
    document = value_of(text)
    declared = document.get("evidence_types") if isinstance(document, Mapping) else None
    for name in sorted(policy.evidence_types.keys() - (declared or {})):
        kind = policy.evidence_types[name]
        who = " or ".join(kind.producers)
        yield ("evidence_types",), f"The standard type {name} is taken ({kind.form}); a {who} adds it"


def _denied(policy: Policy) -> dict[Place, str]:
    """By the way of names, why nobody can tell a fact under this policy."""
    kinds = policy.evidence_types.values()
    unrecorded: dict[Place, str] = {
        ("evidence", kind.name): why for kind in kinds if (why := _unrecorded(policy, kind.name)) is not None
    }
    places = frozenset[Place]().union(*(places_read(one.tree) for one in policy.all_conditions))
    without_value = {
        place[:2] for place in places if place[0] == "params" and place[1:2] and place[1] not in policy.params
    }
    return {**unrecorded, **dict.fromkeys(without_value, _NO_VALUE)}


def _unrecorded(policy: Policy, type_: str) -> str | None:
    """Why evidence of a type with the producer `system` never comes; None where it may."""
    if policy.evidence_types[type_].producers:
        return None
    if type_ == MODEL_CARD:
        return "people write cards: name their roles as producer"
    if type_ in RECORDED_TYPES:
        return None
    known = ", ".join(sorted(RECORDED_TYPES - {MODEL_CARD}))
    return f"the registry records no evidence of this type itself, only {known}: name the roles that add it as producer"


def _of_transition(policy: Policy, transition: Transition, denied: Mapping[Place, str]) -> Iterator[Warned]:
    rows: dict[str, tuple[EvidenceNeed | Gate | ApprovalRow, ...]] = {
        "evidence": transition.evidence,
        "gates": transition.gates,
        "approvals": transition.approvals,
    }
    for name, ones in rows.items():
        for number, row in enumerate(ones):
            if row.when is not None and possible_answers(row.when.tree, denied) == NONE:
                why = _because(row.when, denied)
                yield (name, number, "when"), f"No version passes transition {transition.id}: {why}"
            elif isinstance(row, EvidenceNeed):
                yield from _evidence(policy, transition, row, (name, number))
            elif isinstance(row, Gate):
                yield from _gate(policy, transition, row, (name, number, "require"), denied)


def _evidence(policy: Policy, transition: Transition, need: EvidenceNeed, path: Path) -> Iterator[Warned]:
    start = f"{_who(need.when)} transition {transition.id}"
    why = _unrecorded(policy, need.type)
    if why is not None:
        yield (*path, "type"), f"{start}: evidence {need.type} is missing for ever, since {why}"
    if need.verify is not None and policy.evidence_types[need.type].producers and need.type != MODEL_CARD:
        yield (
            (*path, "verify"),
            f"{start}: {need.type} is added by people, and the registry signs what it records itself",
        )


def _gate(
    policy: Policy, transition: Transition, gate: Gate, path: Path, denied: Mapping[Place, str]
) -> Iterator[Warned]:
    never = _never(gate.require, denied)
    if never is not None:
        waived = ", except with a waiver" if gate.waivable and policy.waivers is not None else ""
        yield path, f"{_who(gate.when)} transition {transition.id}{waived}: gate {gate.id} never holds, since {never}"
    elif untold_places(gate.require.tree, denied):
        why = _because(gate.require, denied)
        yield path, f"Gate {gate.id} can only hold by the rest of its condition: {why}"


def _who(when: Expression | None) -> str:
    return "No version passes" if when is None else f"No version for which {when} holds passes"


def _never(condition: Expression, denied: Mapping[Place, str]) -> str | None:
    """Why a condition cannot be true because of what cannot be told; None where it can, or for other reasons."""
    if not untold_places(condition.tree, denied) or True in possible_answers(condition.tree, denied):
        return None
    return _because(condition, denied)


def _because(condition: Expression, denied: Mapping[Place, str]) -> str:
    places = sorted(untold_places(condition.tree, denied))
    return "; ".join(f"{'.'.join(place)} cannot be told ({denied[place]})" for place in places)
