"""Datasets: found again, and given back byte for byte."""

from __future__ import annotations

from pathlib import Path

import pytest

from lineage import Digest
from registry.domain.names import Name, Reference
from registry.domain.paging import PageRequest
from registry.domain.verbs.data import AddDataset
from registry.errors import (
    BadReferenceError,
    ConflictError,
    DatasetChangedError,
    NotFoundError,
)
from registry.services.context import Context
from registry.services.data.verbs import Datasets, materialise_dataset
from tests.adapters.dvc.worlds import draw, dvc, dvc_name, paint_classes
from tests.fakes.blobs import MemoryBlobs
from tests.registry.services.reviews import REVIEWS, TABLE


def at(reference: str) -> Reference:
    return Reference.parse(reference)


def test_datasets_are_found_by_their_words(datasets: Datasets, wanted: AddDataset) -> None:
    datasets.add(wanted)
    assert [found.name for found in datasets.search("reviews", PageRequest()).items] == [REVIEWS]
    assert not datasets.search("nothing-like-it", PageRequest()).items


@pytest.mark.parametrize("reference", ["datasets:/data/none", "datasets:/data/reviews/9"])
def test_a_version_that_is_not_there_says_where_to_look(
    reference: str, datasets: Datasets, wanted: AddDataset, tmp_path: Path
) -> None:
    datasets.add(wanted)
    for verb in (datasets.version, lambda r: datasets.pull(r, tmp_path / "out")):
        with pytest.raises(NotFoundError, match="forebear dataset list"):
            verb(at(reference))
    assert not (tmp_path / "out").exists()


def test_a_model_is_no_dataset(datasets: Datasets) -> None:
    with pytest.raises(BadReferenceError, match="is not a dataset"):
        datasets.version(at("models:/data/reviews/1"))


def test_what_is_pulled_has_the_name_that_dvc_gives_it(datasets: Datasets, tmp_path: Path) -> None:
    source = paint_classes(tmp_path / "in", {"cat": 3, "dog": 3})
    draw(source, {".hidden": "h", "README.md": "about"})
    (source / "again.png").symlink_to(source / "cat/0.png")
    (source / "again.png").rename(source / "dog/again.png")
    detail = datasets.add(AddDataset(Name("data", "pets"), str(source), licence="MIT"))
    report = datasets.pull(at("datasets:/data/pets/1"), tmp_path / "repository/pets")
    assert (report.files, report.size) == (9, detail.summary.size)
    dvc(tmp_path / "repository", "init", "--quiet", "--no-scm")
    dvc(tmp_path / "repository", "add", "--quiet", "pets")
    assert detail.dvc is not None
    named = dvc_name(tmp_path / "repository/pets.dvc")
    assert named == (detail.dvc.md5, detail.dvc.size, detail.dvc.files)


def test_nothing_is_pulled_over_what_is_there(datasets: Datasets, wanted: AddDataset, tmp_path: Path) -> None:
    datasets.add(wanted)
    draw(tmp_path / "out", {"mine": "x"})
    with pytest.raises(ConflictError, match="not empty"):
        datasets.pull(at("datasets:/data/reviews"), tmp_path / "out")
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["mine"]


def test_a_worker_gets_the_files_and_every_row(context: Context, wanted: AddDataset, tmp_path: Path) -> None:
    detail = Datasets(context).add(wanted)
    rows = materialise_dataset(context, detail, tmp_path / "work")
    assert (tmp_path / "work/reviews.csv").read_text() == TABLE
    assert [row.key for row in rows] == list(range(20))
    assert rows[3].text == "review 3"
    assert rows[3].digest == Digest.of(b"review 3")
    assert {row.split for row in rows} == {"train", "validation", "test"}


@pytest.mark.parametrize("what", ["file", "index"])
@pytest.mark.parametrize("how", ["rotten", "gone"])
def test_stored_bytes_that_changed_are_never_trained_on(
    what: str, how: str, context: Context, blobs: MemoryBlobs, wanted: AddDataset, tmp_path: Path
) -> None:
    detail = Datasets(context).add(wanted)
    digest = detail.files[0].sha256 if what == "file" else detail.index
    if how == "gone":
        del blobs.kept[digest]
    else:
        blobs.kept[digest] = blobs.kept[digest].replace(b"review 3", b"review 4")
    with pytest.raises(DatasetChangedError, match="data/reviews/1 are not what was registered"):
        materialise_dataset(context, detail, tmp_path / "work")
