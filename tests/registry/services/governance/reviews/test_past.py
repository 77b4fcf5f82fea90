"""Questions about the past: the answer is what was recorded then, whatever has changed since."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from sqlalchemy import event

from registry.domain.catalog.models import Status
from registry.domain.governance.reviews.past import AsOf
from registry.domain.names import Reference, VersionRef
from registry.domain.recipes.recipe import Method
from registry.errors import NotFoundError, UsageError
from registry.services.governance.policies.document import read_policy
from registry.services.governance.policies.stored import default_policy_text
from registry.services.governance.reviews.verbs import Reviews
from registry.services.governance.statuses import set_status
from registry.storage.database import Database
from tests.registry.services.teams import Team, bring_to, put_in_force, ref_of

LABEL = read_policy(default_policy_text()).label
ALIAS = Reference.parse("models:/vision/digits@production")


def asked(team: Team, what: VersionRef | Reference, at: datetime, who: str = "guest") -> AsOf:
    reference = what if isinstance(what, Reference) else ref_of(what)
    return Reviews(team.context(who)).as_of(reference, at)


def next_day(team: Team) -> datetime:
    """A moment between what was and what will be."""
    now = team.clock.forward(hours=12)
    team.clock.forward(hours=12)
    return now


def test_the_version_in_production_of_a_day_is_named_with_its_approval(team: Team) -> None:
    before = next_day(team)
    first = team.publish()
    bring_to(team, first, "production")
    then = next_day(team)
    second = team.publish(accuracy=0.95)
    bring_to(team, second, "production")
    later = next_day(team)
    assert asked(team, ALIAS, later).ref == second
    found = asked(team, ALIAS, then)
    assert (found.ref, found.alias, found.stage, found.allowed, found.reasons) == (
        first, "production", "production", True, (),
    )  # fmt: skip
    decision = found.decision
    assert decision is not None
    assert [(vote.voter, vote.value.approves) for vote in decision.votes] == [("ben", True), ("carla", True)]
    assert (decision.requested_by, decision.stage, decision.policy) == ("ana", "production", LABEL)
    assert "validation" in [one.type for one in decision.evidence]
    assert decision.checks
    assert all(check.passed for check in decision.checks)
    with pytest.raises(NotFoundError, match="had no version with the alias production before"):
        asked(team, ALIAS, before)


def test_what_was_made_from_it_while_it_was_approved_is_listed_and_nothing_else(team: Team) -> None:
    parent = team.publish("library/net")
    early = team.publish("vision/early", parents=[parent])
    bring_to(team, parent, "production")
    within = team.publish("vision/within", parents=[parent])
    grandchild = team.publish("vision/grandchild", parents=[within])
    then = next_day(team)
    set_status(team.context("carla"), ref_of(parent), Status.SUSPENDED, "Found wrong")
    stopped = next_day(team)
    late = team.publish("vision/late", parents=[parent])
    found = asked(team, parent, then)
    assert found.allowed
    assert [one.ref for one in found.made_from] == [str(within)]
    assert found.made_from[0].role == "source"
    assert found.decision is not None
    assert (found.decision.ended_by, found.decision.ended_at) == ("model_version.suspended", then + timedelta(hours=12))
    after = asked(team, parent, stopped)
    assert (after.allowed, after.status) == (False, Status.SUSPENDED)
    assert after.reasons[0].startswith("The approval of req-")
    assert after.reasons[1] == f"{parent} was suspended"
    assert {early, grandchild, late}.isdisjoint(one.ref for one in after.made_from)


def test_what_nobody_approved_was_not_allowed(team: Team) -> None:
    ref = team.publish()
    then = next_day(team)
    bring_to(team, ref, "production")
    found = asked(team, ref, then)
    assert (found.allowed, found.stage, found.decision) == (False, "registered", None)
    assert found.reasons == (f"No promotion of {ref} had been approved",)


def test_the_answer_is_of_the_policy_of_then(team: Team) -> None:
    ref = team.publish()
    bring_to(team, ref, "candidate")
    then = next_day(team)
    text, number = default_policy_text(), read_policy(default_policy_text()).version
    put_in_force(team, text.replace(f"version: {number}", f"version: {number + 1}"))
    decision = asked(team, ref, then).decision
    assert decision is not None
    assert decision.policy == LABEL


def test_a_version_that_was_not_there_yet_is_said_to_be_missing(team: Team) -> None:
    then = next_day(team)
    ref = team.publish()
    with pytest.raises(NotFoundError, match=f"{ref} was not there before"):
        asked(team, ref, then)
    with pytest.raises(UsageError, match="names no version and no alias"):
        asked(team, Reference.parse("models:/vision/digits"), then)
    with pytest.raises(UsageError, match="names no version and no alias of a model"):
        asked(team, Reference.parse("datasets:/data/mnist/1"), then)


def test_a_question_about_the_future_is_answered_as_of_now(team: Team) -> None:
    ref = team.publish()
    now = team.clock.now()
    assert asked(team, ref, now + timedelta(days=900)).at == now + timedelta(microseconds=1)


def test_an_answer_about_the_past_takes_a_fixed_number_of_statements(team: Team, sqlite_database: Database) -> None:
    ref = team.publish()
    bring_to(team, ref, "production")
    counts = []
    for made in (1, 30):
        for number in range(made):
            team.publish(f"vision/of-{made}-{number}", parents=[ref], method=Method.FINE_TUNING, card=None)
        seen: list[str] = []
        note = lambda *given: seen.append(given[2])  # noqa: E731, B023 - removed within the lap
        then = next_day(team)
        context = team.context("guest")
        event.listen(sqlite_database.engine, "before_cursor_execute", note)
        Reviews(context).as_of(ALIAS, then)
        event.remove(sqlite_database.engine, "before_cursor_execute", note)
        counts.append(len(seen))
    assert counts[0] == counts[1] <= 20, counts
