"""Transfer steps: submitted with exact inputs, run to a version or to a failure, resumed and cancelled by anybody."""

from __future__ import annotations

from dataclasses import replace
from typing import cast

import pytest

from lineage import Assurance
from registry.domain.catalog.models import Status
from registry.domain.names import Name, Reference
from registry.domain.paging import PageRequest
from registry.domain.people.people import Actor
from registry.domain.transfers.steps import StepDetail, StepState
from registry.domain.verbs.catalog import ImportModel
from registry.errors import (
    BadRecipeError,
    NameTakenError,
    NotFoundError,
    PermissionDeniedError,
    RefusedError,
    RegistryError,
    UsageError,
)
from registry.services.catalog.verbs import Catalog
from registry.services.context import Context
from registry.services.transfers.verbs import Transfers
from tests.adapters.dvc.worlds import draw
from tests.fakes.clock import FakeClock
from tests.fakes.plugins import FakePlugins
from tests.registry.services.reviews import RECIPE


def test_a_submitted_step_holds_exactly_what_goes_in(transfers: Transfers, plugins: FakePlugins) -> None:
    step = transfers.submit(RECIPE)
    assert step.summary.state is StepState.QUEUED
    assert [(str(i.ref), i.role, i.split, i.assurance) for i in step.inputs] == [
        ("models:/library/bert/1", "source", None, Assurance.OBSERVED),
        ("datasets:/data/reviews/1", "train", "train", Assurance.OBSERVED),
        ("datasets:/data/reviews/1", "validation", "validation", Assurance.OBSERVED),
        ("datasets:/data/reviews/1", "test", "test", Assurance.OBSERVED),
    ]
    assert cast("list[dict[str, str]]", step.recipe["sources"])[0]["model"] == "models:/library/bert/1"
    assert plugins.fake_engine.started == [step.summary.id]


def test_a_run_is_cancelled_by_who_submitted_it_or_by_an_admin_and_by_nobody_else(
    context: Context, queued: str
) -> None:
    other = replace(context, actor=Actor("dev", frozenset({"developer"})))
    with pytest.raises(
        PermissionDeniedError, match=f"was submitted by {context.actor.handle}, so dev cannot cancel it"
    ):
        Transfers(other).cancel(queued)
    admin = replace(context, actor=Actor("root", frozenset({"admin"})))
    assert Transfers(admin).cancel(queued).summary.state is StepState.CANCELLED


def test_batches_of_several_processes_are_not_halved(context: Context, transfers: Transfers) -> None:
    with pytest.raises(UsageError, match="asks for several GPUs"):
        transfers.submit(RECIPE + "resources: {gpus: 2}\n", auto_batch=True)


@pytest.mark.parametrize(
    ("old", "new", "error", "message"),
    [
        ("models:/library/bert", "models:/library/none", NotFoundError, "models:/library/none does not exist"),
        (
            "datasets:/data/reviews",
            "datasets:/data/reviews/7",
            NotFoundError,
            "datasets:/data/reviews/7 does not exist",
        ),
        ("reviews}}", "reviews, split: exam}}", BadRecipeError, "has no split 'exam'"),
        ("feature_extraction", "distillation", BadRecipeError, "distillation"),
        ("method", "methd", BadRecipeError, "did you mean 'method'"),
        ("output", "[" * 5000, BadRecipeError, "recipe"),
    ],
)
def test_a_recipe_that_cannot_run_leaves_no_step(
    old: str, new: str, error: type[RegistryError], message: str, transfers: Transfers
) -> None:
    before = transfers.search().items
    for verb in (transfers.check, transfers.submit):
        with pytest.raises(error, match=message):
            verb(RECIPE.replace(old, new, 1))
    assert transfers.search().items == before


def test_nothing_new_is_made_from_an_archived_version(context: Context, transfers: Transfers) -> None:
    Catalog(context).set_status(Reference.parse("models:/library/bert/1"), Status.ARCHIVED, "superseded")
    with pytest.raises(RefusedError, match="is archived, so no new version can be made from it"):
        transfers.submit(RECIPE)


def test_the_output_cannot_have_a_deleted_name(context: Context, transfers: Transfers) -> None:
    Catalog(context).delete(Reference.parse("models:/library/bert"))
    source = draw(context.home / "again", {"model.safetensors": "weights"})
    Catalog(context).import_model(ImportModel(Name("library", "other"), str(source)))
    with pytest.raises(NameTakenError, match="library/bert is taken"):
        transfers.submit(
            RECIPE.replace("text/reviews", "library/bert").replace(
                "source: models:/library/bert", "source: models:/library/other"
            )
        )


def test_who_only_reads_starts_nothing(context: Context, plugins: FakePlugins) -> None:
    reader = context.as_actor(replace(context.actor, roles=frozenset({"viewer"})))
    with pytest.raises(PermissionDeniedError):
        Transfers(reader).submit(RECIPE)
    assert plugins.fake_engine.started == []


@pytest.mark.parametrize("name", ["step-nonsense", "../etc", "models:/a/b", ""])
def test_what_is_no_id_is_no_step(name: str, transfers: Transfers) -> None:
    for verb in (transfers.step, transfers.resume, transfers.cancel):
        with pytest.raises(NotFoundError, match="is not the id of a step"):
            verb(name)


def test_steps_are_listed_newest_first(transfers: Transfers, clock: FakeClock) -> None:
    first: StepDetail = transfers.submit(RECIPE)
    clock.forward(seconds=1)
    second = transfers.submit(RECIPE)
    found = transfers.search(output=Name("text", "reviews"), page=PageRequest(limit=1))
    assert [step.id for step in found.items] == [second.summary.id]
    rest = transfers.search(output=Name("text", "reviews"), page=PageRequest(limit=1, cursor=found.next_cursor))
    assert [step.id for step in rest.items] == [first.summary.id]
