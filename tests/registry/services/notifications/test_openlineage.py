"""A receiver of OpenLineage events is sent the start and the end of each step, in the words of the specification."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import pytest

from registry.domain.audit import Event
from registry.domain.names import VersionRef
from registry.domain.recipes.recipe import Method
from registry.errors import InvalidError
from tests.lineage.official import rebuilt
from tests.receiving import HOST, Receiver, receiving
from tests.registry.services.notifications.worlds import context_of, listed, send, verbs
from tests.registry.services.teams import Team


def write(team: Team, action: str, subject: str, **detail: object) -> None:
    with team.open_uow(actor="ana", write=True) as uow:
        uow.commit(Event(action, subject, detail))


def step_of(team: Team, ref: VersionRef) -> str:
    with team.open_uow(actor="ana") as uow:
        version = uow.catalog.version(ref)
    assert version is not None
    return version.step


def came(receiver: Receiver) -> Sequence[Any]:
    return [json.loads(one.body) for one in receiver.got]


def test_each_step_is_sent_when_it_starts_and_ends_as_the_specification_says(team: Team) -> None:
    source = team.publish("library/net", method=Method.IMPORT, accuracy=None)
    step = step_of(team, child := team.publish("vision/probe", parents=[source]))
    with receiving() as receiver:
        verbs(team).add_webhook(receiver.url, ["openlineage"])
        write(team, "model_version.imported", str(source))
        write(team, "transfer.started", step)
        write(team, "transfer.failed", step, error="The loss is nan")
        write(team, "transfer.started", step)
        write(team, "transfer.cancelled", step)
        write(team, "transfer.succeeded", step, output=str(child))
        write(team, "evidence.added", str(child))
        assert send(team).delivered == 6, "an entry that is about no step is not sent"
    events = came(receiver)
    for event in events:
        rebuilt(event)
    kinds = ["START", "COMPLETE", "START", "FAIL", "START", "ABORT", "COMPLETE"]
    assert [event["eventType"] for event in events] == kinds
    assert len({one.headers["webhook-id"] for one in receiver.got}) == len(kinds)
    assert len({event["run"]["runId"] for event in events[2:]}) == 1 != events[0]["run"]["runId"]
    assert events[3]["run"]["facets"]["errorMessage"]["message"] == "The loss is nan"
    assert events[2]["outputs"] == []
    assert [one["name"] for one in events[2]["inputs"]] == ["library/net"]
    (entry,) = events[-1]["job"]["facets"]["lineage"]["entries"]
    assert (entry["name"], entry["inputs"][0]["name"]) == ("vision/probe", "library/net")
    assert events[1]["outputs"][0]["name"] == "library/net"


def test_events_of_an_import_that_were_not_all_accepted_are_all_sent_again(team: Team) -> None:
    source = team.publish("library/net", method=Method.IMPORT, accuracy=None)
    with receiving(200, 503, 200) as receiver:
        verbs(team).add_webhook(receiver.url, ["openlineage"])
        write(team, "model_version.imported", str(source))
        assert send(team).failed == 1
        team.clock.forward(seconds=6)
        assert send(team).delivered == 1
    assert [event["eventType"] for event in came(receiver)] == ["START", "COMPLETE"] * 2
    assert receiver.got[0].headers["webhook-id"] == receiver.got[2].headers["webhook-id"]


def test_an_entry_about_what_is_not_in_the_graph_is_a_failure_that_is_told(team: Team) -> None:
    with receiving() as receiver:
        verbs(team).add_webhook(receiver.url, ["openlineage"])
        write(team, "transfer.started", "step-none")
        assert send(team).failed == 1
    assert receiver.got == []
    assert "step-none" in listed(team)[0].problem


def test_openlineage_events_are_mixed_with_no_others(team: Team) -> None:
    with pytest.raises(InvalidError, match="is sent no others"):
        verbs(team).add_webhook("https://example.org/", ["openlineage", "recall.*"])


def test_a_receiver_is_tried_with_an_event_that_tells_of_no_step(team: Team) -> None:
    with receiving() as receiver:
        made = verbs(team).add_webhook(receiver.url, ["openlineage"])
        assert verbs(team).test_webhook(made.webhook.id).accepted
    assert made.unseen == ()
    (event,) = came(receiver)
    assert (event["eventType"], event["inputs"]) == ("OTHER", [])


def test_the_key_of_a_host_is_sent_to_that_host_alone(team: Team) -> None:
    with receiving() as receiver:
        made = verbs(team).add_webhook(receiver.url, ["openlineage"])
        for keys in ({"lineage.example.org": "k1"}, {HOST: "k2"}):
            verbs(team, webhook_keys=keys).test_webhook(made.webhook.id)
    assert [one.headers.get("Authorization") for one in receiver.got] == [None, "Bearer k2"]
    assert "k2" not in repr(context_of(team, webhook_keys={HOST: "k2"}).settings)
