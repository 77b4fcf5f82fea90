"""The verbs of recalls, and of the sources of imported versions, over HTTP."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from registry.client.transport.addresses import paging, part
from registry.client.transport.connection import LONG, Connection
from registry.domain.catalog.downloads import Download
from registry.domain.codec import to_json
from registry.domain.governance.advisories import AdvisoryMatch
from registry.domain.governance.recalls import (
    Impact,
    NewDisposition,
    NewRecall,
    Recall,
    RecallDetail,
    RecallState,
    Reversal,
    Task,
)
from registry.domain.governance.upstream import Pinned, UpstreamCheck, UpstreamNow
from registry.domain.names import Reference
from registry.domain.paging import Page, PageRequest

TEXT = {"Content-Type": "text/plain; charset=utf-8"}


@dataclass(frozen=True, slots=True)
class RemoteRecalls:
    """Implements `RecallVerbs`."""

    server: Connection

    def preview(self, wish: NewRecall) -> Impact:
        """What the recall would reach."""
        return self.server.send(Impact, "POST", "/recalls/preview", to_json(wish), seconds=LONG)

    def advisory(self, text: str) -> AdvisoryMatch:
        """The versions with what an advisory names."""
        answer = self.server.request("POST", "/recalls/advisory", content=text.encode(), headers=TEXT, seconds=LONG)
        return self.server.read(AdvisoryMatch, answer)

    def open(self, wish: NewRecall) -> RecallDetail:
        """Take it back."""
        return self.server.send(RecallDetail, "POST", "/recalls", to_json(wish), seconds=LONG)

    def list(self, *, state: RecallState | None = None, page: PageRequest = PageRequest()) -> Page[Recall]:
        """Newest first."""
        return self.server.get(Page[Recall], "/recalls", {"state": state, **paging(page)})

    def show(self, recall_id: str) -> RecallDetail:
        """One recall."""
        return self.server.get(RecallDetail, f"/recalls/{part(recall_id)}")

    def tasks(self, recall_id: str, *, unsettled: bool = False, page: PageRequest = PageRequest()) -> Page[Task]:
        """The descendants of what was taken back."""
        params = {"unsettled": unsettled or None, **paging(page)}
        return self.server.get(Page[Task], f"/recalls/{part(recall_id)}/tasks", params)

    def downloads(self, recall_id: str, *, page: PageRequest = PageRequest()) -> Page[Download]:
        """Who read files of what the recall reaches."""
        return self.server.get(Page[Download], f"/recalls/{part(recall_id)}/downloads", paging(page))

    def dispose(self, recall_id: str, reference: Reference, wish: NewDisposition) -> Task:
        """Say what becomes of a descendant."""
        path = f"/recalls/{part(recall_id)}/tasks"
        return self.server.send(Task, "POST", path, to_json(wish), params={"reference": reference})

    def confirm(self, recall_id: str, reference: Reference) -> Task:
        """Confirm what another person proposed."""
        path = f"/recalls/{part(recall_id)}/tasks/confirm"
        return self.server.send(Task, "POST", path, params={"reference": reference})

    def reverse(self, recall_id: str, *, reason: str) -> Reversal:
        """Restore what is still as the recall left it."""
        path = f"/recalls/{part(recall_id)}/reverse"
        return self.server.send(Reversal, "POST", path, {"reason": reason}, seconds=LONG)


@dataclass(frozen=True, slots=True)
class RemoteUpstreams:
    """Implements `UpstreamVerbs`."""

    server: Connection

    def list(self, *, page: PageRequest = PageRequest()) -> Page[Pinned]:
        """Versions whose source is known."""
        return self.server.get(Page[Pinned], "/upstreams", paging(page))

    def pin(self, reference: Reference, source: str) -> Pinned:
        """Say where one was imported from."""
        return self.server.send(Pinned, "POST", "/upstreams", {"reference": str(reference), "source": source})

    def check(self, answers: Sequence[UpstreamNow]) -> UpstreamCheck:
        """Compare them with what their repositories say now."""
        body = {"answers": [to_json(one) for one in answers]}
        return self.server.send(UpstreamCheck, "POST", "/upstreams/check", body, seconds=LONG)
