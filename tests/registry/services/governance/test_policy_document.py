"""A policy file is read strictly: every mistake comes with its line, and nothing is skipped in silence."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
import yaml
from pydantic import BaseModel

from registry.domain.governance.case import Contribution, expression_facts
from registry.domain.governance.expressions import VARIABLES
from registry.errors import BadPolicyError
from registry.services.governance.policies import default_policy_text
from registry.services.governance.policy_document import read_policy
from registry.services.governance.policy_parts import (
    AppliesPart,
    ApprovalPart,
    DutiesPart,
    EvidencePart,
    EvidenceTypePart,
    FieldPart,
    GatePart,
    MetadataPart,
    PolicyDocument,
    RolePart,
    TransitionPart,
)
from tests.registry.policy_cases import case

DEFAULT = default_policy_text()
EXAMPLES = sorted((Path(__file__).parents[4] / "examples" / "policies").glob("*.yaml"))


def test_the_default_policy_reads() -> None:
    policy = read_policy(DEFAULT)
    assert policy.label == "default/2"
    assert policy.stages == ("registered", "candidate", "validated", "production", "retired")
    assert policy.protected_aliases == {"production": "production"}
    assert policy.duties.no_self_approval
    assert policy.duties.contributors == frozenset(Contribution)
    approvals = {t.id: [(row.role, row.quorum) for row in t.approvals] for t in policy.transitions}
    assert approvals["to-production"] == [("validator", 1), ("risk-owner", 1)]
    assert approvals["to-candidate"] == []
    needs = {t.id: t.evidence for t in policy.transitions}
    assert needs["to-production"][0].max_age == timedelta(days=90)


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.name)
def test_every_example_policy_reads(path: Path) -> None:
    assert read_policy(path.read_text(encoding="utf-8")).transitions


def test_there_are_example_policies() -> None:
    assert EXAMPLES


@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [
        ("quorum: 1}", "quorom: 1}", "there is no key 'transitions.1.approvals.0.quorom', did you mean 'quorum'?"),
        ("  name: default", "  nam: default", "did you mean 'name'?"),
        ("metadata:", "meta:", "there is no key 'meta'"),
        ("version: 2", "version: two", "metadata.version: expected a whole number, not 'two'"),
        ("governance/v1", "governance/v9", "apiVersion: expected 'governance/v1'"),
        ("metrics.accuracy >= metrics.b", "metric.accuracy >= metrics.b", "did you mean 'metrics'?"),
        ("require: 'lineage.unresolved == 0'", "require: 'lineage.unresolved =='", "is not a CEL expression"),
        ("max_age: P90D", "max_age: 90 days", "'90 days' is not a duration: write for example P30D"),
        ("to: candidate", "to: candidat", "there is no stage 'candidat', did you mean 'candidate'?"),
        (
            "- {role: risk-owner, quorum: 1}",
            "- {role: risk-ower, quorum: 1}",
            "there is no role 'risk-ower', did you mean",
        ),
        ("quorum: 1}", "quorum: 0}", "quorum: expected a number of at least 1, not 0"),
        (
            "{type: provenance}",
            "{type: provenence}",
            "there is no evidence type 'provenence', did you mean 'provenance'?",
        ),
        ("[registered, candidate", "[new, candidate", "the first stage is 'registered': every new version has it"),
        ("from: production", "from: retired", "production comes before retired in stages: a version never goes back"),
        ("id: to-validated", "id: to-candidate", "the transition 'to-candidate' is given twice"),
        ("{groups: [developer]}", "{groups: []}", "nobody can hold this role"),
        ("requester, ", "boss, ", "separation_of_duties.contributors.2: expected 'uploader'"),
        (
            "  production: production",
            "  producton: production",
            "there is no stage 'producton', did you mean 'production'?",
        ),
        ("  production: production", "  production: Production!", "is not an alias"),
        ("max_drop: 0.02", "max_drop: .nan", "cannot be written as canonical JSON"),
        ("[developer, validator]", "[developer, valdator]", "there is no role 'valdator', did you mean 'validator'?"),
        ("{predicate: 'urn:forebear:other:v1', ", "{", "give either predicate or media_type"),
        ("choices: [pass, fail]", "choices: [pass]", "choices, at least two, belong to a field of the type choice"),
        ("{type: number,", "{type: number, choices: [a, b],", "choices, at least two, belong to a field of the"),
        ("{type: date,", "{type: day,", "fields.date.type: expected 'text'"),
        ("      note:", "      Note!:", "is not a lower-case word with _ between its parts"),
        ("producer: system}", "producer: system, fields: {a: {}}}", "the registry records this type itself"),
        ('validation.result == "pass"', 'validation.reslt == "pass"', "no field of the evidence validation 'reslt'"),
        ('validation.result == "pass"', "validation.result == 'passed'", "no choice of validation.result 'passed'"),
        ("checking_evidence: [validation]", "checking_evidence: [valid]", "there is no evidence type 'valid'"),
        ("stages:", "wait: PT1H\nstages:", "there is no key 'wait'"),
        ("stages:", "stages: [registered, candidate]\nstages:", "the key 'stages' is given twice"),
    ],
)
def test_a_mistake_is_named_with_its_line(old: str, new: str, sentence: str) -> None:
    assert old in DEFAULT
    text = DEFAULT.replace(old, new, 1)
    with pytest.raises(BadPolicyError) as refusal:
        read_policy(text)
    said = refusal.value.message
    assert sentence in said
    both = zip(DEFAULT.splitlines(), text.splitlines(), strict=False)
    line = next(number for number, (one, two) in enumerate(both, 1) if one != two)
    assert f"Line {line}: " in said or f"Line {line + 1}: " in said


def test_a_form_has_one_file_at_most() -> None:
    with pytest.raises(BadPolicyError, match="validation: a form has one field of the type file at most"):
        read_policy(DEFAULT.replace("note:   {type: text,", "note:   {type: file,"))


def test_a_policy_of_an_earlier_release_without_forms_reads_as_before() -> None:
    old = (Path(__file__).parents[2] / "domain/governance/golden/decision-1.policy.yaml").read_text(encoding="utf-8")
    policy = read_policy(old)
    assert all(not kind.fields for kind in policy.evidence_types.values())
    assert policy.duties.checking_evidence == frozenset()
    assert policy.evidence_types["validation"].problems({"anything": [1, 2]}, has_file=True) == ()


def test_several_mistakes_are_named_at_once() -> None:
    text = DEFAULT.replace("{type: provenance}", "{type: one}").replace("to: candidate", "to: two")
    with pytest.raises(BadPolicyError) as refusal:
        read_policy(text)
    assert len(refusal.value.facts["problems"]) == 2  # type: ignore[arg-type]


def test_a_transition_that_asks_for_nothing_is_refused() -> None:
    with pytest.raises(BadPolicyError, match="it has no rule: give evidence, gates or approvals"):
        read_policy(DEFAULT[: DEFAULT.rindex("    approvals:")])


@pytest.mark.parametrize("key", ["risk_tier", "waivers", "emergency", "reattest", "votes"])
def test_a_key_of_the_larger_language_is_refused_rather_than_ignored(key: str) -> None:
    with pytest.raises(BadPolicyError, match=f"there is no key '{key}'"):
        read_policy(DEFAULT + f"\n{key}: {{role: risk-owner}}\n")


@pytest.mark.parametrize(
    "text", ["", "[]", "just words", "a: &x 1\nb: *x", "a: !!python/object:os.system {}", "a: 'open"]
)
def test_what_is_no_policy_at_all_is_refused(text: str) -> None:
    with pytest.raises(BadPolicyError):
        read_policy(text)


def test_the_digest_is_that_of_the_file_as_written() -> None:
    assert read_policy(DEFAULT).digest != read_policy(DEFAULT + "# a comment\n").digest


def test_the_default_policy_is_yaml_that_anybody_can_read() -> None:
    assert list(yaml.safe_load(DEFAULT))[:4] == ["apiVersion", "kind", "metadata", "applies_to"]


# --- the documentation ---------------------------------------------------------------------------------------------

DOCS = (Path(__file__).parents[4] / "docs" / "policies.md").read_text(encoding="utf-8")


def keys_of(model: type[BaseModel]) -> set[str]:
    return {field.alias or name for name, field in model.model_fields.items()}


def test_every_key_is_in_the_documentation() -> None:
    parts: list[type[BaseModel]] = [PolicyDocument, MetadataPart, AppliesPart, RolePart, DutiesPart, EvidenceTypePart]
    parts += [EvidencePart, FieldPart, GatePart, ApprovalPart, TransitionPart]
    missing = {key for part in parts for key in keys_of(part) if f"`{key}" not in DOCS}
    assert not missing


def test_every_fact_is_in_the_documentation() -> None:
    facts = expression_facts(case(read_policy(DEFAULT)), {}, {})
    assert set(facts) == set(VARIABLES)
    for variable, held in facts.items():
        assert f"| `{variable}` |" in DOCS
        fixed = variable in {"subject", "lineage", "licence"}
        missing = {name for name in held if f"`{name}`" not in DOCS} if fixed else set()  # type: ignore[attr-defined]
        assert not missing, variable


def test_every_contributor_is_in_the_documentation() -> None:
    assert all(f"| `{deed.value}` |" in DOCS for deed in Contribution)
