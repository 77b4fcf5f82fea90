"""What is otherwise in one version than in another: on record, by its files, and tensor by tensor."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from safetensors.numpy import save_file

from registry.domain.catalog.models import Status
from registry.domain.names import Name, Reference
from registry.domain.people.people import Actor, Scope
from registry.domain.people.teams import Level, Sight
from registry.domain.verbs import catalog as verbs
from registry.domain.verbs.catalog import ImportModel
from registry.errors import NotFoundError, PermissionDeniedError, UsageError
from registry.presenting.differences import decades, reach, rows, weights_in_words
from registry.services.catalog import differing
from registry.services.catalog.verbs import Catalog
from registry.services.context import Context
from registry.storage.unit_of_work import SqlUnitOfWorkFactory
from tests.fakes.clock import FakeClock
from tests.fakes.plugins import FakePlugins
from tests.registry.services.registries import open_context, with_an_account

ONE, OTHER = Reference.parse("models:/vision/one/1"), Reference.parse("models:/vision/other/1")
Tensors = Mapping[str, NDArray[np.float32]]


def tensors() -> dict[str, NDArray[np.float32]]:
    draw = np.random.default_rng(1).standard_normal
    shapes = {"body.weight": (64, 30), "next.weight": (64, 64), "head.weight": (5, 64)}
    return {name: draw(shape).astype(np.float32) for name, shape in shapes.items()}


@pytest.fixture
def catalog(open_uow: SqlUnitOfWorkFactory, clock: FakeClock, tmp_path: Path) -> Catalog:
    """`other` is `one` with one layer a tenth larger, a new head, another mean, and a licence that asks more."""
    context = with_an_account(open_context(open_uow, clock, tmp_path / "home", role="admin", plugins=FakePlugins()))
    plain = tensors()
    changed = plain | {"next.weight": plain["next.weight"] * np.float32(1.1)}
    del changed["head.weight"]
    changed["classes.weight"] = np.ones((7, 64), np.float32)
    bring(context, tmp_path, "one", plain, mean=0.5, licence="mit")
    bring(context, tmp_path, "other", changed, mean=0.4, licence="cc-by-nc-4.0", parents=(ONE,))
    return Catalog(context)


def bring(
    context: Context, tmp_path: Path, name: str, held: Tensors, *, mean: float, licence: str,
    parents: tuple[Reference, ...] = (),
) -> None:  # fmt: skip
    folder = tmp_path / name
    folder.mkdir()
    save_file(dict(held), folder / "model.safetensors")
    (folder / "preprocessor_config.json").write_text(json.dumps({"image_mean": [mean]}))
    Catalog(context).import_model(ImportModel(Name("vision", name), str(folder), licence=licence, parents=parents))


def test_each_tensor_that_changed_is_named_with_its_distance(catalog: Catalog) -> None:
    found = catalog.difference(ONE, OTHER).weights
    assert found is not None
    assert found.equal == 1
    (changed,) = found.changed
    assert changed.name == "next.weight"
    assert changed.distance == pytest.approx(0.1, rel=1e-5)
    assert [(one.name, one.shape) for one in found.left_out] == [("head.weight", (5, 64))]
    assert [(one.name, one.shape) for one in found.added] == [("classes.weight", (7, 64))]
    assert weights_in_words(found) == "Tensors: 1 equal, 1 changed, 1 only in the first, 1 only in the second"


def test_what_is_on_record_otherwise_is_shown_with_both_sides(catalog: Catalog) -> None:
    found = catalog.difference(ONE, OTHER)
    shown = rows(found)
    assert ("version", "licence", "MIT", "CC-BY-NC-4.0") in shown
    assert ("parents", "source", "not there", "vision/one/1") in shown
    assert ("interface", "preprocessor_config.json: image_mean", "[0.5]", "[0.4]") in shown
    assert [(one.clause, one.owed_by.label, one.path) for one in found.clauses] == [
        ("no-commercial-use", "vision/other/1", ("vision/other/1",))
    ]
    assert found.unread == ("Answers were not compared: vision/one/1 has no answers to test rows on record",)
    back = catalog.difference(OTHER, ONE)
    assert ("version", "licence", "CC-BY-NC-4.0", "MIT") in rows(back)


def test_weights_above_the_limit_are_read_when_asked_for_by_who_may_edit(
    catalog: Catalog, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(differing, "READ_UNASKED", 1000)
    unasked = catalog.difference(ONE, OTHER)
    assert unasked.weights is None
    assert "read only when asked for" in unasked.unread[-1]
    assert catalog.difference(ONE, OTHER, weights=True).weights is not None
    reader = Catalog(replace(catalog.context, actor=Actor("vic", frozenset({"viewer"}))))
    with pytest.raises(PermissionDeniedError):
        reader.difference(ONE, OTHER, weights=True)
    assert verbs.READ_UNASKED == 256 * 1024**2


def test_files_that_may_not_be_read_are_left_out_and_the_answer_says_so(catalog: Catalog) -> None:
    looker = Actor("vic", frozenset({"viewer"}), scope=Scope.READ)
    seen = Catalog(replace(catalog.context, actor=looker)).difference(ONE, OTHER)
    assert (seen.weights, seen.interface, seen.answers) == (None, None, None)
    assert seen.unread[0].startswith("Weights, interface and answers were not compared: ")
    catalog.set_status(OTHER, Status.SUSPENDED, "under inquiry")
    held = catalog.difference(ONE, OTHER)
    assert held.weights is None
    assert "suspended" in held.unread[0]
    assert held.facts
    assert catalog.difference(ONE, OTHER, weights=False).unread == ()


def test_a_version_is_not_compared_with_itself_or_with_what_does_not_exist(catalog: Catalog) -> None:
    with pytest.raises(UsageError, match="Both are models:/vision/one/1"):
        catalog.difference(ONE, Reference.parse("models:/vision/one"))
    with pytest.raises(NotFoundError):
        catalog.difference(ONE, Reference.parse("models:/vision/none/1"))


def test_bars_are_drawn_on_a_logarithmic_axis(catalog: Catalog) -> None:
    found = catalog.difference(ONE, OTHER).weights
    assert found is not None
    (change,) = found.changed
    changes = [replace(change, distance=one) for one in (0.001, 0.1, None)]
    assert decades(changes) == (-3, -1)
    assert [reach(one, -3, -1) for one in changes] == [0.0, 1.0, 1.0]


@pytest.mark.parametrize(
    "changed",
    [{"scope": Scope.READ}, {"sight": Sight({"vision": Level.READ}, "ana")}],
    ids=["a token that only reads", "the level read"],
)
def test_weights_are_compared_for_who_may_read_their_files_alone(catalog: Catalog, changed: dict[str, Any]) -> None:
    """Enough differences to versions of one's own choice give the weights."""
    context = catalog.context
    found = Catalog(context.as_actor(replace(context.actor, **changed))).difference(ONE, OTHER)
    assert (found.weights, found.answers, found.interface) == (None, None, None)
    assert found.facts
    assert found.unread[0].startswith("Weights, interface and answers were not compared: ")
