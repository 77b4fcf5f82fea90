"""Where a version stood, by its entries: each way in which an approval ends, and that none comes back by itself."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

import pytest

from registry.domain.catalog.models import HistoryEntry, Status
from registry.domain.governance.reviews.past import standings
from registry.domain.text import read_moment
from registry.errors import BadFilterError
from tests.builders import model_ref

START = datetime(2026, 3, 1, tzinfo=UTC)
REF = model_ref("vision/digits/1")
PROMOTED = ("model_version.promoted", {"to": "production", "request": "req-1"})
Change = tuple[str, Mapping[str, object]]


def log(*changes: Change) -> list[HistoryEntry]:
    """One entry a day."""
    days = enumerate((("model_version.imported", {}), *changes))
    return [HistoryEntry(n, START + timedelta(days=n), "ana", action, str(REF), detail) for n, (action, detail) in days]


@pytest.mark.parametrize(
    ("change", "stage", "why"),
    [
        (("model_version.superseded", {"to": "superseded"}), "superseded", "had ended"),
        (("model_version.suspended", {"reason": "x"}), "production", "was suspended"),
        (("model_version.recalled", {"reason": "x"}), "production", "was recalled"),
        (("model_version.deleted", {}), "production", "had been deleted"),
        (("promotion.revoked", {"request": "req-1"}), "production", "had ended"),
    ],
)
def test_an_approval_ends(change: Change, stage: str, why: str) -> None:
    entries = log(PROMOTED, change)
    during, end = standings(entries, START + timedelta(days=1, hours=1))
    assert during.reasons(REF) == ()
    assert end == (START + timedelta(days=2), change[0])
    after, same = standings(entries, START + timedelta(days=3))
    assert (after.stage, same) == (stage, end)
    assert any(why in reason for reason in after.reasons(REF))


@pytest.mark.parametrize(
    "change",
    [
        ("model_version.deprecated", {"reason": "x"}),
        ("model_version.restored", {"from": "a backup"}),
        ("promotion.revoked", {"request": "req-0"}),
        ("card.revised", {}),
    ],
)
def test_nothing_else_ends_it(change: Change) -> None:
    then, end = standings(log(PROMOTED, change), START + timedelta(days=3))
    assert (then.reasons(REF), end) == ((), None)


def test_an_approval_that_a_status_ended_does_not_come_back_with_the_status() -> None:
    stopped = ("model_version.suspended", {"reason": "x"})
    entries = log(PROMOTED, stopped, ("model_version.restored", {"reason": "y"}))
    then, end = standings(entries, START + timedelta(days=4))
    assert then.status is Status.ACTIVE
    assert end == (START + timedelta(days=2), "model_version.suspended")
    assert then.reasons(REF) == ("The approval of req-1 had ended (model_version.suspended, 2026-03-03 00:00 UTC)",)


def test_another_promotion_ends_the_one_before() -> None:
    entries = log(PROMOTED, ("model_version.promoted", {"to": "retired", "request": "req-2"}))
    then, end = standings(entries, START + timedelta(days=2))
    assert (then.request, end) == ("req-1", (START + timedelta(days=2), "model_version.promoted"))


def test_a_moment_is_a_time_with_its_zone_or_the_end_of_a_day() -> None:
    assert read_moment("2026-03-14", "DATE") == datetime(2026, 3, 15, tzinfo=UTC)
    assert read_moment("2026-03-14T10:00:00+01:00", "DATE") == datetime(2026, 3, 14, 9, tzinfo=UTC)
    for wrong in ("2026-03-14T10:00:00", "noon", "T", ""):
        with pytest.raises(BadFilterError, match="DATE is"):
            read_moment(wrong, "DATE")
