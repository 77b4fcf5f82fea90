"""A plan is run generation by generation; what is worse stops, and the others ask for a promotion."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from registry.domain.cascade.plan import CascadePlan
from registry.domain.cascade.run import CascadeResult, Remade
from registry.domain.names import Reference
from registry.domain.recipes.recipe import Method
from registry.errors import InvalidError
from registry.ports.transfers import TransferJob
from registry.services.cascade.planning import replaced
from registry.services.cascade.verbs import Cascades
from registry.services.catalog.verbs import Catalog
from registry.services.context import Context
from registry.services.governance.policies.stored import default_policy_text
from registry.services.governance.verbs import Promotions
from registry.services.transfers.verbs import Transfers
from tests.registry.services.cascade.conftest import world


@pytest.fixture(scope="module")
def context(_migrated_file: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Context]:
    with world(_migrated_file, tmp_path_factory.mktemp("running")) as found:
        yield found


@pytest.fixture(scope="module")
def first_plan(context: Context) -> CascadePlan:
    return Cascades(context).plan(Reference.parse("models:/library/base/2"))


@pytest.fixture
def plan(first_plan: CascadePlan, request: pytest.FixtureRequest) -> CascadePlan:
    """The same work for each test, and another plan: what one has made is not taken for that of another."""
    return replace(first_plan, seconds=float(sum(map(ord, request.node.name))))


def run(context: Context, plan: CascadePlan, **how: Any) -> tuple[CascadeResult, dict[str, Remade]]:
    result = Cascades(context).run(plan, **how)
    return result, {str(one.old): one for one in result.remade}


def answering(context: Context, shares: dict[str, float]) -> None:
    """From now on the share of right answers goes by the name of what is made."""
    adapter: Any = context.plugins.transfer("transformers")

    def before(job: TransferJob) -> None:
        adapter.shares[Method.FINE_TUNING] = shares.get(str(job.recipe.output), 0.9)
        adapter.weights = str((job.recipe.output, job.recipe.seed, len(adapter.jobs))).encode()

    adapter.before = before


def test_what_is_not_worse_comes_from_the_new_parent_and_asks_for_a_promotion(
    context: Context, plan: CascadePlan
) -> None:
    Promotions(context).publish_policy(default_policy_text())
    answering(context, {})
    result, found = run(context, plan, side_by_side=2)
    assert [one.outcome for one in result.remade] == ["not_worse"] * 3
    second = found["models:/text/second/1"]
    assert second.new is not None
    assert second.new.name == second.old.name
    made = Catalog(context).version(Reference.to(second.new))
    assert made.tags == {"cascade": result.id, "replaces": "models:/text/second/1"}
    first = found["models:/text/first/1"].new
    assert made.parents == (first,)
    assert second.compared is not None
    assert (second.compared.gain.value, second.compared.p) == (0.0, 1.0)
    assert second.request or second.note.startswith("no promotion can be requested yet: ")


def test_what_is_worse_stops_with_what_is_made_from_it(context: Context, plan: CascadePlan) -> None:
    answering(context, {"text/first": 0.2})
    _, found = run(context, plan)
    worse = found["models:/text/first/1"]
    assert worse.outcome == "worse"
    assert worse.compared is not None
    assert worse.compared.gain.high < 0
    assert worse.compared.p is not None
    assert worse.compared.p < 0.05
    assert worse.request == ""
    assert found["models:/text/second/1"].outcome == "not_made"
    assert found["models:/text/second/1"].note == "text/first/1, which it is made from, is worse"


def test_a_run_that_was_broken_off_goes_on_where_it_stands(context: Context, plan: CascadePlan) -> None:
    answering(context, {})
    first, _ = run(context, plan)
    steps = len(Transfers(context).search().items)
    assert run(context, plan)[0] == first
    assert len(Transfers(context).search().items) == steps


def test_a_step_that_fails_is_said_and_tried_again_by_the_next_run(context: Context, plan: CascadePlan) -> None:
    adapter: Any = context.plugins.transfer("transformers")

    def fails(job: TransferJob) -> None:
        raise InvalidError("The disk is full of jam")

    adapter.before = fails
    _, found = run(context, plan)
    assert [one.outcome for one in found.values()] == ["failed", "failed", "not_made"]
    assert found["models:/text/first/1"].note.startswith("The disk is full of jam")
    answering(context, {})
    _, found = run(context, plan)
    assert {one.outcome for one in found.values()} == {"not_worse"}


def test_a_parent_that_was_taken_away_meanwhile_is_refused_for_each_step(context: Context, plan: CascadePlan) -> None:
    gone = {"models:/library/base/2": "models:/library/base/9"}
    planned = tuple(replace(one, recipe=replaced(one.recipe, gone)) for one in plan.planned)
    _, found = run(context, replace(plan, planned=planned))
    assert found["models:/text/first/1"].note == "models:/library/base/9 does not exist"
    assert found["models:/text/second/1"].outcome == "not_made"


def test_no_steps_side_by_side_are_refused(context: Context, plan: CascadePlan) -> None:
    with pytest.raises(InvalidError, match="0 steps cannot run side by side"):
        run(context, plan, side_by_side=0)
