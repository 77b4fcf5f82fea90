"""What a recall reaches: by kind of edge, with the shortest way, whatever the target is named by."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from registry.domain.catalog.models import Status
from registry.domain.governance.recalls import Effect, Impact, Level, NewRecall
from registry.domain.ids import new_id
from registry.domain.names import VersionRef
from registry.domain.people.teams import Sight
from registry.errors import BadReferenceError, NotFoundError
from registry.services.governance.recalls.verbs import Recalls
from tests.builders import NOW, manifest
from tests.registry.services.governance.recalls.worlds import WEIGHTS, World
from tests.registry.services.teams import ref_of


def preview(world: World, target: object, level: Level = Level.RECALL, **more: Any) -> Impact:
    return world.recalls("guest").preview(NewRecall(str(target), level, "why", **more))


def effects(impact: Impact) -> dict[str, Effect]:
    return {str(hit.ref.name).partition("/")[2]: hit.effect for hit in impact.hits}


def test_a_dataset_taints_what_learnt_from_it_and_only_voids_the_evidence_of_what_was_measured_on_it(
    world: World,
) -> None:
    assert effects(preview(world, world.photos)) == {
        "photos": Effect.TARGET,
        "base": Effect.TAINTED,
        "child": Effect.TAINTED,
        "grandchild": Effect.TAINTED,
        "synthetic": Effect.WEAKLY_TAINTED,
        "pupil": Effect.WEAKLY_TAINTED,
        "stranger": Effect.EVIDENCE_INVALID,
    }


def test_each_version_comes_with_the_shortest_way_from_the_target(world: World) -> None:
    hits = {hit.ref: hit for hit in preview(world, world.base).hits}
    way = [name for name in hits[world.grandchild].path if not name.startswith("step-")]
    assert way == ["vision/base/1", "vision/child/1", "vision/grandchild/1"]
    assert hits[world.base].path == ("vision/base/1",)


def test_a_preview_says_what_each_version_becomes_and_changes_nothing(world: World) -> None:
    becomes = {hit.ref: hit.becomes for hit in preview(world, world.photos).hits}
    assert becomes[world.photos] is Status.RECALLED
    assert becomes[world.child] is becomes[world.pupil] is Status.SUSPENDED
    assert becomes[world.stranger] is Status.ACTIVE
    lowered = {hit.ref: hit.becomes for hit in preview(world, world.photos, outputs_advisory=True).hits}
    assert lowered[world.pupil] is Status.ACTIVE
    assert lowered[world.child] is Status.SUSPENDED
    assert set(world.statuses().values()) == {"active"}


@pytest.mark.parametrize("level", [Level.QUARANTINE, Level.ADVISORY])
def test_a_quarantine_suspends_the_target_and_an_advisory_withholds_nothing(world: World, level: Level) -> None:
    becomes = {hit.becomes for hit in preview(world, world.base, level).hits}
    assert becomes == {Status.SUSPENDED if level is Level.QUARANTINE else Status.ACTIVE}


def test_a_target_is_a_version_a_model_a_file_a_step_or_a_licence(world: World) -> None:
    def targets(text: object) -> list[VersionRef]:
        return [hit.ref for hit in preview(world, text).hits if hit.effect is Effect.TARGET]

    with world.team.open_uow(actor="root") as uow:
        step = uow.catalog.version(world.base).step  # type: ignore[union-attr]
    whole = manifest(str(world.base))
    weights = next(file.sha256.hex for file in whole.files if file.path == "weights/model.safetensors")
    for named in ("models:/vision/base/1", "models:/vision/base", step, whole.digest, weights):
        assert targets(named) == [world.base], named
    shared = next(file.sha256 for file in whole.files if file.path != "weights/model.safetensors")
    assert len(targets(shared)) == 8, "every version with the file, and no other"
    assert len(targets("licence:apache-2.0")) == 6, "the models"
    assert targets(ref_of(world.photos)) == [world.photos]


def test_what_a_closed_team_has_is_no_target_for_who_sees_nothing_of_what_is_reached(world: World) -> None:
    def eve(*hidden: str) -> Recalls:
        context = world.team.context("root")
        return Recalls(replace(context, actor=replace(context.actor, sight=Sight(dict.fromkeys(hidden), "eve"))))

    with world.team.open_uow(actor="root") as uow:
        step = uow.catalog.version(world.pupil).step  # type: ignore[union-attr]
    weights = next(str(one.sha256) for one in manifest(str(world.pupil)).files if one.path == WEIGHTS)
    for target, unknown in (
        (weights, "sha256:" + "0" * 64),
        ("licence:apache-2.0", "licence:GPL-3.0-only"),
        (step, new_id("step", NOW)),
    ):
        for verb in (eve("vision", "data").preview, eve("vision", "data").open):
            with pytest.raises(NotFoundError) as hidden:
                verb(NewRecall(target, Level.RECALL, "why"))
            with pytest.raises(NotFoundError) as none:
                verb(NewRecall(unknown, Level.RECALL, "why"))
            assert str(hidden.value) == str(none.value).replace(unknown, target)
    assert set(world.statuses().values()) == {"active"}
    assert eve("data").preview(NewRecall(weights, Level.RECALL)).hits


def test_a_target_that_matches_nothing_is_refused_with_what_can_be_named(world: World) -> None:
    for missing in ("sha256:" + "0" * 64, "licence:GPL-3.0-only", "models:/vision/base/9", "models:/vision/nothing"):
        with pytest.raises(NotFoundError):
            preview(world, missing)
    with pytest.raises(BadReferenceError):
        preview(world, "what is this")
