"""The team that the insider belongs to, and a filled registry that is served."""

from __future__ import annotations

from tests.registry.api.conftest import own_served, served
from tests.registry.conftest import _team_file, team

__all__ = ["_team_file", "own_served", "served", "team"]
