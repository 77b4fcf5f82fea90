"""Forms of evidence: what fits, and everything that is wrong with what does not."""

from __future__ import annotations

from typing import Any

import pytest

from registry.domain.governance.policies.evidence_types import EvidenceField, EvidenceType, FieldType, shown_facts

REPORT = EvidenceType(
    "validation",
    producers=("validator",),
    fields=(
        EvidenceField("result", FieldType.CHOICE, required=True, choices=("pass", "fail")),
        EvidenceField("errors", FieldType.NUMBER),
        EvidenceField("note"),
        EvidenceField("day", FieldType.DATE),
        EvidenceField("signed", FieldType.BOOLEAN),
        EvidenceField("report", FieldType.FILE),
    ),
)


def test_a_form_in_one_line() -> None:
    assert (
        REPORT.form
        == "result (pass or fail, required), errors (number), note (text), day (YYYY-MM-DD), signed (true or false), "
        "report (file)"
    )


def test_what_fits_the_form_has_no_problems() -> None:
    body = {"result": "pass", "errors": 2.5, "note": "fine", "day": "2026-11-28", "signed": False}
    assert REPORT.problems(body, has_file=True) == {}
    assert REPORT.problems({"result": "fail"}, has_file=False) == {}


@pytest.mark.parametrize(
    ("body", "problem"),
    [
        ({}, "result is required"),
        ({"result": "maybe"}, "result must be pass or fail, not 'maybe'"),
        ({"result": True}, "result must be pass or fail, not True"),
        ({"result": ["pass"]}, "result must be pass or fail, not a list or an object"),
        ({"result": "pass", "errors": "3"}, "errors must be a number, not '3'"),
        ({"result": "pass", "errors": True}, "errors must be a number, not True"),
        ({"result": "pass", "errors": float("nan")}, "errors must be a number, not nan"),
        ({"result": "pass", "note": 7}, "note must be text, not 7"),
        ({"result": "pass", "note": " "}, "note must be text, not ' '"),
        ({"result": "pass", "day": "28.11.2026"}, "day must be a date such as 2026-11-28, not '28.11.2026'"),
        ({"result": "pass", "day": "2026-13-01"}, "day must be a date such as 2026-11-28, not '2026-13-01'"),
        ({"result": "pass", "day": "20261128"}, "day must be a date such as 2026-11-28, not '20261128'"),
        ({"result": "pass", "signed": "yes"}, "signed must be true or false, not 'yes'"),
        ({"result": "pass", "report": "a.pdf"}, "report is a file: attach it instead"),
        ({"result": "pass", "reslt": "pass"}, "unknown field 'reslt', did you mean 'result'?"),
    ],
)
def test_what_does_not_fit_is_named(body: dict[str, Any], problem: str) -> None:
    assert list(REPORT.problems(body, has_file=False).values()) == [problem]


def test_a_file_is_required_or_refused_as_the_form_says() -> None:
    card = EvidenceType("model_card", fields=(EvidenceField("card", FieldType.FILE, required=True),))
    assert card.problems({}, has_file=False) == {"card": "card is required"}
    assert card.problems({}, has_file=True) == {}
    bare = EvidenceType("note", fields=(EvidenceField("text"),))
    assert bare.problems({"text": "x"}, has_file=True) == {"file": "the form has no file"}


def test_a_type_without_a_form_takes_anything() -> None:
    assert EvidenceType("other").problems({"result": [1, {"a": None}]}, has_file=True) == {}


def test_a_sentence_about_evidence_repeats_its_first_facts() -> None:
    assert (
        shown_facts({"result": "fail", "note": "do not\nship", "rows": {"a": 1}}) == "result = fail, note = do not ship"
    )
    assert len(shown_facts({"note": "x" * 500})) == 80
