"""The governance repository: evidence, policies, promotion requests and votes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from datetime import datetime
from functools import cache
from typing import Any

from sqlalchemy import Connection, Row, bindparam, func, insert, or_, select, update

from lineage import NodeId
from registry.domain.catalog.models import NOT_APPROVED, MetricValue
from registry.domain.governance.policies.changes import PolicyProposal, PolicyVote, ProposalState
from registry.domain.governance.promotion import (
    Bindings,
    CheckResult,
    EvidenceValue,
    PolicyValue,
    Rejection,
    RequestDetail,
    RequestState,
    RequestSummary,
    Verdict,
    VoteEntry,
    VoteValue,
)
from registry.domain.names import AssetKind, Name, VersionRef
from registry.domain.paging import Page, PageRequest
from registry.errors import ConflictError, NotFoundError
from registry.services.storage.governance import NamedVersion, VersionRecord
from registry.storage.catalog.assets import require_version
from registry.storage.catalog.versions import refs_of
from registry.storage.governance import proposals
from registry.storage.governance.records import baselines_of, stale_voters, tested_by, version_record
from registry.storage.governance.state import bound_of, recorded_state, vote_entry
from registry.storage.sql.paging import SortBy, page_rows
from registry.storage.tables import asset, evidence, model_version, node, overruling, policy, request, version, vote


@cache
def _newest_policies() -> Any:
    """The newest version of each policy."""
    newest = select(policy.c.name, func.max(policy.c.version).label("version")).group_by(policy.c.name).subquery()
    return select(policy).join(newest, (newest.c.name == policy.c.name) & (newest.c.version == policy.c.version))


class SqlGovernance:
    """Implements `GovernanceRepository`."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._tested: tuple[object, Mapping[NodeId, Sequence[MetricValue]]] | None = None

    def version(self, ref: VersionRef) -> VersionRecord | None:
        return version_record(self._connection, ref)

    def baselines(self, name: Name) -> Mapping[str, NamedVersion]:
        return baselines_of(self._connection, name)

    def tested(self, steps: Sequence[NodeId], names: Sequence[str]) -> Mapping[NodeId, Sequence[MetricValue]]:
        key = (tuple(steps), tuple(names))
        if self._tested is None or self._tested[0] != key:  # a step that has made a version measures nothing more
            self._tested = key, tested_by(self._connection, steps, names)
        return self._tested[1]

    def add_evidence(self, value: EvidenceValue) -> None:
        row = require_version(self._connection, value.ref)
        self._connection.execute(
            insert(evidence).values(
                public_id=value.id,
                node_id=row.node_id,
                subject=value.subject,
                type=value.type,
                digest=value.digest,
                body=dict(value.body),
                file=value.file,
                file_name=value.file_name,
                added_at=value.added_at,
                added_by=value.added_by,
            )
        )

    def evidence(self, ref: VersionRef) -> Sequence[EvidenceValue]:
        query = select(evidence).join(node, node.c.id == evidence.c.node_id).where(node.c.label == str(ref))
        return [_evidence(found, ref) for found in self._connection.execute(query.order_by(evidence.c.id))]

    def add_policy(self, value: PolicyValue) -> None:
        if self.policy(value.name, value.version) is not None:
            raise ConflictError(
                f"Version {value.version} of policy {value.name} has been published already",
                remedy="Raise its version",
            )
        self._connection.execute(
            insert(policy).values(
                name=value.name,
                version=value.version,
                digest=value.digest,
                text=value.text,
                published_at=value.published_at,
                published_by=value.published_by,
            )
        )

    def policies(self) -> Sequence[PolicyValue]:
        found = self._connection.execute(_newest_policies())
        return sorted((_policy(row) for row in found), key=lambda value: value.name)

    def policy(self, name: str, version: int | None = None) -> PolicyValue | None:
        query = select(policy).where(policy.c.name == name).order_by(policy.c.version.desc()).limit(1)
        if version is not None:
            query = query.where(policy.c.version == version)
        row = self._connection.execute(query).one_or_none()
        return None if row is None else _policy(row)

    def policy_versions(self, name: str) -> Sequence[PolicyValue]:
        query = select(policy).where(policy.c.name == name).order_by(policy.c.version.desc())
        return [_policy(row) for row in self._connection.execute(query)]

    def add_proposal(self, value: PolicyProposal) -> None:
        proposals.add_proposal(self._connection, value)

    def proposal(self, proposal_id: str) -> PolicyProposal | None:
        return next(iter(proposals.proposals(self._connection, id=proposal_id)), None)

    def proposals(self, state: ProposalState | None) -> Sequence[PolicyProposal]:
        return proposals.proposals(self._connection, state=state)

    def add_policy_vote(self, proposal_id: str, vote: PolicyVote) -> None:
        proposals.add_policy_vote(self._connection, proposal_id, vote)

    def close_proposal(self, proposal_id: str, state: ProposalState, *, at: datetime) -> None:
        proposals.close_proposal(self._connection, proposal_id, state, at=at)

    def add_request(self, value: RequestDetail) -> None:
        summary = value.summary
        row = require_version(self._connection, summary.ref)
        self._connection.execute(
            insert(request).values(
                public_id=summary.id,
                node_id=row.node_id,
                from_stage=summary.from_stage,
                to_stage=summary.to_stage,
                alias=summary.alias,
                state=summary.state,
                requested_by=summary.requested_by,
                requested_at=summary.requested_at,
                closed_at=summary.closed_at,
                comment=summary.comment,
                policy=value.policy,
                policy_digest=value.policy_digest,
                verdict=asdict(value.verdict),
                **_bound_columns(value.bound),
            )
        )
        for given in value.votes:
            self.add_vote(summary.id, given)

    def request(self, request_id: str) -> RequestDetail | None:
        row = self._connection.execute(select(request).where(request.c.public_id == request_id)).one_or_none()
        if row is None:
            return None
        votes = self._connection.execute(select(vote).where(vote.c.request_id == row.id).order_by(vote.c.id))
        ref = refs_of(self._connection, [row.node_id])[row.node_id]
        return RequestDetail(
            summary=_request(row, ref),
            policy=row.policy,
            policy_digest=row.policy_digest,
            bound=bound_of(row),
            verdict=_verdict(row.verdict),
            votes=tuple(vote_entry(found) for found in votes),
            evidence=tuple(self.evidence(ref)),
        )

    def requests(
        self, *, name: Name | None, ref: VersionRef | None, state: RequestState | None, page: PageRequest
    ) -> Page[RequestSummary]:
        statement = select(request)
        named = ref.name if ref is not None else name
        if named is not None:
            statement = (
                statement.join(version, version.c.node_id == request.c.node_id)
                .join(asset, asset.c.id == version.c.asset_id)
                .where(asset.c.kind == AssetKind.MODELS, asset.c.folded == named.folded, asset.c.name == str(named))
            )
        if ref is not None:
            statement = statement.where(version.c.number == ref.number)
        if state is not None:
            statement = statement.where(request.c.state == state)
        order = [SortBy(request.c.id, int, descending=True)]
        rows, cursor = page_rows(self._connection, statement, order, page, scope=f"requests {ref or name} {state}")
        refs = refs_of(self._connection, {row.node_id for row in rows})
        stale = stale_voters(self._connection, [row for row in rows if row.state == RequestState.OPEN])
        found = [replace(_request(row, refs[row.node_id]), stale_votes=stale.get(row.id, ())) for row in rows]
        return Page(found, cursor)

    def approved_requests(self) -> Sequence[str]:
        for_it = vote.c.value.in_([value for value in VoteValue if value.approves])
        voted = select(vote.c.id).where(vote.c.request_id == request.c.id, for_it).exists()
        query = select(request.c.public_id).where(request.c.state == RequestState.OPEN, voted).order_by(request.c.id)
        return self._connection.scalars(query).all()

    def add_vote(self, request_id: str, vote: VoteEntry) -> None:
        self._connection.execute(
            insert(_votes).values(
                request_id=self._key(request_id),
                voter=vote.voter,
                roles=list(vote.roles),
                value=vote.value,
                comment=vote.comment,
                voted_at=vote.at,
                seen=dict(vote.seen) or None,
                conditions=list(vote.conditions) or None,
                signature=None if vote.signature is None else asdict(vote.signature),
                **_bound_columns(vote.bound),
            )
        )

    def in_stage(self, name: Name, stage: str) -> Sequence[VersionRef]:
        query = (
            select(version.c.number)
            .join(asset, asset.c.id == version.c.asset_id)
            .join(model_version, model_version.c.node_id == version.c.node_id)
            .where(asset.c.kind == AssetKind.MODELS, asset.c.folded == name.folded)
            .where(version.c.deleted_at.is_(None), model_version.c.stage == stage)
            .order_by(version.c.number)
        )
        return [VersionRef(AssetKind.MODELS, name, number) for number in self._connection.scalars(query)]

    def approved(self, stage: str | None, page: PageRequest) -> Page[VersionRef]:
        wanted = [model_version.c.stage == stage] if stage is not None else []
        if stage not in NOT_APPROVED:
            wanted.append(model_version.c.stage.not_in(_OTHERS))  # in the words of the index
        query: Any = (
            select(version.c.number, asset.c.name)
            .join(asset, asset.c.id == version.c.asset_id)
            .join(model_version, model_version.c.node_id == version.c.node_id)
            .where(version.c.deleted_at.is_(None), asset.c.deleted_at.is_(None), *wanted)
        )
        order, scope = [SortBy(model_version.c.node_id, int)], f"approved {stage}"
        rows, cursor = page_rows(self._connection, query, order, page, scope=scope)
        return Page([VersionRef(AssetKind.MODELS, Name.parse(row.name), row.number) for row in rows], cursor)

    def state(self) -> Mapping[str, str]:
        return recorded_state(self._connection)

    def rejections(self, ref: VersionRef) -> Sequence[Rejection]:
        closed = (request.c.state == RequestState.REJECTED) & request.c.overruled_at.is_(None)
        rejected = closed & (vote.c.value == VoteValue.REJECT)
        after = request.c.overruled_at.is_(None) | (vote.c.voted_at > request.c.overruled_at)
        vetoed = after & (vote.c.value == VoteValue.VETO)
        newer = vote.alias("newer")
        same = (newer.c.request_id == vote.c.request_id) & (newer.c.voter == vote.c.voter)
        later = select(newer.c.id).where(same, newer.c.id > vote.c.id).exists()
        query = (
            select(vote, request.c.public_id, request.c.to_stage)
            .join(request, request.c.id == vote.c.request_id)
            .join(node, node.c.id == request.c.node_id)
            .where(node.c.label == str(ref), or_(rejected, vetoed), ~later)
            .order_by(vote.c.id)
        )
        return [Rejection(one.public_id, one.to_stage, vote_entry(one)) for one in self._connection.execute(query)]

    def approvers(self, ref: VersionRef) -> Mapping[str, frozenset[str]]:
        query = (
            select(request.c.to_stage, vote.c.voter)
            .join(request, request.c.id == vote.c.request_id)
            .join(node, node.c.id == request.c.node_id)
            .where(node.c.label == str(ref), request.c.state == RequestState.PROMOTED)
            .where(vote.c.value.not_in([VoteValue.REJECT, VoteValue.VETO]))
        )
        found: dict[str, set[str]] = {}
        for stage, voter in self._connection.execute(query):
            found.setdefault(stage, set()).add(voter)
        return {stage: frozenset(people) for stage, people in found.items()}

    def add_overruling(self, request_id: str, person: str, comment: str, *, at: datetime) -> None:
        values = {"request_id": self._key(request_id), "person": person, "comment": comment, "at": at}
        self._connection.execute(insert(overruling).values(**values))

    def overrulings(self, request_id: str) -> Sequence[str]:
        query = select(overruling.c.person).where(overruling.c.request_id == self._key(request_id))
        return self._connection.scalars(query.order_by(overruling.c.id)).all()

    def set_overruled(self, request_id: str, *, at: datetime) -> None:
        self._connection.execute(update(request).where(request.c.public_id == request_id).values(overruled_at=at))

    def close_request(self, request_id: str, state: RequestState, verdict: Verdict, *, at: datetime) -> None:
        closed = self._connection.execute(
            update(request)
            .where(request.c.public_id == request_id, request.c.state == RequestState.OPEN)
            .values(state=state, verdict=asdict(verdict), closed_at=at)
        )
        if closed.rowcount == 0:
            self._key(request_id)
            raise ConflictError(f"The request {request_id} is closed already")

    def restate(self, request_id: str, verdict: Verdict) -> None:
        mine = request.c.id == self._key(request_id)
        self._connection.execute(update(request).where(mine).values(verdict=asdict(verdict)))

    def lock(self, name: Name) -> None:
        # There is one writer at a time already; the row keeps this right should that lock become finer.
        query = select(asset.c.id).where(asset.c.kind == AssetKind.MODELS, asset.c.folded == name.folded)
        self._connection.execute(query.with_for_update())

    def lock_request(self, request_id: str) -> None:
        query = (
            select(asset.c.id)
            .join(version, version.c.asset_id == asset.c.id)
            .join(request, request.c.node_id == version.c.node_id)
            .where(request.c.public_id == request_id)
        )
        self._connection.execute(query.with_for_update(of=asset))

    def _key(self, request_id: str) -> int:
        query = select(request.c.id).where(request.c.public_id == request_id)
        found = self._connection.execute(query).scalar_one_or_none()
        if found is None:
            raise NotFoundError(f"There is no promotion request {request_id}")
        return found


