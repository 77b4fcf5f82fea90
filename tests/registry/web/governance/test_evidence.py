"""What is typed into a form of evidence becomes the values that the form asks for."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, cast

from starlette.datastructures import FormData

from registry.domain.governance.policies.evidence_types import EvidenceField, EvidenceType, FieldType
from registry.domain.names import Reference
from registry.errors import InvalidError
from registry.web.governance.evidence import add_from

USE = EvidenceType(
    "intended_use",
    fields=(
        EvidenceField("people", FieldType.BOOLEAN),
        EvidenceField("users", FieldType.NUMBER),
        EvidenceField("note"),
    ),
)


@dataclass
class Recorder:
    """Takes evidence of one type, by its form, and keeps what it was given."""

    given: list[object] = field(default_factory=list)

    @property
    def promotions(self) -> Recorder:
        return self

    def evidence_types(self, _: Reference) -> list[EvidenceType]:
        return [USE]

    def add_evidence(self, _: Reference, __: str, body: Any, **___: object) -> None:
        if problems := USE.problems(body, has_file=False):
            raise InvalidError("It does not fit", facts={"fields": problems})
        self.given.append(body)


def test_yes_and_no_become_true_and_false_numbers_numbers_and_other_words_are_refused_beside_their_field() -> None:
    registry, ref = cast("Any", Recorder()), Reference.parse("models:/vision/digits/1")
    form = {"type": "intended_use", "field-people": "false", "field-users": "3", "field-note": "true"}
    assert add_from(registry, ref, FormData(form)) is None
    assert registry.given == [{"people": False, "users": 3.0, "note": "true"}]
    refused = add_from(registry, ref, FormData({**form, "field-people": "perhaps"}))
    assert refused is not None
    assert refused.problems == {"people": "people must be true or false, not 'perhaps'"}
    assert refused.values["people"] == "perhaps"
