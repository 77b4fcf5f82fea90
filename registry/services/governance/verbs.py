"""Promotion through stages: evidence, requests, votes, and the one transaction in which the last needed vote counts.

A decision is taken under the lock of its registered model: the facts are read and judged there, so the verdict still
holds when stage, protected alias and audit entries are written.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import BinaryIO

from registry.domain.audit import Event
from registry.domain.governance.case import Case
from registry.domain.governance.policies.evidence_types import EvidenceType
from registry.domain.governance.policies.policy import Policy
from registry.domain.governance.promotion import (
    AddedEvidence,
    EvidenceValue,
    RequestDetail,
    RequestState,
    RequestSummary,
    StageOption,
    VoteEntry,
    VoteValue,
    vote_digest,
)
from registry.domain.governance.replays import Explanation
from registry.domain.governance.reviews.findings import NewFinding, raised
from registry.domain.governance.status_changes import wanted_status
from registry.domain.names import AssetKind, Name, Reference, VersionRef
from registry.domain.objects import VersionCheck
from registry.domain.paging import Page, PageRequest
from registry.domain.people.people import Permission
from registry.errors import BadReferenceError, ConflictError, InvalidError, PermissionDeniedError, PolicyRefusedError
from registry.services.artifacts.checking import check_version
from registry.services.context import Context
from registry.services.governance.decisions import decided_case, explained, record_decision
from registry.services.governance.details import case_of, closed, closed_detail, open_detail
from registry.services.governance.evidence import add_evidence
from registry.services.governance.options import stage_options, types_taken
from registry.services.governance.overruling import overrule
from registry.services.governance.policies.stored import (
    default_policy_text,
    frozen_policy,
    protected_aliases,
)
from registry.services.governance.policies.verbs import Policies
from registry.services.governance.recorded_evidence import evidence_about
from registry.services.governance.recording.requested import record_for_request
from registry.services.governance.requests import check_comment, open_request, promote
from registry.services.governance.reviews.conditions import attach_conditions
from registry.services.governance.reviews.own_account import check_own_account
from registry.services.governance.signatures import signed
from registry.services.governance.vetoes import check_vote, with_vote
from registry.services.lookup import found, resolve
from registry.services.unit_of_work import UnitOfWork

__all__ = ["Promotions", "default_policy_text", "protected_aliases"]


@dataclass(frozen=True, slots=True)
class Promotions(Policies):
    """Implements `PromotionVerbs` over a unit of work and a blob store."""

    # --- evidence --------------------------------------------------------------------------------------------------

    def add_evidence(
        self,
        reference: Reference,
        type: str,
        body: Mapping[str, object],
        *,
        file: BinaryIO | None = None,
        file_name: str | None = None,
    ) -> AddedEvidence:
        """Add evidence about a version; every approval given so far is stale from then on.

        Raises: NotFoundError; PolicyRefusedError when the policy in force does not take this type from this person;
        InvalidError; NoSpaceError.
        """
        with self.context.holding() as held:
            return add_evidence(held, _model(reference), type, body, file=file, file_name=file_name)

    def evidence(self, reference: Reference) -> Sequence[EvidenceValue]:
        """What the registry has on record itself, then what people added, oldest first."""
        with self.context.read() as uow:
            ref = resolve(uow, _model(reference))
            return evidence_about(uow, ref)

    def evidence_types(self, reference: Reference) -> Sequence[EvidenceType]:
        """The types of evidence that the person who asks may add about this version."""
        with self.context.read() as uow:
            ref = resolve(uow, _model(reference))
            return types_taken(uow, ref, by=self.context.actor.handle, now=self.context.clock.now())

    # --- requests --------------------------------------------------------------------------------------------------

    def options(self, reference: Reference) -> Sequence[StageOption]:
        """Each stage that may follow for this version, with what is missing now."""
        with self.context.read() as uow:
            ref = resolve(uow, _model(reference))
            return stage_options(uow, ref, by=self.context.actor.handle, now=self.context.clock.now())

    def request(self, reference: Reference, to_stage: str, *, comment: str = "") -> RequestDetail:
        """Open a request; a version that lacks nothing and needs no approval is promoted at once.

        All bytes of the version are read first. Raises: DamagedError.
        """
        self.context.actor.require(Permission.EDIT)
        checked = check_version(
            self.context,
            lambda reading: resolve(reading, _model(reference)) if wanted_status(to_stage) is None else None,
        )
        actor, now = self.context.actor, self.context.clock.now()
        with self._deciding() as (deciding, uow):
            ref = resolve(uow, _model(reference)) if checked is None else checked[0]
            _save(uow, checked)
            made = record_for_request(uow, deciding.context.blobs, ref, to_stage, by=actor.handle, now=now)
            stored, policy, case = open_request(uow, ref, to_stage, comment=comment, by=actor.handle, now=now)
            fields = {
                "request": stored.summary.id,
                "to": to_stage,
                "policy": policy.label,
                "policy_digest": str(policy.digest),
            }
            return deciding._commit(uow, stored, policy, case, Event("promotion.requested", str(ref), fields), *made)

    def request_detail(self, request_id: str) -> RequestDetail:
        """One request: as of now while it is open, else as it was decided."""
        with self.context.read() as uow:
            stored = self._stored(uow, request_id)
            if stored.summary.state is not RequestState.OPEN or not _is_live(uow, stored.summary.ref):
                return closed_detail(stored, _decided_on(uow, self.context, stored), stored.verdict)
            policy = frozen_policy(uow, stored)
            case = case_of(uow, self.context, stored, policy)
            return open_detail(uow, self.context.actor, stored, policy, case, policy.judge(case))

    def requests(
        self,
        *,
        name: Name | None = None,
        reference: Reference | None = None,
        state: RequestState | None = None,
        page: PageRequest = PageRequest(),
    ) -> Page[RequestSummary]:
        """Requests, newest first; of one model, or of the one version that `reference` names."""
        with self.context.read() as uow:
            ref = resolve(uow, _model(reference)) if reference is not None else None
            return uow.governance.requests(name=name, ref=ref, state=state, page=page)

    # --- votes -----------------------------------------------------------------------------------------------------

    def approve(
        self, request_id: str, *, comment: str = "", conditions: Sequence[NewFinding] = (), signature: str = ""
    ) -> RequestDetail:
        """Vote for; the last needed vote promotes. A vote that would not count is refused and not written.

        All bytes of the version are read first. Raises: DamagedError.
        """
        comment = check_comment(comment)
        self.context.actor.require(Permission.EDIT)
        checked = check_version(self.context, lambda reading: _promoted_by(self._open(reading, request_id).summary))
        with self._deciding() as (deciding, uow):
            _save(uow, checked)
            value = VoteValue.APPROVE_WITH_CONDITIONS if conditions else VoteValue.APPROVE
            stored, policy, case = self._vote(uow, request_id, value, comment, conditions, signature)
            vote = case.votes[-1]
            attached = [raised(one) for one in case.findings if one.id in vote.conditions]
            action = "promotion.approved_with_conditions" if conditions else "promotion.approved"
            return deciding._commit(
                uow, stored, policy, with_vote(case, request_id), _voted(stored, action, vote), *attached
            )

    def reject(self, request_id: str, *, comment: str) -> RequestDetail:
        """Vote against, with a reason; one rejection closes the request."""
        comment = check_comment(comment)
        if not comment:
            raise InvalidError("A rejection needs a comment", remedy="Say why: --comment 'the test set has leaked'")
        with self._deciding() as (deciding, uow):
            stored, policy, case = self._vote(uow, request_id, VoteValue.REJECT, comment)
            verdict = policy.judge(case)
            uow.governance.close_request(request_id, RequestState.REJECTED, verdict, at=case.now)
            decided = record_decision(deciding.context.blobs, request_id, RequestState.REJECTED, policy, case)
            uow.commit(_voted(stored, "promotion.rejected", case.votes[-1]), decided)
        return closed_detail(closed(stored, RequestState.REJECTED, case.now), case, verdict)

    def veto(self, request_id: str, *, comment: str) -> RequestDetail:
        """Block a request, with a reason; it stays open until the veto is taken back or overruled.

        Raises: NotFoundError, InvalidError; PolicyRefusedError where its policy has no veto, or none of this person.
        """
        comment = check_comment(comment)
        if not comment:
            raise InvalidError("A veto needs a comment", remedy="Say why: --comment 'the training data is in dispute'")
        self.context.actor.require(Permission.EDIT)
        with self._deciding() as (deciding, uow):
            stored, policy, case = self._vote(uow, request_id, VoteValue.VETO, comment)
            vetoed = _voted(stored, "promotion.vetoed", case.votes[-1])
            return deciding._commit(uow, stored, policy, with_vote(case, request_id), vetoed)

    def complete(self, request_id: str) -> RequestDetail:
        """Promote when all approvals are there and the cooling-off time has passed; anybody who may edit can do it.

        All bytes of the version are read first. Raises: NotFoundError, DamagedError; PolicyRefusedError with what is
        missing.
        """
        self.context.actor.require(Permission.EDIT)
        checked = check_version(self.context, lambda reading: _promoted_by(self._open(reading, request_id).summary))
        with self._deciding() as (deciding, uow):
            _save(uow, checked)
            stored = self._locked(uow, request_id)
            policy = frozen_policy(uow, stored)
            case = case_of(uow, self.context, stored, policy)
            verdict = policy.judge(case)
            if not verdict.allowed:
                raise PolicyRefusedError(f"{request_id} cannot be completed", verdict.reasons)
            done = Event("promotion.completed", str(stored.summary.ref), {"request": request_id})
            return deciding._commit(uow, stored, policy, case, done)

    def withdraw(self, request_id: str) -> RequestDetail:
        """Close a request that one made oneself; an admin may withdraw anybody's."""
        actor = self.context.actor
        with self.context.write() as uow:
            stored = self._locked(uow, request_id)
            if actor.handle != stored.summary.requested_by and Permission.ADMIN not in actor.permissions:
                raise PermissionDeniedError(
                    f"{actor.handle} did not open {request_id}",
                    remedy=f"Ask {stored.summary.requested_by} or an admin to withdraw it, or reject it",
                )
            now = self.context.clock.now()
            uow.governance.close_request(request_id, RequestState.WITHDRAWN, stored.verdict, at=now)
            uow.commit(Event("promotion.withdrawn", str(stored.summary.ref), {"request": request_id}))
        return closed_detail(closed(stored, RequestState.WITHDRAWN, now), None, stored.verdict)

    def overrule(self, request_id: str, *, comment: str) -> RequestDetail:
        """Overrule the rejection that closed a request, or take one's own back; the promotion can be requested again.

        Raises: NotFoundError; PolicyRefusedError when no rejection stands or the policy does not let this person;
        ConflictError.
        """
        comment = check_comment(comment)
        if not comment:
            raise InvalidError(
                "Overruling a rejection needs a comment", remedy="Say why: --comment 'the leak is mended'"
            )
        self.context.actor.require(Permission.EDIT)
        with self.context.write() as uow:
            uow.governance.lock_request(request_id)
            stored = self._stored(uow, request_id)
            found = overrule(uow, self.context, stored, frozen_policy(uow, stored), comment)
        return replace(self.request_detail(request_id), warnings=(str(found),))

    def explain(self, request_id: str) -> Explanation:
        """A decision judged again on the stored case by the stored policy: it gives the stored verdict."""
        with self.context.read() as uow:
            stored = self._stored(uow, request_id)
            return explained(uow, self.context.blobs, stored, frozen_policy(uow, stored))

    # --- what the verbs share --------------------------------------------------------------------------------------

    @contextmanager
    def _deciding(self) -> Iterator[tuple[Promotions, UnitOfWork]]:
        """These verbs, and a transaction: the case that a decision stores is held until the commit."""
        with self.context.holding() as held, held.write() as uow:
            yield replace(self, context=held), uow

    def _stored(self, uow: UnitOfWork, request_id: str) -> RequestDetail:
        return found(uow.governance.request(request_id), f"promotion request {request_id}", see="promote list")

    def _locked(self, uow: UnitOfWork, request_id: str) -> RequestDetail:
        """The request, read under the lock of its model. Raises: NotFoundError, PolicyRefusedError when closed."""
        uow.governance.lock_request(request_id)
        return self._open(uow, request_id)

    def _open(self, uow: UnitOfWork, request_id: str) -> RequestDetail:
        """The request. Raises: NotFoundError, PolicyRefusedError when it is closed."""
        stored = self._stored(uow, request_id)
        if stored.summary.state is not RequestState.OPEN:
            raise PolicyRefusedError(f"{request_id} is closed", (f"It was {stored.summary.state.value} already",))
        return stored

    def _commit(
        self, uow: UnitOfWork, stored: RequestDetail, policy: Policy, case: Case, event: Event, *more: Event
    ) -> RequestDetail:
        """Promote when nothing is missing any more, and commit; the answer is made of what was read already."""
        verdict, actor = policy.judge(case), self.context.actor
        if not verdict.allowed:
            detail = open_detail(uow, actor, stored, policy, case, verdict)
            uow.commit(event, *more)
            return detail
        events = promote(uow, self.context.blobs, stored.summary, policy, case, verdict, by=actor.handle)
        uow.commit(event, *more, *events)
        return closed_detail(closed(stored, RequestState.PROMOTED, case.now), case, verdict)

    def _vote(
        self,
        uow: UnitOfWork,
        request_id: str,
        value: VoteValue,
        comment: str,
        conditions: Sequence[NewFinding] = (),
        signature: str = "",
    ) -> tuple[RequestDetail, Policy, Case]:
        """Write the actor's vote, bound to the state of things now; give the case with it."""
        check_own_account(uow, self.context)
        stored = self._locked(uow, request_id)
        handle = self.context.actor.handle
        policy = frozen_policy(uow, stored)
        case = case_of(uow, self.context, stored, policy)
        if value.value in policy.votes.comment_required_for and not comment:
            raise InvalidError(
                f"Policy {policy.label} asks for a comment with each vote to {value.value}",
                remedy="Say why with --comment",
            )
        check_vote(stored, policy, value, handle)
        electorate = policy.electorate(case)
        objections = electorate.objections(handle)
        if objections:
            raise PolicyRefusedError(f"{handle} may not {value.value} {request_id}", objections)
        if value is VoteValue.APPROVE and electorate.stands(handle):
            raise ConflictError(f"{handle} has approved {request_id} already, and nothing has changed since")
        attached = attach_conditions(uow, stored, policy, conditions, by=handle, now=case.now) if conditions else []
        if attached:  # a condition that reads findings has to see them
            case = case_of(uow, self.context, stored, policy)
        vote = VoteEntry(handle, electorate.roles_of(handle), value, comment, case.now, case.bound, seen=case.seen)
        vote = replace(vote, conditions=tuple(one.id for one in attached))
        if value.approves:
            vote = signed(stored, policy, case, vote, signature)
        uow.governance.add_vote(request_id, vote)
        return stored, policy, replace(case, votes=(*case.votes, vote))


