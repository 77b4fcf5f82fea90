"""The verbs of recipes and transfer steps over HTTP."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from registry.client.catalog import details_of
from registry.client.transport.addresses import paging, part
from registry.client.transport.connection import LONG, Connection
from registry.client.transport.downloads import chunks, opened
from registry.client.transport.uploads import parts_of
from registry.client.transport.waiting import waits
from registry.client.uploads import upload_to
from registry.domain.comparison.forgetting import Forgetting
from registry.domain.comparison.verdict import TransferVerdict
from registry.domain.names import AssetKind, Name, Reference
from registry.domain.paging import Page, PageRequest
from registry.domain.recipes.recipe import Method, Recipe
from registry.domain.transfers.recorded import RecordTransfer
from registry.domain.transfers.step_events import GOING
from registry.domain.transfers.steps import StepDetail, StepNews, StepState, StepSummary
from registry.errors import NotRemoteError
from registry.sources import resolve_source

YAML = {"Content-Type": "application/yaml"}


@dataclass(frozen=True, slots=True)
class RemoteTransfers:
    """Implements `TransferVerbs`."""

    server: Connection

    def recipe_schema(self) -> Mapping[str, object]:
        found: Mapping[str, object] = self._object("/recipes/schema")
        return found

    def check(self, text: str) -> Recipe:
        answer = self.server.request("POST", "/recipes/check", content=text.encode(), headers=YAML)
        return self.server.read(Recipe, answer)

    def submit(
        self,
        text: str,
        *,
        recipe_path: Path | None = None,  # noqa: ARG002 - the server knows nothing of the git folder that it lies in
        background: bool = False,
        engine: str | None = None,
        auto_batch: bool = False,
        baselines: bool = False,
        seeds: int = 3,
    ) -> StepDetail:
        """Queue the step on the server, whose engine runs it; in the foreground it is waited for."""
        params = {"engine": engine, "auto_batch": auto_batch, "baselines": baselines, "seeds": seeds}
        answer = self.server.request(
            "POST", "/transfers", content=text.encode(), params=params, headers=YAML, seconds=LONG, changes=True
        )
        return self._ended(self.server.read(StepDetail, answer), background=background)

    def verdict(self, step_id: str) -> TransferVerdict:
        return self.server.get(TransferVerdict, f"{_at(step_id)}/verdict")

    def forgetting(self, step_id: str) -> Forgetting:
        return self.server.get(Forgetting, f"{_at(step_id)}/forgetting")

    def measure_forgetting(self, step_id: str, watch: Callable[[str], None] = lambda _: None) -> Forgetting:  # noqa: ARG002 - the verb's own signature
        raise NotRemoteError(
            f"The server runs no model, so it cannot measure what was forgotten in {step_id}",
            remedy="Measure on the machine of the registry folder: "
            "forebear --home FOLDER transfer forgetting STEP --measure",
        )

    def answers(self, step_id: str) -> BinaryIO:
        return opened(chunks(self.server, f"{_at(step_id)}/answers"))

    def search(
        self,
        *,
        state: StepState | None = None,
        method: Method | None = None,
        output: Name | None = None,
        page: PageRequest = PageRequest(),
    ) -> Page[StepSummary]:
        params = {"state": state, "method": method, "output": output, **paging(page)}
        return self.server.get(Page[StepSummary], "/transfers", params)

    def step(self, step_id: str) -> StepDetail:
        return self.server.get(StepDetail, _at(step_id))

    def news(self, step_id: str, *, after: int = 0) -> StepNews:
        return self.server.get(StepNews, f"{_at(step_id)}/news", {"after": after})

    def resume(self, step_id: str, *, background: bool = False, engine: str | None = None) -> StepDetail:
        step = self.server.send(StepDetail, "POST", f"{_at(step_id)}/resume", params={"engine": engine}, seconds=LONG)
        return self._ended(step, background=background)

    def cancel(self, step_id: str) -> StepDetail:
        return self.server.send(StepDetail, "POST", f"{_at(step_id)}/cancel")

    def read_input(self, reference: Reference, reading: str, *, start: int = 0, length: int | None = None) -> BinaryIO:
        """The bytes as they come; where the connection breaks off, it goes on after the last byte that came."""
        where, params = f"/transfers/inputs/{part(reading)}", {"reference": reference}
        return opened(chunks(self.server, where, start=start, length=length, params=params))

    def record(self, wanted: RecordTransfer) -> StepDetail:
        """Upload the files of the output; the server imports them. It reads no pickle."""
        told = details_of(wanted)
        if wanted.error:
            return self.server.send(StepDetail, "POST", "/transfers/recorded", told, seconds=LONG)
        parts = parts_of(resolve_source(wanted.source))
        target = Reference(AssetKind.MODELS, wanted.output)
        return upload_to(self.server, StepDetail, target, told, parts, where="/transfers/recorded")

    def log(self, step_id: str) -> str:
        with io.BytesIO(self.server.request("GET", f"{_at(step_id)}/log")) as stream:
            return stream.read().decode("utf-8", "replace")

    def _ended(self, step: StepDetail, *, background: bool) -> StepDetail:
        """The step when it has ended, or at once in the background."""
        state, wait = step.summary.state, waits()
        while not background and state in GOING:
            self.server.sleep(next(wait))
            state = self.news(step.summary.id, after=10**18).summary.state
        return step if background else self.step(step.summary.id)

    def _object(self, path: str) -> Any:
        return json.loads(self.server.request("GET", path))


def _at(step_id: str) -> str:
    return f"/transfers/{part(step_id)}"
