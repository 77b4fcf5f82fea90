"""The verbs of workers over HTTP."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from registry.client.transport.addresses import part
from registry.client.transport.connection import Connection
from registry.client.transport.uploads import parts_of
from registry.client.uploads import upload_to
from registry.domain.codec import to_json
from registry.domain.data.datasets import Row
from registry.domain.data.rows import read_index
from registry.domain.transfers.steps import StepDetail
from registry.domain.transfers.work import Able, Assignment, Outcome, WorkReport, output_of

JSON = {"Content-Type": "application/json"}


@dataclass(frozen=True, slots=True)
class RemoteWork:
    """Implements `WorkVerbs`."""

    server: Connection

    def take(self, able: Able) -> Assignment | None:
        answer = self.server.change("POST", "/transfers/take", able)
        return self.server.read(Assignment, answer) if answer else None

    def rows(self, step_id: str, worker: str, role: str) -> Sequence[Row]:
        where, params = f"/transfers/{part(step_id)}/rows", {"role": role}
        return read_index(self.server.request("GET", where, params=params, headers=_key(worker)))

    def report(self, step_id: str, worker: str, report: WorkReport) -> None:
        """Sent again where it did not arrive: a report that comes twice says the same."""
        content, headers = json.dumps(to_json(report)).encode(), {**JSON, **_key(worker)}
        self.server.request("POST", f"/transfers/{part(step_id)}/report", content=content, headers=headers)

    def give_up(self, step_id: str, worker: str, error: str) -> StepDetail:
        content, headers = json.dumps({"error": error}).encode(), {**JSON, **_key(worker)}
        where = f"/transfers/{part(step_id)}/failure"
        return self.server.read(
            StepDetail, self.server.request("POST", where, content=content, headers=headers, changes=True)
        )

    def hand_over(self, step_id: str, worker: str, outcome: Outcome, folder: Path) -> StepDetail:
        """Large files go in pieces, as those of an import: what broke off goes on, also for the next attempt."""
        step = self.server.get(StepDetail, f"/transfers/{part(step_id)}")
        where = f"/transfers/{part(step_id)}/output"
        return upload_to(
            self.server,
            StepDetail,
            output_of(step, outcome),
            outcome,
            parts_of(folder),
            where=where,
            headers=_key(worker),
        )


def _key(worker: str) -> dict[str, str]:
    return {"Forebear-Worker": worker}
