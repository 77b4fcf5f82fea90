"""The second person of a correction: who it may be, and what they look at again."""

from __future__ import annotations

import pytest

from lineage import Assurance
from registry.domain.catalog.marks import NewMark
from registry.domain.governance.reviews.inbox import Errand
from registry.domain.transfers.corrections import Correction, CorrectionState
from registry.errors import ConflictError, InvalidError, NotFoundError, PermissionDeniedError, PolicyRefusedError
from registry.services.catalog.marks import mark
from registry.services.governance.reviews.verbs import Reviews
from tests.registry.services.governance.corrections.worlds import Claims, claims
from tests.registry.services.teams import Team, grant, ref_of


def asked(world: Claims, who: str = "ana") -> Correction:
    """A correction that would free the child of a clause."""
    return world.ask(world.research, who, becomes=ref_of(world.net))


def test_a_second_person_makes_it(team: Team) -> None:
    world = claims(team)
    done = world.verbs("root").decide(asked(world).id, agree=True, comment="I read the log")
    assert (done.state, done.decided_by, done.comment) == (CorrectionState.MADE, "root", "I read the log")
    assert world.ancestors() == {"library/net/1", "data/mnist/1"}
    assert world.verbs("guest").of(ref_of(world.child)) == [done]
    assert world.verbs("guest").show(done.id) == done
    assert world.sound()
    with pytest.raises(ConflictError, match="is made already"):
        world.verbs("root").decide(done.id, agree=False, comment="no")


def test_neither_who_asked_nor_who_made_it_nor_somebody_without_the_role_decides(team: Team) -> None:
    world = claims(team)
    one = asked(world, "root")
    for who in ("ana", "ben", "guest", "nobody"):
        with pytest.raises(PermissionDeniedError):
            world.verbs(who).decide(one.id, agree=True)
    with pytest.raises(PolicyRefusedError) as own:
        world.verbs("root").decide(one.id, agree=True)
    assert own.value.reasons == ("root asked for it",)
    grant(team, "dora", "admin")
    with pytest.raises(PolicyRefusedError) as made:
        world.verbs("dora").decide(one.id, agree=True)
    assert made.value.reasons == ("dora made models:/vision/digits/1",)
    grant(team, "ana", "admin")
    assert world.verbs("ana").decide(one.id, agree=True).state is CorrectionState.MADE


def test_it_is_refused_with_a_comment_or_taken_back_and_can_be_asked_for_again(team: Team) -> None:
    world = claims(team)
    one = asked(world)
    with pytest.raises(InvalidError, match="comment"):
        world.verbs("root").decide(one.id, agree=False)
    with pytest.raises(PermissionDeniedError):
        world.verbs("ben").decide(one.id, agree=False, comment="no")
    assert world.verbs("root").decide(one.id, agree=False, comment="no").state is CorrectionState.REFUSED
    again = asked(world)
    assert world.verbs("ana").decide(again.id, agree=False, comment="a slip").state is CorrectionState.REFUSED
    assert "research/net/1" in world.ancestors()
    assert team.actions(str(world.child))[-1] == "lineage.correction_refused"
    assert world.sound()


def test_what_it_would_change_since_it_was_asked_for_is_not_agreed_to_unseen(team: Team) -> None:
    world = claims(team)
    one = asked(world)
    mark(team.context("ana"), ref_of(world.research), NewMark("personal-data", "letters"))
    with pytest.raises(ConflictError, match=r"changes more now .* the mark personal-data"):
        world.verbs("root").decide(one.id, agree=True)
    world.verbs("root").decide(one.id, agree=False, comment="ask again")
    assert world.verbs("root").decide(asked(world).id, agree=True).agreed


def test_two_that_make_a_circle_together_are_not_both_made(team: Team) -> None:
    world = claims(team)
    other = team.publish("research/other", accuracy=None)
    stranger = team.publish("vision/stranger", parents=[other], assurance=Assurance.DECLARED, by="dora")
    one = world.ask(world.research, becomes=ref_of(stranger))
    two = world.ask(other, of=stranger, becomes=ref_of(world.child))
    assert (one.state, two.state) == (CorrectionState.ASKED, CorrectionState.MADE)
    with pytest.raises(ConflictError, match="was made from models:/vision/digits/1 meanwhile"):
        world.verbs("root").decide(one.id, agree=True)


def test_it_waits_in_the_inbox_of_who_can_decide(team: Team) -> None:
    world = claims(team)
    one = asked(world)
    waiting = {
        who: [item.id for item in Reviews(team.context(who)).inbox().waiting if item.errand is Errand.CORRECTION]
        for who in ("root", "ana", "ben")
    }
    assert waiting == {"root": [one.id], "ana": [], "ben": []}
    with pytest.raises(NotFoundError):
        world.verbs("root").decide("cor-00000000000000000000000000", agree=True)
