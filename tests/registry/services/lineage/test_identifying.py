"""An unknown checkpoint is put beside what is registered: what it is kin to comes first, with the evidence."""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from safetensors.numpy import save_file

from lineage import Relation
from registry.domain.catalog.models import VersionDetail
from registry.domain.names import Name, Reference
from registry.domain.people.people import Actor
from registry.domain.people.teams import Sight
from registry.domain.verbs.catalog import CopyVersion
from registry.errors import BadArtifactError, NotFoundError, PermissionDeniedError, UnsafeArtifactError, UsageError
from registry.services.catalog.verbs import Catalog
from registry.services.context import Context
from registry.services.lineage import identifying
from registry.services.lineage.verbs import Lineage
from registry.storage.database import Database
from registry.storage.lineage import weights as index_of_weights
from registry.storage.tables import tensor, weight_index
from tests.fakes.blobs import MemoryBlobs
from tests.registry.services.lineage.test_kinship import blobs, bring, context, weights  # noqa: F401 - fixtures

Import = Callable[..., VersionDetail]
Tensors = dict[str, NDArray[np.float32]]


def trained(tensors: Tensors, *, by: float = 1e-3) -> Tensors:
    draw = np.random.default_rng(9).standard_normal
    return {name: array + by * draw(array.shape).astype(np.float32) for name, array in tensors.items()}


def unknown(folder: Path, tensors: Tensors) -> str:
    save_file(tensors, folder / "found.safetensors")
    return str(folder / "found.safetensors")


def test_kin_come_first_with_their_evidence_and_strangers_last(context: Context, bring: Import, tmp_path: Path) -> None:  # noqa: F811
    bring("stranger", weights(3))
    bring("parent", weights(1))
    bring("sibling", trained(weights(1), by=2e-3))
    other_head = weights(1) | {"head.weight": weights(2)["head.weight"]}
    said = Lineage(context).identify(unknown(tmp_path, other_head))
    assert [one.ref.label for one in said.candidates] == ["vision/parent/1", "vision/sibling/1", "vision/stranger/1"]
    first, second, last = (one.comparison for one in said.candidates)
    assert first is not None
    assert first.relation is Relation.FROZEN_PLUS_HEAD
    assert second is not None
    assert second.relation.supports
    assert last is not None
    assert last.relation is Relation.UNRELATED
    assert said.candidates[0].shared > 0.9 > said.candidates[1].shared
    assert (said.file, said.tensors, said.left_out) == ("found.safetensors", 3, 0)


def test_a_sibling_nearer_than_the_parent_is_listed_first_and_no_parent_is_named(
    context: Context,  # noqa: F811
    bring: Import,  # noqa: F811
    tmp_path: Path,
) -> None:
    bring("parent", weights(1))
    bring("sibling", trained(weights(1), by=0.1))
    said = Lineage(context).identify(unknown(tmp_path, trained(trained(weights(1), by=0.1))))
    assert [one.ref.label for one in said.candidates] == ["vision/sibling/1", "vision/parent/1"]
    assert "a sibling can be nearer than the parent" in said.notes[0]


def test_renamed_tensors_are_found_by_their_bytes(context: Context, bring: Import, tmp_path: Path) -> None:  # noqa: F811
    bring("parent", weights(1))
    renamed = {f"net.{number}": array for number, array in enumerate(weights(1).values())}
    (one,) = Lineage(context).identify(unknown(tmp_path, renamed)).candidates
    assert one.comparison is not None
    assert (one.shared, one.comparison.relation) == (1.0, Relation.IDENTICAL)


def test_versions_from_before_the_index_are_read_once_and_then_found(
    context: Context,  # noqa: F811
    bring: Import,  # noqa: F811
    tmp_path: Path,
    sqlite_database: Database,
) -> None:
    bring("parent", weights(1))
    with sqlite_database.engine.begin() as connection:
        connection.execute(tensor.delete())
        connection.execute(weight_index.delete())
    file = unknown(tmp_path, weights(1))
    assert [one.shared for one in Lineage(context).identify(file).candidates] == [1.0]
    with context.read() as uow:
        assert uow.weights.missing(limit=9) == []


