"""Policies that contradict themselves: names that lead nowhere, things given twice, stages out of order."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from registry.domain.governance.conditions.other_names import CLASSES, METRICS, PHRASES, VARIABLES, canonical
from registry.errors import BadPolicyError
from registry.services.governance.policies.document import read_policy
from registry.services.governance.policies.untold import untold
from tests.registry.services.governance.mistakes import DEFAULT, refused_with_its_line


@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [
        ("to: candidate", "to: candidat", "there is no stage 'candidat', did you mean 'candidate'?"),
        (
            "- {role: risk-owner, quorum: 1}",
            "- {role: risk-ower, quorum: 1}",
            "there is no role 'risk-ower', did you mean",
        ),
        (
            "{type: provenance}",
            "{type: provenence}",
            "there is no evidence type 'provenence', did you mean 'provenance'?",
        ),
        ("[registered, candidate", "[new, candidate", "the first stage is 'registered': every new version has it"),
        ("from: production", "from: retired", "production comes before retired in stages: a version never goes back"),
        ("id: to-validated", "id: to-candidate", "the transition 'to-candidate' is given twice"),
        (
            "  production: production",
            "  producton: production",
            "there is no stage 'producton', did you mean 'production'?",
        ),
        ("max_drop: 0.02", "max_drop: .nan", "cannot be written as canonical JSON"),
        ("[developer, validator]", "[developer, valdator]", "there is no role 'valdator', did you mean 'validator'?"),
        (
            'validation.result == "pass"',
            'validation.reslt == "pass"',
            "evidence.validation has no 'reslt', did you mean",
        ),
        (
            'validation.result == "pass"',
            "validation.result == 'passed'",
            "'passed' is not one of its values, did you mean 'pass'?",
        ),
        ("checking_evidence: [validation]", "checking_evidence: [valid]", "there is no evidence type 'valid'"),
    ],
)
def test_a_contradiction_is_named_with_its_line(old: str, new: str, sentence: str) -> None:
    refused_with_its_line(old, new, sentence)


WHEN, APPLIES = "has(baseline.accuracy)", 'subject.kind == "model_version"'
"""A condition of a gate, and the one that chooses the policy, in the default policy."""


@pytest.mark.parametrize(
    ("condition", "sentence"),
    [
        ("has(baseline.acuracy)", "baseline has no 'acuracy', did you mean 'accuracy'?"),
        ("metrics.acuracy > 0.5", "metrics has no 'acuracy', did you mean 'accuracy'?"),
        ("metrics.bleu > 0.5", "metrics has no 'bleu': name metrics of your own under `metrics` in the policy"),
        ('subject.naem == "x"', "subject has no 'naem', did you mean 'name'?"),
        ("lineage.unresolvd == 0", "lineage has no 'unresolvd', did you mean 'unresolved'?"),
        ("metrics.accuracy > params.x", "params has no 'x': declare it under `params`"),
        ("metrics.accuracy > params.min_margn", "params has no 'min_margn', did you mean 'min_margin'?"),
        ('evidence.validaton.result == "pass"', "evidence has no 'validaton', did you mean 'validation'?"),
        ('evidence["validaton"].result == "pass"', "evidence has no 'validaton', did you mean 'validation'?"),
        ('evidence.has("validaton")', "evidence has no 'validaton', did you mean 'validation'?"),
        ('"validaton" in evidence', "evidence has no 'validaton', did you mean 'validation'?"),
        ("evidence.eval_report.acuracy > 0.5", "evidence.eval_report has no 'acuracy', did you mean 'accuracy'?"),
        ('subject.status == "activ"', "'activ' is not one of its values, did you mean 'active'?"),
        ('subject.method in ["import", "fine_tunning"]', "'fine_tunning' is not one of its values, did you mean"),
        ('transfer.verdict == "positve"', "'positve' is not one of its values, did you mean 'positive'?"),
        ('transfer.facets.benefit == "shwn"', "'shwn' is not one of its values, did you mean 'shown'?"),
        ('transfer.facets.benefitt == "shown"', "transfer.facets has no 'benefitt', did you mean 'benefit'?"),
        ("transfer.gain.producton > 0.0", "transfer.gain has no 'producton', did you mean 'production'?"),
        ("subject.name > 1", "it compares text with a whole number"),
        ('lineage.recalled == "0"', "it compares a whole number with text, which are never equal"),
        ("metrics.accuracy + 1 > 1.5", "it calculates with a whole number and a decimal number: write 1.0, not 1"),
        ("subject.parents.all(parent, parent == 1)", "it compares text with a whole number, which are never equal"),
        ("subject.parents.exists(parent, parent.licence)", "it reads 'licence' of text, which has no fields"),
        ("lineage.depth.exists(one, one == 1)", "exists(…) walks a list, and this is a whole number"),
        ("lineage.depth", "the condition gives a whole number, not true or false"),
        ("!lineage.depth", "what ! turns round is a whole number, and must be true or false"),
        ("size(lineage.depth) == 0", "size(…) is asked of a whole number"),
        ('subject.name.matches("(")', "'(' is not a regular expression"),
        ('subject.name.startsWith("a", "b")', "startsWith(…) takes a text and another"),
        ("max(subject.name) > 1.0", "max(…) asks for numbers"),
        ("lineage.recalled == 0 && metrics.acuracy > 0.5", "metrics has no 'acuracy', did you mean 'accuracy'?"),
        ("lineage.recalled == 0 ? metrics.acuracy > 0.5 : true", "metrics has no 'acuracy', did you mean 'accuracy'?"),
    ],
)
def test_a_condition_that_could_never_be_answered_is_refused_with_its_line_and_the_near_name(
    condition: str, sentence: str
) -> None:
    refused_with_its_line(WHEN, f"'{condition}'", sentence)


@pytest.mark.parametrize(
    "condition",
    [
        "has(metrics.source_only_macro_f1) && metrics.baseline_rmse > metrics.rmse",
        'evidence.validation.errors <= 3.0 && evidence.validation.date > "2026-01-01"',
        'evidence.other.anything == "x" && evidence.provenance.adapter != "torch"',
        "size(subject.parents) == 0 || subject.parents.all(parent, parent.startsWith('models:/'))",
        'timestamp(evidence.validation.date + "T00:00:00Z") > timestamp("2026-01-01T00:00:00Z") - duration("24h")',
        'subject.tags["team"] == "a" || subject.tags.team in ["b", "c"]',
        'transfer.facets.non_inferior == "shown" && transfer.detectable < 0.05 && transfer.published_low.scratch > 0.0',
        "max(transfer.gain.scratch, transfer.gain.probe) > 0.0 && [1.0, 2.0].map(x, x * 2.0)[0] > 1.0",
        "int(metrics.accuracy * 100.0) % 2 == 0 && {'a': 1}['a'] + 1 == 2 && -lineage.depth <= 0",
    ],
)
def test_a_condition_that_fits_the_types_is_published(condition: str) -> None:
    assert read_policy(DEFAULT.replace(WHEN, json.dumps(condition), 1), new=True)


def test_a_metric_of_ones_own_is_read_when_the_policy_names_it() -> None:
    text = DEFAULT.replace(WHEN, "'has(baseline.bleu) && baseline.baseline_bleu < 1.0'", 1)
    with pytest.raises(BadPolicyError, match="baseline has no 'bleu'"):
        read_policy(text, new=True)
    assert read_policy(text + "metrics: [bleu]\n", new=True)


@pytest.mark.parametrize(
    ("condition", "sentence"),
    [
        ('subject.tags.team == "a"', "subject.tags.team may be missing, and then nobody can tell: write has("),
        ('subject.tags["team"] == "a"', "subject.tags.team may be missing"),
        ('has(subject.tags.team) || subject.tags.team == "a"', "subject.tags.team may be missing"),
        ('!has(subject.tags.team) && subject.tags.team == "a"', "subject.tags.team may be missing"),
        ("metrics.accuracy > 0.5", "metrics.accuracy may be missing"),
        (
            'has(evidence.validation) && evidence.validation.result == "pass"',
            "evidence.validation.result may be missing",
        ),
        ("has(evidence.validation.result)", "evidence.validation may be missing"),
        ('subject.parents[0] == "models:/a/b/1"', "a place in a list may not be there"),
        ("1 / lineage.depth == 1", "`/` has no answer for some values"),
        ("int(subject.name) == 1", "int(…) has no answer for some values"),
        ('subject.parents.all(p, p == "a")', "all(…) has no answer for an empty list"),
    ],
)
def test_the_condition_that_chooses_a_policy_must_have_an_answer_for_every_version(
    condition: str, sentence: str
) -> None:
    refused_with_its_line(APPLIES, f"'{condition}'", sentence)


@pytest.mark.parametrize(
    "condition",
    [
        'has(subject.tags.team) && subject.tags.team == "a"',
        '"team" in subject.tags && subject.tags["team"] == "a"',
        '!has(subject.tags.team) || subject.tags.team == "a"',
        'has(subject.tags.team) ? subject.tags.team == "a" : true',
        "!(has(subject.tags.a) && has(subject.tags.b)) || subject.tags.a == subject.tags.b",
        'subject.name.startsWith("a/") && lineage.depth + 1 > 2',
    ],
)
def test_a_field_that_may_be_missing_chooses_a_policy_once_it_is_asked_for(condition: str) -> None:
    assert read_policy(DEFAULT.replace(APPLIES, f"'{condition}'", 1), new=True)


def test_a_policy_that_an_older_version_published_stays_readable_and_what_does_not_fit_never_holds() -> None:
    old = read_policy(DEFAULT.replace(WHEN, "'has(baseline.acuracy)'", 1))
    assert old.transitions


def documented(heading: str) -> list[list[str]]:
    """The rows of the table in docs/policies.md whose second column has this heading."""
    docs = (Path(__file__).parents[5] / "docs" / "policies.md").read_text(encoding="utf-8")
    table = docs.partition(f"| in a condition | {heading} |\n|---|---|\n")[2].partition("\n\n")[0]
    return [[cell.strip("`") for cell in row.strip("| ").split(" | ")] for row in table.splitlines()]


def test_the_documentation_quotes_what_is_said_of_misspelt_conditions() -> None:
    rows = documented("is refused with")
    assert len(rows) >= 7
    for condition, sentence in rows:
        refused_with_its_line(WHEN, f"'{condition}'", sentence)


def test_the_documentation_lists_the_other_names_of_facts() -> None:
    rows = documented("is read as")
    assert len(rows) >= 5
    assert {name for name in (*VARIABLES, *METRICS, *PHRASES, *CLASSES) if name not in str(rows)} == set()
    for theirs, ours in rows:
        assert canonical(theirs) == ours


def test_a_file_without_params_leaves_their_values_open_and_one_with_params_does_not() -> None:
    condition = DEFAULT.replace(WHEN, "'metrics.accuracy > params.least'", 1)
    with pytest.raises(BadPolicyError, match="params has no 'least'"):
        read_policy(condition, new=True)
    start, end = condition.index("params:"), condition.index("rejections:")
    text = condition[:start] + condition[end:]
    (gate, *_) = [one for one in untold(read_policy(text, new=True), text) if "params.least" in one]
    assert "never holds, since params.least cannot be told" in gate or "the file gives it no value" in gate
    given = text + 'params: {"least": 0.5, "max_drop": 0.1, "min_margin": 0.1}\n'
    assert [one for one in untold(read_policy(given, new=True), given) if "params" in one] == []
