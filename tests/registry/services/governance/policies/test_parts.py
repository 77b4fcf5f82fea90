"""What each key of a policy file may hold."""

from __future__ import annotations

import pytest

from registry.errors import BadPolicyError
from registry.services.governance.policies.document import read_policy
from tests.registry.services.governance.mistakes import DEFAULT, refused_with_its_line


def test_a_form_has_one_file_at_most() -> None:
    with pytest.raises(BadPolicyError, match="validation: a form has one field of the type file at most"):
        read_policy(DEFAULT.replace("note:   {type: text,", "note:   {type: file,"))


def test_a_transition_that_asks_for_nothing_is_refused() -> None:
    with pytest.raises(BadPolicyError, match="it has no rule: give evidence, gates or approvals"):
        read_policy(DEFAULT[: DEFAULT.rindex("    approvals:")])


@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [
        ("version: 3", "version: two", "metadata.version: expected a whole number, not 'two'"),
        ("governance/v1", "governance/v9", "apiVersion: expected 'governance/v1'"),
        ("metrics.accuracy >= metrics.b", "metric.accuracy >= metrics.b", "did you mean 'metrics'?"),
        ("require: 'lineage.unresolved == 0'", "require: 'lineage.unresolved =='", "is not a CEL expression"),
        ("max_age: P90D", "max_age: 90 days", "'90 days' is not a duration: write for example P30D"),
        ("quorum: 1}", "quorum: 0}", "quorum: expected a number of at least 1, not 0"),
        ("{groups: [developer]}", "{groups: []}", "nobody can hold this role"),
        ("requester, ", "boss, ", "separation_of_duties.contributors.2: expected 'uploader'"),
        ("  production: production", "  production: Production!", "is not an alias"),
        ("{predicate: 'urn:forebear:other:v1', ", "{", "give either predicate or media_type"),
        ("choices: [pass, fail]", "choices: [pass]", "choices, at least two, belong to a field of the type choice"),
        ("{type: number,", "{type: number, choices: [a, b],", "choices, at least two, belong to a field of the"),
        ("{type: date,", "{type: day,", "fields.date.type: expected 'text'"),
        ("      note:", "      Note!:", "is not a lower-case word with _ between its parts"),
        ("producer: system}", "producer: system, fields: {a: {}}}", "the registry records this type itself"),
    ],
)
def test_a_value_that_a_key_cannot_hold_is_named_with_its_line(old: str, new: str, sentence: str) -> None:
    refused_with_its_line(old, new, sentence)
