"""Webhooks are an admin's: added with a secret that is shown once, tried, looked at, removed."""

from __future__ import annotations

import socket
from collections.abc import Callable

import pytest

from registry.domain.notifications.webhooks import DeliveryState
from registry.domain.paging import PageRequest
from registry.errors import ConflictError, InvalidError, NotFoundError, PermissionDeniedError, RefusedError
from registry.services.notifications.verbs import MOST, Notifications
from tests.receiving import receiving
from tests.registry.services.notifications.worlds import bodies, events_of, send, verbs
from tests.registry.services.teams import Team

URL = "http://127.0.0.1:9/hook"
NONE = "whk-00000000000000000000000000"


def test_a_webhook_is_shown_without_its_secret_after_it_was_added(team: Team) -> None:
    made = verbs(team).add_webhook(URL, ["recall.*", "person.added"])
    assert made.secret.startswith("whsec_")
    assert made.unseen == ("recall.*",)
    assert verbs(team).webhooks() == [made.webhook] == [verbs(team).webhook(made.webhook.id)]
    assert verbs(team).add_webhook(URL + "2", ["*"]).secret != made.secret
    with team.open_uow(actor="root") as uow:
        (entry,) = uow.audit.search(subject=made.webhook.id).items
    assert (entry.action, entry.detail) == (
        "webhook.added",
        {"host": "127.0.0.1", "events": ["recall.*", "person.added"]},
    )


CALLS: dict[str, Callable[[Notifications], object]] = {
    "add_webhook": lambda verbs: verbs.add_webhook(URL, ["*"]),
    "webhooks": lambda verbs: verbs.webhooks(),
    "webhook": lambda verbs: verbs.webhook(NONE),
    "remove_webhook": lambda verbs: verbs.remove_webhook(NONE),
    "resume_webhook": lambda verbs: verbs.resume_webhook(NONE),
    "test_webhook": lambda verbs: verbs.test_webhook(NONE),
    "deliveries": lambda verbs: verbs.deliveries(),
}


@pytest.mark.parametrize("name", CALLS)
def test_webhooks_are_for_admins_alone(team: Team, name: str) -> None:
    with pytest.raises(PermissionDeniedError):
        CALLS[name](verbs(team, "ben"))


@pytest.mark.parametrize("name", ["webhook", "remove_webhook", "resume_webhook", "test_webhook"])
def test_a_webhook_that_is_not_there_is_not_found(team: Team, name: str) -> None:
    with pytest.raises(NotFoundError, match="webhook list"):
        CALLS[name](verbs(team))


def test_an_inner_address_is_refused_when_it_is_added_and_what_has_no_address_yet_is_not(
    team: Team, monkeypatch: pytest.MonkeyPatch
) -> None:
    for url in ("https://127.0.0.1/", "https://localhost/x", "https://[::ffff:169.254.169.254]/", "https://0x7f.1/"):
        with pytest.raises(RefusedError, match="not an address of the internet"):
            verbs(team, webhook_hosts=()).add_webhook(url, ["*"])
    with pytest.raises(InvalidError):
        verbs(team, webhook_hosts=()).add_webhook(URL, ["*"])
    assert verbs(team).webhooks() == []

    def unknown(*_: object, **__: object) -> object:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    assert verbs(team).add_webhook("https://nowhere.invalid/hook", ["*"])


def test_an_address_has_one_webhook_and_a_registry_a_hundred(team: Team, monkeypatch: pytest.MonkeyPatch) -> None:
    verbs(team).add_webhook(URL, ["*"])
    with pytest.raises(ConflictError, match="a webhook of this address"):
        verbs(team).add_webhook(URL, ["person.*"])
    monkeypatch.setattr("registry.services.notifications.verbs.MOST", 1)
    with pytest.raises(ConflictError, match="webhooks already"):
        verbs(team).add_webhook(URL + "2", ["*"])
    assert MOST == 100


def test_a_test_sends_one_message_now_and_says_what_came_of_it(team: Team) -> None:
    with receiving(200, 500) as receiver:
        made = verbs(team).add_webhook(receiver.url, ["recall.*"])
        good, bad = verbs(team).test_webhook(made.webhook.id), verbs(team).test_webhook(made.webhook.id)
    assert (good.accepted, good.status, good.problem) == (True, 200, "")
    assert (bad.accepted, bad.status, bad.problem) == (False, 500, "The receiver answered 500")
    assert events_of(receiver) == ["webhook.test"] * 2
    assert bodies(receiver.got[0].body)["data"] == {"webhook": made.webhook.id}
    assert verbs(team).deliveries().items == []


def test_a_removed_webhook_is_sent_nothing_and_forgotten(team: Team) -> None:
    with receiving(500) as receiver:
        made = verbs(team).add_webhook(receiver.url, ["*"])
        send(team)
        verbs(team).remove_webhook(made.webhook.id)
        team.clock.forward(days=1)
        send(team)
    assert len(receiver.got) == 1
    assert verbs(team).webhooks() == []
    assert verbs(team).deliveries().items == []
    assert team.actions(made.webhook.id) == ["webhook.added", "webhook.removed"]


def test_messages_are_listed_by_webhook_state_and_page(team: Team) -> None:
    with receiving() as receiver, receiving(500) as failing:
        good = verbs(team).add_webhook(receiver.url, ["person.added"]).webhook.id
        bad = verbs(team).add_webhook(failing.url, ["person.added"]).webhook.id
        for handle in ("eve", "fay", "gus"):
            team.people("root").add(handle, handle)
        send(team)
    listed = verbs(team).deliveries
    assert [one.state for one in listed(good).items] == ["delivered"] * 3
    assert len(listed(bad, state=DeliveryState.WAITING).items) == 3
    assert listed(bad, state=DeliveryState.DEAD).items == []
    first = listed(good, page=PageRequest(2))
    rest = listed(good, page=PageRequest(2, first.next_cursor))
    entries = [one.entry for one in (*first.items, *rest.items)]
    assert entries == sorted(entries, reverse=True)
    assert len(entries) == 3


def test_resuming_what_runs_changes_nothing(team: Team) -> None:
    made = verbs(team).add_webhook(URL, ["recall.*"])
    assert verbs(team).resume_webhook(made.webhook.id) == made.webhook
    assert team.actions(made.webhook.id) == ["webhook.added"]


def test_deliver_is_the_round_that_the_server_does(team: Team) -> None:
    with receiving() as receiver:
        verbs(team).add_webhook(receiver.url, ["webhook.added"])
        assert verbs(team).deliver().delivered == 1
