"""What a proposed policy would change is judged under the policies before and after, for every version."""

from __future__ import annotations

import pytest

from registry.services.governance.policies import effects
from registry.services.governance.policies.effects import effects_of
from registry.services.governance.policies.stored import default_policy_text, published, read_stored
from tests.registry.services.teams import Team, bring_to


def test_only_versions_with_another_policy_or_another_result_are_named(
    team: Team, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = team.publish(), team.publish("vision/other")
    bring_to(team, second, "candidate")
    stricter = read_stored(
        default_policy_text().replace("version: 3", "version: 4", 1).replace("min_margin: 0.05", "min_margin: 0.9")
    )
    with team.open_uow(actor="root") as uow:
        before = published(uow)
        assert effects_of(uow, before, before, now=team.clock.now()) == ((), True)
        found, complete = effects_of(uow, before, [stricter], now=team.clock.now())
        assert complete
        assert [effect.ref for effect in found] == [second]
        assert "clearly above the majority-class baseline" in found[0].changes[0]
        gone, _ = effects_of(uow, before, [], now=team.clock.now())
        assert {(effect.ref, effect.before, effect.after) for effect in gone} == {
            (first, "default", None),
            (second, "default", None),
        }
        monkeypatch.setattr(effects, "MOST_JUDGED", 1)
        assert effects_of(uow, before, before, now=team.clock.now()) == ((), False)
