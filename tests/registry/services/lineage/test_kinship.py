"""Claims about parents, put to the weights: supported ones are verified, false ones contradicted, and both recorded."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from safetensors.numpy import save_file

from lineage import Assurance, Relation
from registry.domain.catalog.models import VersionDetail
from registry.domain.names import Name, Reference
from registry.domain.people.people import Actor
from registry.domain.verbs.catalog import ImportModel
from registry.errors import NotFoundError, PermissionDeniedError, UsageError
from registry.services.catalog.verbs import Catalog
from registry.services.context import Context
from registry.services.lineage.verbs import Lineage
from registry.storage.unit_of_work import SqlUnitOfWorkFactory
from tests.fakes.blobs import MemoryBlobs
from tests.fakes.clock import FakeClock
from tests.fakes.plugins import FakePlugins
from tests.registry.services.registries import open_context, with_an_account

Import = Callable[..., VersionDetail]


def weights(seed: int) -> dict[str, NDArray[np.float32]]:
    """Two hidden layers of 64 and a head of 5, as they are drawn from a seed."""
    draw = np.random.default_rng(seed).standard_normal
    shapes = {"hidden.weight": (64, 30), "next.weight": (64, 64), "head.weight": (5, 64)}
    return {name: draw(shape).astype(np.float32) for name, shape in shapes.items()}


@pytest.fixture
def blobs() -> MemoryBlobs:
    return MemoryBlobs()


@pytest.fixture
def context(open_uow: SqlUnitOfWorkFactory, clock: FakeClock, tmp_path: Path, blobs: MemoryBlobs) -> Context:
    return with_an_account(
        open_context(open_uow, clock, tmp_path / "home", role="admin", blobs=blobs, plugins=FakePlugins())
    )


@pytest.fixture
def bring(context: Context, tmp_path: Path) -> Import:
    def make(name: str, tensors: dict[str, NDArray[np.float32]], *parents: str) -> VersionDetail:
        folder = tmp_path / name
        folder.mkdir()
        save_file(tensors, folder / "model.safetensors")
        claims = tuple(map(Reference.parse, parents))
        return Catalog(context).import_model(ImportModel(Name("vision", name), str(folder), parents=claims))

    return make


def assurance(context: Context, child: VersionDetail) -> list[Assurance]:
    with context.read() as uow:
        step = uow.steps.get(child.step)
    assert step is not None
    return [one.assurance for one in step.inputs]


def test_a_claim_that_the_weights_support_is_verified_at_import(context: Context, bring: Import) -> None:
    bring("parent", weights(1))
    child = bring("child", weights(1) | {"head.weight": weights(2)["head.weight"]}, "models:/vision/parent/1")
    assert assurance(context, child) == [Assurance.VERIFIED]
    (said,) = Lineage(context).checks(Reference.parse("models:/vision/child/1"))
    assert said.comparison.relation is Relation.FROZEN_PLUS_HEAD
    assert said.comparison.identical > 0.9
    with context.read() as uow:
        manifest = uow.steps.manifest(child.step)
    assert manifest is not None
    assert '"relation": "frozen_plus_head"' in json.dumps(manifest["facts"])


def test_a_false_claim_is_contradicted_and_stays_visible(context: Context, bring: Import) -> None:
    """An insider says that a model of unknown origin was made from an approved one."""
    bring("approved", weights(1))
    child = bring("stray", weights(2), "models:/vision/approved/1")
    assert assurance(context, child) == [Assurance.CONTRADICTED]
    (said,) = Lineage(context).verify(Reference.parse("models:/vision/stray/1"))
    assert (said.comparison.relation, said.assurance) == (Relation.UNRELATED, Assurance.CONTRADICTED)
    graph = Lineage(context).show("models:/vision/stray/1")
    assert Assurance.CONTRADICTED in {edge.assurance for edge in graph.edges}


def test_a_parent_that_nobody_claims_can_be_asked_about_and_changes_nothing(context: Context, bring: Import) -> None:
    bring("parent", weights(1))
    child = bring("child", {name: array * np.float32(1.001) for name, array in weights(1).items()})
    reference, parent = Reference.parse("models:/vision/child/1"), Reference.parse("models:/vision/parent/1")
    (said,) = Lineage(context).verify(reference, parent=parent)
    assert said.comparison.relation.supports
    assert (said.role, said.assurance) == (None, None)
    assert assurance(context, child) == []
    assert Lineage(context).checks(reference) == []
    with pytest.raises(UsageError, match="names no parent to compare with"):
        Lineage(context).verify(reference)


def test_a_claim_between_models_of_different_shapes_stays_declared(context: Context, bring: Import) -> None:
    bring("small", {"head.weight": weights(1)["head.weight"]})
    child = bring("other", {"tail.weight": weights(2)["next.weight"]}, "models:/vision/small/1")
    assert assurance(context, child) == [Assurance.DECLARED]
    (said,) = Lineage(context).checks(Reference.parse("models:/vision/other/1"))
    assert said.comparison.relation is Relation.UNDECIDABLE


def test_every_comparison_is_an_entry_of_the_audit_log(context: Context, bring: Import) -> None:
    bring("parent", weights(1))
    bring("child", weights(1), "models:/vision/parent/1")
    Lineage(context).verify(Reference.parse("models:/vision/child/1"))
    with context.read() as uow:
        actions = [entry.body.decode() for entry in uow.audit.entries()]
    assert '"weights":{"models:/vision/parent/1":"identical"}' in actions[-1]
    assert "lineage.verified" in actions[-1]
    assert "model_version.imported" in actions[-2]


def test_nothing_is_compared_for_readers_or_with_models_that_do_not_exist(context: Context, bring: Import) -> None:
    bring("parent", weights(1))
    bring("child", weights(2), "models:/vision/parent/1")
    child = Reference.parse("models:/vision/child/1")
    reader = Lineage(replace(context, actor=Actor("vic", frozenset({"viewer"}))))
    with pytest.raises(PermissionDeniedError):
        reader.verify(child)
    with pytest.raises(NotFoundError):
        Lineage(context).verify(child, parent=Reference.parse("models:/vision/none/1"))
    assert not list((context.home / "work").iterdir())
