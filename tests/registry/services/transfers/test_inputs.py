"""What goes into a step lies in folders of its own, once each, and is what it was when the step was submitted."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from registry.domain.catalog.models import Status
from registry.domain.names import AssetKind
from registry.domain.people.teams import Level, Member, Team
from registry.domain.transfers.steps import StepInput, StepState
from registry.errors import DatasetChangedError, PermissionDeniedError
from registry.services.comparison.arm_recipes import Plan
from registry.services.context import Context
from registry.services.transfers.inputs import lay_out_data, lay_out_models, lay_out_production
from registry.services.transfers.running import run_step
from registry.services.transfers.verbs import Transfers
from tests.builders import digest, model_ref
from tests.registry.services.registries import with_an_account


def data_of(context: Context, step_id: str) -> dict[str, StepInput]:
    inputs = Transfers(context).step(step_id).inputs
    return {item.role: item for item in inputs if item.ref.kind is AssetKind.DATASETS}


def test_a_dataset_of_several_roles_is_laid_out_once(context: Context, queued: str, tmp_path: Path) -> None:
    data = lay_out_data(context, data_of(context, queued), tmp_path)
    assert {role: item.split for role, item in data.items()} == {
        "train": "train",
        "validation": "validation",
        "test": "test",
    }
    assert {item.root for item in data.values()} == {tmp_path / "data-0"}
    assert {role: len(item.chosen) for role, item in data.items()} == {"train": 14, "validation": 2, "test": 4}


def test_a_model_is_laid_out_with_its_files(context: Context, queued: str, tmp_path: Path) -> None:
    (model,) = lay_out_models(context, Transfers(context).step(queued), tmp_path)
    assert model.label == "library/bert/1"
    assert (model.folder / "model.safetensors").read_text() == "weights"


def test_data_with_another_digest_than_at_submission_is_refused(context: Context, queued: str, tmp_path: Path) -> None:
    data = {role: replace(item, digest=digest("other")) for role, item in data_of(context, queued).items()}
    with pytest.raises(DatasetChangedError, match="data/reviews/1 is not what it was when the step was submitted"):
        lay_out_data(context, data, tmp_path)


def test_a_version_in_production_that_was_recalled_since_is_skipped_with_its_reason(
    context: Context, tmp_path: Path
) -> None:
    ref, skipped = model_ref("library/bert/1"), dict[str, str]()
    model = lay_out_production(context, Plan((7,), ref), tmp_path, skipped, whose="ana")
    assert model is not None
    assert (model.label, skipped) == ("library/bert/1", {})
    with context.write() as uow:
        uow.catalog.set_status(ref, Status.RECALLED, "poisoned", at=context.clock.now())
        uow.commit_unaudited()
    assert lay_out_production(context, Plan((7,), ref), tmp_path / "again", skipped, whose="ana") is None
    assert skipped == {"production": "models:/library/bert/1 is there no more, or it is withheld or damaged"}
    assert lay_out_production(context, Plan((7,)), tmp_path, {}, whose="ana") is None


def close(context: Context, team: str, level: Level | None) -> None:
    """Close it to ana, who has this level in it."""
    now = with_an_account(context).clock.now()
    with context.write() as uow:
        uow.teams.put(Team(team, True, now, "root"))
        if level is not None:
            uow.teams.set_member(team, Member("ana", level, now, "root"))
        uow.commit_unaudited()


@pytest.mark.parametrize("level", [None, Level.READ])
def test_a_version_in_production_whose_team_was_closed_to_the_person_is_skipped(
    context: Context, tmp_path: Path, level: Level | None
) -> None:
    close(context, "library", level)
    skipped = dict[str, str]()
    assert lay_out_production(context, Plan((7,), model_ref("library/bert/1")), tmp_path, skipped, whose="ana") is None
    assert skipped == {"production": "ana may not read the files of everything that it is loaded on"}


@pytest.mark.parametrize(("team", "level"), [("library", None), ("data", Level.READ), ("text", Level.USE)])
def test_a_queued_step_does_not_begin_once_its_person_lost_what_it_needs(
    context: Context, queued: str, team: str, level: Level | None
) -> None:
    close(context, team, level)
    with pytest.raises(PermissionDeniedError, match="ana may no longer use all that this step reads"):
        run_step(context, queued)
    with context.read() as uow:
        step = uow.steps.get(queued)
    assert step is not None
    assert step.summary.state is StepState.FAILED
