"""A clock that is set forward or back, and other time zones: nothing ends early, and order is that of the sequence."""

from __future__ import annotations

import io
import os
import time
from datetime import timedelta
from itertools import pairwise
from pathlib import Path

import pytest

from registry import bootstrap
from registry.auth import Attempts, Doorkeeper
from registry.domain.audit import Event
from registry.domain.names import Reference
from registry.domain.people.people import SYSTEM
from registry.domain.transfers.steps import Lease, StepDetail, StepState
from registry.errors import UnauthenticatedError
from registry.services.context import Context
from registry.services.people.sessions import Sessions
from registry.services.transfers.leases import LEASE_SECONDS, Hold
from registry.settings import Settings
from registry.storage.artifacts.blobs import FolderBlobs
from tests.builders import add_version, step
from tests.registry.services.teams import Team, bring_to, ref_of

JUMPS = [timedelta(days=days) for days in (1, -1, 366, -366)]
jumping = pytest.mark.parametrize("jump", JUMPS, ids=lambda jump: f"{jump.days:+}d")
BACK = timedelta(days=-1)


def started(step: StepDetail) -> Event:
    return Event("transfer.started", step.summary.id)


@jumping
def test_the_newest_evidence_is_what_was_added_last(team: Team, jump: timedelta) -> None:
    ref = team.publish()
    bring_to(team, ref, "validated")
    team.promotions("dora").add_evidence(ref_of(ref), "validation", {"result": "fail"})
    team.clock.set_by(jump)
    team.promotions("dora").add_evidence(ref_of(ref), "validation", {"result": "pass"})
    team.clock.set_by(-jump)
    request = team.promotions("ana").request(ref_of(ref), "production")
    assert not [check for check in request.verdict.checks if not check.passed and "fail" in check.message]
    if jump < timedelta(days=-30):
        return  # by its date it is too old for the policy: what is written with a wrong clock keeps its wrong date
    team.promotions("ben").approve(request.summary.id)
    team.promotions("carla").approve(request.summary.id)
    assert team.stage(ref) == "production"


def test_an_approval_after_the_clock_was_set_back_replaces_the_one_before(team: Team) -> None:
    ref = team.publish()
    bring_to(team, ref, "validated")
    team.promotions("dora").add_evidence(ref_of(ref), "validation", {"result": "pass"})
    request = team.promotions("ana").request(ref_of(ref), "production").summary.id
    team.promotions("ben").approve(request)
    team.promotions("dora").add_evidence(ref_of(ref), "validation", {"result": "pass"})
    team.clock.set_by(BACK)
    team.promotions("ben").approve(request)
    team.promotions("carla").approve(request)
    assert team.stage(ref) == "production"


@jumping
def test_versions_requests_and_the_log_keep_their_order(team: Team, jump: timedelta) -> None:
    first = team.publish("vision/other")
    team.clock.set_by(jump)
    second = team.publish("vision/other")
    assert (first.number, second.number) == (1, 2)
    with team.open_uow(actor="root") as uow:
        entries = [entry.seq for entry in uow.audit.entries()]
        assert entries == list(range(1, len(entries) + 1))
    assert team.actions("models:/vision/other/1") == ["model_version.transferred"]
    found = team.promotions("ana")
    one = found.request(ref_of(first), "candidate").summary.id
    team.clock.set_by(-2 * jump)
    two = found.request(ref_of(second), "candidate").summary.id
    assert [request.id for request in found.requests().items] == [two, one]


@jumping
def test_a_worker_keeps_its_step_when_the_clock_is_set(team: Team, jump: timedelta) -> None:
    context = team.context("ana")
    with context.write() as uow:
        new = step("vision/digits", state=StepState.QUEUED)
        uow.steps.add(new)
        uow.leases.offer(new.id, "local", seconds=10)
        uow.commit(Event("transfer.submitted", new.id))
    hold = Hold(context, new.id)
    hold.take(started)
    team.clock.set_by(jump)
    team.clock.forward(seconds=LEASE_SECONDS / 2)
    with context.write() as uow:
        hold.keep(uow)
        uow.commit_unaudited()
    lease = lease_of(context, new.id)
    assert lease.live
    assert lease.until == team.clock.now() + timedelta(seconds=LEASE_SECONDS)


