"""A policy is shown with its earlier versions, with what it judges, and with what it takes from other policies."""

from __future__ import annotations

import pytest

from registry.errors import NotFoundError
from registry.services.governance.policies.standing import history_of, reach_of
from registry.services.governance.policies.stored import default_policy_text
from tests.registry.services.teams import Team, put_in_force

DEFAULT = default_policy_text()
NEXT = DEFAULT.replace("version: 3", "version: 4", 1).replace("max_drop: 0.02", "max_drop: 0.01", 1)
TEXT = (
    DEFAULT.replace("name: default", "name: text")
    .replace("priority: 0", "priority: 10")
    .replace('when: subject.kind == "model_version"', 'when: subject.name.startsWith("text/")')
)


def test_each_version_of_a_policy_says_what_it_changed(team: Team) -> None:
    put_in_force(team, NEXT)
    newest, first = history_of(team.context("guest"), "default")
    assert (newest.policy.version, first.policy.version) == (4, 3)
    assert [(one.place, one.before, one.after) for one in newest.changes] == [
        ("metadata.version", "3", "4"),
        ("params.max_drop", "0.02", "0.01"),
    ]
    assert first.changes == ()
    assert newest.policy.roles["validator"] == ("validator",)


def test_a_policy_of_a_higher_priority_shadows_another_for_the_versions_that_it_applies_to(team: Team) -> None:
    digits, reviews = team.publish(), team.publish("text/reviews")
    whole = reach_of(team.context("guest"), "default")
    assert (set(whole.judges), whole.looked_at, whole.complete) == ({digits, reviews}, 2, True)
    put_in_force(team, TEXT)
    over, under = (reach_of(team.context("guest"), name) for name in ("text", "default"))
    assert (over.judges, over.shadows, over.shadowed_by) == ((reviews,), {"default": 1}, {})
    assert (under.judges, under.shadows, under.shadowed_by) == ((digits,), {}, {"text": 1})


def test_policies_of_one_priority_stand_beside_each_other(team: Team) -> None:
    team.publish("text/reviews")
    put_in_force(team, TEXT.replace("priority: 10", "priority: 0"))
    assert reach_of(team.context("guest"), "text").beside == {"default": 1}
    assert reach_of(team.context("guest"), "default").beside == {"text": 1}


def test_a_policy_that_is_not_there_has_no_history_and_no_reach(team: Team) -> None:
    for verb in (history_of, reach_of):
        with pytest.raises(NotFoundError, match="There is no policy nothing"):
            verb(team.context("guest"), "nothing")
