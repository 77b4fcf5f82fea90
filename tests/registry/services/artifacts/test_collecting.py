"""Collection removes what nothing needs, and nothing else, whatever runs at the same time."""

from __future__ import annotations

import io
from datetime import timedelta

import pytest

from lineage import Digest
from registry.domain.audit import Event
from registry.domain.names import AssetKind, VersionRef
from registry.domain.objects import CollectReport
from registry.domain.transfers.steps import StepState
from registry.errors import ConflictError, PermissionDeniedError
from registry.services.artifacts.verbs import Store
from registry.services.catalog.verbs import Catalog
from tests.builders import add_version, step, step_input, store
from tests.registry.services.artifacts.worlds import StoredWorld, stored_world
from tests.registry.services.teams import Team, ref_of

NOW = timedelta(0)
DAY = 86_400


@pytest.fixture
def world(team: Team) -> StoredWorld:
    return stored_world(team)


def weights(ref: VersionRef) -> Digest:
    return Digest.of(str(ref).encode())


def delete(world: StoredWorld, ref: VersionRef) -> None:
    Catalog(world.team.context("root")).delete(ref_of(ref))


def test_everything_that_is_needed_stays(world: StoredWorld) -> None:
    before = dict(world.team.blobs.kept)
    world.team.blobs.pass_time(9 * DAY)
    assert world.store.collect(delete=True) == CollectReport(0, 0, 0, deleted=False)
    assert world.team.blobs.kept == before
    assert world.store.verify().damage == ()


def test_it_only_counts_unless_it_is_told_to_delete(world: StoredWorld) -> None:
    world.team.blobs.put(io.BytesIO(b"left over"))
    world.team.blobs.pass_time(2 * DAY)
    assert world.store.collect() == CollectReport(1, 9, 0, deleted=False)
    assert world.store.collect(delete=True) == CollectReport(1, 9, 0, deleted=True)
    assert world.store.collect() == CollectReport(0, 0, 0, deleted=False)
    assert world.team.actions("store") == ["store.collected"]


def test_what_was_put_in_the_grace_window_stays(world: StoredWorld) -> None:
    world.team.blobs.put(io.BytesIO(b"left over"))
    world.team.blobs.pass_time(3600)
    assert world.store.collect(delete=True) == CollectReport(0, 0, 1, deleted=False)
    assert world.store.collect(grace=timedelta(minutes=30), delete=True).objects == 1


def test_the_files_of_a_deleted_version_go_but_not_those_that_another_version_has(world: StoredWorld) -> None:
    delete(world, world.digits)
    world.team.blobs.pass_time(2 * DAY)
    assert world.store.collect(delete=True).objects == 1
    kept = world.team.blobs.kept.keys()
    assert weights(world.digits) not in kept
    assert {weights(world.other), Digest.of(b"{}")} <= kept
    evidence = {digest for place, digest in world.parts.items() if not place.startswith("weights")}
    assert evidence | world.cases <= kept, "evidence, answers and decisions stay for ever"
    assert world.store.verify().damage == ()


@pytest.mark.parametrize("state", list(StepState))
def test_the_inputs_of_steps_that_can_still_run_stay(world: StoredWorld, state: StepState) -> None:
    new = step("vision/later", inputs=[step_input(world.digits, role="source")], state=state)
    with world.team.open_uow(actor="ana", write=True) as uow:
        uow.steps.add(new)
        uow.commit_unaudited()
    delete(world, world.digits)
    world.team.blobs.pass_time(2 * DAY)
    world.store.collect(delete=True)
    ended = state in {StepState.SUCCEEDED, StepState.CANCELLED}
    assert world.team.blobs.exists(weights(world.digits)) is not ended


def test_a_publication_that_takes_longer_than_the_grace_window_loses_nothing(world: StoredWorld) -> None:
    with world.team.context("ana").holding() as context:
        store(context.blobs, "slow")
        world.team.blobs.pass_time(9 * DAY)
        world.store.collect(grace=NOW, delete=True)
        with context.write() as uow:
            ref = add_version(uow, "vision/slow", content="slow")
            uow.commit(Event("model_version.imported", str(ref)))
    world.team.blobs.pass_time(9 * DAY)
    world.store.collect(grace=NOW, delete=True)
    assert world.store.verify().damage == ()


def test_a_publication_that_commits_between_snapshot_and_removal_loses_nothing(
    world: StoredWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The bytes are old garbage at the snapshot; then someone publishes them; then the removal comes."""
    store(world.team.blobs, "again")
    world.team.blobs.pass_time(9 * DAY)
    discard = world.team.blobs.discard

    def published_first(digest: Digest, *, before: float) -> bool:
        if not world.team.blobs.holds:
            with world.team.context("ana").holding() as context:
                store(context.blobs, "again")
                with context.write() as uow:
                    ref = add_version(uow, "vision/again", content="again")
                    uow.commit(Event("model_version.imported", str(ref)))
        monkeypatch.setattr(world.team.blobs, "discard", discard)
        return discard(digest, before=before)

    monkeypatch.setattr(world.team.blobs, "discard", published_first)
    report = world.store.collect(delete=True)
    assert (report.objects, report.kept) == (0, 1)
    assert world.store.verify().damage == ()


def test_a_refused_publication_gives_back_what_it_stored(world: StoredWorld) -> None:
    before = set(world.team.blobs.kept)

    def publish() -> None:
        with world.team.context("ana").holding() as context:
            store(context.blobs, "new")
            raise ConflictError("The name is taken")

    with pytest.raises(ConflictError):
        publish()
    assert set(world.team.blobs.kept) == before


def test_the_statistics_say_what_holds_what(world: StoredWorld) -> None:
    world.team.blobs.put(io.BytesIO(b"left over"))
    found = world.store.stats()
    assert found.objects == len(world.team.blobs.kept)
    assert found.size == sum(map(len, world.team.blobs.kept.values()))
    assert (found.unneeded, found.unneeded_size) == (1, 9)
    by_name = {one.name: one for one in found.holders}
    data = by_name[f"{AssetKind.DATASETS}:/{world.data.name}"]
    index = len(f"rows of {world.data}")
    assert (data.objects, data.size, data.alone) == (3, 2 + len(str(world.data)) + index, len(str(world.data)) + index)
    assert set(by_name) == {f"{ref.kind}:/{ref.name}" for ref in (world.digits, world.other, world.data)}
    assert list(found.holders) == sorted(found.holders, key=lambda one: (-one.size, one.name))


def test_only_an_admin_collects_and_everyone_reads_the_statistics(world: StoredWorld) -> None:
    with pytest.raises(PermissionDeniedError):
        Store(world.team.context("ana")).collect()
    assert Store(world.team.context("guest")).stats().objects > 0


def test_collection_is_the_same_on_both_databases(either_team: Team) -> None:
    world = stored_world(either_team)
    delete(world, world.digits)
    either_team.blobs.pass_time(2 * DAY)
    assert world.store.collect(delete=True).objects == 1
    assert world.store.verify().damage == ()
