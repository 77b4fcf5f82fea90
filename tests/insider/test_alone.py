"""The insider is an admin who becomes the only one who is asked: by taking roles, by declarations, by tokens."""

from __future__ import annotations

import pytest

from registry.domain.catalog.models import Status
from registry.domain.governance.policies.changes import ProposalState
from registry.domain.governance.promotion import RequestState
from registry.domain.governance.recalls import Level, NewRecall
from registry.errors import PermissionDeniedError, PolicyRefusedError
from registry.services.catalog.verbs import Catalog
from registry.services.governance.policies.stored import default_policy_text
from registry.services.governance.recalls.verbs import Recalls
from registry.services.people.offering import ALONE_AFTER
from tests.registry.services.teams import Team, bring_to, grant, put_in_force, ref_of

LOOSE = default_policy_text().replace("name: default", "name: a-loose").replace("priority: 0", "priority: 1000000")
OTHERS = {"ben": "validator", "vera": "validator", "carla": "risk-owner"}
OWNERS = (
    default_policy_text()
    .replace("version: 3", "version: 4", 1)
    .replace("  risk-owner: {groups: [risk-owner]}", "  risk-owner: {groups: [risk-owner], users_from: subject.owners}")
    .replace(
        "contributors: [uploader, run_submitter, requester, evidence_author, last_editor]", "contributors: [requester]"
    )
)


def test_who_takes_the_roles_of_all_others_does_not_give_roles_alone(team: Team) -> None:
    root = team.people("root")
    root.add("root2", "Root again")
    for who, role in OTHERS.items():
        root.revoke(who, role)
    for role in ("validator", "risk-owner", "admin"):
        assert root.grant("root2", role).roles == ()
        with pytest.raises(PermissionDeniedError, match="an admin can grant it alone 7 days after the last of them"):
            root.confirm("root2", role)
    team.clock.forward(days=ALONE_AFTER.days - 1)
    assert root.grant("root2", "validator").roles == ()
    team.clock.forward(days=2)
    assert root.grant("root2", "validator").roles == ("validator",), "else nobody could ever be given a role again"
    assert root.offers() == [one for one in root.offers() if one.role != "validator"]


def test_who_declares_all_accounts_to_be_one_person_is_not_alone_for_that(team: Team) -> None:
    root = team.people("root")
    root.add("root2", "Root again")
    for who in ("ana", "dora", "guest", "nobody", *OTHERS):
        root.link(who, "root")
    assert root.grant("root2", "validator").roles == ()
    proposal = team.promotions("root").publish_policy(LOOSE)
    assert proposal.state is ProposalState.OPEN
    assert [policy.name for policy in team.promotions("root").policies()] == ["default"]


def test_a_recall_is_not_lifted_by_another_account_of_who_made_the_version(team: Team) -> None:
    root, ref = team.people("root"), team.publish(by="ana")
    root.add("ana2", "Ana again")
    grant(team, "ana2", "risk-owner")
    root.link("ana2", "ana")
    catalog = Catalog(team.context("carla"))
    catalog.set_status(ref_of(ref), Status.RECALLED, "no consent")
    with pytest.raises(PermissionDeniedError, match="somebody else has to lift that it is recalled"):
        Catalog(team.context("ana2")).set_status(ref_of(ref), Status.ACTIVE, "it is fine")
    catalog.set_status(ref_of(ref), Status.ACTIVE, "consent was found")


def test_nobody_votes_with_an_account_of_which_somebody_else_has_a_token(team: Team) -> None:
    """Owners decide under this policy, and an admin makes the first token of anybody who has no role that decides."""
    put_in_force(team, OWNERS)
    root, ref = team.people("root"), team.publish()
    theirs = root.create_token("ana", label="to begin with").summary
    bring_to(team, ref, "validated")
    team.promotions("vera").add_evidence(ref_of(ref), "validation", {"result": "pass"})
    request = team.promotions("dora").request(ref_of(ref), "production").summary.id
    team.promotions("ben").approve(request)
    with pytest.raises(PolicyRefusedError, match="root made a token of ana that is still valid"):
        team.promotions("ana").approve(request)
    team.people("ana").create_token("ana", label="laptop")
    team.people("ana").revoke_token(theirs.id)
    assert team.promotions("ana").approve(request).summary.state is RequestState.PROMOTED


def test_a_recall_is_not_reversed_by_another_account_of_who_made_its_target(team: Team) -> None:
    root, ref = team.people("root"), team.publish(by="ana")
    root.add("ana2", "Ana again")
    grant(team, "ana2", "risk-owner")
    root.link("ana2", "ana")
    opened = Recalls(team.context("carla")).open(NewRecall(str(ref), Level.RECALL, "no consent")).recall
    with pytest.raises(PermissionDeniedError, match="somebody else has to reverse its recall"):
        Recalls(team.context("ana2")).reverse(opened.id, reason="it is fine")
    assert Recalls(team.context("carla")).reverse(opened.id, reason="consent was found")
