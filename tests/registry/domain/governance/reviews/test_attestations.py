"""Until when an approval lasts, and when people are asked to renew it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from registry.domain.governance.policies.terms import RenewalTimes, Tier
from registry.domain.governance.reviews.attestations import (
    Attestation,
    attest_target,
    attestation,
    attested_stage,
    first_warning,
    stage_of,
)
from registry.domain.names import AssetKind, Name, VersionRef

REF = VersionRef(AssetKind.MODELS, Name.parse("vision/digits"), 1)
START = datetime(2026, 1, 1, tzinfo=UTC)
DAY = timedelta(days=1)
TIMES = RenewalTimes({Tier.HIGH: 90 * DAY}, 14 * DAY)


def approved(tier: Tier = Tier.HIGH, *, now: datetime = START, triggers: tuple[str, ...] = ()) -> Attestation | None:
    return attestation(
        REF, "production", TIMES, tier, request="req-1", policy="p/1", approved_at=START, now=now, triggers=triggers
    )


def test_people_are_asked_thirty_fourteen_and_three_days_before_and_on_the_day() -> None:
    value = approved()
    assert value is not None
    days = []
    while value.warn_at is not None:
        days.append((value.warn_at - START).days)
        value = value.warned(value.warn_at)
    assert days == [60, 76, 87, 90]
    assert (value.due_at, value.lapses_at) == (START + 90 * DAY, START + 104 * DAY)


def test_what_was_missed_is_said_once() -> None:
    value = approved()
    assert value is not None
    assert value.warned(START + 88 * DAY).warn_at == START + 90 * DAY
    assert value.warned(START + 200 * DAY).warn_at is None


@pytest.mark.parametrize(("days", "first"), [(90, 60), (20, 6), (2, 2), (30, 0)])
def test_nobody_is_asked_before_the_approval_was_given(days: int, first: int) -> None:
    assert first_warning(START, START + days * DAY) == START + first * DAY


def test_an_approval_from_long_ago_is_due_now_with_its_grace_ahead() -> None:
    value = approved(now=START + 400 * DAY)
    assert value is not None
    assert (value.due_at, value.warn_at) == (START + 400 * DAY, START + 400 * DAY)
    assert value.lapses_at == START + 414 * DAY


def test_a_tier_without_a_time_ends_by_a_trigger_alone() -> None:
    assert approved(Tier.LOW) is None
    value = approved(Tier.LOW, triggers=("drift_alert",))
    assert value is not None
    assert (value.due_at, value.lapses_at) == (None, None)
    called = value.called("drift", START + DAY)
    assert (called.due_at, called.cause) == (START + DAY, "drift")
    assert called.called("again", START + 2 * DAY) == called
    assert value.warned(START) == value


def test_targets_name_the_stage() -> None:
    assert attest_target("production") == "attest:production"
    assert attested_stage("attest:production") == "production"
    assert (attested_stage("production"), attested_stage("attest:")) == (None, None)
    assert (stage_of("attest:production"), stage_of("validated")) == ("production", "validated")
