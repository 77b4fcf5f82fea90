"""The verbs of reviews: what each needs to be known."""

from __future__ import annotations

import pytest

from registry.errors import NotFoundError, PermissionDeniedError
from registry.services.governance.reviews.verbs import Reviews
from tests.registry.services.teams import Team


def test_what_is_not_there_is_not_found_and_nobody_without_a_role_looks(team: Team) -> None:
    with pytest.raises(NotFoundError, match="There is no finding fnd-1"):
        Reviews(team.context("ana")).finding("fnd-1")
    with pytest.raises(NotFoundError, match="There is no finding fnd-1"):
        Reviews(team.context("ben")).resolve_finding("fnd-1", comment="done")
    with pytest.raises(PermissionDeniedError):
        Reviews(team.context("nobody")).findings()
