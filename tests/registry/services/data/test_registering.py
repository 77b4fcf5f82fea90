"""Datasets are registered whole or not at all; the same content gives the version that it has already."""

from __future__ import annotations

import zipfile
from dataclasses import replace
from pathlib import Path

import pytest

from lineage import NodeKind
from registry.domain.catalog.models import Modality
from registry.domain.data.datasets import DataFormat, SplitPlan
from registry.domain.names import Name, Reference
from registry.domain.paging import PageRequest
from registry.domain.recipes.recipe import Method
from registry.domain.transfers.steps import StepState
from registry.domain.verbs.data import AddDataset
from registry.errors import (
    BadDataError,
    ConflictError,
    InvalidError,
    NameTakenError,
    NoSpaceError,
    NotFoundError,
    PermissionDeniedError,
    RegistryError,
    TooLargeError,
)
from registry.limits import DataLimits
from registry.plugins import EntryPointPlugins
from registry.services.context import Context
from registry.services.data.verbs import Datasets
from registry.storage.unit_of_work import SqlUnitOfWorkFactory
from tests.adapters.dvc.worlds import draw, paint_classes
from tests.fakes.blobs import MemoryBlobs
from tests.fakes.clock import FakeClock
from tests.registry.services.registries import open_context
from tests.registry.services.reviews import REVIEWS, TABLE


def nothing_is_left(context: Context, blobs: MemoryBlobs) -> bool:
    with context.read() as uow:
        rows = list(uow.audit.entries()) + list(uow.datasets.search("", PageRequest()).items)
        steps = uow.steps.search(state=None, method=None, output=None, page=PageRequest()).items
    files = [path for place in ("work", "cache") for path in (context.home / place).rglob("*") if path.is_file()]
    return not rows and not steps and not blobs.kept and not files


def test_a_dataset_over_a_limit_leaves_nothing(
    context: Context, datasets: Datasets, wanted: AddDataset, blobs: MemoryBlobs
) -> None:
    limited = replace(context, plugins=EntryPointPlugins(memory=0, seconds=60, limits=DataLimits(classes=1)))
    with pytest.raises(TooLargeError, match="more than 1 different classes"):
        Datasets(limited).add(wanted)
    assert nothing_is_left(context, blobs)
    datasets.add(wanted)
    assert not nothing_is_left(context, blobs)


def test_a_table_becomes_a_version_with_rows_classes_and_splits(datasets: Datasets, wanted: AddDataset) -> None:
    detail = datasets.add(replace(wanted, task="sentiment-analysis", description="What people said", tags={"a": "b"}))
    assert str(detail.summary.ref) == "datasets:/data/reviews/1"
    assert (detail.summary.format, detail.summary.rows) == (DataFormat.CSV, 20)
    assert detail.summary.classes == ("bad", "good")
    assert {s.name: dict(s.classes) for s in detail.summary.splits} == {
        "train": {"bad": 7, "good": 7},
        "validation": {"bad": 1, "good": 1},
        "test": {"bad": 2, "good": 2},
    }
    said = detail.dataset.describing
    assert (said.task, said.modality, said.licence) == ("sentiment-analysis", Modality.TEXT, "CC-BY-4.0")
    assert (said.origin, said.description, said.tags) == ("file:reviews.csv", "What people said", {"a": "b"})
    assert detail.dvc is not None
    assert (detail.dvc.size, detail.dvc.files) == (len(TABLE), 1)
    assert [entry.path for entry in detail.files] == ["reviews.csv"]


def test_the_step_that_registered_it_says_how(context: Context, datasets: Datasets, wanted: AddDataset) -> None:
    detail = datasets.add(wanted)
    with context.read() as uow:
        step = uow.steps.get(detail.step)
        node = uow.graph.node(str(detail.summary.ref))
        assert node is not None
        nodes, edges, _ = uow.graph.walk(node, up=-1, down=0, limit=9)
        events = [entry.body for entry in uow.audit.entries()]
    assert step is not None
    assert (step.summary.method, step.summary.state) == (Method.IMPORT, StepState.SUCCEEDED)
    assert step.summary.output == detail.summary.ref
    assert step.recipe["split"] == {"shares": {"train": 0.7, "validation": 0.1, "test": 0.2}, "seed": 0, "column": None}
    assert step.manifest is not None
    facts = step.manifest["facts"]
    assert isinstance(facts, dict)
    assert detail.dvc is not None
    assert facts["dvc"]["md5"] == detail.dvc.md5
    assert "dvc-data" in step.manifest["environment"]["libraries"]  # type: ignore[index]
    assert {node.kind for node in nodes} == {NodeKind.DATASET, NodeKind.STEP}
    assert len(edges) == 1
    assert len(events) == 1
    assert b'"action":"dataset_version.added"' in events[0]
    assert str(step.manifest_digest).encode() in events[0]


