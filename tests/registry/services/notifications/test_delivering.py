"""Each entry that a webhook names is sent, signed, until it is accepted or given up; none is lost or invented."""

from __future__ import annotations

import base64
import hashlib
import hmac
import logging
from contextlib import ExitStack
from datetime import timedelta

import pytest

from registry.domain.audit import Event
from registry.domain.notifications.webhooks import DELAYS, DeliveryState, Sent
from registry.domain.people.people import Permission, Person
from registry.services.notifications.delivering import _claim, _queue
from registry.services.notifications.rounds import KEPT, LEASE, deliver
from tests.receiving import receiving
from tests.registry.services.notifications.worlds import KEY, bodies, context_of, events_of, listed, send, verbs
from tests.registry.services.sight.worlds import shut
from tests.registry.services.teams import Team, ref_of


def test_what_happens_is_sent_once_and_names_nothing_but_the_entry_its_subject_and_who_acted(team: Team) -> None:
    with receiving() as receiver:
        verbs(team).add_webhook(receiver.url, ["person.*", "role.granted"])
        team.people("root").add("eve", "Eve Example")
        team.people("root").grant("eve", "viewer")
        assert send(team).delivered == 2
        assert send(team).delivered == 0
    assert events_of(receiver) == ["person.added", "role.granted"]
    said = bodies(receiver.got[0].body)
    data = said["data"]
    assert isinstance(data, dict)
    assert data == {"entry": data["entry"], "subject": "person:eve", "actor": "root"}
    assert said["timestamp"] == team.clock.now().isoformat()
    assert b"Eve Example" not in b"".join(one.body for one in receiver.got)


def test_the_signature_is_made_with_the_secret_that_was_shown(team: Team) -> None:
    with receiving() as receiver:
        made = verbs(team).add_webhook(receiver.url, ["webhook.added"])
        send(team)
    (got,) = receiver.got
    secret = base64.b64decode(made.secret.removeprefix("whsec_"))
    signed = f"{got.headers['webhook-id']}.{got.headers['webhook-timestamp']}.".encode() + got.body
    expected = base64.b64encode(hmac.new(secret, signed, hashlib.sha256).digest()).decode()
    assert got.headers["webhook-signature"] == f"v1,{expected}"
    assert int(got.headers["webhook-timestamp"]) == int(team.clock.now().timestamp())


def test_a_change_that_was_rolled_back_is_not_sent(team: Team) -> None:
    with receiving() as receiver:
        verbs(team).add_webhook(receiver.url, ["person.added"])
        with team.context("root").write(Permission.ADMIN) as uow:
            uow.people.add(Person("eve", "Eve", (), team.clock.now()))  # and no commit
        assert send(team) == Sent()
    assert receiver.got == []


def test_a_failure_is_tried_again_under_the_same_id_and_a_new_time(team: Team) -> None:
    with receiving(500, 200) as receiver:
        verbs(team).add_webhook(receiver.url, ["webhook.added"])
        assert (send(team).failed, send(team).failed) == (1, 0)
        (waiting,) = listed(team)
        assert (waiting.state, waiting.attempts, waiting.problem) == ("waiting", 1, "The receiver answered 500")
        team.clock.forward(seconds=6)
        assert send(team).delivered == 1
    first, second = receiver.got
    assert first.headers["webhook-id"] == second.headers["webhook-id"]
    assert first.headers["webhook-timestamp"] != second.headers["webhook-timestamp"]
    assert first.body == second.body
    assert [(one.state, one.attempts, one.problem) for one in listed(team)] == [("delivered", 2, "")]


def test_after_ten_attempts_a_message_is_given_up_shown_and_can_be_tried_again(team: Team) -> None:
    with receiving(500) as receiver:
        made = verbs(team).add_webhook(receiver.url, ["webhook.added"])
        for _ in range(20):
            send(team)
            team.clock.forward(hours=27)
        assert len(receiver.got) == len(DELAYS) + 1
    (dead,) = listed(team)
    assert (dead.state, dead.attempts, dead.next_at) == ("dead", 10, None)
    assert [one.dead for one in verbs(team).webhooks()] == [1]
    resumed = verbs(team).resume_webhook(made.webhook.id)
    assert (resumed.waiting, resumed.dead) == (1, 0)


