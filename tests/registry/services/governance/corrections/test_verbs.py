"""Corrections as they are asked for and shown."""

from __future__ import annotations

import pytest

from registry.errors import NotFoundError, PermissionDeniedError
from tests.registry.services.governance.corrections.worlds import claims
from tests.registry.services.teams import Team, ref_of


def test_they_are_listed_for_a_version_the_oldest_first_and_found_by_their_id(team: Team) -> None:
    world = claims(team)
    first = world.ask(world.research, withdrawn=True)
    world.verbs("root").decide(first.id, agree=False, comment="show the log")
    second = world.ask(world.data, becomes_role="validation")
    found = world.verbs("guest").of(ref_of(world.child))
    assert [(one.id, one.state) for one in found] == [(first.id, "refused"), (second.id, "asked")]
    assert [world.verbs("guest").show(one.id) for one in found] == list(found)
    assert world.verbs("guest").of(ref_of(world.heir)) == []
    assert [one.change for one in found] == [
        "models:/research/net/1 as source is withdrawn",
        "datasets:/data/mnist/1 as train (split train) is datasets:/data/mnist/1 as validation (split train)",
    ]
    with pytest.raises(NotFoundError, match="There is no correction"):
        world.verbs("guest").show("cor-00000000000000000000000000")
    with pytest.raises(PermissionDeniedError):
        world.verbs("nobody").of(ref_of(world.child))