def test_what_was_noted_while_reading_is_shown_with_the_version(datasets: Datasets, tmp_path: Path) -> None:
    file = draw(tmp_path / "in", {"reviews.csv": TABLE.replace("good", "Bad", 3).replace(",", ";")}) / "reviews.csv"
    notes = datasets.add(AddDataset(REVIEWS, str(file), licence="mit")).notes
    assert any("semicolons" in one for one in notes)
    assert any("'Bad' and 'bad' differ in case only" in one for one in notes)
    assert datasets.version(Reference.parse("datasets:/data/reviews/1")).notes == notes


def test_the_same_content_again_is_the_same_version(context: Context, datasets: Datasets, wanted: AddDataset) -> None:
    first = datasets.add(wanted)
    assert datasets.add(wanted) == first
    with context.read() as uow:
        assert len(list(uow.audit.entries())) == 1


def test_another_split_of_the_same_files_is_another_version(datasets: Datasets, wanted: AddDataset) -> None:
    first = datasets.add(wanted)
    second = datasets.add(replace(wanted, split=SplitPlan({"train": 0.5, "test": 0.5})))
    assert second.summary.ref.number == 2
    assert second.summary.digest != first.summary.digest
    assert second.files == first.files
    assert second.split_plan.shares == {"train": 0.5, "test": 0.5}
    assert datasets.version(Reference.parse("datasets:/data/reviews/1")).summary.digest == first.summary.digest
    assert datasets.version(Reference.parse("datasets:/data/reviews")).summary.ref.number == 2


def test_a_further_version_inherits_the_description_of_the_first(datasets: Datasets, wanted: AddDataset) -> None:
    datasets.add(replace(wanted, description="What people said", origin="a survey"))
    Path(wanted.source).write_text(TABLE + "one more,good\n")
    second = datasets.add(replace(wanted, licence=None))
    assert second.summary.licence == "CC-BY-4.0"
    assert second.dataset.describing.origin == "a survey"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"task": "translation"}, "The task of data/reviews is text-classification, not translation"),
        ({"origin": "elsewhere"}, "The origin of data/reviews"),
        ({"description": "other"}, "The description of data/reviews"),
    ],
)
def test_a_further_version_cannot_redescribe_the_dataset(
    change: dict[str, str], message: str, datasets: Datasets, wanted: AddDataset
) -> None:
    datasets.add(wanted)
    with pytest.raises(ConflictError, match=message):
        datasets.add(replace(wanted, **change))  # type: ignore[arg-type]


def test_a_dataset_of_texts_does_not_become_one_of_images(
    datasets: Datasets, wanted: AddDataset, tmp_path: Path
) -> None:
    datasets.add(wanted)
    pictures = paint_classes(tmp_path / "pictures", {"cat": 2, "dog": 2})
    with pytest.raises(ConflictError, match="The modality of data/reviews is text, not image"):
        datasets.add(replace(wanted, source=str(pictures), task=None))


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"licence": None}, InvalidError),
        ({"source": "/no/such/place"}, NotFoundError),
        ({"label_column": "stars"}, BadDataError),
        ({"rev": "main"}, InvalidError),
        ({"task": " "}, InvalidError),
        ({"tags": {"bad key!": "x"}}, InvalidError),
    ],
)
def test_bad_input_leaves_nothing_behind(
    change: dict[str, object],
    error: type[RegistryError],
    context: Context,
    datasets: Datasets,
    wanted: AddDataset,
    blobs: MemoryBlobs,
) -> None:
    with pytest.raises(error):
        datasets.add(replace(wanted, **change))  # type: ignore[arg-type]
    assert nothing_is_left(context, blobs)


