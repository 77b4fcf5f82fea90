"""Who reads the files of what is suspended or recalled: nobody but the role forensics."""

from __future__ import annotations

from dataclasses import replace

import pytest

from registry.domain.governance.recalls import ReasonClass
from registry.domain.manifests import FileEntry, Manifest
from registry.domain.names import AssetKind, VersionRef
from registry.domain.people.people import Actor
from registry.errors import (
    PermissionDeniedError,
    RecalledError,
    RefusedError,
    WithheldError,
)
from registry.services.catalog.verbs import Catalog
from registry.services.lookup import refuse_as_source
from registry.services.withholding import refuse_same_bytes, refuse_stopped_inputs
from tests.builders import digest, manifest
from tests.registry.services.governance.recalls.worlds import WEIGHTS, World, build, readers, wish_for
from tests.registry.services.teams import Team, ref_of


@pytest.fixture
def world(team: Team) -> World:
    return build(team)


def test_after_a_recall_no_verb_gives_the_bytes_of_the_target_or_of_what_is_tainted(world: World) -> None:
    recall = world.open(world.photos).recall
    for ref, error in (
        (world.photos, RecalledError),
        (world.base, WithheldError),
        (world.grandchild, WithheldError),
        (world.synthetic, WithheldError),
        (world.pupil, WithheldError),
    ):
        for name, read in readers(world, ref).items():
            with pytest.raises(error, match=recall.id) as caught:
                read()
            assert caught.value.facts["recall"] == recall.id, (ref, name)
    for clean in (world.stranger, world.heir):
        readers(world, clean)["open_file"]()
    assert world.sound()


def test_a_recall_for_legal_reasons_is_told_apart(world: World) -> None:
    world.open(world.base, reason_class=ReasonClass.PRIVACY)
    with pytest.raises(RecalledError) as caught:
        readers(world, world.base)["open_file"]()
    assert caught.value.family.status == 451


def test_only_the_role_forensics_reads_what_was_recalled_and_it_makes_nothing(world: World) -> None:
    world.open(world.base)
    team = world.team
    context = team.context_of(Actor("vera", frozenset({"forensics"})))
    Catalog(context).open_file(ref_of(world.base), WEIGHTS).close()
    with team.open_uow(actor="vera") as uow:
        summary = uow.catalog.version(world.base).summary  # type: ignore[union-attr]
        with pytest.raises(RecalledError):
            refuse_as_source(uow, summary, team.clock.now())
        with pytest.raises(WithheldError):
            refuse_stopped_inputs(uow, [world.heir, world.child], now=team.clock.now())
        refuse_stopped_inputs(uow, [world.heir], now=team.clock.now())
    with pytest.raises(PermissionDeniedError):
        world.recalls("guest").open(wish_for(world))


def test_the_bytes_of_a_recalled_model_do_not_return_under_another_name(world: World) -> None:
    recall = world.open(world.base).recall
    whole = manifest(str(world.base))
    renamed = Manifest.of(FileEntry(f"other/{one.path}", one.size, one.sha256) for one in whole.files)
    shared = Manifest.of(one for one in whole.files if not one.path.endswith(".safetensors"))
    with world.team.open_uow(actor="ana") as uow:
        for same in (whole, renamed):
            with pytest.raises(RefusedError, match=f"vision/base/1 is recalled by {recall.id}"):
                refuse_same_bytes(uow, AssetKind.MODELS, same, made_from=())
        refuse_same_bytes(uow, AssetKind.MODELS, shared, made_from=())  # others have the same tokenizer too
        refuse_same_bytes(uow, AssetKind.MODELS, whole, made_from=[world.base])
        refuse_same_bytes(uow, AssetKind.MODELS, manifest(str(world.heir)), made_from=())
        both = Manifest.of([*whole.files, *(replace(one, path=f"2/{one.path}") for one in _weights(world.child))])
        with pytest.raises(RefusedError, match="vision/child/1 is suspended"):
            refuse_same_bytes(uow, AssetKind.MODELS, both, made_from=[world.base])
        refuse_same_bytes(uow, AssetKind.MODELS, both, made_from=[world.base, world.child])


def _weights(ref: VersionRef) -> list[FileEntry]:
    return [one for one in manifest(str(ref)).files if one.path.endswith(".safetensors")]


def test_a_recalled_dataset_returns_only_without_some_of_its_files(world: World) -> None:
    world.open(world.photos)
    whole = manifest(str(world.photos), rows=True)
    more = Manifest.of([*whole.files, FileEntry("more.csv", 3, digest("more"))])
    cleaned = Manifest.of(more.files[1:])
    with world.team.open_uow(actor="ana") as uow:
        for same in (whole, more):
            with pytest.raises(RefusedError, match="data/photos/1 is recalled"):
                refuse_same_bytes(uow, AssetKind.DATASETS, same, made_from=())
        refuse_same_bytes(uow, AssetKind.DATASETS, cleaned, made_from=())


def test_a_file_that_was_itself_recalled_returns_in_nothing(world: World) -> None:
    bad = next(one for one in manifest(str(world.photos), rows=True).files)
    recall = world.open(bad.sha256).recall
    other = Manifest.of([FileEntry("renamed.bin", bad.size, bad.sha256), FileEntry("more.csv", 3, digest("more"))])
    with world.team.open_uow(actor="ana") as uow:
        for kind in AssetKind:
            with pytest.raises(RefusedError, match=f"was taken back by {recall.id}"):
                refuse_same_bytes(uow, kind, other, made_from=())
    world.recalls().reverse(recall.id, reason="a mistake")
    with world.team.open_uow(actor="ana") as uow:
        refuse_same_bytes(uow, AssetKind.MODELS, other, made_from=())
