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
from registry.services.governance.verbs import Promotions
from registry.services.transfers.verbs import Transfers
from tests.registry.services.cascade.conftest import world

POLICY = """\
apiVersion: governance/v1
kind: PromotionPolicy
metadata: {name: desk, version: 1, description: A validator lets a version into production}
applies_to: {priority: 50, when: "true"}
roles: {validator: {groups: [validator]}}
separation_of_duties: {policy_change: {role: validator, quorum: 1, exclude: [author]}}
stages: [registered, candidate, production, retired]
protected_aliases: {production: production, candidate: candidate}
votes: {values: [approve, reject], comment_required_for: [reject]}
transitions:
  - id: to-candidate
    from: registered
    to: candidate
    gates: [{id: no-recall, require: lineage.recalled == 0}]
    approvals: [{role: validator, quorum: 1}]
  - id: to-production
    from: candidate
    to: production
    gates: [{id: no-recall, require: lineage.recalled == 0}]
    approvals: [{role: validator, quorum: 1}]
"""


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


def test_what_is_not_worse_asks_for_a_promotion_once_and_moves_no_alias_by_itself(
    context: Context, plan: CascadePlan
) -> None:
    Promotions(context).publish_policy(POLICY)
    loose = POLICY.replace("desk", "loose").replace("50", "60").replace('"true"', "subject.name == 'text/second'")
    Promotions(context).publish_policy(loose.replace("    approvals: [{role: validator, quorum: 1}]\n", "", 1))
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
    assert found["models:/text/first/1"].request.startswith("req-")
    assert second.request == ""
    assert second.note == "the policy asks for no approval of candidate, and @candidate would move at once"
    assert made.summary.aliases == ()
    requests = len(Promotions(context).requests().items)
    assert run(context, plan)[0] == result
    assert len(Promotions(context).requests().items) == requests


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


def test_a_step_that_fails_is_said_and_tried_again_by_the_next_run(context: Context, plan: CascadePlan) -> None:
    adapter: Any = context.plugins.transfer("transformers")

    def fails(job: TransferJob) -> None:
        raise InvalidError("The disk is full of jam")

    adapter.before = fails
    _, found = run(context, plan)
    assert [one.outcome for one in found.values()] == ["failed", "failed", "not_made"]
    assert found["models:/text/first/1"].note.startswith("The disk is full of jam")
    answering(context, {})
    before = len(Transfers(context).search().items)
    _, found = run(context, plan)
    assert {one.outcome for one in found.values()} == {"not_worse"}
    assert len(Transfers(context).search().items) == before + 1  # the two that failed went on


def test_a_parent_that_was_taken_away_meanwhile_is_refused_for_each_step(context: Context, plan: CascadePlan) -> None:
    gone = {"models:/library/base/2": "models:/library/base/9"}
    planned = tuple(replace(one, recipe=replaced(one.recipe, gone)) for one in plan.planned)
    _, found = run(context, replace(plan, planned=planned))
    assert found["models:/text/first/1"].note == "models:/library/base/9 does not exist"
    assert found["models:/text/second/1"].outcome == "not_made"


def test_no_steps_side_by_side_are_refused(context: Context, plan: CascadePlan) -> None:
    with pytest.raises(InvalidError, match="0 steps cannot run side by side"):
        run(context, plan, side_by_side=0)
