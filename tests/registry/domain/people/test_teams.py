"""Levels in closed teams."""

from __future__ import annotations

import pytest

from registry.domain.names import Name
from registry.domain.people.teams import Level, Sight
from registry.errors import PermissionDeniedError

SIGHT = Sight({"shut": None, "a-b": Level.USE}, "ben")


def test_each_level_includes_those_before_it() -> None:
    assert [[one.includes(other) for other in Level] for one in Level] == [
        [True, False, False, False],
        [True, True, False, False],
        [True, True, True, False],
        [True, True, True, True],
    ]


def test_an_open_team_allows_everything_and_a_hidden_one_nothing() -> None:
    assert [SIGHT.allows(Name(team, "x"), Level.READ) for team in ("open", "shut", "a_b")] == [True, False, True]
    assert [SIGHT.allows(Name(team, "x"), Level.MANAGE) for team in ("open", "shut", "a_b")] == [True, False, False]
    assert SIGHT.hidden == {"shut"}
    assert not Sight()


def test_too_low_a_level_is_said_with_the_one_that_is_needed() -> None:
    SIGHT.require(Name("a_b", "x"), Level.USE)
    SIGHT.require(Name("open", "x"), Level.MANAGE)
    with pytest.raises(
        PermissionDeniedError, match="ben has the level use in the closed team a_b, and this needs"
    ) as it:
        SIGHT.require(Name("a_b", "x"), Level.CONTRIBUTE)
    assert it.value.facts == {"team": "a_b", "level": "use", "needed": "contribute"}
