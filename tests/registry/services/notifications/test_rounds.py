"""A round sends webhooks and then e-mail, and ends when it is told to."""

from __future__ import annotations

from registry.services.notifications.rounds import LEASE, ROUND, deliver
from tests.mailing import posting
from tests.receiving import receiving
from tests.registry.services.notifications.worlds import context_of, verbs
from tests.registry.services.teams import Team, bring_to, ref_of


def test_a_round_sends_to_programs_and_to_people(team: Team) -> None:
    ref = team.publish()
    bring_to(team, ref, "candidate")
    verbs(team, "ben").set_address("ben", "ben@example.org")
    with receiving() as receiver, posting() as post:
        verbs(team).add_webhook(receiver.url, ["promotion.requested"])
        team.promotions("ana").request(ref_of(ref), "validated")
        context = context_of(team, smtp_url=post.url(), mail_from="forebear@example.org")
        assert deliver(context, lambda: False).delivered == 0
        assert deliver(context).delivered == 2
    assert (len(receiver.got), len(post.got)) == (1, 1)


def test_a_message_stays_its_process_s_own_for_longer_than_a_round() -> None:
    assert LEASE.total_seconds() > ROUND + 30
