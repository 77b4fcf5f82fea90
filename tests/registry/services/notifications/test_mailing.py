"""People are told by e-mail of what waits for them: once for each thing, and nobody else is."""

from __future__ import annotations

from datetime import timedelta

import pytest

from registry.domain.governance.recalls import Level
from registry.domain.governance.reviews.findings import NewFinding, Severity
from registry.domain.governance.reviews.inbox import Inbox
from registry.domain.notifications.webhooks import DELAYS
from registry.errors import ConflictError, InvalidError, NotFoundError, PermissionDeniedError, UsageError
from registry.services.context import Context
from registry.services.governance.reviews.inbox import inbox_of
from registry.services.governance.reviews.verbs import Reviews
from registry.services.notifications import mailing as module
from registry.services.notifications.rounds import LEASE, deliver
from tests.mailing import Post, posting
from tests.registry.services.governance.recalls.worlds import build
from tests.registry.services.governance.reviews.test_attestations import WITH_RENEWAL, promoted
from tests.registry.services.governance.reviews.test_emergencies import WITH_EMERGENCY, declared
from tests.registry.services.notifications.worlds import context_of, verbs
from tests.registry.services.sight.worlds import shut
from tests.registry.services.teams import Team, bring_to, put_in_force, ref_of

FROM = "forebear@example.org"


def send(team: Team, post: Post, **settings: object) -> int:
    """A minute later, send what is due; gives how many were sent."""
    team.clock.forward(minutes=1)
    return deliver(context_of(team, "root", smtp_url=post.url(), mail_from=FROM, **settings)).delivered


def told(post: Post) -> list[tuple[str, str]]:
    return [(to.partition("@")[0], str(message["Subject"])) for to, message in post.got]


def addressed(team: Team, *handles: str) -> None:
    for handle in handles:
        verbs(team, handle).set_address(handle, f"{handle}@example.org")


def test_those_whose_approval_is_missing_are_told_once_with_a_link(team: Team) -> None:
    ref = team.publish()
    bring_to(team, ref, "candidate")
    addressed(team, "ben", "carla", "ana")
    with posting() as post:
        assert send(team, post) == 0
        team.promotions("ana").request(ref_of(ref), "validated")
        assert send(team, post, public_url="https://models.example.org") == 1
        assert send(team, post) == 0
    assert told(post) == [("ben", f"Your approval is asked for: {ref} to validated")]
    assert "https://models.example.org/inbox" in post.got[0][1].get_content()


def test_whose_vote_went_stale_is_told_why(team: Team) -> None:
    ref = team.publish()
    bring_to(team, ref, "validated")
    request = team.promotions("ana").request(ref_of(ref), "production").summary.id
    team.promotions("ben").approve(request)
    addressed(team, "ben")
    with posting() as post:
        assert send(team, post) == 0
        team.promotions("dora").add_evidence(ref_of(ref), "validation", {"result": "pass"})
        assert send(team, post) == 1
    assert told(post) == [("ben", f"Your approval went stale: {ref} to production")]
    assert "the evidence changed since" in post.got[0][1].get_content()


def test_the_owner_of_a_finding_is_told_of_it_and_when_it_is_due_and_when_it_is_late(team: Team) -> None:
    ref = team.publish()
    addressed(team, "dora")
    day = team.clock.now() + timedelta(days=10)
    wish = NewFinding("Blurred digits", Severity.HIGH, "dora", f"{day:%Y-%m-%d}")
    Reviews(team.context("ben")).add_finding(ref_of(ref), wish)
    with posting() as post:
        for _ in range(12):
            send(team, post)
            team.clock.forward(days=1)
    assert told(post) == [("dora", "A finding for you: Blurred digits")] * 3
    assert ["overdue since" in message.get_content() for _, message in post.got] == [False, False, True]


def test_those_whom_the_policy_names_are_told_of_an_emergency(team: Team) -> None:
    """`emergency.notify` reaches them by e-mail too."""
    put_in_force(team, WITH_EMERGENCY.replace("  expires: PT24H", "  expires: PT24H\n  notify: [developer]"))
    addressed(team, "dora", "ben", "carla", "guest")
    ref, _, _ = declared(team)
    with posting() as post:
        assert send(team, post) == 2
    assert sorted(told(post)) == [
        ("ben", f"An emergency was declared: Review of {ref}"),
        ("dora", f"An emergency was declared: {ref} was promoted without votes"),
    ]


@pytest.mark.slow
def test_those_who_can_renew_an_approval_are_told_until_when(team: Team) -> None:
    put_in_force(team, WITH_RENEWAL)
    ref = promoted(team)
    addressed(team, "ben")
    with posting() as post:
        assert send(team, post) == 0
        team.clock.forward(days=170)
        Reviews(team.context("ana")).tick()
        assert send(team, post) == 1
    assert told(post) == [("ben", f"Your approval is asked for: {ref} to attest:production")]
    assert "The day until which it can be done is" in post.got[0][1].get_content()


def test_the_owner_of_what_a_recall_reaches_is_told(team: Team) -> None:
    world = build(team)
    addressed(team, "ana", "ben")
    world.open(world.photos, Level.QUARANTINE)
    with posting() as post:
        assert send(team, post) == 1
    assert told(post) == [("ana", f"A recall reaches versions of yours: Recall of {world.photos} (quarantine)")]


