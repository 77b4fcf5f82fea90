"""A policy file is read strictly: every mistake comes with its line, and nothing is skipped in silence."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
import yaml

from registry.domain.governance.case import Contribution, expression_facts
from registry.domain.governance.conditions.expressions import VARIABLES
from registry.errors import BadPolicyError
from registry.services.governance.policies.document import read_policy
from registry.services.governance.policies.untold import untold
from tests.registry.policy_cases import case
from tests.registry.services.governance.mistakes import DEFAULT, refused_with_its_line

EXAMPLES = sorted((Path(__file__).parents[5] / "examples" / "policies").glob("*.yaml"))


def test_the_default_policy_reads() -> None:
    policy = read_policy(DEFAULT)
    assert policy.label == "default/3"
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
        ("quorum: 1}", "quorom: 1}", "there is no key 'status_changes.approvals.0.quorom', did you mean 'quorum'?"),
        ("  name: default", "  nam: default", "did you mean 'name'?"),
        ("metadata:", "meta:", "there is no key 'meta'"),
        ("stages:", "patience: PT1H\nstages:", "there is no key 'patience'"),
        ("stages:", "stages: [registered, candidate]\nstages:", "the key 'stages' is given twice"),
    ],
)
def test_an_unknown_key_and_a_key_given_twice_are_named_with_their_line(old: str, new: str, sentence: str) -> None:
    refused_with_its_line(old, new, sentence)


def test_a_policy_of_an_earlier_release_without_forms_reads_as_before() -> None:
    old = (Path(__file__).parents[3] / "domain/governance/policies/golden/decision-1.policy.yaml").read_text(
        encoding="utf-8"
    )
    policy = read_policy(old)
    assert all(not kind.fields for kind in policy.evidence_types.values())
    assert policy.duties.checking_evidence == frozenset()
    assert policy.evidence_types["validation"].problems({"anything": [1, 2]}, has_file=True) == {}


def test_several_mistakes_are_named_at_once() -> None:
    text = DEFAULT.replace("{type: provenance}", "{type: one}").replace("to: candidate", "to: two")
    with pytest.raises(BadPolicyError) as refusal:
        read_policy(text)
    assert len(refusal.value.facts["problems"]) == 2  # type: ignore[arg-type]


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

DOCS = (Path(__file__).parents[5] / "docs" / "policies.md").read_text(encoding="utf-8")


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


def test_the_example_of_what_the_registry_records_is_a_policy_that_lacks_nothing() -> None:
    part = DOCS[DOCS.index("  scan:      {predicate") :].partition("```")[0]
    kinds, _, moves = part.partition("transitions:\n")
    first = DEFAULT.index("  - id: to-candidate")
    text = DEFAULT[:first] + moves + DEFAULT[DEFAULT.index("  - id: to-validated") :]
    text = text.replace("evidence_types:", f"evidence_types:\n{kinds}#", 1)
    assert list(untold(read_policy(text, new=True), text)) == []
