"""The leases' repository: which worker holds which step, by the clock of the database."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import Connection, func, insert, select, true, update

from lineage import NodeKind
from registry.domain.transfers.steps import Lease, StepState
from registry.errors import NotFoundError
from registry.ports.clock import Clock
from registry.storage.sql.upsert import upsert
from registry.storage.tables import lease, node, step


class SqlLeases:
    """Implements `LeaseRepository`. SQLite has no clock but the machine's, which `clock` tells."""

    def __init__(self, connection: Connection, clock: Clock) -> None:
        self._connection = connection
        self._clock = clock

    def offer(self, step_id: str, engine: str, *, seconds: float) -> None:
        row = {
            "step_id": self._key(step_id),
            "engine": engine,
            "worker": None,
            "machine": None,
            "until": self._now() + timedelta(seconds=seconds),
        }
        upsert(self._connection, lease, [row], ("step_id",))

    def take(self, step_id: str, worker: str, machine: str, *, seconds: float) -> bool:
        key, now = self._key(step_id), self._now()
        # On PostgreSQL a row that somebody is just taking or renewing is passed over instead of waited for.
        found = self._connection.execute(
            select(lease).where(lease.c.step_id == key).with_for_update(skip_locked=True)
        ).one_or_none()
        values = {"worker": worker, "machine": machine, "until": now + timedelta(seconds=seconds)}
        if found is not None:
            if found.worker is not None and found.until > now:
                return False
            self._connection.execute(update(lease).where(lease.c.step_id == key).values(values))
            return True
        if self._connection.execute(select(lease.c.step_id).where(lease.c.step_id == key)).one_or_none() is not None:
            return False
        # A step that was submitted before there were leases.
        self._connection.execute(insert(lease).values(step_id=key, engine="local", **values))
        return True

    def renew(self, step_id: str, worker: str, *, seconds: float, held: bool = False) -> bool:
        key, now = self._key(step_id), self._now()
        lasting = true() if held else lease.c.until > now
        runs = select(step.c.node_id).where(step.c.node_id == key, step.c.state == StepState.RUNNING)
        renewed = self._connection.execute(
            update(lease)
            .where(lease.c.step_id == key, lease.c.worker == worker, lasting, runs.exists())
            .values(until=now + timedelta(seconds=seconds))
        )
        return renewed.rowcount == 1

    def get(self, step_id: str) -> Lease | None:
        found = self._connection.execute(select(lease).where(lease.c.step_id == self._key(step_id))).one_or_none()
        if found is None:
            return None
        return Lease(found.engine, found.worker, found.machine, found.until, live=found.until > self._now())

    def waiting(self, engine: str) -> Sequence[str]:
        lost = (step.c.state == StepState.RUNNING) & (lease.c.until <= self._now())
        query = (
            select(node.c.label)
            .join(step, step.c.node_id == node.c.id)
            .join(lease, lease.c.step_id == node.c.id)
            .where(step.c.state.in_((StepState.QUEUED, StepState.RUNNING)))  # by its index: most steps have ended
            .where(lease.c.engine == engine, (step.c.state == StepState.QUEUED) | lost)
            .order_by(node.c.id)
        )
        return self._connection.scalars(query).all()

    def _key(self, step_id: str) -> int:
        found = self._connection.execute(
            select(node.c.id).where(node.c.label == step_id, node.c.kind == NodeKind.STEP)
        ).scalar_one_or_none()
        if found is None:
            raise NotFoundError(f"There is no step {step_id}")
        return found

    def _now(self) -> datetime:
        """The present moment: the transaction may have begun long before, and its own `now()` stands still."""
        if self._connection.dialect.name == "postgresql":
            moment: datetime = self._connection.execute(select(func.clock_timestamp())).scalar_one()
            return moment
        return self._clock.now()