def test_a_mail_server_that_is_busy_is_asked_again_and_one_that_refuses_for_good_is_not(team: Team) -> None:
    ref = team.publish()
    bring_to(team, ref, "candidate")
    addressed(team, "ben", "vera")
    team.promotions("ana").request(ref_of(ref), "validated")
    with posting("451 later", "250 yes", refused=["vera@example.org"]) as post:
        assert send(team, post) == 0
        assert {(one.person, one.state, one.attempts) for one in verbs(team).mails().items} == {
            ("ben", "waiting", 1),
            ("vera", "dead", 1),
        }
        assert send(team, post) == 1
        assert send(team, post) == 0
    assert [one.problem for one in verbs(team).mails("vera").items] == [
        "The mail server refused the address of the person (550)"
    ]


@pytest.mark.slow
def test_without_a_mail_server_messages_wait_and_after_ten_attempts_they_are_given_up(team: Team) -> None:
    ref = team.publish()
    bring_to(team, ref, "candidate")
    addressed(team, "ben")
    team.promotions("ana").request(ref_of(ref), "validated")
    assert deliver(context_of(team)).failed == 0
    with posting() as post:
        pass
    for _ in range(len(DELAYS) + 1):
        assert send(team, post) == 0
        team.clock.forward(hours=27)
    (dead,) = verbs(team).mails().items
    assert (dead.state, dead.attempts) == ("dead", 10)
    assert "cannot be reached" in dead.problem


def test_who_dies_while_sending_leaves_the_message_to_be_sent_again_under_the_same_id(team: Team) -> None:
    ref = team.publish()
    bring_to(team, ref, "candidate")
    addressed(team, "ben")
    team.promotions("ana").request(ref_of(ref), "validated")
    with posting("451 later", "250 yes") as post:
        send(team, post)
        with team.open_uow(actor="root", write=True) as uow:
            now = team.clock.now() + timedelta(minutes=1)
            assert len(uow.mail.claim(now, until=now + LEASE, limit=9)) == 1
            uow.commit_unaudited()  # and nothing is recorded: the process has died
        assert send(team, post) == 0
        team.clock.forward(seconds=LEASE.total_seconds())
        assert send(team, post) == 1


def test_with_more_people_than_a_round_has_time_for_they_take_turns(
    team: Team, monkeypatch: pytest.MonkeyPatch
) -> None:
    ref = team.publish()
    bring_to(team, ref, "candidate")
    addressed(team, "ben", "vera")
    team.promotions("ana").request(ref_of(ref), "validated")

    def slow(context: Context) -> Inbox:
        team.clock.seconds += module.LOOKING
        return inbox_of(context)

    monkeypatch.setattr(module, "inbox_of", slow)
    with posting() as post:
        assert [send(team, post) for _ in range(3)] == [1, 1, 0]
    assert sorted(to for to, _ in told(post)) == ["ben", "vera"]


def test_settings_that_name_no_mail_server_are_said_and_webhooks_go_on(team: Team) -> None:
    addressed(team, "ben")
    with pytest.raises(UsageError, match="FOREBEAR_MAIL_FROM"):
        deliver(context_of(team, smtp_url="smtp://localhost:25"))


def test_an_address_is_ones_own_and_in_no_entry_of_the_log(team: Team) -> None:
    set_ = verbs(team, "ben").set_address("ben", "ben@example.org")
    assert (set_.address, set_.enabled) == ("ben@example.org", False)
    assert verbs(team, "ben").set_address("ben", "ben@example.org") == set_, "setting it again changes nothing"
    assert verbs(team, "root", smtp_url="smtp://localhost").address("ben").enabled
    for call in (
        lambda: verbs(team, "vera").address("ben"),
        lambda: verbs(team, "vera").set_address("ben", "vera@example.org"),
        lambda: verbs(team, "vera").mails(),
        lambda: verbs(team, "vera").test_mail("ben"),
    ):
        with pytest.raises(PermissionDeniedError):
            call()
    assert verbs(team).set_address("ben", "").address == ""
    assert team.actions("person:ben")[-2:] == ["person.email_set", "person.email_removed"]
    with team.open_uow(actor="root") as uow:
        assert b"example.org" not in b"".join(entry.body for entry in uow.audit.entries())
    with pytest.raises(NotFoundError):
        verbs(team).set_address("nobody-at-all", "x@example.org")
    with pytest.raises(InvalidError):
        verbs(team).set_address("ben", "ben@example.org\r\nBcc: x@example.org")


def test_who_is_erased_has_no_address_and_no_messages_left(team: Team) -> None:
    ref = team.publish()
    bring_to(team, ref, "candidate")
    addressed(team, "vera")
    team.promotions("ana").request(ref_of(ref), "validated")
    with posting() as post:
        assert send(team, post) == 1
    team.people("root").erase("vera", reason="left")
    gone = team.people("ben").erase("vera", reason="")
    assert verbs(team).mails().items == []
    assert verbs(team).address(gone.stand_in or "").address == ""


def test_a_test_says_what_came_of_it(team: Team) -> None:
    with pytest.raises(ConflictError, match="sends no e-mail"):
        verbs(team).test_mail("ben")
    with posting("250 yes", "451 later") as post:
        mailing = verbs(team, smtp_url=post.url(), mail_from=FROM)
        with pytest.raises(ConflictError, match="has no address"):
            mailing.test_mail("ben")
        addressed(team, "ben")
        assert mailing.test_mail("ben").accepted
        assert mailing.test_mail("ben").problem == "The mail server refused the message (451)"
    assert told(post) == [("ben", "A test from Forebear")]


def test_nobody_is_told_of_what_is_in_a_team_that_is_closed_to_them(team: Team) -> None:
    ref = team.publish()
    bring_to(team, ref, "candidate")
    addressed(team, "ben")
    shut(team, ref.name.team)
    with posting() as post:
        team.promotions("ana").request(ref_of(ref), "validated")
        assert send(team, post) == 0
    assert post.got == []
