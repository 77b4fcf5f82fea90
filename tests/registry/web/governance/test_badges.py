"""The number beside Inbox: right at once for who changed something, and cheap for everybody else."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import cast

from registry.domain.catalog.models import HistoryEntry
from registry.domain.governance.reviews.inbox import Errand, Inbox, InboxItem
from registry.domain.people.people import Actor
from registry.domain.verbs.registry import Registry
from registry.web.governance.badges import Badges
from tests.serving import ServedRegistry

AT = datetime(2026, 11, 28, tzinfo=UTC)
NEWEST = HistoryEntry(7, AT, "dev", "promotion.requested", "models:/a/b/1", {})


@dataclass
class Reviews:
    """Counts how often an inbox is judged."""

    judged: int = 0

    def inbox(self) -> Inbox:
        self.judged += 1
        return Inbox(waiting=(InboxItem(Errand.VOTE, f"req-{self.judged}", "t", "d", AT),) * self.judged)


@dataclass
class Registries:
    """As one person has it."""

    actor: Actor = field(default_factory=lambda: Actor("ben", frozenset({"validator"})))
    reviews: Reviews = field(default_factory=Reviews)


def test_the_inbox_is_judged_again_only_when_it_may_have_changed() -> None:
    now, own = [0.0], Registries()
    badges, registry = Badges(lambda: now[0]), cast("Registry", own)
    assert [badges.waiting(registry, NEWEST) for _ in range(3)] == [1, 1, 1]
    other = replace(NEWEST, seq=8)
    assert badges.waiting(registry, other) == 1, "somebody else changed something less than half a minute ago"
    now[0] += 30
    assert badges.waiting(registry, other) == 2
    assert badges.waiting(registry, replace(NEWEST, seq=9, actor="ben")) == 3, "one's own vote shows at once"
    own.actor = Actor("ben", frozenset({"validator", "risk-owner"}))
    assert badges.waiting(registry, replace(NEWEST, seq=9, actor="ben")) == 4
    now[0] += 600
    assert badges.waiting(registry, replace(NEWEST, seq=9, actor="ben")) == 5


def test_the_badge_of_a_page_asks_for_a_number_and_it_is_that_of_the_inbox(own_served: ServedRegistry) -> None:
    browser = own_served.browser("ben")
    inbox = own_served.client("ben").get("/api/v1/inbox").json()
    answer = browser.get("/inbox/count")
    assert answer.json() == {"waiting": len(inbox["waiting"]) + len(inbox["stale"])}
    assert answer.json()["waiting"] > 0
