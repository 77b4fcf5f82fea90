"""Durations of a policy are those of ISO 8601, in whole weeks, days, hours and minutes."""

from __future__ import annotations

from datetime import timedelta

import pytest
from pydantic import TypeAdapter, ValidationError

from registry.services.governance.policies.words import Duration

READ = TypeAdapter(Duration)


@pytest.mark.parametrize(
    ("text", "time"),
    [
        ("P30D", timedelta(days=30)),
        ("P2W", timedelta(weeks=2)),
        ("PT1H", timedelta(hours=1)),
        ("P1DT12H30M", timedelta(days=1, hours=12, minutes=30)),
    ],
)
def test_a_duration_is_read_as_the_time_that_it_says(text: str, time: timedelta) -> None:
    assert READ.validate_python(text) == time


@pytest.mark.parametrize("text", ["P", "PT", "30D", "P1M", "P-1D", "P99999D", "PT1.5H", 30, None])
def test_what_is_no_duration_is_refused(text: object) -> None:
    with pytest.raises(ValidationError, match="is not a duration"):
        READ.validate_python(text)