def test_messages_to_one_receiver_keep_their_order_and_the_rest_waits_after_a_failure(team: Team) -> None:
    with receiving(200, 503, 200) as receiver:
        verbs(team).add_webhook(receiver.url, ["person.added"])
        for handle in ("eve", "fay", "gus"):
            team.people("root").add(handle, handle)
        done = send(team)
        assert (done.delivered, done.failed) == (1, 1)
        assert [one.attempts for one in reversed(listed(team))] == [1, 1, 0]
        send(team)
        team.clock.forward(seconds=6)
        send(team)
    assert [bodies(one.body)["data"]["subject"][-3:] for one in receiver.got] == ["eve", "fay", "gus", "fay"]  # type: ignore[index]
    assert {one.state for one in listed(team)} == {DeliveryState.DELIVERED}


def test_who_answers_410_is_sent_nothing_more_and_the_log_says_so(team: Team) -> None:
    with receiving(410) as receiver, receiving() as other:
        made = verbs(team).add_webhook(receiver.url, ["*"])
        verbs(team).add_webhook(other.url, ["webhook.stopped"])
        send(team)
        assert len(receiver.got) == 1
        stopped = verbs(team).webhook(made.webhook.id)
        assert (stopped.stopped_at, stopped.waiting, stopped.dead) == (team.clock.now(), 0, 2)
        team.people("root").add("eve", "Eve")
        send(team)
        assert len(receiver.got) == 1
    assert team.actions(made.webhook.id) == ["webhook.added", "webhook.stopped"]
    assert events_of(other) == ["webhook.stopped"]


def test_what_happened_while_a_webhook_was_stopped_is_not_sent_when_it_is_resumed(team: Team) -> None:
    with receiving(410, 200) as receiver:
        made = verbs(team).add_webhook(receiver.url, ["person.*"])
        team.people("root").add("eve", "Eve")
        send(team)
        team.people("root").add("fay", "Fay")
        verbs(team).resume_webhook(made.webhook.id)
        team.people("root").add("gus", "Gus")
        send(team)
    assert [bodies(one.body)["data"]["subject"] for one in receiver.got] == ["person:eve", "person:eve", "person:gus"]  # type: ignore[index]


def test_who_dies_while_sending_leaves_the_message_to_be_sent_again(team: Team) -> None:
    context = context_of(team)
    with receiving() as receiver:
        verbs(team).add_webhook(receiver.url, ["webhook.added"])
        _queue(context, lambda: True, KEPT)
        assert len(_claim(context, LEASE)) == 1  # and nothing is recorded: the process has died
        assert send(team).delivered == 0, "another process has it"
        team.clock.forward(seconds=LEASE.total_seconds() + 1)
        assert send(team).delivered == 1


@pytest.mark.parametrize("days", [-3650, 3650])
def test_a_clock_that_is_set_far_off_and_back_delays_nothing(team: Team, days: int) -> None:
    with receiving(500, 200) as receiver:
        verbs(team).add_webhook(receiver.url, ["webhook.added"])
        team.clock.set_by(timedelta(days=days))
        send(team)
        team.clock.set_by(timedelta(days=-days))
        team.clock.forward(seconds=6)
        assert send(team).delivered == 1
    assert len(receiver.got) == 2


