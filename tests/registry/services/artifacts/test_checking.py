"""A check finds everything that is damaged, marks the versions, and takes the marks away when the bytes are right."""

from __future__ import annotations

import io
import time
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import text

from lineage import Digest
from registry.domain.audit import Event, verify_chain
from registry.domain.names import Reference, VersionRef
from registry.domain.objects import Damage, Fault, Form, StoreCheck, Use
from registry.errors import DamagedError, PermissionDeniedError
from registry.services.artifacts import checking
from registry.services.artifacts.verbs import Store
from registry.services.catalog.verbs import Catalog
from registry.services.data.verbs import Datasets
from registry.storage.database import Database
from tests.registry.services.artifacts.worlds import StoredWorld, stored_world
from tests.registry.services.teams import Team, ref_of

WEIGHTS = "weights/model.safetensors"


@pytest.fixture
def world(team: Team) -> StoredWorld:
    return stored_world(team)


def flip(world: StoredWorld, digest: Digest) -> None:
    kept = bytearray(world.team.blobs.kept[digest])
    kept[0] ^= 1
    world.team.blobs.kept[digest] = bytes(kept)


def test_a_sound_store_has_every_object_read_and_nothing_marked(world: StoredWorld) -> None:
    report = world.store.verify()
    assert report.damage == ()
    check = report.check
    assert check.ended_at is not None
    assert (check.objects, check.faults) == (check.total, 0)
    assert check.objects == len(world.team.blobs.kept)
    assert check.size == sum(map(len, world.team.blobs.kept.values()))
    last = world.store.last_check()
    assert last is not None
    assert last.check == check
    assert world.team.actions("store") == ["store.verified"]


@pytest.mark.parametrize("place", [WEIGHTS, "evidence", "answers of its baselines"])
@pytest.mark.parametrize("fault", list(Fault))
def test_whatever_of_a_version_is_damaged_the_version_is_named_and_marked(
    world: StoredWorld, place: str, fault: Fault
) -> None:
    full, digest = next((full, digest) for full, digest in world.parts.items() if full.startswith(place))
    if fault is Fault.MISSING:
        world.team.blobs.delete(digest)
    else:
        flip(world, digest)
    report = world.store.verify()
    assert [(one.ref, one.place, one.digest, one.fault) for one in report.damage] == [
        (world.digits, full, digest, fault)
    ]
    assert world.actions(world.digits) == ["model_version.damaged"]
    assert world.actions(world.other) == []


def test_a_damaged_row_index_damages_its_dataset(world: StoredWorld) -> None:
    world.team.blobs.delete(Digest.of(f"rows of {world.data}".encode()))
    assert [(one.ref, one.place) for one in world.store.verify().damage] == [(world.data, "row index")]
    assert world.actions(world.data) == ["dataset_version.damaged"]


def test_the_case_of_a_decision_is_checked_too(world: StoredWorld) -> None:
    for case in world.cases:
        world.team.blobs.delete(case)
    found = world.store.verify().damage
    assert {one.digest for one in found} == world.cases
    assert {(one.ref, one.place.partition(" req-")[0]) for one in found} == {(world.other, "decision about")}


def test_an_object_of_several_versions_damages_each(world: StoredWorld) -> None:
    flip(world, Digest.of(b"{}"))
    assert {one.ref for one in world.store.verify().damage} == {world.digits, world.other, world.data}


def test_a_card_that_was_changed_in_the_database_is_damage(world: StoredWorld, sqlite_database: Database) -> None:
    with sqlite_database.engine.begin() as connection:
        connection.execute(text("UPDATE card_revision SET text = text || ' and more'"))
    found = world.store.verify().damage
    assert {(one.ref, one.place, one.form) for one in found} == {
        (ref, "card, revision 1", Form.CARD) for ref in (world.digits, world.other)
    }


def test_a_file_whose_row_names_another_digest_is_damage(world: StoredWorld, sqlite_database: Database) -> None:
    with sqlite_database.engine.begin() as connection:
        connection.execute(text("UPDATE extent SET length = length - 1 WHERE length > 2 AND file_id = 2"))
    (one,) = world.store.verify().damage
    assert (one.place, one.form, one.fault) == (WEIGHTS, Form.PIECES, Fault.CHANGED)