_votes = vote


def _bound_columns(bound: Bindings) -> dict[str, object]:
    return {
        "bound_artifact": bound.artifact,
        "bound_lineage": bound.lineage,
        "bound_policy": bound.policy,
        "bound_evidence": bound.evidence,
        "bound_seen": bound.seen,
    }


def _evidence(row: Row[Any], ref: VersionRef) -> EvidenceValue:
    return EvidenceValue(
        id=row.public_id,
        ref=ref,
        subject=row.subject,
        type=row.type,
        digest=row.digest,
        body=row.body,
        file=row.file,
        file_name=row.file_name,
        added_at=row.added_at,
        added_by=row.added_by,
    )


def _policy(row: Row[Any]) -> PolicyValue:
    return PolicyValue(row.name, row.version, row.digest, row.text, row.published_at, row.published_by)


def _request(row: Row[Any], ref: VersionRef) -> RequestSummary:
    return RequestSummary(
        id=row.public_id,
        ref=ref,
        from_stage=row.from_stage,
        to_stage=row.to_stage,
        alias=row.alias,
        state=RequestState(row.state),
        requested_by=row.requested_by,
        requested_at=row.requested_at,
        closed_at=row.closed_at,
        comment=row.comment,
        overruled_at=row.overruled_at,
    )


def _verdict(stored: Mapping[str, Any]) -> Verdict:
    return Verdict(tuple(CheckResult(**check) for check in stored["checks"]))


_OTHERS: Any = bindparam("others", sorted(NOT_APPROVED), expanding=True, literal_execute=True)
