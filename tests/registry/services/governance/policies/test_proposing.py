"""The insider and the policies: a looser one of a new name, a higher version, an alias without protection."""

from __future__ import annotations

from pathlib import Path

import pytest

from registry.domain.governance.policies.changes import ProposalState
from registry.domain.governance.promotion import VoteValue
from registry.domain.names import Name
from registry.domain.paging import PageRequest
from registry.domain.people.people import Actor
from registry.errors import ConflictError, InUseError, InvalidError, PermissionDeniedError, PolicyRefusedError
from registry.services.catalog.verbs import Catalog
from registry.services.governance.policies.stored import default_policy_text
from registry.services.governance.verbs import Promotions
from registry.services.people.verbs import People, first_admin
from registry.storage.unit_of_work import SqlUnitOfWorkFactory
from tests.fakes.clock import FakeClock
from tests.registry.services.teams import Team, bring_to, put_in_force, ref_of

LOOSE = """
apiVersion: governance/v1
kind: PromotionPolicy
metadata: {name: a-loose, version: 1}
applies_to: {priority: 1000000, when: subject.kind == "model_version"}
roles: {developer: {groups: [developer]}}
separation_of_duties: {policy_change: {role: developer, quorum: 1, exclude: []}}
stages: [registered, production]
protected_aliases: {production: production}
transitions: [{id: any, from: registered, to: production, gates: [{id: any, require: 'true'}]}]
"""
NEXT = default_policy_text().replace("version: 3", "version: 4", 1)
APPROVE, REJECT = VoteValue.APPROVE, VoteValue.REJECT


def test_a_policy_of_a_new_name_is_not_in_force_until_somebody_else_agrees(team: Team) -> None:
    ref, root = team.publish(), team.promotions("root")
    proposal = root.publish_policy(LOOSE)
    assert proposal.state is ProposalState.OPEN
    assert [(need.policy, need.approved, need.voters) for need in proposal.needs] == [("default/3", (), ("carla",))]
    with pytest.raises(PolicyRefusedError):
        team.promotions("ana").request(ref_of(ref), "production")
    with pytest.raises(PolicyRefusedError, match="nobody puts their own policy in force"):
        root.vote_on_policy(proposal.id, APPROVE)
    for who in ("ana", "ben", "robot"):
        with pytest.raises(PolicyRefusedError, match="has none of the roles that decide on policies: risk-owner"):
            team.promotions(who).vote_on_policy(proposal.id, APPROVE)
    with pytest.raises(PermissionDeniedError):
        team.promotions("guest").vote_on_policy(proposal.id, APPROVE)
    assert [policy.name for policy in root.policies()] == ["default"]
    with pytest.raises(InvalidError, match="needs a comment"):
        team.promotions("carla").vote_on_policy(proposal.id, REJECT)
    rejected = team.promotions("carla").vote_on_policy(proposal.id, REJECT, comment="everything passes")
    assert rejected.state is ProposalState.REJECTED
    with pytest.raises(PolicyRefusedError, match="It was rejected already"):
        team.promotions("carla").vote_on_policy(proposal.id, APPROVE)
    assert team.actions("policy:a-loose") == ["policy.proposed", "policy.rejected"]


def test_what_a_new_policy_shadows_and_whose_verdict_changes_is_shown_before_anybody_agrees(team: Team) -> None:
    ref = team.publish()
    effects = team.promotions("root").publish_policy(LOOSE).effects
    assert [(effect.ref, effect.before, effect.after) for effect in effects] == [(ref, "default", "a-loose")]
    assert effects[0].changes == ("candidate: allowed → not possible", "production: not possible → allowed")


def test_a_higher_version_takes_the_same_agreement_and_is_published_by_it(team: Team) -> None:
    proposal = team.promotions("root").publish_policy(NEXT)
    with pytest.raises(ConflictError, match=f"{proposal.id} proposes version 4 of policy default already"):
        team.promotions("root").publish_policy(NEXT)
    assert team.promotions("carla").vote_on_policy(proposal.id, APPROVE).state is ProposalState.PUBLISHED
    assert team.promotions("ana").policy("default").version == 4
    assert team.actions("policy:default")[-3:] == ["policy.proposed", "policy.approved", "policy.published"]


def test_every_published_policy_has_to_be_content_not_only_the_loosest(team: Team) -> None:
    put_in_force(team, LOOSE)
    proposal = team.promotions("root").publish_policy(LOOSE.replace("version: 1}", "version: 2}"))
    assert [(need.policy, need.met) for need in proposal.needs] == [("a-loose/1", False), ("default/3", False)]
    assert team.promotions("carla").vote_on_policy(proposal.id, APPROVE).state is ProposalState.OPEN
    assert team.promotions("dora").vote_on_policy(proposal.id, APPROVE).state is ProposalState.PUBLISHED


def test_the_author_withdraws_a_proposal(team: Team) -> None:
    proposal = team.promotions("root").publish_policy(NEXT)
    assert team.promotions("root").vote_on_policy(proposal.id, REJECT).state is ProposalState.WITHDRAWN
    assert team.promotions("ana").policy_proposals(ProposalState.OPEN) == []


def test_protection_is_not_taken_from_an_alias_in_use(team: Team) -> None:
    ref = team.publish()
    bring_to(team, ref, "production")
    bare = NEXT.replace("  production: production\n", "  production: live\n", 1)
    with pytest.raises(InUseError, match="end the protection of aliases in use: production of models:/vision/digits/1"):
        team.promotions("root").publish_policy(bare)
    off = NEXT.replace('when: subject.kind == "model_version"', "when: 'false'")
    put_in_force(team, off)
    other = team.publish()
    for who in ("ana", "ben", "root"):
        catalog = Catalog(team.context(who))
        with pytest.raises(PolicyRefusedError, match="The alias is protected"):
            catalog.set_alias(ref_of(other), "production")
        with pytest.raises(PolicyRefusedError, match="The alias is protected"):
            catalog.drop_alias(Name("vision", "digits"), "production")
    assert team.alias("vision/digits") == ref


def test_while_a_registry_has_one_person_their_policies_are_in_force_at_once_and_never_again(
    open_uow: SqlUnitOfWorkFactory, clock: FakeClock, tmp_path: Path
) -> None:
    team = Team(open_uow, clock, tmp_path)
    ana = Actor("ana", frozenset({"admin", "developer"}))
    first_admin(team.context_of(ana), "ana")
    assert Promotions(team.context_of(ana)).publish_policy(NEXT).state is ProposalState.PUBLISHED
    with open_uow(actor="ana") as uow:
        entry = uow.audit.search(subject="policy:default", action="policy.published", page=PageRequest()).items[0]
    assert entry.detail["alone"] is True
    People(team.context_of(ana)).add("ben", "Ben")
    proposal = Promotions(team.context_of(ana)).publish_policy(LOOSE)
    assert (proposal.state, proposal.needs[0].voters) == (ProposalState.OPEN, ())


def test_a_policy_that_lets_its_author_decide_says_so_and_is_followed(team: Team) -> None:
    solo = (Path(__file__).parents[5] / "examples/policies/solo.yaml").read_text(encoding="utf-8")
    assert "policy_change: {role: developer, quorum: 1, exclude: []}" in solo
    put_in_force(team, solo)
    both = Promotions(team.context_of(Actor("ana", frozenset({"admin", "developer"}))))
    needs = both.publish_policy(solo.replace("version: 1", "version: 2")).needs
    assert [(need.policy, need.met) for need in needs] == [("default/3", False), ("solo/1", True)]
