"""What a verdict read, by name: which facts are part of it, and how their changes are told."""

from __future__ import annotations

from dataclasses import replace

from registry.domain.governance.case import Ancestors, expression_facts
from registry.domain.governance.conditions.expressions import Expression
from registry.domain.governance.seen import differences, seen_digest, seen_state, without_findings
from tests.builders import digest
from tests.registry.policy_cases import CANDIDATE, case, policy

FACTS = expression_facts(case(policy()), {}, {})


def seen(*conditions: str) -> dict[str, str]:
    return seen_state(map(Expression, conditions), FACTS, ancestors=None, compared=None)


def test_only_the_facts_that_conditions_read_are_part_of_the_seen_state() -> None:
    assert seen("metrics.accuracy >= params.min_margin && lineage.recalled == 0") == {
        "metrics.accuracy": "0.9",
        "lineage.recalled": "0",
    }
    assert seen("evidence.validation.result == 'pass' && params.min_margin > 0.0") == {}, (
        "both have digests of their own"
    )


def test_a_field_that_is_only_asked_for_is_part_of_it_and_so_is_its_absence() -> None:
    assert seen("has(baseline.accuracy)", "'external' in subject.tags", "subject.tags['eu'] == 'yes'") == {
        "baseline.accuracy": "missing",
        "subject.tags.external": "missing",
        "subject.tags.eu": "missing",
    }


def test_a_list_that_is_walked_is_part_of_it_as_a_whole_and_what_the_walk_binds_is_not() -> None:
    assert seen("subject.parents.exists(p, p.startsWith('models:/') && metrics.accuracy > 0.5)") == {
        "subject.parents": "[]",
        "metrics.accuracy": "0.9",
    }


def test_a_long_value_is_kept_as_its_digest() -> None:
    many = replace(CANDIDATE.subject, parents=tuple(f"models:/a/b/{n}" for n in range(100)))
    facts = expression_facts(case(policy(), subject=many), {}, {})
    found = seen_state([Expression("size(subject.parents) > 0")], facts, ancestors=None, compared=None)
    assert found["subject.parents"].startswith("sha256:")


def test_the_digest_changes_with_any_of_it() -> None:
    states = [
        seen("lineage.recalled == 0"),
        {"lineage.recalled": "1"},
        {"lineage.recalled": "0", "ancestors": str(digest("one"))},
        {"lineage.recalled": "0", "ancestors": str(digest("two"))},
        {"lineage.recalled": "0", "compared": "models:/a/b/1"},
    ]
    assert len({seen_digest(state) for state in states}) == len(states)


def test_changes_are_told_with_both_values() -> None:
    then = {"lineage.recalled": "0", "ancestors": "a", "compared": "none", "metrics.accuracy": "0.9"}
    now = {"lineage.recalled": "1", "ancestors": "b", "compared": "models:/a/b/2", "metrics.accuracy": "0.9"}
    assert differences(then, now) == [
        "the status of an ancestor changed since",
        "the version to compare with was none and is models:/a/b/2",
        "lineage.recalled was 0 and is 1",
    ]
    many = {f"subject.tags.{n}": "missing" for n in range(5)}
    assert differences(many, dict.fromkeys(many, '"x"'))[-1] == "2 facts more have changed"
    assert differences({}, now) == ["what the verdict read was not recorded with it"]


def test_every_condition_that_a_verdict_may_evaluate_is_read_for_it() -> None:
    rules = policy()
    found = {condition.text for condition in rules.conditions(case(rules, ancestors=Ancestors()))}
    assert found == {
        'subject.kind == "model_version"',
        "lineage.recalled == 0",
        "metrics.accuracy >= metrics.baseline_accuracy + params.min_margin",
        '"external" in subject.tags',
    }


def test_the_state_before_findings_were_raised_is_told_from_the_state_after_them() -> None:
    reads = [Expression("findings.open.high == 0 && findings.overdue == 0 && has(findings.open.low)")]
    reads += [Expression("size(findings.open) == 4"), Expression("size(findings) == 2"), Expression("tier == 'low'")]
    counts = {"critical": 0, "high": 3, "medium": 1, "low": 0}

    def state(high: int, low: int) -> dict[str, str]:
        facts = {**FACTS, "findings": {"open": {**counts, "high": high, "low": low}, "overdue": 1}}
        return seen_state(reads, facts, ancestors=None, compared=None)

    assert without_findings(state(3, 1), ["high", "high", "low"]) == state(1, 0)
    assert without_findings({"findings.open.odd": "missing"}, ["high"]) == {"findings.open.odd": "missing"}