def test_messages_are_made_from_any_number_of_entries(team: Team, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("registry.services.notifications.delivering.ENTRIES", 10)
    with receiving() as receiver:
        verbs(team).add_webhook(receiver.url, ["last.one"])
        with team.context("root").write(Permission.ADMIN) as uow:
            uow.commit(*(Event("many.written", f"x:{i}") for i in range(20)), Event("last.one", "x:y"))
        assert send(team).delivered == 1
    assert events_of(receiver) == ["last.one"]


def test_a_round_that_is_told_to_end_begins_no_message_and_loses_none(team: Team) -> None:
    with receiving() as receiver:
        verbs(team).add_webhook(receiver.url, ["person.*"])
        team.people("root").add("eve", "Eve")
        team.people("root").add("fay", "Fay")
        deliver(context_of(team), lambda: receiver.got == [])
        assert len(receiver.got) == 1
        assert send(team).delivered == 1
    assert [bodies(one.body)["data"]["subject"] for one in receiver.got] == ["person:eve", "person:fay"]  # type: ignore[index]


def test_receivers_do_not_wait_for_one_another(team: Team) -> None:
    with ExitStack() as stack:
        receivers = [stack.enter_context(receiving(*statuses)) for statuses in ((500,), (200,), (204,))]
        for one in receivers:
            verbs(team).add_webhook(one.url, ["person.added"])
        team.people("root").add("eve", "Eve")
        done = send(team)
    assert (done.delivered, done.failed) == (2, 1)


def test_with_another_key_nothing_is_sent_and_the_message_says_what_to_do(team: Team) -> None:
    with receiving() as receiver:
        made = verbs(team).add_webhook(receiver.url, ["webhook.added"])
        deliver(context_of(team, secret="z" * 40))
        assert not verbs(team, secret="z" * 40).test_webhook(made.webhook.id).accepted
    assert receiver.got == []
    assert "remove it and add it again" in listed(team)[0].problem


def test_what_became_of_messages_is_forgotten_after_thirty_days(team: Team) -> None:
    with receiving() as receiver:
        verbs(team).add_webhook(receiver.url, ["webhook.added", "person.added"])
        send(team)
        team.clock.forward(seconds=KEPT.total_seconds() + 1)
        team.people("root").add("eve", "Eve")
        send(team)
    assert [one.event for one in listed(team)] == ["person.added"]


def test_the_secret_and_the_path_of_the_address_are_in_no_log_and_no_entry(
    team: Team, caplog: pytest.LogCaptureFixture
) -> None:
    with receiving(500) as receiver, caplog.at_level(logging.DEBUG):
        made = verbs(team).add_webhook(receiver.url + "/hidden-path", ["*"])
        send(team)
    with team.open_uow(actor="root") as uow:
        kept = b"".join(entry.body for entry in uow.audit.entries())
    assert "attempt 1" in caplog.text
    for hidden in (made.secret, made.secret.removeprefix("whsec_"), "hidden-path", KEY):
        assert hidden not in caplog.text
        assert hidden.encode() not in kept
    assert made.secret.encode() not in (team.home / "home" / "registry.db").read_bytes()


def test_an_erased_person_is_in_no_message_that_is_sent_later(team: Team) -> None:
    with receiving() as receiver:
        verbs(team).add_webhook(receiver.url, ["person.added"])
        team.people("root").add("eve", "Eve")
        _queue(context_of(team), lambda: True, KEPT)
        team.people("root").erase("eve", reason="left")
        team.people("ben").erase("eve", reason="")
        assert send(team).delivered == 1
    assert b"eve" not in receiver.got[0].body
    assert receiver.got[0].body.count(b"erased-") == 1


def test_what_is_in_a_team_that_is_closed_to_who_added_a_webhook_is_not_sent(team: Team) -> None:
    ref = team.publish()
    team.people("root").add("tess", "Tess")
    team.people("root").grant("tess", "admin")
    team.people("ben").confirm("tess", "admin")
    with receiving() as receiver:
        verbs(team, "tess").add_webhook(receiver.url, ["*"])
        shut(team, ref.name.team)
        team.promotions("ana").request(ref_of(ref), "candidate")
        team.people("root").add("eve", "Eve")
        send(team)
    told = b"".join(one.body for one in receiver.got)
    assert b"person:eve" in told
    assert ref.name.team.encode() not in told
    kept = {one.event: one.problem for one in listed(team) if one.problem}
    assert set(kept) == {"promotion.requested", "model_version.promoted", "promotion.decided"}
    assert "whoever added the webhook does not see" in kept["promotion.requested"]