def _promoted_by(request: RequestSummary) -> VersionRef | None:
    """The version whose bytes are read before a decision; None for a change of its status, which needs none of them."""
    return request.ref if wanted_status(request.to_stage) is None else None


def _save(uow: UnitOfWork, checked: tuple[VersionRef, VersionCheck] | None) -> None:
    if checked is not None:
        uow.objects.save_version_check(*checked)


def _model(reference: Reference) -> Reference:
    if reference.kind is not AssetKind.MODELS:
        raise BadReferenceError(f"{reference} is not a model", remedy="Only model versions are promoted")
    return reference


def _is_live(uow: UnitOfWork, ref: VersionRef) -> bool:
    return uow.catalog.resolve(Reference.to(ref)) is not None


def _decided_on(uow: UnitOfWork, context: Context, stored: RequestDetail) -> Case | None:
    decided = stored.summary.state in {RequestState.PROMOTED, RequestState.REJECTED, RequestState.REVOKED}
    return decided_case(uow, context.blobs, stored.summary.id) if decided else None


def _voted(stored: RequestDetail, action: str, vote: VoteEntry) -> Event:
    detail = {"request": stored.summary.id, "comment": vote.comment, "vote": str(vote_digest(vote))}
    if vote.signature is not None:
        detail["key"] = vote.signature.key
    return Event(action, str(stored.summary.ref), detail)
