"""A policy that lets nothing through is said before it is published, with the line that is to blame."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import pytest

from registry.domain.governance.ancestry import NO_GPAI, NO_SHARE
from registry.domain.governance.case import INTEGRITY, expression_facts
from registry.domain.governance.case import SCAN as SCAN_TYPE
from registry.domain.governance.conditions.problems import Untold
from registry.services.governance.policies.stored import default_policy_text, read_stored
from registry.services.governance.policies.untold import untold
from registry.services.governance.recorded_evidence import RECORDED_TYPES, recorded_evidence
from tests.registry.policy_cases import case, policy
from tests.registry.services.teams import Team, ref_of

OTHER = default_policy_text().replace("name: default", "name: other")
GATE = "      - {id: no-recall,"
SCAN = "(evidence.survey.files > 0.0)"
KIND = ("  provenance: ", "  survey: {predicate: 'urn:survey', producer: system}\n  provenance: ")
OURS = "eval_report, forgetting, integrity, mlbom, provenance, scan, signature, transfer_verdict"
WHY = (
    f"evidence.survey cannot be told (the registry records no evidence of this type itself, only {OURS}: name the "
    "roles that add it as producer)"
)
EARLIER = ("was not recorded", NO_GPAI.reason, NO_SHARE.reason)
"""Why a case that was stored earlier cannot tell a fact."""


def said(*changes: tuple[str, str]) -> list[str]:
    text = OTHER
    for old, new in changes:
        assert old in text
        text = text.replace(old, new, 1)
    found = list(untold(read_stored(text), text))
    for sentence in found:
        line, _, rest = sentence.removeprefix("Line ").partition(": ")
        written = text.splitlines()[int(line) - 1]
        assert any(word in written for word in ("when:", "require:", "type:", "verify:")), (written, rest)
    return [sentence.partition(": ")[2] for sentence in found]


def gate(text: str) -> tuple[str, str]:
    return GATE, f"      - {{id: extra, {text}}}\n{GATE}"


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (
            gate(f"require: '{SCAN}'"),
            f"No version passes transition to-candidate: gate extra never holds, since {WHY}",
        ),
        (
            gate(f"when: 'tier == \"high\"', require: '!{SCAN}'"),
            'No version for which tier == "high" holds passes transition to-candidate: gate extra never holds, since '
            f"{WHY}",
        ),
        (
            gate(f"when: '{SCAN}', require: 'lineage.recalled == 0'"),
            f"No version passes transition to-candidate: {WHY}",
        ),
        (
            gate(f"require: '{SCAN} || metrics.accuracy > 0.5'"),
            f"Gate extra can only hold by the rest of its condition: {WHY}",
        ),
        (
            ("stages:", f"risk_tier: [{{tier: low, when: '{SCAN}'}}]\nstages:"),
            f"Versions that reach this rule have the risk tier high: {WHY}",
        ),
        (
            ("    - {role: risk-owner, quorum: 1}\n  em", f"    - {{role: risk-owner, when: '{SCAN}'}}\n  em"),
            f"No status can be decided on: {WHY}",
        ),
        (
            ("- {type: validation, max_age: P90D}", "- {type: validation, verify: signature}"),
            "No version passes transition to-production: validation is added by people, and the registry signs what it "
            "records itself",
        ),
    ],
)
def test_what_nobody_can_tell_is_said_with_its_line(change: tuple[str, str], sentence: str) -> None:
    assert said(KIND, change) == [sentence]


def test_a_waiver_is_named_as_the_way_past_a_gate_that_never_holds() -> None:
    waivers = ("stages:", "waivers: {role: risk-owner}\nstages:")
    (sentence,) = said(KIND, gate(f"require: '{SCAN}'"), waivers)
    assert "transition to-candidate, except with a waiver: gate extra" in sentence
    (fixed,) = said(KIND, gate(f"require: '{SCAN}', waivable: false"), waivers)
    assert "except" not in fixed


def test_evidence_that_the_registry_does_not_record_itself_is_said() -> None:
    asked = ("- {type: validation, max_age: P90D}", "- {type: survey}")
    (missing,) = said(KIND, asked)
    assert missing.startswith(
        "No version passes transition to-production: evidence survey is missing for ever, since the"
    )
    assert f"only {OURS}" in missing
    (read,) = said(KIND, gate("require: 'evidence.survey.files == 0.0'"))
    assert "gate extra never holds, since evidence.survey cannot be told" in read


def test_the_shipped_policies_ask_for_nothing_that_cannot_be_told() -> None:
    assert said() == []


def test_check_and_publish_say_it(team: Team) -> None:
    text = OTHER.replace(*KIND, 1).replace(GATE, f"      - {{id: extra, require: '{SCAN}'}}\n{GATE}", 1)
    for warnings in (
        team.promotions("guest").check_policy(text).warnings,
        team.promotions("root").publish_policy(text).warnings,
    ):
        assert any("gate extra never holds" in warning for warning in warnings)


def test_no_fact_of_the_language_is_denied_to_all() -> None:
    """A fact that nobody can tell must be said by `policy check` too."""
    rules = policy()
    found = expression_facts(case(rules), {}, {})

    def walk(value: object, place: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
        if isinstance(value, Untold):
            yield place
        elif isinstance(value, Mapping):
            for name, item in value.items():
                yield from walk(item, (*place, str(name)))

    per_case = {place for place in walk(found) if not any(words in _reason(found, place) for words in EARLIER)}
    assert per_case == set()


def _reason(facts: object, place: tuple[str, ...]) -> str:
    for name in place:
        assert isinstance(facts, Mapping)
        facts = facts[name]
    assert isinstance(facts, Untold)
    return facts.reason


def test_the_types_that_the_registry_records_itself_are_those_on_the_list(team: Team) -> None:
    ref = team.publish()
    team.promotions("ana").request(ref_of(ref), "candidate")
    with team.open_uow(actor="ana") as uow:
        record = uow.governance.version(ref)
    assert record is not None
    found = {one.type for one in recorded_evidence(record)}
    assert found <= RECORDED_TYPES
    assert {INTEGRITY, SCAN_TYPE} <= found
