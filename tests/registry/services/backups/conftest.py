"""A registry with one of everything, and a place for its backup."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.registry.services.artifacts.worlds import StoredWorld, stored_world
from tests.registry.services.teams import Team


@pytest.fixture
def world(team: Team) -> StoredWorld:
    return stored_world(team)


@pytest.fixture
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("elsewhere") / "backup"