def test_a_full_store_leaves_no_row(
    open_uow: SqlUnitOfWorkFactory, clock: FakeClock, tmp_path: Path, wanted: AddDataset
) -> None:
    context = open_context(open_uow, clock, tmp_path / "home", blobs=MemoryBlobs(capacity=100))
    with pytest.raises(NoSpaceError):
        Datasets(context).add(wanted)
    with context.read() as uow:
        assert uow.datasets.dataset(REVIEWS) is None


def test_a_name_that_differs_by_a_hyphen_is_taken(datasets: Datasets, wanted: AddDataset) -> None:
    datasets.add(replace(wanted, name=Name("data", "film-reviews")))
    with pytest.raises(NameTakenError, match="data/film_reviews is taken"):
        datasets.add(replace(wanted, name=Name("data", "film_reviews")))


def test_who_may_only_read_registers_nothing(
    open_uow: SqlUnitOfWorkFactory, clock: FakeClock, tmp_path: Path, wanted: AddDataset
) -> None:
    with pytest.raises(PermissionDeniedError):
        Datasets(open_context(open_uow, clock, tmp_path / "home", role="viewer")).add(wanted)


def test_an_upload_never_points_elsewhere(datasets: Datasets, wanted: AddDataset, tmp_path: Path) -> None:
    pointer = draw(tmp_path / "up", {"data.dvc": "outs: []"}) / "data.dvc"
    with pytest.raises(InvalidError, match="cannot be uploaded"):
        datasets.add(replace(wanted, source=str(pointer), uploaded=True))
    assert datasets.add(replace(wanted, uploaded=True)).dataset.describing.origin == "upload"


def test_data_that_a_package_carries_is_registered_by_its_name(
    datasets: Datasets, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    draw(tmp_path / "site/carrier_of_reviews", {"__init__.py": "", "data/reviews.csv": TABLE})
    monkeypatch.syspath_prepend(tmp_path / "site")
    detail = datasets.add(AddDataset(REVIEWS, "package:carrier-of-reviews/data/reviews.csv", licence="MIT"))
    assert detail.summary.rows == 20
    assert detail.dataset.describing.origin == "package:carrier-of-reviews/data/reviews.csv"


def test_the_same_content_with_another_licence_is_refused(datasets: Datasets, wanted: AddDataset) -> None:
    datasets.add(wanted)
    with pytest.raises(ConflictError, match=r"registered with the licence 'CC-BY-4\.0', not 'MTI'"):
        datasets.add(replace(wanted, licence="MTI"))


def test_the_path_of_data_is_looked_at_before_its_licence(datasets: Datasets, wanted: AddDataset) -> None:
    with pytest.raises(NotFoundError, match="no file or folder"):
        datasets.add(replace(wanted, source="/nowhere/data.csv", licence=None))


def test_pictures_packed_in_an_archive_are_the_version_that_their_folder_is(datasets: Datasets, tmp_path: Path) -> None:
    folder = paint_classes(tmp_path / "in", {"cat": 2, "dog": 2})
    packed = tmp_path / "mine.zip"
    with zipfile.ZipFile(packed, "w") as archive:
        for path in sorted(folder.rglob("*.*")):
            archive.write(path, Path("flowers") / path.relative_to(folder))
        archive.writestr("__MACOSX/flowers/._x", b"left behind by macOS")
    wanted = AddDataset(REVIEWS, str(packed), licence="mit", uploaded=True)
    detail = datasets.add(wanted)
    assert detail.notes == ("opened the archive mine.zip",)
    assert datasets.add(replace(wanted, source=str(folder))).summary.ref == detail.summary.ref
    assert all("flowers" not in entry.path for entry in detail.files)


@pytest.mark.parametrize(
    ("members", "words"),
    [
        (("../cat/1.png",), "may lead out of it"),
        (("cat/1.png", "cat/1.PNG"), "occurs twice"),
        (("1.png",), "lies in no class folder"),
        ((), "holds no files"),
    ],
)
def test_an_archive_that_is_no_folder_of_classes_leaves_nothing(
    context: Context,
    datasets: Datasets,
    wanted: AddDataset,
    blobs: MemoryBlobs,
    tmp_path: Path,
    members: tuple[str, ...],
    words: str,
) -> None:
    packed = tmp_path / "mine.ZIP"
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("empty/", b"")
        for name in members:
            archive.writestr(name, b"x")
    with pytest.raises(RegistryError, match=words):
        datasets.add(replace(wanted, source=str(packed)))
    assert nothing_is_left(context, blobs)
