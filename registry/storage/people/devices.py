"""Requests of machines for a token, in SQL."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, Row, bindparam, delete, insert, select, update

from lineage import Digest
from registry.domain.people.devices import DeviceRequest, DeviceState
from registry.domain.people.people import Scope
from registry.services.storage.people import KeptDevice
from registry.storage.tables import device_request as table

_ONE = select(table).where(table.c.name == bindparam("secret"))
_OF = select(table).where(table.c.code == bindparam("typed"))
_DROP = delete(table).where(table.c.name == bindparam("secret"))


def add_device(connection: Connection, kept: KeptDevice) -> None:
    """See `PeopleRepository`. Requests whose time is over are forgotten."""
    one = kept.request
    connection.execute(delete(table).where(table.c.expires_at < one.asked_at))
    values = {"name": kept.name, "code": one.code, "machine": one.machine, "client": one.client, "address": one.address}
    times = {"scope": one.scope.value, "days": one.days, "asked_at": one.asked_at, "expires_at": one.expires_at}
    connection.execute(insert(table), {**values, **times, **_state(kept)})


def device(connection: Connection, name: Digest) -> KeptDevice | None:
    """See `PeopleRepository`."""
    row = connection.execute(_ONE, {"secret": name}).one_or_none()
    return None if row is None else _kept(row)


def device_of(connection: Connection, code: str) -> KeptDevice | None:
    """See `PeopleRepository`."""
    row = connection.execute(_OF, {"typed": code}).one_or_none()
    return None if row is None else _kept(row)


def change_device(connection: Connection, kept: KeptDevice) -> None:
    """See `PeopleRepository`."""
    connection.execute(update(table).where(table.c.name == kept.name).values(_state(kept)))


def drop_device(connection: Connection, name: Digest) -> None:
    """See `PeopleRepository`."""
    connection.execute(_DROP, {"secret": name})


def drop_devices_of(connection: Connection, handle: str) -> None:
    """See `PeopleRepository`."""
    connection.execute(delete(table).where(table.c.person == handle))


def _state(kept: KeptDevice) -> dict[str, Any]:
    state = {"state": kept.state.value, "interval": kept.interval, "polled_at": kept.polled_at}
    state["days"] = kept.request.days
    return {**state, "person": kept.person, "made_by": kept.made_by}


def _kept(row: Row[Any]) -> KeptDevice:
    request = DeviceRequest(
        row.code, row.machine, row.client, Scope(row.scope), row.days, row.address, row.asked_at, row.expires_at
    )
    state = DeviceState(row.state)
    return KeptDevice(request, row.name, state, row.interval, row.polled_at, row.person, row.made_by)
