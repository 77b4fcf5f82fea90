"""What is kept of evidence, policies, promotion requests and votes."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta

import pytest

from registry.domain.governance.promotion import (
    Bindings,
    CheckResult,
    EvidenceValue,
    PolicyValue,
    RequestDetail,
    RequestState,
    RequestSummary,
    Verdict,
    VoteEntry,
    VoteValue,
)
from registry.domain.names import Name, VersionRef
from registry.domain.paging import PageRequest
from registry.errors import ConflictError, NotFoundError
from registry.services.storage.governance import NamedVersion
from registry.services.unit_of_work import UnitOfWork
from registry.storage.unit_of_work import SqlUnitOfWorkFactory as Factory
from tests.builders import NOW, add_version, digest, metric, model_ref

LATER = NOW + timedelta(hours=1)
BOUND = Bindings(digest("artifact"), digest("lineage"), digest("policy"), digest("evidence"), digest("seen"))
REFUSED = Verdict((CheckResult("two-people", "approval", False, "one approval is missing"),))
ALLOWED = Verdict((CheckResult("two-people", "approval", True, "two people approved"),))


@pytest.fixture
def uow(open_uow: Factory) -> Iterator[UnitOfWork]:
    with open_uow(actor="ana", write=True) as uow:
        yield uow


@pytest.fixture
def ref(uow: UnitOfWork) -> VersionRef:
    return add_version(uow, "vision/digits")


def evidence(ref: VersionRef, public_id: str) -> EvidenceValue:
    return EvidenceValue(
        id=public_id,
        ref=ref,
        subject=digest("artifact"),
        type="evaluation",
        digest=digest(public_id),
        body={"accuracy": 0.9, "slices": [{"name": "dark", "accuracy": 0.7}]},
        file=digest("report"),
        file_name="report.pdf",
        added_at=NOW,
        added_by="ana",
    )


def request(ref: VersionRef, public_id: str) -> RequestDetail:
    summary = RequestSummary(
        public_id, ref, "validated", "production", "production", RequestState.OPEN, "ana", NOW, None, "please"
    )
    return RequestDetail(summary, "default", digest("policy"), BOUND, REFUSED, ())


def vote(voter: str, value: VoteValue = VoteValue.APPROVE) -> VoteEntry:
    seen = {"lineage.recalled": "0"}
    return VoteEntry(voter, ("risk", "validator"), value, "looked at the slices", LATER, BOUND, seen=seen)


def policy(name: str, version: int) -> PolicyValue:
    return PolicyValue(name, version, digest(f"{name} {version}"), f"version: {version}", NOW, "ana")


def test_evidence_is_kept_with_its_version_in_order(uow: UnitOfWork, ref: VersionRef) -> None:
    first, second = evidence(ref, "ev-1"), replace(evidence(ref, "ev-2"), file=None, file_name=None)
    uow.governance.add_evidence(first)
    uow.governance.add_evidence(second)
    assert uow.governance.evidence(ref) == [first, second]
    assert uow.governance.evidence(model_ref("vision/none/1")) == []
    with pytest.raises(NotFoundError):
        uow.governance.add_evidence(evidence(model_ref("vision/none/1"), "ev-3"))


def test_the_newest_version_of_each_policy_is_in_force(uow: UnitOfWork) -> None:
    for name, version in (("teams", 1), ("default", 1), ("default", 10), ("default", 2)):
        uow.governance.add_policy(policy(name, version))
    assert uow.governance.policies() == [policy("default", 10), policy("teams", 1)]
    assert uow.governance.policy("default") == policy("default", 10)
    assert uow.governance.policy("default", 2) == policy("default", 2)
    assert uow.governance.policy("none") is None
    assert [value.version for value in uow.governance.policy_versions("default")] == [10, 2, 1]
    assert uow.governance.policy_versions("none") == []
    assert uow.governance.policy("default", 3) is None


def test_a_published_policy_is_never_published_again(uow: UnitOfWork) -> None:
    uow.governance.add_policy(policy("default", 1))
    with pytest.raises(ConflictError, match="default"):
        uow.governance.add_policy(replace(policy("default", 1), text="other"))
    assert uow.governance.policy("default") == policy("default", 1)


def test_a_request_comes_back_with_votes_evidence_and_verdict(uow: UnitOfWork, ref: VersionRef) -> None:
    uow.governance.add_evidence(evidence(ref, "ev-1"))
    opened = request(ref, "req-1")
    uow.governance.add_request(opened)
    uow.governance.add_vote("req-1", vote("bo"))
    uow.governance.add_vote("req-1", vote("cy", VoteValue.REJECT))
    found = uow.governance.request("req-1")
    assert found == replace(opened, votes=(vote("bo"), vote("cy", VoteValue.REJECT)), evidence=(evidence(ref, "ev-1"),))
    assert uow.governance.request("req-2") is None
    with pytest.raises(NotFoundError):
        uow.governance.add_vote("req-2", vote("bo"))


def test_a_request_is_closed_once(uow: UnitOfWork, ref: VersionRef) -> None:
    uow.governance.add_request(request(ref, "req-1"))
    uow.governance.close_request("req-1", RequestState.PROMOTED, ALLOWED, at=LATER)
    found = uow.governance.request("req-1")
    assert found is not None
    assert (found.summary.state, found.summary.closed_at, found.verdict) == (RequestState.PROMOTED, LATER, ALLOWED)
    with pytest.raises(ConflictError, match="closed"):
        uow.governance.close_request("req-1", RequestState.REJECTED, REFUSED, at=LATER)


def test_requests_are_listed_by_model_and_state_newest_first(uow: UnitOfWork, ref: VersionRef) -> None:
    other = add_version(uow, "vision/letters")
    for number in range(3):
        uow.governance.add_request(request(ref, f"req-{number}"))
    uow.governance.add_request(request(other, "req-other"))
    uow.governance.close_request("req-1", RequestState.WITHDRAWN, REFUSED, at=LATER)

    def found(name: str | None = None, state: RequestState | None = None, of: VersionRef | None = None) -> list[str]:
        parsed = None if name is None else Name.parse(name)
        return [r.id for r in uow.governance.requests(name=parsed, ref=of, state=state, page=PageRequest()).items]

    assert found() == ["req-other", "req-2", "req-1", "req-0"]
    assert found(name="vision/digits") == ["req-2", "req-1", "req-0"]
    assert found(name="vision/digits", state=RequestState.OPEN) == ["req-2", "req-0"]
    assert found(state=RequestState.WITHDRAWN) == ["req-1"]
    assert found(of=other) == ["req-other"]
    assert found(of=ref, state=RequestState.WITHDRAWN) == ["req-1"]
    first = uow.governance.requests(name=None, ref=None, state=None, page=PageRequest(3))
    rest = uow.governance.requests(name=None, ref=None, state=None, page=PageRequest(3, first.next_cursor))
    assert [(r.id, r.ref) for r in rest.items] == [("req-0", ref)]


def test_two_decisions_on_one_model_wait_for_each_other(open_uow: Factory) -> None:
    """Of two who decide on the state that they read, the second reads what the first wrote."""

    with open_uow(actor="ana", write=True) as uow:
        ref = add_version(uow, "vision/digits")
        uow.governance.add_request(request(ref, "req-1"))
        uow.commit_unaudited()

    def decide(voter: str) -> int:
        with open_uow(actor=voter, write=True) as uow:
            uow.governance.lock(ref.name)
            found = uow.governance.request("req-1")
            assert found is not None
            uow.governance.add_vote("req-1", vote(voter))
            uow.commit_unaudited()
        return len(found.votes)

    with ThreadPoolExecutor(5) as pool:
        assert sorted(pool.map(decide, ["bo", "cy", "di", "ed", "fa"])) == [0, 1, 2, 3, 4]


def test_a_version_is_read_as_decisions_see_it(uow: UnitOfWork) -> None:
    base = add_version(uow, "vision/base")
    ref = add_version(
        uow, "vision/net", parents=[base], measured=[metric(0.9), metric(0.5, role="train")], tags={"a": "1"}
    )
    uow.catalog.set_tags(ref.name, {"a": "0", "b": "2"}, at=NOW)
    uow.catalog.add_card(ref, "first", by="ana", at=NOW)
    uow.catalog.add_card(ref, "second", by="bo", at=NOW)
    uow.catalog.set_alias("best", ref, protected=False, by="ana", at=NOW)
    found, whole = uow.governance.version(ref), uow.catalog.version(ref)
    assert found is not None
    assert whole is not None
    summary, model = whole.summary, whole.model
    assert (found.digest, found.stage, found.status, found.licence) == (
        summary.digest, summary.stage, summary.status, summary.licence,
    )  # fmt: skip
    assert (found.method, found.created_at, found.created_by) == (
        summary.method,
        summary.created_at,
        summary.created_by,
    )
    assert (found.task, found.modality, found.origin, found.owner) == (
        model.task, model.modality.value, model.origin, model.owner,
    )  # fmt: skip
    assert (found.architecture, found.parents, found.card) == (whole.architecture, whole.parents, whole.card)
    assert (found.aliases, found.metrics, found.tags) == (("best",), {"accuracy": 0.9}, {"a": "1", "b": "2"})
    assert (found.step.id, found.step.created_by, found.step.manifest) == (whole.step, "ana", None)
    assert uow.governance.baselines(ref.name) == {"best": NamedVersion(ref, {"accuracy": 0.9})}
    uow.catalog.delete_version(ref, at=NOW)
    assert uow.governance.version(ref) is None
    assert uow.governance.baselines(ref.name) == {}
