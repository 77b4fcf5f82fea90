"""The small ancestry."""

from __future__ import annotations

import pytest

from tests.registry.services.governance.recalls.worlds import World, build
from tests.registry.services.teams import Team


@pytest.fixture
def world(team: Team) -> World:
    return build(team)
