"""The verbs of evidence, promotion requests, votes and policies over HTTP."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from registry.client.transport.addresses import paging, part, version_at
from registry.client.transport.connection import Connection
from registry.client.transport.uploads import Part, upload
from registry.domain.governance.policies.changes import PolicyProposal, PolicyReach, PolicyRevision, ProposalState
from registry.domain.governance.policies.evidence_types import EvidenceType
from registry.domain.governance.promotion import (
    AddedEvidence,
    EvidenceValue,
    PolicyValue,
    RequestDetail,
    RequestState,
    RequestSummary,
    StageOption,
    VoteValue,
)
from registry.domain.governance.replays import ChangedTerm, Explanation, PolicyTrial
from registry.domain.governance.reviews.findings import NewFinding
from registry.domain.names import Name, Reference, model_only
from registry.domain.paging import Page, PageRequest
from registry.folders import error_of_disk

YAML = {"Content-Type": "application/yaml"}


@dataclass(frozen=True, slots=True)
class RemotePromotions:
    """Implements `PromotionVerbs`."""

    server: Connection

    def add_evidence(
        self,
        reference: Reference,
        type: str,
        body: Mapping[str, object],
        *,
        file: BinaryIO | None = None,
        file_name: str | None = None,
    ) -> AddedEvidence:
        """The file is copied to a temporary one first, so that it can be sent again."""
        where, details = f"{version_at(model_only(reference))}/evidence", {"type": type, "body": body}
        if file is None:
            return self.server.send(AddedEvidence, "POST", where, details)
        with tempfile.TemporaryDirectory(prefix="forebear-") as folder:
            copy = Path(folder, "evidence")
            try:
                with copy.open("wb") as out:
                    shutil.copyfileobj(file, out)
            except OSError as error:
                raise error_of_disk(error, f"{copy} cannot be written") from error
            return upload(self.server, AddedEvidence, where, details, (Part(file_name or "file", copy),))

    def evidence(self, reference: Reference) -> Sequence[EvidenceValue]:
        return self.server.get(tuple[EvidenceValue, ...], f"{version_at(model_only(reference))}/evidence")

    def evidence_types(self, reference: Reference) -> Sequence[EvidenceType]:
        return self.server.get(tuple[EvidenceType, ...], "/promotions/evidence-types", {"reference": reference})

    def options(self, reference: Reference) -> Sequence[StageOption]:
        return self.server.get(tuple[StageOption, ...], "/promotions/options", {"reference": reference})

    def request(self, reference: Reference, to_stage: str, *, comment: str = "") -> RequestDetail:
        body = {"reference": reference, "to_stage": to_stage, "comment": comment}
        return self.server.send(RequestDetail, "POST", "/promotions", body)

    def request_detail(self, request_id: str) -> RequestDetail:
        return self.server.get(RequestDetail, _request_at(request_id))

    def requests(
        self,
        *,
        name: Name | None = None,
        reference: Reference | None = None,
        state: RequestState | None = None,
        page: PageRequest = PageRequest(),
    ) -> Page[RequestSummary]:
        params = {"name": name, "reference": reference, "state": state, **paging(page)}
        return self.server.get(Page[RequestSummary], "/promotions", params)

    def approve(
        self, request_id: str, *, comment: str = "", conditions: Sequence[NewFinding] = (), signature: str = ""
    ) -> RequestDetail:
        body = {"comment": comment, "conditions": list(conditions), "signature": signature}
        return self.server.send(RequestDetail, "POST", f"{_request_at(request_id)}/approve", body)

    def reject(self, request_id: str, *, comment: str) -> RequestDetail:
        return self._act(request_id, "reject", comment)

    def veto(self, request_id: str, *, comment: str) -> RequestDetail:
        return self._act(request_id, "veto", comment)

    def complete(self, request_id: str) -> RequestDetail:
        return self.server.send(RequestDetail, "POST", f"{_request_at(request_id)}/complete")

    def withdraw(self, request_id: str) -> RequestDetail:
        return self.server.send(RequestDetail, "POST", f"{_request_at(request_id)}/withdraw")

    def overrule(self, request_id: str, *, comment: str) -> RequestDetail:
        return self._act(request_id, "overrule", comment)

    def explain(self, request_id: str) -> Explanation:
        return self.server.get(Explanation, f"{_request_at(request_id)}/explanation")

    def test_policy(self, text: str, *, against: Reference | None = None, days: int = 90) -> PolicyTrial:
        where = {"against": str(against) if against is not None else None, "days": days}
        answer = self.server.request("POST", "/policies/test", params=where, content=text.encode(), headers=YAML)
        return self.server.read(PolicyTrial, answer)

    def test_policy_cases(self, text: str, cases: str) -> PolicyTrial:
        return self.server.send(PolicyTrial, "POST", "/policies/cases", {"policy": text, "cases": cases})

    def diff_policies(self, before: str, after: str) -> Sequence[ChangedTerm]:
        return self.server.send(tuple[ChangedTerm, ...], "POST", "/policies/diff", {"before": before, "after": after})

    def check_policy(self, text: str) -> PolicyValue:
        answer = self.server.request("POST", "/policies/check", content=text.encode(), headers=YAML)
        return self.server.read(PolicyValue, answer)

    def publish_policy(self, text: str) -> PolicyProposal:
        answer = self.server.request("POST", "/policies", content=text.encode(), headers=YAML, changes=True)
        return self.server.read(PolicyProposal, answer)

    def policy_proposals(self, state: ProposalState | None = None) -> Sequence[PolicyProposal]:
        return self.server.get(tuple[PolicyProposal, ...], "/policy-proposals", {"state": state})

    def policy_proposal(self, proposal_id: str) -> PolicyProposal:
        return self.server.get(PolicyProposal, f"/policy-proposals/{part(proposal_id)}")

    def vote_on_policy(self, proposal_id: str, value: VoteValue, *, comment: str = "") -> PolicyProposal:
        where = f"/policy-proposals/{part(proposal_id)}/{value}"
        return self.server.send(PolicyProposal, "POST", where, {"comment": comment})

    def policy_history(self, name: str) -> Sequence[PolicyRevision]:
        return self.server.get(tuple[PolicyRevision, ...], f"/policies/{part(name)}/history")

    def policy_reach(self, name: str) -> PolicyReach:
        return self.server.get(PolicyReach, f"/policies/{part(name)}/reach")

    def policies(self) -> Sequence[PolicyValue]:
        return self.server.get(tuple[PolicyValue, ...], "/policies")

    def policy(self, name: str, version: int | None = None) -> PolicyValue:
        return self.server.get(PolicyValue, f"/policies/{part(name)}", {"version": version})

    def _act(self, request_id: str, verb: str, comment: str) -> RequestDetail:
        return self.server.send(RequestDetail, "POST", f"{_request_at(request_id)}/{verb}", {"comment": comment})


def _request_at(request_id: str) -> str:
    return f"/promotions/{part(request_id)}"
