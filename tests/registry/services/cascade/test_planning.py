"""What is made again when a parent has a new version, in which order, and what is not."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from registry.domain.cascade.plan import CascadePlan
from registry.domain.catalog.models import Status
from registry.domain.names import Reference
from registry.domain.recipes.recipe import Method
from registry.errors import InvalidError, NotFoundError, RefusedError
from registry.services.cascade.planning import again
from registry.services.cascade.verbs import Cascades
from registry.services.catalog.verbs import Catalog
from registry.services.context import Context
from registry.services.recipes.recipes import read_recipe
from registry.services.transfers.verbs import Transfers
from tests.registry.services.selection.worlds import add_data


def ref(text: str) -> Reference:
    return Reference.parse(text)


def planned(context: Context, *, parent: str = "models:/library/base/2", replaced: str | None = None) -> CascadePlan:
    return Cascades(context).plan(ref(parent), replaced=None if replaced is None else ref(replaced))


def test_children_come_before_grandchildren_with_their_own_recipe_and_the_new_parent(context: Context) -> None:
    found = planned(context)
    assert [(one.generation, str(one.old)) for one in found.planned] == [
        (1, "models:/text/first/1"),
        (1, "models:/text/first/2"),
        (2, "models:/text/second/1"),
    ]
    first, _, second = found.planned
    assert first.recipe["sources"] == [{"model": "models:/library/base/2", "as": "source"}]
    assert second.recipe["sources"] == [{"model": "models:/text/first/1", "as": "source"}]
    assert [str(one) for one in second.waits_for] == ["models:/text/first/1"]
    assert str(found.replaced) == "models:/library/base/1"
    document = read_recipe(json.dumps(first.recipe))
    assert document.optimizer is not None
    assert document.optimizer.lr == pytest.approx(1e-5)
    assert (document.seed, document.method) == (0, Method.FINE_TUNING)
    assert first.seconds == pytest.approx(1.0)
    assert found.seconds == pytest.approx(3.0)
    assert (found.unknown, found.generations) == (0, 2)


def test_what_cannot_be_made_again_is_named_with_the_reason(context: Context) -> None:
    assert [(str(one.ref), one.reason) for one in planned(context).left_out] == [
        ("models:/text/third/1", "it is suspended")
    ]


def test_an_older_version_that_nothing_in_use_needs_is_left_out(context: Context) -> None:
    Catalog(context).set_status(ref("models:/text/second/1"), Status.SUSPENDED, "a doubt")
    try:
        reasons = {str(one.ref): one.reason for one in planned(context).left_out}
    finally:
        Catalog(context).set_status(ref("models:/text/second/1"), Status.ACTIVE, "used")
    assert reasons["models:/text/second/1"] == "it is suspended"
    assert reasons["models:/text/first/1"].startswith("a newer version of it is there")


def test_data_that_changed_gives_a_plan_too(context: Context, tmp_path: Path) -> None:
    add_data(
        context, tmp_path, "text,label\n" + "".join(f"other {n},{'good' if n % 2 else 'bad'}\n" for n in range(60))
    )
    found = planned(context, parent="datasets:/data/reviews/2")
    assert len(found.planned) == 3
    data = found.planned[0].recipe["data"]
    assert isinstance(data, dict)
    assert {part["dataset"] for part in data.values()} == {"datasets:/data/reviews/2"}


def test_what_has_no_children_or_is_another_model_is_refused(context: Context) -> None:
    with pytest.raises(NotFoundError, match="Nothing was made from an earlier version of library/base"):
        planned(context, parent="models:/library/base/1")
    with pytest.raises(InvalidError, match="models:/library/base/2 replaces another version of library/base, not"):
        planned(context, replaced="models:/text/first/1")
    with pytest.raises(NotFoundError, match="Nothing was made from models:/text/first/2"):
        planned(context, parent="models:/text/first/1", replaced="models:/text/first/2")
    with pytest.raises(RefusedError):
        planned(context, parent="models:/text/third/1")


def test_all_but_the_named_versions_stays_pinned(context: Context) -> None:
    step = Transfers(context).step(Catalog(context).version(ref("models:/text/second/1")).step)
    assert again(step.recipe, {}) == {name: value for name, value in step.recipe.items() if name != "submitted"}
