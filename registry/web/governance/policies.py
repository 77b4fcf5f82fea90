"""Policies: what is in force and proposed, the history of each, and the form that tries one before it is proposed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, Form
from fastapi.responses import HTMLResponse, RedirectResponse
from starlette.requests import Request

from registry.domain.governance.policies.changes import PolicyProposal, PolicyReach, PolicyRevision, ProposalState
from registry.domain.governance.promotion import PolicyValue, VoteValue
from registry.domain.governance.replays import ChangedTerm, PolicyTrial
from registry.domain.ids import is_id
from registry.domain.verbs.registry import Registry
from registry.errors import ConflictError, InvalidError, NotFoundError, RefusedError, RegistryError
from registry.web.parts import AsActor, see
from registry.web.render import page

router = APIRouter()
DAYS = 90
"""Days of decisions that a policy is tried on."""
MAX_FORM = 1024**2
"""Bytes of a form with a policy, which has at most 256 KiB and gets longer in a form."""


@dataclass(frozen=True, slots=True)
class Tried:
    """A policy that is not in force: where it differs from the published one of its name, and what it would decide."""

    text: str
    changes: Sequence[ChangedTerm]
    trial: PolicyTrial
    value: PolicyValue | None = None
    """Of one that was written into the form: what it would be published as."""
    published: int | None = None
    """The version that it is compared with; None where there is no policy of its name."""


@dataclass(frozen=True, slots=True)
class PoliciesPage:
    """The newest version of each policy, the policies that are proposed, and the one in the form."""

    policies: Sequence[PolicyValue]
    proposals: Sequence[tuple[PolicyProposal, Tried]]
    days: int
    text: str = ""
    """What was written into the form."""
    tried: Tried | None = None
    error: RegistryError | None = None


@dataclass(frozen=True, slots=True)
class PolicyPage:
    """One policy: its versions, and on request what it judges and what it would have decided otherwise."""

    history: Sequence[PolicyRevision]
    reach: PolicyReach | None
    days: int
    trial: PolicyTrial | None


@router.get("/policies")
def policies(request: Request, registry: AsActor) -> HTMLResponse:
    """The policies that judge promotions."""
    return _policies(request, registry)


@router.get("/policies/{name}")
def policy(
    request: Request, registry: AsActor, name: str, days: int | None = None, judges: bool = False
) -> HTMLResponse:
    """One policy; with `days`, tried on the decisions of so many; with `judges`, the versions that it judges now.

    Everything that is known of each version is read for that, which takes seconds where there are many.
    """
    history = registry.promotions.policy_history(name)
    trial = registry.promotions.test_policy(history[0].policy.text, days=days) if days is not None else None
    reach = registry.promotions.policy_reach(name) if judges else None
    context = PolicyPage(history, reach, days or DAYS, trial)
    return page(request, "policy.html", context, section="promotions", api=f"/api/v1/policies/{name}/history")


@router.post("/policies", max_body_size=MAX_FORM, response_model=None)
def take(
    request: Request,
    registry: AsActor,
    deed: Annotated[str, Form()] = "try",
    text: Annotated[str, Form()] = "",
    days: Annotated[int, Form()] = DAYS,
) -> HTMLResponse | RedirectResponse:
    """Try a policy, which writes nothing, or propose it. Mistakes are shown, and the form keeps what was written."""
    written = text.replace("\r\n", "\n")  # browsers add carriage returns, which would be part of the digest
    tried = None
    try:
        if deed == "propose":
            registry.promotions.publish_policy(written)
            return see("/policies")
        value = registry.promotions.check_policy(written)
        tried = _tried(registry, written, value.name, days, value)
    except (RefusedError, InvalidError, ConflictError) as error:
        return _policies(request, registry, text=text, days=days, error=error)
    return _policies(request, registry, text=text, days=days, tried=tried)


@router.post("/policies/{proposal_id}/{vote}", response_model=None)
def vote_on_policy(
    request: Request, registry: AsActor, proposal_id: str, vote: str, comment: Annotated[str, Form()] = ""
) -> HTMLResponse | RedirectResponse:
    """Approve or reject a proposed policy; a refusal is shown on the page of policies."""
    if vote not in {"approve", "reject"} or not is_id(proposal_id):
        raise NotFoundError(f"There is no vote {vote[:40]!r} on {proposal_id[:80]!r}")
    try:
        registry.promotions.vote_on_policy(proposal_id, VoteValue(vote), comment=comment)
    except (RefusedError, InvalidError, ConflictError) as error:
        return _policies(request, registry, error=error)
    return see("/policies")


def _policies(
    request: Request,
    registry: Registry,
    *,
    text: str = "",
    days: int = DAYS,
    tried: Tried | None = None,
    error: RegistryError | None = None,
) -> HTMLResponse:
    opened = registry.promotions.policy_proposals(ProposalState.OPEN)
    proposals = [
        (registry.promotions.policy_proposal(one.id), _tried(registry, one.text, one.name, DAYS)) for one in opened
    ]
    context = PoliciesPage(registry.promotions.policies(), proposals, days, text, tried, error)
    status = error.family.status if error else 200
    return page(request, "policies.html", context, section="promotions", api="/api/v1/policies", status=status)


def _tried(registry: Registry, text: str, name: str, days: int, value: PolicyValue | None = None) -> Tried:
    published = {one.name: one for one in registry.promotions.policies()}.get(name)
    changes = registry.promotions.diff_policies(published.text, text) if published is not None else ()
    trial = registry.promotions.test_policy(text, days=days)
    return Tried(text, changes, trial, value, published.version if published is not None else None)
