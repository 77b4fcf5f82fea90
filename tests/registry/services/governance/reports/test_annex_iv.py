"""The technical documentation quotes what is recorded, with its source, and names everything else as a gap."""

from __future__ import annotations

import pytest

from registry.domain.governance.reports.annex_iv import ASKED, AnnexIv, as_markdown
from registry.domain.names import Reference
from registry.errors import NotFoundError
from registry.services.governance.reports.annex_iv import _FINDERS, _SECTIONS
from registry.services.governance.reports.verbs import Reports
from tests.registry.services.teams import CARD, Team, bring_to, ref_of

SECTIONS = """
## Intended use

Reading digits on forms.

## Limitations and risks

Slanted sevens are read as ones.

## Human oversight
"""


def annex(team: Team) -> tuple[AnnexIv, dict[str, list[tuple[str, str, str]]]]:
    base = team.publish("vision/base")
    ref = team.publish("vision/digits", parents=[base], card=CARD + SECTIONS)
    bring_to(team, ref, "production")
    found = Reports(team.context("guest")).annex_iv(ref_of(ref))
    facts = {
        one.text: [(fact.what, fact.value, fact.source) for fact in one.facts]
        for point in found.points
        for one in point.asked
    }
    return found, facts


def test_every_point_is_there_with_facts_from_the_record_or_as_a_gap(team: Team) -> None:
    found, facts = annex(team)
    assert [one.number for one in found.points] == [
        *(f"1({letter})" for letter in "abcdefgh"),
        *(f"2({letter})" for letter in "abcdefgh"),
        *"3456789",
    ]
    (purpose,) = facts["Intended purpose"]
    assert purpose == ("Section 'Intended use'", "Reading digits on forms.", "card, revision 1 by ana")
    assert ("Made from", "models:/vision/base/1", "lineage") in facts["Relation to earlier versions"]
    (base,) = facts["Pre-trained systems and tools of third parties, and how they were used"][:1]
    assert base[0] == "models:/vision/base/1"
    assert "used as source" in base[1]
    assert any(
        what == "accuracy" and value.startswith("0.9 on test")
        for what, value, _ in facts["Metrics of accuracy and robustness"]
    )
    reports = facts["Test reports, dated and signed by the responsible persons"]
    assert {"validation", "approve"} <= {what for what, _, _ in reports}
    assert any(value.startswith("carla (risk-owner)") for what, value, _ in reports if what == "approve")
    assert facts["Foreseeable unintended outcomes and sources of risk"][0][1] == "Slanted sevens are read as ones."
    assert any(what == "model_version.promoted" for what, _, _ in facts["Relevant changes made by the provider"])
    for unknown in (
        "Name of the provider",
        "Human oversight measures",
        "Copy of the EU declaration of conformity of Article 47",
    ):
        assert facts[unknown] == [], "an empty section of the card answers nothing"
    assert found.gaps == sum(1 for one in facts.values() if not one)


def test_the_document_lists_its_gaps_first_and_quotes_with_the_source(team: Team) -> None:
    found, _ = annex(team)
    text = as_markdown(found)
    assert "Regulation (EU) 2024/1689" in text
    gaps = text.index("## Not on record")
    assert gaps < text.index("- **8** Copy of the EU declaration") < text.index("## 1(a)")
    assert "- Section 'Intended use': Reading digits on forms. (card, revision 1 by ana)" in text
    assert "It is no assessment of conformity" in text


def test_a_version_that_is_not_there_has_no_documentation(team: Team) -> None:
    with pytest.raises(NotFoundError):
        Reports(team.context("guest")).annex_iv(Reference.parse("models:/vision/none/1"))


def test_what_reads_facts_is_asked_for_by_the_annex() -> None:
    asked = {text for _, _, texts in ASKED for text in texts}
    assert (set(_FINDERS) | set(_SECTIONS)) - asked == set()
