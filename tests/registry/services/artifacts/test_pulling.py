"""Pull: a folder that loads without us appears whole, or not at all."""

from __future__ import annotations

import io
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import BinaryIO

import pytest

from lineage import Digest
from registry.domain.governance.reviews.waivers import Waiver, WaiverApproval
from registry.domain.ids import new_id
from registry.domain.names import Name, Reference
from registry.domain.verbs.catalog import ImportModel
from registry.errors import ConflictError, IntegrityError, NoSpaceError, RegistryError, UnavailableError
from registry.services.catalog.verbs import Catalog
from registry.services.context import Context
from registry.storage.unit_of_work import SqlUnitOfWorkFactory
from tests.adapters.dvc.worlds import draw
from tests.builders import add_version, digest
from tests.fakes.blobs import MemoryBlobs
from tests.fakes.clock import FakeClock
from tests.fakes.plugins import FACTS, FakePlugins
from tests.registry.services.registries import open_context

BERT = Reference.parse("models:/library/bert")
DEFINITIONS = {str(FACTS.architecture): ("bert.py", b"import torch\n")}


@pytest.fixture
def context(open_uow: SqlUnitOfWorkFactory, clock: FakeClock, tmp_path: Path) -> Context:
    """A home with one model of two files."""
    plugins = FakePlugins(definitions=DEFINITIONS)
    context = open_context(open_uow, clock, tmp_path / "home", blobs=MemoryBlobs(), plugins=plugins)
    source = draw(tmp_path / "in", {"config.json": "{}", "weights/model.safetensors": "weights"})
    Catalog(context).import_model(ImportModel(Name("library", "bert"), str(source)))
    return context


def files_of(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


def test_a_pull_holds_the_payload_the_card_and_what_loads_it(context: Context, tmp_path: Path) -> None:
    report = Catalog(context).pull(BERT, tmp_path / "out" / "bert")
    out = report.folder
    assert files_of(out) == {"config.json", "weights/model.safetensors", "README.md", "bert.py"}
    assert (report.files, report.size) == (4, len("{}weights"))
    assert (out / "weights/model.safetensors").read_text() == "weights"
    assert (out / "README.md").read_text().startswith("---\nlicense: mit\n")
    assert (out / "bert.py").read_bytes() == b"import torch\n"
    assert [path.name for path in out.parent.iterdir()] == ["bert"], "nothing lies beside it"


def test_an_empty_folder_is_filled_and_another_is_left_alone(context: Context, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    Catalog(context).pull(BERT, tmp_path / "out")
    before = files_of(tmp_path / "out")
    with pytest.raises(ConflictError, match="exists and is not empty"):
        Catalog(context).pull(BERT, tmp_path / "out")
    assert files_of(tmp_path / "out") == before


def test_the_current_directory_can_be_pulled_into(
    context: Context, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    Catalog(context).pull(BERT, Path())
    assert "config.json" in files_of(tmp_path / "here")


class Broken(MemoryBlobs):
    """Blobs whose bytes cannot be had, for the reason given."""

    def __init__(self, blobs: MemoryBlobs, reason: Exception) -> None:
        super().__init__()
        self.kept, self._reason = blobs.kept, reason

    def open(self, digest: Digest, *, start: int = 0, length: int | None = None) -> BinaryIO:
        if self.size(digest) == len("weights"):
            raise self._reason
        return io.BytesIO(self.kept[digest])


@pytest.mark.parametrize(
    ("reason", "told"),
    [
        (OSError(28, "No space left on device"), NoSpaceError),
        (OSError(5, "Input/output error"), UnavailableError),
        (IntegrityError("changed"), IntegrityError),
    ],
)
def test_a_pull_that_fails_half_way_leaves_nothing(
    reason: Exception, told: type[RegistryError], context: Context, tmp_path: Path
) -> None:
    assert isinstance(context.blobs, MemoryBlobs)
    broken = replace(context, blobs=Broken(context.blobs, reason))
    (tmp_path / "out").mkdir()
    with pytest.raises(told):
        Catalog(broken).pull(BERT, tmp_path / "out" / "bert")
    assert list((tmp_path / "out").iterdir()) == []


def test_a_folder_below_a_file_is_refused(context: Context, tmp_path: Path) -> None:
    draw(tmp_path, {"file": "x"})
    with pytest.raises(UnavailableError, match="cannot be written"):
        Catalog(context).pull(BERT, tmp_path / "file" / "bert")


def test_the_card_that_is_pulled_names_the_waivers_of_the_version_and_of_its_ancestors(context: Context) -> None:
    now = context.clock.now()
    with context.write() as uow:
        ref = uow.catalog.resolve(BERT)
        assert ref is not None
        child = add_version(uow, "vision/child", parents=[ref])
        waiver = Waiver(
            new_id("wai", now), ref, digest("x"), "no-worse", "in repair", now + timedelta(days=9), 1, "ana", now
        )
        uow.reviews.add_waiver(waiver)
        uow.commit_unaudited()
    assert "## Waivers" not in Catalog(context).pull_plan(BERT).appended["README.md"], "nobody has granted it"
    with context.write() as uow:
        uow.reviews.add_waiver_approval(waiver.id, WaiverApproval("carla", "", now))
        uow.reviews.grant_waiver(waiver.id, at=now)
        uow.commit_unaudited()
    own = Catalog(context).pull_plan(BERT).appended["README.md"]
    assert "## Waivers\n\n- Gate no-worse is waived until" in own
    assert f"by carla ({waiver.id}): in repair" in own
    inherited = Catalog(context).pull_plan(Reference.to(child)).appended["README.md"]
    assert f"- {ref}, from which this was made, carries a waiver: gate no-worse is waived until" in inherited