def test_a_shorter_object_than_its_files_need_is_damage(world: StoredWorld, sqlite_database: Database) -> None:
    with sqlite_database.engine.begin() as connection:
        connection.execute(text("UPDATE extent SET length = length + 1 WHERE length > 2 AND file_id = 2"))
    assert {(one.form, one.fault) for one in world.store.verify().damage} == {
        (Form.OBJECT, Fault.CHANGED),
        (Form.PIECES, Fault.CHANGED),
    }


def test_nothing_can_be_done_with_a_damaged_version(world: StoredWorld, tmp_path: Path) -> None:
    flip(world, world.parts[WEIGHTS])
    flip(world, Digest.of(f"rows of {world.data}".encode()))
    world.store.verify()
    context = world.team.context("ana")
    for use in (
        lambda: Catalog(context).open_file(ref_of(world.digits), "config.json"),
        lambda: Catalog(context).pull(ref_of(world.digits), tmp_path / "pulled"),
        lambda: Catalog(context).open_file(ref_of(world.data), "config.json"),
        lambda: Datasets(context).pull(ref_of(world.data), tmp_path / "data"),
    ):
        with pytest.raises(DamagedError, match="missing or were changed"):
            use()
    with pytest.raises(DamagedError):
        world.team.promotions("ana").request(ref_of(world.digits), "candidate")
    (option,) = world.team.promotions("ana").options(ref_of(world.digits))
    assert not option.can_request
    assert "The stored bytes of models:/vision/digits/1 are damaged" in option.reasons[0]
    assert world.team.stage(world.digits) == "registered"


@pytest.mark.parametrize("verified", [True, False])
def test_the_last_vote_promotes_no_version_that_was_damaged_meanwhile(world: StoredWorld, verified: bool) -> None:
    """Whether or not anybody noticed: the vote itself reads all bytes first, and marks the version."""
    ana, ben, carla = (world.team.promotions(who) for who in ("ana", "ben", "carla"))
    world.team.promotions("dora").add_evidence(ref_of(world.other), "validation", {"result": "pass"})
    request = ana.request(ref_of(world.other), "production").summary.id
    ben.approve(request)
    kept = world.team.blobs.kept[Digest.of(str(world.other).encode())]
    flip(world, Digest.of(str(world.other).encode()))
    if verified:
        world.store.verify()
    for _ in range(2):
        with pytest.raises(DamagedError, match="models:/vision/other/1"):
            carla.approve(request)
    assert (world.team.stage(world.other), world.team.alias("vision/other")) == ("validated", None)
    assert world.actions(world.other) == ["model_version.damaged"]
    world.team.blobs.put(io.BytesIO(kept))
    world.store.verify()
    assert carla.approve(request).verdict.allowed
    assert world.team.stage(world.other) == "production"


def test_a_promotion_rests_on_a_dated_check_of_the_bytes_that_makes_no_vote_stale(world: StoredWorld) -> None:
    ana, ben = world.team.promotions("ana"), world.team.promotions("ben")
    new = world.team.publish("vision/new")
    assert all(one.type != "integrity" for one in ana.evidence(ref_of(new)))
    world.team.clock.forward(minutes=1)
    ana.request(ref_of(new), "candidate")
    request = ana.request(ref_of(new), "validated")
    (first,) = [one for one in request.evidence if one.type == "integrity"]
    assert (first.added_at, first.added_by) == (world.team.clock.now(), "system")
    assert first.body == {"files": 2, "bytes": 2 + len(str(new))}
    bound = request.bound
    world.team.clock.forward(hours=1)
    decided = ben.approve(request.summary.id)
    assert decided.bound == bound
    (second,) = [one for one in decided.evidence if one.type == "integrity"]
    assert second.added_at == world.team.clock.now()
    assert ana.explain(request.summary.id).replayed.allowed


