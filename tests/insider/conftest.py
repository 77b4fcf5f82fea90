"""The team that the insider belongs to."""

from __future__ import annotations

from tests.registry.conftest import _team_file, team

__all__ = ["_team_file", "team"]
