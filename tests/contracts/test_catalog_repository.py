"""What the catalog keeps: models, versions, files, aliases, tags, cards; and datasets."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from lineage import Assurance
from registry.domain.catalog.models import Modality, Status
from registry.domain.data.datasets import DvcRecord, SplitPlan
from registry.domain.governance.upstream import Upstream
from registry.domain.manifests import FileEntry, Manifest
from registry.domain.names import AssetKind, Name, Reference, VersionRef
from registry.domain.paging import PageRequest
from registry.errors import BadCursorError, ConflictError, InvalidError, NameTakenError, NotFoundError
from registry.services.storage.catalog import Extent, NewVersion
from registry.services.storage.data import NewDatasetVersion
from registry.services.unit_of_work import UnitOfWork
from registry.storage.unit_of_work import SqlUnitOfWorkFactory as Factory
from tests.builders import (
    NOW,
    add_dataset_version,
    add_model,
    add_version,
    dataset_ref,
    describing,
    digest,
    manifest,
    metric,
    model_ref,
    step,
)

LATER = NOW + timedelta(hours=1)
DIGITS = Name.parse("vision/digits")


def resolve(open_uow: Factory, text: str) -> VersionRef | None:
    with open_uow(actor="ana") as uow:
        return uow.catalog.resolve(Reference.parse(text))


def test_a_model_is_as_it_was_described(open_uow: Factory) -> None:
    with open_uow(actor="ana", write=True) as uow:
        add_model(uow, "vision/digits", owner="bo", description="Reads digits", tags={"team": "cv"})
        uow.commit_unaudited()
    with open_uow(actor="ana") as uow:
        found = uow.catalog.model(DIGITS)
    assert found is not None
    assert found.aliases == ()
    summary = found.summary
    assert (summary.name, summary.owner, summary.modality, summary.tags) == (
        DIGITS,
        "bo",
        Modality.IMAGE,
        {"team": "cv"},
    )
    assert (summary.versions, summary.version, summary.created_at) == (0, None, NOW)


def test_a_name_is_taken_once_one_that_differs_by_hyphen_and_underscore_is(open_uow: Factory) -> None:
    with open_uow(actor="ana", write=True) as uow:
        add_model(uow, "vision/old-digits")
        with pytest.raises(NameTakenError):
            add_model(uow, "vision/old_digits")
        uow.datasets.add_dataset(Name.parse("vision/old_digits"), describing(), owner="ana", at=NOW)


def test_describing_again_replaces_what_was_said(open_uow: Factory) -> None:
    with open_uow(actor="ana", write=True) as uow:
        add_model(uow, "vision/digits", tags={"a": "1", "b": "2"})
        uow.catalog.describe(DIGITS, describing(task="image-segmentation", tags={"b": "3"}), at=LATER)
        found = uow.catalog.model(DIGITS)
        assert found is not None
        assert (found.summary.task, found.summary.tags) == ("image-segmentation", {"b": "3"})
        assert (found.summary.created_at, found.summary.updated_at) == (NOW, LATER)
        with pytest.raises(NotFoundError):
            uow.catalog.describe(Name.parse("vision/none"), describing(), at=LATER)


def test_a_version_comes_back_whole(open_uow: Factory) -> None:
    with open_uow(actor="ana", write=True) as uow:
        data = add_dataset_version(uow, "vision/scans")
        base = add_version(uow, "vision/base")
        ref = add_version(
            uow,
            "vision/digits",
            parents=[base],
            data={"train": data, "test": data},
            measured=[metric(0.9), metric(0.5, role="validation"), metric(0.7, data="another test set")],
            licence="MIT",
            tags={"seed": "7"},
        )
        uow.commit_unaudited()
    with open_uow(actor="ana") as uow:
        found = uow.catalog.version(ref)
        assert found is not None
        made_by = uow.steps.get(found.step)
    assert made_by is not None
    assert made_by.summary.output == ref
    assert found.summary.digest == manifest(str(ref)).digest
    assert found.summary.metrics == {"accuracy": 0.9}
    assert (found.summary.licence, found.summary.status, found.summary.stage) == ("MIT", Status.ACTIVE, "registered")
    assert (found.summary.size, found.summary.method, found.summary.created_at) == (
        len(str(ref)) + 2,
        "fine_tuning",
        NOW,
    )
    assert found.parents == (base,)
    assert found.files == manifest(str(ref)).files
    assert (found.architecture, found.tags, found.card) == ("resnet-18", {"seed": "7"}, None)
    assert [value.value for value in found.measured] == [0.9, 0.5, 0.7]
    assert found.model.versions == 1
    assert found.model.version == found.summary


def test_a_reference_names_a_number_an_alias_or_the_latest(open_uow: Factory) -> None:
    with open_uow(actor="ana", write=True) as uow:
        first = add_version(uow, "vision/digits")
        second = add_version(uow, "vision/digits")
        uow.catalog.set_alias("champion", first, protected=False, by="ana", at=NOW)
        data = add_dataset_version(uow, "vision/digits")
        uow.commit_unaudited()
    assert resolve(open_uow, "models:/vision/digits") == second
    assert resolve(open_uow, "models:/vision/digits/1") == first
    assert resolve(open_uow, "models:/vision/digits@champion") == first
    assert resolve(open_uow, "datasets:/vision/digits") == data
    for nothing in ("models:/vision/digits/3", "models:/vision/digits@none", "models:/vision/none"):
        assert resolve(open_uow, nothing) is None


def test_a_file_is_found_as_extents_of_blobs(open_uow: Factory) -> None:
    with open_uow(actor="ana", write=True) as uow:
        ref = add_version(uow, "vision/digits", content="weights")
        assert uow.catalog.extents(ref, "weights/model.safetensors") == [Extent(digest("weights"), 0, 7)]
        assert uow.catalog.extents(ref, "weights/none") is None
        assert uow.catalog.extents(model_ref("vision/digits/2"), "config.json") is None
        assert uow.catalog.all_extents(ref) == {
            "config.json": [Extent(digest("{}"), 0, 2)],
            "weights/model.safetensors": [Extent(digest("weights"), 0, 7)],
        }
        assert uow.catalog.all_extents(model_ref("vision/digits/2")) == {}


def test_a_version_of_many_files_keeps_them_all(open_uow: Factory) -> None:
    files = [FileEntry(f"images/{number:05}.png", number, digest(str(number))) for number in range(3000)]
    with open_uow(actor="ana", write=True) as uow:
        uow.datasets.add_dataset(DIGITS, describing(), owner="ana", at=NOW)
        maker = step("vision/digits", kind=AssetKind.DATASETS)
        uow.steps.add(maker)
        small = add_dataset_version(uow, "vision/other")
        detail = uow.datasets.version(small)
        assert detail is not None
        ref = dataset_ref("vision/digits/1")
        new = NewDatasetVersion(
            ref=ref,
            manifest=Manifest.of(files, digest("rows")),
            format=detail.summary.format,
            rows=3000,
            splits=detail.summary.splits,
            split_plan=detail.split_plan,
            dvc=DvcRecord("0" * 32 + ".dir", 10, 3000, url="git@host:data", rev="main", rev_lock="abc"),
            licence="MIT",
            step_id=maker.id,
            created_at=NOW,
            created_by="ana",
        )
        uow.datasets.add_version(new)
        found = uow.datasets.version(ref)
        assert found is not None
        assert found.files == tuple(files)
        assert found.dvc == new.dvc
        assert uow.catalog.extents(ref, "images/02999.png") == [Extent(digest("2999"), 0, 2999)]


def test_the_same_bytes_are_found_by_digest(open_uow: Factory) -> None:
    with open_uow(actor="ana", write=True) as uow:
        one = add_version(uow, "vision/digits", content="same")
        two = add_version(uow, "vision/letters", content="same")
        assert uow.catalog.versions_with(manifest("same").digest) == [one, two]
        uow.catalog.delete_version(one, at=LATER)
        assert uow.catalog.versions_with(manifest("same").digest) == [two]
        assert uow.catalog.versions_with(digest("nothing")) == []


def test_whole_files_of_a_team_are_found_by_digest_in_its_newest_live_version(open_uow: Factory) -> None:
    with open_uow(actor="ana", write=True) as uow:
        one = add_version(uow, "vision/digits", content="same")
        two = add_version(uow, "vision/letters", content="same")
        add_version(uow, "visiom/letters", content="same")
        asked = {digest("same"), digest("nothing")}
        assert uow.catalog.files_stored("vision", asked) == {digest("same"): (two, 4)}
        uow.catalog.delete_version(two, at=LATER)
        assert uow.catalog.files_stored("vision", asked) == {digest("same"): (one, 4)}
        assert uow.catalog.files_stored("visio_", asked) == {}
        assert uow.catalog.files_stored("vision", ()) == {}


def test_versions_come_newest_first_by_pages(open_uow: Factory) -> None:
    with open_uow(actor="ana", write=True) as uow:
        for _ in range(5):
            add_version(uow, "vision/digits")
        add_version(uow, "vision/letters")
        first = uow.catalog.versions(DIGITS, PageRequest(2))
        assert [item.ref.number for item in first.items] == [5, 4]
        add_version(uow, "vision/digits")
        second = uow.catalog.versions(DIGITS, PageRequest(2, first.next_cursor))
        third = uow.catalog.versions(DIGITS, PageRequest(2, second.next_cursor))
        assert [item.ref.number for item in (*second.items, *third.items)] == [3, 2, 1]
        assert third.next_cursor is None
        with pytest.raises(BadCursorError):
            uow.catalog.versions(Name.parse("vision/letters"), PageRequest(2, first.next_cursor))


def test_tags_are_set_and_removed_one_by_one(open_uow: Factory) -> None:
    with open_uow(actor="ana", write=True) as uow:
        ref = add_version(uow, "vision/digits", tags={"a": "1"})
        uow.catalog.set_tags(DIGITS, {"team": "cv", "state": "new"}, at=NOW)
        uow.catalog.set_tags(DIGITS, {"state": None, "team": "nlp"}, at=LATER)
        uow.catalog.set_tags(ref, {"b": "2", "a": None, "unknown": None}, at=LATER)
        found = uow.catalog.version(ref)
        assert found is not None
        assert (found.model.tags, found.tags, found.model.updated_at) == ({"team": "nlp"}, {"b": "2"}, LATER)


def test_a_card_has_revisions_and_the_payload_has_none(open_uow: Factory) -> None:
    with open_uow(actor="ana", write=True) as uow:
        ref = add_version(uow, "vision/digits")
        before = uow.catalog.version(ref)
        assert uow.catalog.cards(ref) == []
        first = uow.catalog.add_card(ref, "# Digits", by="ana", at=NOW)
        second = uow.catalog.add_card(ref, "# Digits, better", by="bo", at=LATER)
        assert (first.number, second.number) == (1, 2)
        assert second.digest == digest("# Digits, better")
        assert uow.catalog.cards(ref) == [first, second]
        after = uow.catalog.version(ref)
        assert before is not None
        assert after is not None
        assert after.card == second
        assert after.summary.digest == before.summary.digest


def test_an_alias_moves_and_its_past_is_kept(open_uow: Factory) -> None:
    with open_uow(actor="ana", write=True) as uow:
        first, second = add_version(uow, "vision/digits"), add_version(uow, "vision/digits")
        uow.catalog.set_alias("production", first, protected=True, by="ana", at=NOW)
        uow.catalog.set_alias("production", second, protected=True, by="bo", at=LATER)
        uow.catalog.set_alias("newest", second, protected=False, by="bo", at=LATER)
        model, version = uow.catalog.model(DIGITS), uow.catalog.version(second)
        assert model is not None
        assert version is not None
        assert [(a.alias, a.ref, a.protected, a.moved_by) for a in model.aliases] == [
            ("newest", second, False, "bo"),
            ("production", second, True, "bo"),
        ]
        assert version.summary.aliases == ("newest", "production")
        uow.catalog.drop_alias(DIGITS, "newest", by="ana", at=LATER)
        assert uow.catalog.resolve(Reference.parse("models:/vision/digits@newest")) is None
        past = uow.catalog.alias_history(DIGITS, "production")
        assert [(a.ref, a.moved_at) for a in past] == [(first, NOW), (second, LATER)]
        uow.catalog.drop_alias(DIGITS, "newest", by="ana", at=LATER)
        assert [a.ref for a in uow.catalog.alias_history(DIGITS, "newest")] == [second, None]


def test_stage_and_status_move_apart(open_uow: Factory) -> None:
    with open_uow(actor="ana", write=True) as uow:
        ref = add_version(uow, "vision/digits")
        uow.catalog.set_stage(ref, "candidate", at=LATER)
        uow.catalog.set_status(ref, Status.DEPRECATED, "better ones exist", at=LATER)
        found = uow.catalog.version(ref)
        assert found is not None
        assert (found.summary.stage, found.summary.status) == ("candidate", Status.DEPRECATED)
        assert found.status_reason == "better ones exist"
        with pytest.raises(NotFoundError):
            uow.catalog.set_stage(model_ref("vision/digits/9"), "candidate", at=LATER)


def test_a_deleted_number_is_never_used_again(open_uow: Factory) -> None:
    with open_uow(actor="ana", write=True) as uow:
        first, second = add_version(uow, "vision/digits"), add_version(uow, "vision/digits")
        uow.catalog.delete_version(second, at=LATER)
        assert uow.catalog.version(second) is None
        assert uow.catalog.resolve(Reference.parse("models:/vision/digits")) == first
        assert uow.catalog.next_number(AssetKind.MODELS, DIGITS) == 3
        assert uow.catalog.extents(second, "config.json") is None
        with pytest.raises(NotFoundError):
            uow.catalog.delete_version(second, at=LATER)


def test_a_deleted_parent_stays_in_the_ancestry(open_uow: Factory) -> None:
    with open_uow(actor="ana", write=True) as uow:
        base = add_version(uow, "vision/base")
        child = add_version(uow, "vision/digits", parents=[base])
        uow.catalog.delete_model(base.name, at=LATER)
        found = uow.catalog.version(child)
        assert found is not None
        assert found.parents == (base,)
        node = uow.graph.node(str(base))
        assert node is not None
        assert uow.graph.nodes([node.id])[node.id].facts["deleted"] == "yes"
        made_by = uow.steps.get(found.step)
        assert made_by is not None
        assert [(given.ref, given.assurance) for given in made_by.inputs] == [(base, Assurance.OBSERVED)]


def test_a_dataset_version_comes_back_whole(open_uow: Factory) -> None:
    with open_uow(actor="ana", write=True) as uow:
        ref = add_dataset_version(uow, "vision/scans", tags={"source": "hospital"})
        uow.commit_unaudited()
    with open_uow(actor="ana") as uow:
        found = uow.datasets.version(ref)
        assert found is not None
        assert found.dataset == uow.datasets.dataset(ref.name)
        assert uow.datasets.version(model_ref("vision/scans/1")) is None
    summary = found.summary
    assert (summary.ref, summary.rows, summary.classes, summary.licence) == (ref, 10, ("cat", "dog"), "CC-BY-4.0")
    assert [(split.name, split.rows, split.classes) for split in summary.splits] == [
        ("train", 8, {"cat": 5, "dog": 3}),
        ("test", 2, {"cat": 1, "dog": 1}),
    ]
    assert found.split_plan == SplitPlan({"train": 0.8, "test": 0.2}, seed=3)
    assert found.index == digest(f"rows of {ref}")
    assert found.dataset.version == summary
    assert found.dataset.describing.tags == {"source": "hospital"}


def test_a_dataset_without_a_row_index_is_refused(open_uow: Factory) -> None:
    with open_uow(actor="ana", write=True) as uow:
        ref = add_dataset_version(uow, "vision/scans")
        found = uow.datasets.version(ref)
        assert found is not None
        new = NewDatasetVersion(
            ref=replace(ref, number=2),
            manifest=manifest("x"),
            format=found.summary.format,
            rows=1,
            splits=(),
            split_plan=found.split_plan,
            dvc=None,
            licence="MIT",
            step_id=found.step,
            created_at=NOW,
            created_by="ana",
        )
        with pytest.raises(InvalidError, match="row index"):
            uow.datasets.add_version(new)


def test_datasets_are_found_by_words_in_order_of_name(open_uow: Factory) -> None:
    with open_uow(actor="ana", write=True) as uow:
        for name, said in (("vision/b-scans", "Röntgen images"), ("vision/a-scans", "X-ray"), ("text/mails", "")):
            add_dataset_version(uow, name, description=said)
        add_dataset_version(uow, "vision/b-scans")

        def found(text: str) -> list[str]:
            return [str(item.name) for item in uow.datasets.search(text, PageRequest()).items]

        assert found("") == ["text/mails", "vision/a-scans", "vision/b-scans"]
        assert found("RÖNTGEN scans") == ["vision/b-scans"]
        page = uow.datasets.search("", PageRequest(2))
        rest = uow.datasets.search("", PageRequest(2, page.next_cursor))
        assert [(str(item.name), item.versions) for item in rest.items] == [("vision/b-scans", 2)]
        versions = uow.datasets.versions(Name.parse("vision/b-scans"), PageRequest())
        assert [item.ref.number for item in versions.items] == [2, 1]


def test_a_version_needs_its_model_and_its_step(open_uow: Factory) -> None:
    with open_uow(actor="ana", write=True) as uow:
        ref = add_version(uow, "vision/digits")
        with pytest.raises(NotFoundError, match="step-none"):
            _publish(uow, replace(ref, number=2), "step-none")
        found = uow.catalog.version(ref)
        assert found is not None
        with pytest.raises(NotFoundError, match="vision/none"):
            _publish(uow, model_ref("vision/none/1"), found.step)
        with pytest.raises(ConflictError):
            _publish(uow, ref, found.step)


def _publish(uow: UnitOfWork, ref: VersionRef, step_id: str) -> None:
    uow.catalog.add_version(NewVersion(ref, manifest("x"), "resnet-18", "MIT", "registered", step_id, NOW, "ana"))


def test_sources_are_found_by_repository_in_any_case_and_listed_by_it(open_uow: Factory) -> None:
    with open_uow(actor="ana", write=True) as uow:
        refs = [add_version(uow, f"library/{name}") for name in ("zebra", "ape")]
        for ref, source in zip(refs, ("hf:Zoo/Zebra@" + "c" * 40, "hf:zoo/ape"), strict=True):
            uow.catalog.pin(ref, Upstream.parse("hf:zoo/none"))
            uow.catalog.pin(ref, Upstream.parse(source))  # in place of the first
        assert [one.ref for one in uow.catalog.pinned_to("ZOO/zebra")] == refs[:1]
        assert uow.catalog.pinned_to("zoo/none") == []
        first = uow.catalog.pinned(PageRequest(1))
        rest = uow.catalog.pinned(PageRequest(1, first.next_cursor))
        assert [one.upstream for one in (*first.items, *rest.items)] == ["hf:zoo/ape", "hf:Zoo/Zebra@" + "c" * 40]
        assert uow.catalog.source_of(refs[1]) == "hf:zoo/ape"
        uow.catalog.delete_version(refs[1], at=NOW)
        assert (uow.catalog.source_of(refs[1]), uow.catalog.pinned_to("zoo/ape")) == ("", [])