def test_bytes_are_read_while_no_transaction_is_open(world: StoredWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    """A vote on a large version must not make every other writer wait."""
    writers, verify = list[bool](), world.team.blobs.verify

    def while_others_write(digest: Digest, read: object = None) -> int:
        with world.team.open_uow(actor="root", write=True) as uow:
            uow.commit(Event("person.added", "person:x"))
        writers.append(True)
        return verify(digest)

    monkeypatch.setattr(world.team.blobs, "verify", while_others_write)
    world.team.promotions("ana").request(ref_of(world.digits), "candidate")
    assert len(writers) == 2


def test_a_mark_goes_when_the_bytes_are_right_again(world: StoredWorld) -> None:
    kept = world.team.blobs.kept[world.parts[WEIGHTS]]
    flip(world, world.parts[WEIGHTS])
    world.store.verify()
    world.team.blobs.kept[world.parts[WEIGHTS]] = kept
    report = world.store.verify()
    assert (report.damage, report.restored) == ((), (world.digits,))
    assert world.actions(world.digits) == ["model_version.damaged", "model_version.restored"]
    with Catalog(world.team.context("ana")).open_file(ref_of(world.digits), WEIGHTS) as stream:
        assert stream.read() == kept


def test_a_second_check_marks_nothing_twice(world: StoredWorld) -> None:
    flip(world, world.parts[WEIGHTS])
    assert world.store.verify().damage == world.store.verify().damage
    assert world.actions(world.digits) == ["model_version.damaged"]


def test_a_check_that_was_stopped_goes_on_where_it_was(world: StoredWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checking, "BATCH", 2)
    seen = list[StoreCheck]()

    def stop(check: StoreCheck) -> None:
        seen.append(check)
        if len(seen) == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        world.store.verify(watch=stop)
    stopped = world.store.last_check()
    assert stopped is not None
    assert (stopped.check.objects, stopped.check.ended_at) == (4, None)
    world.team.clock.forward(minutes=5)
    rest = world.store.verify(watch=seen.append)
    assert rest.check.started_at == stopped.check.started_at
    assert seen[2].objects == 6
    assert rest.check.objects == rest.check.total == len(world.team.blobs.kept)


def test_a_check_stops_when_its_time_is_over_and_can_begin_again(
    world: StoredWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(checking, "BATCH", 2)
    part = world.store.verify(seconds=0)
    assert (part.check.objects, part.check.ended_at) == (1, None)
    world.team.clock.forward(minutes=5)
    assert world.store.verify(restart=True).check.started_at == part.check.started_at + timedelta(minutes=5)


def test_a_rate_slows_the_reading(world: StoredWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    slept = list[float]()
    monkeypatch.setattr("registry.services.artifacts.checking.time.sleep", slept.append)
    size = world.store.verify(rate=10).check.size
    assert max(slept) == pytest.approx(size / 10, rel=0.2)


def test_a_rate_does_not_make_a_check_longer_than_its_time(world: StoredWorld) -> None:
    """A byte a second would have read one small file for an hour, in a thread of the server."""
    began = time.monotonic()
    assert world.store.verify(rate=1, seconds=0.2).check.objects >= 1
    assert time.monotonic() - began < 60


def test_a_version_that_was_deleted_during_the_check_is_not_marked(world: StoredWorld) -> None:
    flip(world, world.parts[WEIGHTS])
    finding = checking.Finding(world.parts[WEIGHTS], Fault.CHANGED, tuple(_uses(world, world.parts[WEIGHTS])))
    with world.team.open_uow(actor="root", write=True) as uow:
        uow.catalog.delete_version(world.digits, at=world.team.clock.now())
        assert checking.mark(uow, world.team.context("root"), [finding]) == []


def _uses(world: StoredWorld, digest: Digest) -> list[Use]:
    with world.team.open_uow(actor="root") as uow:
        return list(uow.objects.uses([digest])[digest])


def test_only_an_admin_verifies(world: StoredWorld) -> None:
    with pytest.raises(PermissionDeniedError):
        Store(world.team.context("ana")).verify()


def test_marks_are_the_same_on_both_databases_and_the_log_stays_intact(either_team: Team) -> None:
    world = stored_world(either_team)
    for digest in (*world.parts.values(), *world.cases):
        world.team.blobs.delete(digest)
    damaged = world.store.verify().damage
    assert {one.digest for one in damaged} == {*world.parts.values(), *world.cases}
    assert isinstance(damaged[0], Damage)
    with world.team.open_uow(actor="root") as uow:
        assert verify_chain(uow.audit.entries()).intact


def test_a_version_shows_that_it_is_damaged(world: StoredWorld) -> None:
    flip(world, world.parts[WEIGHTS])
    world.store.verify()

    def damaged(ref: VersionRef) -> bool:
        return Catalog(world.team.context("guest")).version(Reference.to(ref)).summary.damaged

    assert (damaged(world.digits), damaged(world.other)) == (True, False)
