"""Promotion requests, votes and policies."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated

from fastapi import APIRouter, Depends
from fastapi.responses import Response

from registry.api.bodies import Approval, Comment, OpenRequest, PolicyCases, TwoPolicies
from registry.api.conditions import changes
from registry.api.repeats import Route
from registry.api.wire import AsActor, Paging, Text, answer, body_of, public_id, speaks
from registry.domain.governance.policies.changes import PolicyProposal, PolicyReach, PolicyRevision, ProposalState
from registry.domain.governance.policies.evidence_types import EvidenceType
from registry.domain.governance.promotion import (
    PolicyValue,
    RequestDetail,
    RequestState,
    RequestSummary,
    StageOption,
    VoteValue,
)
from registry.domain.governance.replays import ChangedTerm, Explanation, PolicyTrial
from registry.domain.names import Name, Reference
from registry.domain.paging import Page
from registry.domain.verbs.registry import Registry

router = APIRouter(tags=["governance"], route_class=Route)
YAML = "application/yaml"
DOCUMENT = {"type": "string", "description": "A policy as YAML text"}
Said = Annotated[Comment, Depends(body_of(Comment))]


def _proposal(registry: Registry, path: Mapping[str, str]) -> PolicyProposal:
    return registry.promotions.policy_proposal(public_id(path["proposal_id"]))


ProposalUnchanged = Annotated[Registry, changes(_proposal, "/policy-proposals/{proposal_id}")]


def _requests(registry: Registry, _path: Mapping[str, str]) -> Page[RequestSummary]:
    return registry.promotions.requests()


def _request(registry: Registry, path: Mapping[str, str]) -> RequestDetail:
    return registry.promotions.request_detail(public_id(path["request_id"]))


def _policies(registry: Registry, _path: Mapping[str, str]) -> Sequence[PolicyValue]:
    return registry.promotions.policies()


RequestsUnchanged = Annotated[Registry, changes(_requests, "/promotions")]
RequestUnchanged = Annotated[Registry, changes(_request, "/promotions/{request_id}")]
PoliciesUnchanged = Annotated[Registry, changes(_policies, "/policies")]


@router.get("/promotions", **speaks(Page[RequestSummary]))
def requests(
    registry: AsActor,
    page: Paging,
    name: str | None = None,
    reference: str | None = None,
    state: RequestState | None = None,
) -> Response:
    """Promotion requests, newest first; of one model (`name`) or of one version (`reference`)."""
    return answer(
        registry.promotions.requests(
            name=Name.parse(name) if name else None,
            reference=Reference.parse(reference) if reference else None,
            state=state,
            page=page,
        )
    )


@router.get("/promotions/options", **speaks(Sequence[StageOption]))
def options(registry: AsActor, reference: str) -> Response:
    """The stages that may follow for a version, with what is missing now for each."""
    return answer(registry.promotions.options(Reference.parse(reference)))


@router.get("/promotions/evidence-types", **speaks(Sequence[EvidenceType]))
def evidence_types(registry: AsActor, reference: str) -> Response:
    """The types of evidence that you may add about a version, with their forms."""
    return answer(registry.promotions.evidence_types(Reference.parse(reference)))


@router.post("/promotions", **speaks(RequestDetail, takes=OpenRequest, status=201))
def request(registry: RequestsUnchanged, body: Annotated[OpenRequest, Depends(body_of(OpenRequest))]) -> Response:
    """Open a request; the policy in force is frozen into it by digest."""
    return answer(registry.promotions.request(body.reference, body.to_stage, comment=body.comment), 201)


@router.get("/promotions/{request_id}", **speaks(RequestDetail))
def show(registry: AsActor, request_id: str) -> Response:
    """One request with its verdict as of now, its votes and its evidence."""
    return answer(registry.promotions.request_detail(public_id(request_id)))


@router.get("/promotions/{request_id}/explanation", **speaks(Explanation))
def explain(registry: AsActor, request_id: str) -> Response:
    """A decision, judged again from what was stored with it."""
    return answer(registry.promotions.explain(public_id(request_id)))


@router.post("/promotions/{request_id}/approve", **speaks(RequestDetail, takes=Approval))
def approve(
    registry: RequestUnchanged, request_id: str, body: Annotated[Approval, Depends(body_of(Approval))]
) -> Response:
    """Approve, perhaps with conditions. The last approval promotes the version in the same transaction."""
    approve, signature = registry.promotions.approve, body.signature
    said = approve(public_id(request_id), comment=body.comment, conditions=body.conditions, signature=signature)
    return answer(said)


@router.post("/promotions/{request_id}/reject", **speaks(RequestDetail, takes=Comment))
def reject(registry: RequestUnchanged, request_id: str, body: Said) -> Response:
    """Reject, with the reason as the comment."""
    return answer(registry.promotions.reject(public_id(request_id), comment=body.comment))


@router.post("/promotions/{request_id}/veto", **speaks(RequestDetail, takes=Comment))
def veto(registry: RequestUnchanged, request_id: str, body: Said) -> Response:
    """Block a request, with the reason as the comment; it stays open until the veto is overruled or taken back."""
    return answer(registry.promotions.veto(public_id(request_id), comment=body.comment))


@router.post("/promotions/{request_id}/complete", **speaks(RequestDetail))
def complete(registry: RequestUnchanged, request_id: str) -> Response:
    """Promote a version that has all its approvals, once the cooling-off time has passed."""
    return answer(registry.promotions.complete(public_id(request_id)))


@router.post("/promotions/{request_id}/overrule", **speaks(RequestDetail, takes=Comment))
def overrule(registry: RequestUnchanged, request_id: str, body: Said) -> Response:
    """Overrule the rejection or the veto of a request, with the reason as the comment."""
    return answer(registry.promotions.overrule(public_id(request_id), comment=body.comment))


@router.post("/promotions/{request_id}/withdraw", **speaks(RequestDetail))
def withdraw(registry: RequestUnchanged, request_id: str) -> Response:
    """Withdraw your own request."""
    return answer(registry.promotions.withdraw(public_id(request_id)))


@router.get("/policies", **speaks(Sequence[PolicyValue]))
def policies(registry: AsActor) -> Response:
    """The newest version of each policy."""
    return answer(registry.promotions.policies())


@router.post("/policies", **speaks(PolicyProposal, takes=DOCUMENT, taken_as=YAML, status=201))
def publish(registry: PoliciesUnchanged, text: Text) -> Response:
    """Propose a policy; in force once the people agree whom the policies name. What is published never changes."""
    return answer(registry.promotions.publish_policy(text), 201)


@router.get("/policy-proposals", **speaks(Sequence[PolicyProposal]))
def proposals(registry: AsActor, state: ProposalState | None = None) -> Response:
    """Policies that were proposed, newest first."""
    return answer(registry.promotions.policy_proposals(state))


@router.get("/policy-proposals/{proposal_id}", **speaks(PolicyProposal))
def proposal(registry: AsActor, proposal_id: str) -> Response:
    """One proposal, with what is needed and the versions that would be judged otherwise."""
    return answer(registry.promotions.policy_proposal(public_id(proposal_id)))


@router.post("/policy-proposals/{proposal_id}/approve", **speaks(PolicyProposal, takes=Comment))
def approve_policy(registry: ProposalUnchanged, proposal_id: str, body: Said) -> Response:
    """Approve a proposed policy. The last approval that is needed puts it in force."""
    vote = registry.promotions.vote_on_policy
    return answer(vote(public_id(proposal_id), VoteValue.APPROVE, comment=body.comment))


@router.post("/policy-proposals/{proposal_id}/reject", **speaks(PolicyProposal, takes=Comment))
def reject_policy(registry: ProposalUnchanged, proposal_id: str, body: Said) -> Response:
    """Reject a proposed policy, with the reason as the comment; its author withdraws it."""
    vote = registry.promotions.vote_on_policy
    return answer(vote(public_id(proposal_id), VoteValue.REJECT, comment=body.comment))


@router.post("/policies/check", **speaks(PolicyValue, takes=DOCUMENT, taken_as=YAML))
def check(registry: AsActor, text: Text) -> Response:
    """Check a policy; every mistake is listed with its line. Nothing is written."""
    return answer(registry.promotions.check_policy(text))


@router.post("/policies/test", **speaks(PolicyTrial, takes=DOCUMENT, taken_as=YAML))
def try_policy(registry: AsActor, text: Text, against: str | None = None, days: int = 90) -> Response:
    """Try a policy on the decisions of the last `days`, or on the version `against`. Nothing is written."""
    version = Reference.parse(against) if against else None
    return answer(registry.promotions.test_policy(text, against=version, days=days))


@router.post("/policies/cases", **speaks(PolicyTrial, takes=PolicyCases))
def try_cases(registry: AsActor, body: Annotated[PolicyCases, Depends(body_of(PolicyCases))]) -> Response:
    """Judge written cases by a policy; those that do not come out as written are listed. Nothing is written."""
    return answer(registry.promotions.test_policy_cases(body.policy, body.cases))


@router.post("/policies/diff", **speaks(Sequence[ChangedTerm], takes=TwoPolicies))
def diff_policies(registry: AsActor, body: Annotated[TwoPolicies, Depends(body_of(TwoPolicies))]) -> Response:
    """Every place in which two policies differ. Nothing is written."""
    return answer(registry.promotions.diff_policies(body.before, body.after))


@router.get("/policies/{name}/history", **speaks(Sequence[PolicyRevision]))
def policy_history(registry: AsActor, name: str) -> Response:
    """Every version of a policy, newest first, each with the places in which it differs from the one before."""
    return answer(registry.promotions.policy_history(name))


@router.get("/policies/{name}/reach", **speaks(PolicyReach))
def policy_reach(registry: AsActor, name: str) -> Response:
    """Which versions a policy judges now, and which policies it shadows or is shadowed by."""
    return answer(registry.promotions.policy_reach(name))


@router.get("/policies/{name}", **speaks(PolicyValue))
def policy(registry: AsActor, name: str, version: int | None = None) -> Response:
    """One policy: its newest version, or the version given."""
    return answer(registry.promotions.policy(name, version))
