"""What is asked to be corrected, who makes it alone, and what is refused."""

from __future__ import annotations

import pytest

from registry.domain.names import Reference
from tests.registry.services.governance.corrections.worlds import claims
from tests.registry.services.teams import Team


def test_trial(team: Team) -> None:
    world = claims(team)
    done = world.ask(world.research, becomes=Reference.to(world.net))
    print(done)
    done = world.verbs("root").decide(done.id, agree=True, comment="yes")
    print(done)
    assert world.sound()
    print(world.ancestors(), team.actions(str(world.child)))
    assert 0
