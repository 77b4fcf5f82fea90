"""The page of people."""

from __future__ import annotations

from tests.serving import ServedRegistry


def test_closed_teams_are_shown_to_their_members_and_to_admins_and_to_nobody_else(own_served: ServedRegistry) -> None:
    assert "Closed teams" not in own_served.browser("ana").get("/people").text
    own_served.family.registry("ana").teams.close("vision")
    shown = own_served.browser("ana").get("/people").text
    assert "<b>vision</b>" in shown
    assert '<span class="badge">manage</span>' in shown
    other = own_served.browser("dev").get("/people").text
    assert "Closed teams" not in other
    assert "vision" not in other
