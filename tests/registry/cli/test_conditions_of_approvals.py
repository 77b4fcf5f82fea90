"""`--condition OWNER:DAY:SEVERITY:TEXT` of an approval, as it is typed."""

from __future__ import annotations

import pytest

from registry.cli.commands.governance.promote import _condition
from registry.domain.governance.reviews.findings import NewFinding, Severity
from registry.errors import UsageError


def test_a_condition_is_read_from_one_word_and_its_text_may_hold_colons() -> None:
    read = _condition("ana:2027-01-31:medium:retrain: with slanted sevens")
    assert read == NewFinding("retrain: with slanted sevens", Severity.MEDIUM, "ana", "2027-01-31")


@pytest.mark.parametrize("text", ["", "ana", "ana:2027-01-31:medium", "ana:2027-01-31:medum:retrain"])
def test_what_is_no_condition_is_refused_with_the_form(text: str) -> None:
    with pytest.raises(UsageError, match="is not a condition") as refused:
        _condition(text)
    assert "OWNER:DAY:SEVERITY:TEXT" in str(refused.value.remedy)
