"""Imports: a source model is published whole, with its step and claims, or nothing is."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from lineage import Assurance, Digest
from registry.domain.names import Name, Reference
from registry.domain.paging import PageRequest
from registry.domain.recipes.recipe import Method
from registry.domain.transfers.steps import StepState
from registry.domain.verbs.catalog import ImportModel
from registry.errors import (
    ConflictError,
    InvalidError,
    NameTakenError,
    NoSpaceError,
    NotFoundError,
    PermissionDeniedError,
)
from registry.services.catalog.verbs import Catalog
from registry.services.context import Context
from registry.storage.unit_of_work import SqlUnitOfWorkFactory
from tests.adapters.dvc.worlds import draw
from tests.fakes.blobs import MemoryBlobs
from tests.fakes.clock import FakeClock
from tests.fakes.plugins import FACTS, FakePlugins
from tests.registry.services.registries import open_context

BERT = Name("library", "bert")


@pytest.fixture
def plugins() -> FakePlugins:
    return FakePlugins()


@pytest.fixture
def blobs() -> MemoryBlobs:
    return MemoryBlobs()


@pytest.fixture
def context(
    open_uow: SqlUnitOfWorkFactory, clock: FakeClock, tmp_path: Path, blobs: MemoryBlobs, plugins: FakePlugins
) -> Context:
    return open_context(open_uow, clock, tmp_path / "home", role="admin", blobs=blobs, plugins=plugins)


@pytest.fixture
def wanted(tmp_path: Path) -> ImportModel:
    source = draw(tmp_path / "bert", {"config.json": "{}", "model.safetensors": "weights"})
    return ImportModel(BERT, str(source), tags={"lang": "en"})


def nothing_is_left(context: Context, blobs: MemoryBlobs) -> bool:
    """No model, no bytes, no work in progress."""
    with context.read() as uow:
        empty = not uow.steps.search(state=None, method=None, output=None, page=PageRequest()).items
        return empty and uow.catalog.model(BERT) is None and not blobs.kept and not any(context.home.glob("work/*"))


def test_an_import_is_a_version_a_step_and_an_audit_entry(
    context: Context, blobs: MemoryBlobs, wanted: ImportModel
) -> None:
    made = Catalog(context).import_model(wanted)
    assert str(made.summary.ref) == "models:/library/bert/1"
    assert (made.summary.stage, made.summary.method, made.summary.licence) == ("registered", "import", "MIT")
    assert [f.path for f in made.files] == ["config.json", "model.safetensors"]
    assert blobs.kept[made.files[1].sha256] == b"weights"
    assert (made.model.origin, made.model.tags) == ("file:bert", {"lang": "en"})
    assert made.card is not None
    assert "copied by hand" in made.card.text
    with context.read() as uow:
        step = uow.steps.get(made.step)
        assert step is not None
        assert (step.summary.state, step.summary.method) == (StepState.SUCCEEDED, Method.IMPORT)
        assert step.manifest is not None
        assert step.manifest["outputs"]
        entries = uow.audit.search(subject=None, action=None, page=PageRequest()).items
        assert [(e.action, e.subject) for e in entries] == [("model_version.imported", "models:/library/bert/1")]


def test_the_files_of_the_source_are_written_down_as_they_came(context: Context, wanted: ImportModel) -> None:
    """What is stored may be another format altogether: these tell which file it was made of."""
    (Path(wanted.source) / ".cache").mkdir()
    (Path(wanted.source) / ".cache/lock").write_text("")
    made = Catalog(context).import_model(wanted)
    with context.read() as uow:
        step = uow.steps.get(made.step)
    assert step is not None
    assert step.manifest is not None
    facts: Any = step.manifest["facts"]
    assert facts["source_files"] == [
        {"path": "config.json", "size": 2, "sha256": str(Digest.of(b"{}"))},
        {"path": "model.safetensors", "size": 7, "sha256": str(Digest.of(b"weights"))},
    ]


def test_an_import_shows_its_notes_when_it_is_made_and_when_it_is_repeated(
    context: Context, wanted: ImportModel
) -> None:
    assert Catalog(context).import_model(wanted).notes == ("copied by hand",)
    assert Catalog(context).import_model(wanted).notes == ("copied by hand",)


def test_the_same_bytes_under_another_name_are_pointed_out(context: Context, wanted: ImportModel) -> None:
    catalog = Catalog(context)
    catalog.import_model(wanted)
    twin = catalog.import_model(replace(wanted, name=Name("library", "twin")))
    assert twin.notes[-1] == "The same bytes are registered as models:/library/bert/1"
    for number in range(3):
        last = catalog.import_model(replace(wanted, name=Name("library", f"twin{number}")))
    assert last.notes[-1].endswith(" and 1 more")


def test_the_same_bytes_again_are_the_same_version_and_other_bytes_the_next(
    context: Context, wanted: ImportModel
) -> None:
    catalog = Catalog(context)
    first = catalog.import_model(wanted).summary.ref
    assert catalog.import_model(wanted).summary.ref == first
    draw(Path(wanted.source), {"model.safetensors": "better weights"})
    assert catalog.import_model(wanted).summary.ref.number == 2
    assert [v.ref.number for v in catalog.versions(BERT, PageRequest()).items] == [2, 1]


def test_everything_that_the_source_does_not_say_is_named_at_once(
    context: Context, blobs: MemoryBlobs, wanted: ImportModel, plugins: FakePlugins
) -> None:
    mute = replace(context, plugins=replace(plugins, facts=replace(FACTS, licence=None, task=None)))
    with pytest.raises(InvalidError, match="does not state its licence, task") as caught:
        Catalog(mute).import_model(wanted)
    assert caught.value.remedy == "Give --licence … --task …"
    assert nothing_is_left(context, blobs)


def test_what_people_say_goes_before_what_the_source_says(context: Context, wanted: ImportModel) -> None:
    made = Catalog(context).import_model(replace(wanted, licence="apache-2.0", task="text-classification", origin="us"))
    assert (made.model.task, made.model.origin, made.summary.licence) == ("text-classification", "us", "Apache-2.0")


def test_the_licence_is_found_in_the_card_that_came_along(
    context: Context, wanted: ImportModel, plugins: FakePlugins
) -> None:
    card = "---\nlicense: apache-2.0\n---\n# BERT\n"
    carded = replace(context, plugins=replace(plugins, facts=replace(FACTS, licence=None, card=card)))
    made = Catalog(carded).import_model(wanted)
    assert made.card is not None
    assert (made.summary.licence, made.card.text) == ("Apache-2.0", card)


def test_a_claimed_parent_is_an_input_that_is_only_declared(context: Context, wanted: ImportModel) -> None:
    catalog = Catalog(context)
    parent = catalog.import_model(wanted).summary
    child = draw(Path(wanted.source).parent / "child", {"model.safetensors": "child"})
    claim = (Reference.parse("models:/library/bert"),)
    made = catalog.import_model(replace(wanted, name=Name("library", "child"), source=str(child), parents=claim))
    assert made.parents == (parent.ref,)
    with context.read() as uow:
        step = uow.steps.get(made.step)
    assert step is not None
    assert [(i.digest, i.assurance) for i in step.inputs] == [(parent.digest, Assurance.DECLARED)]


def test_a_missing_parent_is_reported_before_the_slow_work(
    context: Context, blobs: MemoryBlobs, wanted: ImportModel, plugins: FakePlugins
) -> None:
    with pytest.raises(NotFoundError, match="models:/library/none does not exist"):
        Catalog(context).import_model(replace(wanted, parents=(Reference.parse("models:/library/none"),)))
    assert plugins.converted == []
    assert nothing_is_left(context, blobs)


def test_a_deleted_name_is_refused_before_the_slow_work(
    context: Context, wanted: ImportModel, plugins: FakePlugins
) -> None:
    catalog = Catalog(context)
    catalog.import_model(wanted)
    catalog.delete(Reference.parse("models:/library/bert"))
    with pytest.raises(NameTakenError, match="never used again"):
        catalog.import_model(wanted)
    assert len(plugins.converted) == 1


def test_an_upload_is_never_read_as_a_pickle(context: Context, wanted: ImportModel, plugins: FakePlugins) -> None:
    made = Catalog(context).import_model(replace(wanted, uploaded=True))
    assert made.model.origin == "upload"
    assert [pickles for _, pickles in plugins.converted] == [False]


def test_a_store_that_fills_up_leaves_no_version(context: Context, wanted: ImportModel) -> None:
    full = replace(context, blobs=MemoryBlobs(capacity=4))
    with pytest.raises(NoSpaceError):
        Catalog(full).import_model(wanted)
    with context.read() as uow:
        assert uow.catalog.model(BERT) is None
    assert not any((context.home / "work").iterdir())


def test_a_card_that_cannot_be_read_is_refused_before_the_slow_work(
    context: Context, wanted: ImportModel, plugins: FakePlugins
) -> None:
    with pytest.raises(InvalidError, match="front matter"):
        Catalog(context).import_model(replace(wanted, card="---\nwhen: 2026-13-99\n---\n"))
    assert plugins.converted == []


def test_a_viewer_imports_nothing(
    open_uow: SqlUnitOfWorkFactory, clock: FakeClock, tmp_path: Path, wanted: ImportModel, plugins: FakePlugins
) -> None:
    viewer = open_context(open_uow, clock, tmp_path / "home", role="viewer", plugins=plugins)
    with pytest.raises(PermissionDeniedError):
        Catalog(viewer).import_model(wanted)
    assert plugins.converted == []


@pytest.mark.parametrize("licence", ["Apache-2.0", "Apche-2.0"])
def test_known_bytes_with_another_licence_are_refused_and_both_are_shown(
    context: Context, wanted: ImportModel, licence: str
) -> None:
    catalog = Catalog(context)
    first = catalog.import_model(wanted)
    assert catalog.import_model(replace(wanted, licence="mit")) == first
    with pytest.raises(ConflictError, match=rf"registered with the licence 'MIT', not '{licence}'") as refusal:
        catalog.import_model(replace(wanted, licence=licence))
    assert refusal.value.facts == {"recorded": "MIT", "given": licence}
    assert catalog.versions(BERT, PageRequest()).items == [first.summary]


def test_a_path_that_leads_nowhere_is_named_before_anything_else(context: Context, wanted: ImportModel) -> None:
    with pytest.raises(NotFoundError, match="no file or folder 'nowhere'"):
        Catalog(context).import_model(replace(wanted, source="nowhere", parents=(Reference.parse("models:/a/b/1"),)))


@pytest.mark.parametrize("given", [None, "hf:acme/other@" + "d" * 40])
def test_an_import_says_which_repository_and_commit_it_came_from(
    context: Context, tmp_path: Path, given: str | None
) -> None:
    """From the cache of the Hub by itself; what is given counts more."""
    folder = tmp_path / "models--acme--bert/snapshots" / ("c" * 40)
    folder.parent.mkdir(parents=True)
    source = draw(folder, {"config.json": "{}", "model.safetensors": "weights"})
    made = Catalog(context).import_model(ImportModel(BERT, str(source), origin=given))
    assert made.upstream == made.model.origin == (given or f"hf:acme/bert@{'c' * 40}")


def test_an_origin_that_names_no_repository_is_refused_before_anything_is_read(
    context: Context, blobs: MemoryBlobs, wanted: ImportModel
) -> None:
    with pytest.raises(InvalidError, match="no repository of the Hub"):
        Catalog(context).import_model(replace(wanted, origin="hf:acme/bert@main"))
    assert nothing_is_left(context, blobs)