def lease_of(context: Context, step_id: str) -> Lease:
    with context.read() as uow:
        found = uow.leases.get(step_id)
    assert found is not None
    return found


def test_a_session_that_was_ended_stays_ended_when_the_clock_was_a_year_ahead_for_a_while(team: Team) -> None:
    secret = team.people("root").create_token("ana", label="laptop", days=365).secret
    door = Doorkeeper(Sessions(team.context_of(SYSTEM)), "k" * 40, Attempts())
    mine = door.sign_in(secret, "10.0.0.1")
    door.sign_out(mine.summary)
    team.clock.set_by(timedelta(days=364))
    door.sign_out(door.sign_in(secret, "10.0.0.1").summary)
    team.clock.set_by(timedelta(days=-364))
    with pytest.raises(UnauthenticatedError, match="has ended"):
        door.visit(mine.cookie)


@jumping
def test_tokens_and_sessions_are_good_again_when_the_clock_is_right_again(team: Team, jump: timedelta) -> None:
    secret = team.people("root").create_token("ana", label="laptop", days=90).secret
    door = Doorkeeper(Sessions(team.context_of(SYSTEM)), "k" * 40, Attempts())
    cookie = door.sign_in(secret, "10.0.0.1").cookie
    team.clock.set_by(jump)
    if jump < timedelta(0):
        assert door.still(door.visit(cookie).session).handle == "ana"
        assert door.actor_of_header(f"Bearer {secret}", "10.0.0.1").handle == "ana"
    team.clock.set_by(-jump)
    assert door.visit(cookie).actor.handle == "ana"
    assert door.actor_of_header(f"Bearer {secret}", "10.0.0.1").handle == "ana"


def test_a_collection_spares_what_is_put_after_the_clock_was_set_back(tmp_path: Path) -> None:
    blobs = FolderBlobs(tmp_path / "blobs")
    with blobs.holding() as held:
        (hold,) = (tmp_path / "blobs/holds").iterdir()
        ahead = time.time() + 86_400  # when the publication began, by the clock as it was set then
        os.utime(hold, (ahead, ahead))
        digest, _ = held.put(io.BytesIO(b"weights"))
        assert not blobs.discard(digest, before=ahead)


def test_a_registry_reads_the_same_times_in_every_time_zone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings, home = Settings(mlflow_uri="off"), tmp_path / "home"
    zones = ("Pacific/Kiritimati", "UTC", "Pacific/Pago_Pago", "America/St_Johns")
    try:
        tell(monkeypatch, zones[0])
        bootstrap.init(home, settings=settings, actor="ana")
        told = []
        for zone in zones:
            tell(monkeypatch, zone)
            with bootstrap.open(home, settings=settings, actor="ana") as registry:
                secret = registry.people.create_token("ana", label="laptop", days=1).secret
                assert registry.sessions.authenticate(secret).handle == "ana"
                with registry.context.write() as uow:
                    ref = add_version(uow, "vision/digits", at=registry.context.clock.now())
                    uow.commit(Event("model_version.imported", str(ref)))
                assert registry.audit.verify().intact
                told.append([entry.at for entry in registry.audit.search().items][::-1])
        for before, after in pairwise(told):
            assert after[: len(before)] == before
        assert told[-1] == sorted(told[-1])
        assert registry.catalog.version(Reference.to(ref)).summary.ref == ref
    finally:
        monkeypatch.undo()
        time.tzset()


def tell(monkeypatch: pytest.MonkeyPatch, zone: str) -> None:
    monkeypatch.setenv("TZ", zone)
    time.tzset()
