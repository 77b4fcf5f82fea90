"""Who decides has an account that nobody else can use."""

from __future__ import annotations

from datetime import timedelta

import pytest

from registry.errors import PolicyRefusedError
from registry.services.governance.reviews.own_account import check_own_account
from tests.registry.services.teams import Team


def check(team: Team, who: str) -> None:
    with team.open_uow(actor=who) as uow:
        check_own_account(uow, team.context(who))


def test_a_token_that_somebody_else_made_bars_its_account_until_it_ends(team: Team) -> None:
    root = team.people("root")
    team.people("dora").create_token("dora", label="own")
    check(team, "dora")
    root.create_token("dora", label="to begin with", days=1)
    with pytest.raises(PolicyRefusedError, match="root made a token of dora that is still valid"):
        check(team, "dora")
    team.clock.set_by(timedelta(days=2))
    check(team, "dora")
    theirs = root.create_token("dora", label="again").summary
    team.people("dora").revoke_token(theirs.id)
    check(team, "dora")


def test_service_accounts_use_tokens_that_others_made(team: Team) -> None:
    team.people("root").create_token("robot", label="ci")
    check(team, "robot")