def test_a_damaged_version_is_named_as_not_considered_and_found_once_it_is_repaired(
    context: Context,  # noqa: F811
    blobs: MemoryBlobs,  # noqa: F811
    bring: Import,  # noqa: F811
    tmp_path: Path,
    sqlite_database: Database,
) -> None:
    stored = next(one for one in bring("parent", weights(1)).files if one.path == "model.safetensors")
    with sqlite_database.engine.begin() as connection:
        connection.execute(tensor.delete())
        connection.execute(weight_index.delete())
    with blobs.open(stored.sha256) as stream:
        kept = stream.read()
    blobs.delete(stored.sha256)
    file = unknown(tmp_path, weights(1))
    said = Lineage(context).identify(file)
    assert said.candidates == ()
    assert said.notes[1] == "Versions that were not considered, because their stored weights are damaged: 1"
    blobs.put(io.BytesIO(kept))
    assert [one.shared for one in Lineage(context).identify(file).candidates] == [1.0]


def test_candidates_beyond_the_limit_are_counted(context: Context, bring: Import, tmp_path: Path) -> None:  # noqa: F811
    for number in range(3):
        bring(f"model-{number}", weights(number))
    said = Lineage(context).identify(unknown(tmp_path, weights(2)), limit=1)
    assert [one.ref.label for one in said.candidates] == ["vision/model-2/1"]
    assert said.left_out == 2


def test_what_a_closed_team_has_is_neither_listed_nor_counted(
    context: Context,  # noqa: F811
    bring: Import,  # noqa: F811
    tmp_path: Path,
) -> None:
    bring("parent", weights(1))
    blind = replace(context, actor=replace(context.actor, sight=Sight({"vision": None}, "eve")))
    file = unknown(tmp_path, weights(1))
    for limit in (1, 20):
        said = Lineage(blind).identify(file, limit=limit)
        assert (said.candidates, said.left_out) == ((), 0)
    assert len(Lineage(context).identify(file).candidates) == 1


def test_what_is_hidden_takes_no_place_among_the_versions_that_are_looked_at(
    context: Context,  # noqa: F811
    bring: Import,  # noqa: F811
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    bring("parent", weights(1))
    Catalog(context).copy(CopyVersion(Reference.parse("models:/vision/parent/1"), Name("open", "copy")))
    monkeypatch.setattr(identifying, "ALIKE", 1)
    monkeypatch.setattr(index_of_weights, "HOLDERS", 1)
    blind = replace(context, actor=replace(context.actor, sight=Sight({"vision": None}, "eve")))
    said = Lineage(blind).identify(unknown(tmp_path, weights(1)))
    assert [(str(one.ref), one.shared, said.left_out) for one in said.candidates] == [("models:/open/copy/1", 1.0, 0)]
    assert len(said.notes) == 1


def test_what_holds_no_tensors_or_may_be_a_pickle_is_refused_in_one_line(context: Context, tmp_path: Path) -> None:  # noqa: F811
    lineage = Lineage(context)
    (tmp_path / "model.bin").write_bytes(b"\x80\x04.")
    (tmp_path / "notes.txt").write_text("no weights")
    (tmp_path / "empty").mkdir()
    with pytest.raises(UnsafeArtifactError, match="can be a pickle, which is not opened here"):
        lineage.identify(str(tmp_path / "model.bin"))
    with pytest.raises(BadArtifactError, match=r"'notes.txt' is not a valid"):
        lineage.identify(str(tmp_path / "notes.txt"))
    with pytest.raises(BadArtifactError, match="holds no safetensors file with tensors"):
        lineage.identify(str(tmp_path / "empty"))
    with pytest.raises(BadArtifactError, match="holds no tensors"):
        lineage.identify(unknown(tmp_path, {}))
    with pytest.raises(NotFoundError):
        lineage.identify(str(tmp_path / "nowhere"))
    with pytest.raises(UsageError, match="cannot be 0 versions"):
        lineage.identify(unknown(tmp_path, weights(1)), limit=0)
    with pytest.raises(PermissionDeniedError):
        Lineage(replace(context, actor=Actor("vic", frozenset({"viewer"})))).identify("x")
