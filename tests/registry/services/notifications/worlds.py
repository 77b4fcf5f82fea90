"""A team whose registry may send webhooks to this machine."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace

from registry.domain.notifications.webhooks import Delivery, Sent
from registry.services.context import Context
from registry.services.notifications.rounds import deliver
from registry.services.notifications.verbs import Notifications
from registry.settings import Settings
from tests.receiving import HOST, Receiver
from tests.registry.services.teams import Team

KEY = "k" * 40


def context_of(team: Team, handle: str = "root", **settings: object) -> Context:
    allowed = {"webhook_hosts": (HOST,), "secret": KEY} | settings
    return replace(team.context(handle), settings=Settings(**allowed))  # type: ignore[arg-type]


def verbs(team: Team, handle: str = "root", **settings: object) -> Notifications:
    return Notifications(context_of(team, handle, **settings))


def send(team: Team) -> Sent:
    return deliver(context_of(team))


def events_of(receiver: Receiver) -> Sequence[str]:
    """The types of what came, in its order."""
    return [str(bodies(one.body)["type"]) for one in receiver.got]


def bodies(body: bytes) -> Mapping[str, object]:
    found: Mapping[str, object] = json.loads(body)
    return found


def listed(team: Team) -> Sequence[Delivery]:
    return verbs(team).deliveries().items
