"""Publishing: everything that belongs to a version is written in one transaction, in one place of the code."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from registry.domain.names import AssetKind, Name, VersionRef
from registry.domain.paging import PageRequest
from registry.domain.recipes.recipe import Method
from registry.domain.transfers.provenance import Compute
from registry.services.artifacts.publishing import Asset, Making, ModelContents, publish
from registry.services.context import Context
from registry.storage.unit_of_work import SqlUnitOfWorkFactory
from tests.builders import NOW, describing, manifest
from tests.fakes.clock import FakeClock
from tests.registry.services.registries import open_context

DIGITS = Name("vision", "digits")
SERVICES = Path(__file__).resolve().parents[4] / "registry/services"
MAKING = Making(Method.IMPORT, "hand", (), {"source": "here"}, Compute(), NOW, NOW, facts={})


@pytest.fixture
def context(open_uow: SqlUnitOfWorkFactory, clock: FakeClock, tmp_path: Path) -> Context:
    return open_context(open_uow, clock, tmp_path / "home")


def test_a_version_comes_with_its_step_manifest_card_and_audit_entry(context: Context) -> None:
    asset = Asset(DIGITS, describing(), ModelContents(manifest("a"), "resnet-18", lambda ref: f"# {ref.label}\n"))
    with context.write() as uow:
        ref = publish(context, uow, asset, MAKING, action="model_version.imported", details={"origin": "here"})
    assert ref == VersionRef(AssetKind.MODELS, DIGITS, 1)
    with context.read() as uow:
        version = uow.catalog.version(ref)
        assert version is not None
        assert version.card is not None
        assert version.card.text == "# vision/digits/1\n"
        step = uow.steps.get(version.step)
        assert step is not None
        assert (step.summary.state, step.summary.output) == ("succeeded", ref)
        (entry,) = uow.audit.search(subject=None, action=None, page=PageRequest()).items
    assert entry.detail == {
        "digest": str(version.summary.digest),
        "step": version.step,
        "manifest": str(step.manifest_digest),
        "origin": "here",
    }


def test_a_publication_that_fails_half_way_leaves_nothing(context: Context) -> None:
    def broken(ref: VersionRef) -> str:
        raise ZeroDivisionError(ref)

    asset = Asset(DIGITS, describing(), ModelContents(manifest("a"), "resnet-18", broken))
    with pytest.raises(ZeroDivisionError), context.write() as uow:
        publish(context, uow, asset, MAKING, action="model_version.imported")
    with context.read() as uow:
        assert uow.catalog.model(DIGITS) is None
        assert not uow.steps.search(state=None, method=None, output=None, page=PageRequest()).items
        assert not uow.audit.search(subject=None, action=None, page=PageRequest()).items


def test_no_other_service_writes_versions_or_manifests() -> None:
    writes = re.compile(r"uow\.\w+\.add_version\(|write_manifest\(|uow\.steps\.set_manifest\(")
    places = {p.relative_to(SERVICES).as_posix() for p in SERVICES.rglob("*.py") if writes.search(p.read_text("utf-8"))}
    assert places == {"artifacts/publishing.py"}
