"""The verbs of workers on other machines."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from registry.domain.audit import Event
from registry.domain.credentials import without_credentials
from registry.domain.data.datasets import Row
from registry.domain.people.people import Permission
from registry.domain.transfers.recorded import MAX_POINTS
from registry.domain.transfers.steps import StepDetail, StepState
from registry.domain.transfers.work import Able, Assignment, Outcome, WorkReport
from registry.errors import InvalidError, NotFoundError, PermissionDeniedError
from registry.services.context import Context
from registry.services.data.verbs import rows_of
from registry.services.lookup import found
from registry.services.transfers.leases import Hold
from registry.services.transfers.remote.handing import hand_over
from registry.services.transfers.remote.taking import holder, take
from registry.services.transfers.verbs import checked
from registry.services.withholding import refuse_stopped_inputs


@dataclass(frozen=True, slots=True)
class Work:
    """Implements `WorkVerbs`."""

    context: Context

    def take(self, able: Able) -> Assignment | None:
        """See `registry.services.transfers.remote.taking`."""
        self._require()
        return take(self.context, able)

    def rows(self, step_id: str, worker: str, role: str) -> Sequence[Row]:
        """The rows of the data in one role, while the worker holds the step."""
        hold = self._hold(step_id, worker)
        with self.context.write() as uow:
            hold.keep(uow)
            step = found(uow.steps.get(step_id), step_id)
            item = next((one for one in step.inputs if one.role == role), None)
            refuse_stopped_inputs(uow, [item.ref] if item is not None else [], now=self.context.clock.now())
            detail = None if item is None else uow.datasets.version(item.ref)
            uow.commit_unaudited()
        if detail is None:
            raise NotFoundError(f"{step_id} has no data in the role {role[:80]!r}")
        return rows_of(self.context, detail)

    def report(self, step_id: str, worker: str, report: WorkReport) -> None:
        """Write progress and points, unless an input was taken back."""
        if len(report.points) > MAX_POINTS:
            raise InvalidError(f"A report has at most {MAX_POINTS:,} points")
        hold = self._hold(step_id, worker)
        with self.context.write() as uow:
            hold.keep(uow)
            step = found(uow.steps.get(step_id), step_id)
            now = self.context.clock.now()
            refuse_stopped_inputs(uow, [one.ref for one in step.inputs], now=now)
            if report.points:
                uow.steps.add_curve(step_id, report.points)
            if report.progress is not None:
                uow.steps.progress(step_id, epoch=report.epoch, at=now, progress=report.progress)
            uow.commit_unaudited()

    def give_up(self, step_id: str, worker: str, error: str) -> StepDetail:
        """End the step as failed."""
        hold, sentence = self._hold(step_id, worker), without_credentials(error)[:2000]
        with self.context.write() as uow:
            hold.keep(uow)
            running = frozenset({StepState.RUNNING})
            uow.steps.move(step_id, expected=running, to=StepState.FAILED, at=self.context.clock.now(), error=sentence)
            uow.commit(Event("transfer.failed", step_id, {"error": sentence}))
        with self.context.read() as uow:
            return found(uow.steps.get(step_id), step_id)

    def hand_over(self, step_id: str, worker: str, outcome: Outcome, folder: Path) -> StepDetail:
        """See `registry.services.transfers.remote.handing`."""
        hand_over(self.context, self._hold(step_id, worker), outcome, folder)
        with self.context.read() as uow:
            return found(uow.steps.get(step_id), step_id)

    def _hold(self, step_id: str, worker: str) -> Hold:
        self._require()
        return Hold(self.context.without_terms(), checked(step_id), worker=holder(self.context, worker))

    def _require(self) -> None:
        self.context.actor.require(Permission.EDIT)
        if not self.context.actor.service:
            raise PermissionDeniedError(
                f"Only a service account runs steps on another machine, and {self.context.actor.handle} is a person",
                remedy="Let an admin add one: forebear person add NAME --service, with the role developer",
            )
