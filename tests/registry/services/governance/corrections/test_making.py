"""What follows from a correction that is made: votes, approvals that last, findings and recalls."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest

from registry.domain.catalog.models import Status
from registry.domain.governance.recalls import Level, NewRecall
from registry.domain.names import VersionRef
from registry.domain.transfers.corrections import CorrectionState
from registry.domain.verbs.lineage import Kin, Reach
from registry.errors import NotFoundError
from registry.services.catalog.verbs import Catalog
from registry.services.governance.policies.stored import default_policy_text
from registry.services.governance.recalls.verbs import Recalls
from registry.services.governance.reviews.verbs import Reviews
from registry.services.lineage.verbs import Lineage
from tests.registry.services.governance.corrections.worlds import Claims, claims
from tests.registry.services.teams import Team, bring_to, put_in_force, ref_of


def corrected(world: Claims, given: VersionRef, **wish: Any) -> str:
    """Asked for by ana, and made by root where that takes two."""
    asked = world.ask(given, **wish)
    if asked.state is CorrectionState.ASKED:
        world.verbs("root").decide(asked.id, agree=True)
    return asked.id


def status(team: Team, ref: VersionRef) -> Status:
    return Catalog(team.context("guest")).version(ref_of(ref)).summary.status


def test_what_it_was_freed_of_is_a_finding_that_nobody_who_made_it_resolves(team: Team) -> None:
    world = claims(team)
    done = corrected(world, world.research, becomes=ref_of(world.net))
    (finding,) = Reviews(team.context("root")).findings(reference=ref_of(world.child)).items
    assert done in finding.text
    assert "It would not owe no-commercial-use any more" in finding.text
    owed = Lineage(team.context("guest")).obligations(ref_of(world.child)).owed
    assert {one.clause for one in owed} == {"attribution", "notice"}


def test_votes_that_rested_on_the_old_edge_do_not_count(team: Team) -> None:
    world = claims(team)
    bring_to(team, world.heir, "validated")
    team.promotions("dora").add_evidence(ref_of(world.heir), "validation", {"result": "pass"})
    request = team.promotions("ana").request(ref_of(world.heir), "production").summary.id
    team.promotions("ben").approve(request)
    corrected(world, world.research, becomes=ref_of(world.net))
    team.promotions("carla").approve(request)
    assert team.stage(world.heir) == "validated", "what ben approved came from something else"
    team.promotions("ben").approve(request)
    assert team.stage(world.heir) == "production"


def test_a_recall_that_is_open_reaches_what_turns_out_to_come_from_it(team: Team) -> None:
    world = claims(team)
    recalls = Recalls(team.context("root"))
    recall = recalls.open(NewRecall(str(world.net), Level.RECALL, "poisoned")).recall.id
    asked = world.ask(world.research, becomes=ref_of(world.net))
    assert "library/net/1 is recalled: it would come under that, with all that was made from it" in asked.consequences
    world.verbs("root").decide(asked.id, agree=True)
    assert (status(team, world.child), status(team, world.heir)) == (Status.SUSPENDED, Status.SUSPENDED)
    assert {task.ref for task in recalls.tasks(recall).items} == {world.child, world.heir}
    assert world.sound()


def test_a_recall_stays_with_what_is_corrected_away_from_it(team: Team) -> None:
    world = claims(team)
    recalls = Recalls(team.context("root"))
    recall = recalls.open(NewRecall(str(world.research), Level.RECALL, "poisoned")).recall.id
    assert status(team, world.child) is Status.SUSPENDED
    asked = world.ask(world.research, becomes=ref_of(world.net))
    assert "research/net/1, which is recalled, would be no ancestor any more" in asked.consequences
    world.verbs("root").decide(asked.id, agree=True)
    assert status(team, world.child) is Status.SUSPENDED, "to dispute the recall is for two people, too"
    assert {task.ref for task in recalls.tasks(recall, unsettled=True).items} == {world.child, world.heir}
    assert world.sound()


def test_what_an_advisory_is_about_is_not_left_by_one_person(team: Team) -> None:
    world = claims(team)
    other = team.publish("vision/other", parents=[world.net], assurance=world.said)
    recall = Recalls(team.context("root")).open(NewRecall(str(world.net), Level.ADVISORY, "look")).recall.id
    (line,) = world.ask(world.net, of=other, becomes=ref_of(world.newer)).consequences
    assert line == f"library/net/1, which {recall} is about, would be no ancestor any more"


def test_approvals_that_last_are_asked_for_again_where_the_policy_says_so(team: Team) -> None:
    world = claims(team)
    rule = "reattest:\n  candidate: {grace: P14D}\n  triggers: [lineage_corrected]\n"
    put_in_force(team, default_policy_text().replace("version: 3", "version: 4", 1) + rule)
    team.promotions("ana").request(ref_of(world.heir), "candidate")
    done = corrected(world, world.research, becomes=ref_of(world.net))
    (held,) = Reviews(team.context("root")).attestations(ref_of(world.heir))
    assert held.cause == f"Its ancestry was corrected by {done}"
    assert "attestation.called" in team.actions(str(world.heir))


def test_every_question_of_the_graph_is_answered_as_of_the_time_before(team: Team) -> None:
    world = claims(team)
    beside = team.publish("research/beside", parents=[world.research])
    before, lineage = team.clock.now(), Lineage(team.context("guest"))
    team.clock.forward(hours=1)
    corrected(world, world.research, becomes=ref_of(world.net))

    def answers(as_of: datetime | None) -> list[object]:
        path = lineage.path(str(world.research), str(world.heir), as_of=as_of)
        common = lineage.common(str(world.heir), str(beside), as_of=as_of)
        siblings = lineage.relatives(str(world.child), Kin.SIBLINGS, as_of=as_of)
        roots = lineage.relatives(str(world.heir), Kin.ROOTS, as_of=as_of)
        owed = lineage.obligations(ref_of(world.heir), as_of=as_of).owed
        near = lineage.near(str(world.research), Reach(up=0, down=1), as_of=as_of)
        return [
            path is not None,
            [one.label for one in common.nearest],
            [one.label for one in siblings.nodes],
            [one.label for one in roots.nodes],
            "no-commercial-use" in {one.clause for one in owed},
            "vision/digits/1" in {one.label for one in near.nodes},
            sorted(str(one.ref) for one in lineage.every_affected(str(world.research), as_of=as_of)),
        ]

    kept = [str(world.research), str(beside)]
    assert answers(None) == [False, [], [], ["library/net/1"], False, False, sorted(kept)]
    reached = sorted([*kept, str(world.child), str(world.heir)])
    assert answers(before) == [
        True,
        ["research/net/1"],
        ["research/beside/1"],
        ["research/net/1"],
        True,
        True,
        reached,
    ]
    with pytest.raises(NotFoundError, match="did not exist yet"):
        lineage.path(str(world.research), str(world.heir), as_of=before - timedelta(days=9))
