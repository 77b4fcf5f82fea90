"""What things with an id are about."""

from __future__ import annotations

from registry.domain.governance.recalls import Level as How
from registry.domain.governance.recalls import NewRecall
from registry.domain.ids import is_id
from registry.domain.names import Name, Reference
from registry.services.sight.ids import subject_of, unknown_id
from tests.registry.services.sight.worlds import context_of, family, registry_of
from tests.registry.services.teams import Team


def test_a_step_and_a_request_are_about_what_they_make_and_ask_for(team: Team) -> None:
    base, _ = family(team)
    root = registry_of(team, "root")
    step = root.catalog.version(Reference.to(base)).step
    sight = context_of(team, "ben").actor.sight
    with team.open_uow(actor="root") as uow:
        assert subject_of(uow, step, sight, team.clock.now()) == Name("secret", "base")
        assert subject_of(uow, unknown_id(step, team.clock.now()), sight, team.clock.now()) is None


def test_a_recall_is_about_a_descendant_that_one_sees_where_there_is_one(team: Team) -> None:
    base, child = family(team)
    recalls = registry_of(team, "root").recalls
    below = recalls.open(NewRecall(str(base), How.ADVISORY, "look")).recall.id
    sights = {who: context_of(team, who).actor.sight for who in ("root", "ben")}
    with team.open_uow(actor="root") as uow:
        assert subject_of(uow, below, sights["root"], team.clock.now()) == base.name
        assert subject_of(uow, below, sights["ben"], team.clock.now()) == child.name


def test_an_id_that_nothing_has_has_the_form_of_one(team: Team) -> None:
    for kind in ("step", "req", "fnd", "wai", "emg", "rec", "sel", "cor"):
        assert is_id(unknown_id(f"{kind}-x", team.clock.now()))
