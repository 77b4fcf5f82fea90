"""What goes into a step lies in folders of its own, once each, and is what it was when the step was submitted."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from registry.domain.catalog.models import Status
from registry.domain.names import AssetKind
from registry.domain.transfers.steps import StepInput
from registry.errors import DatasetChangedError
from registry.services.comparison.arm_recipes import Plan
from registry.services.context import Context
from registry.services.transfers.inputs import lay_out_data, lay_out_models, lay_out_production
from registry.services.transfers.verbs import Transfers
from tests.builders import digest, model_ref


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
    model = lay_out_production(context, Plan((7,), ref), tmp_path, skipped)
    assert model is not None
    assert (model.label, skipped) == ("library/bert/1", {})
    with context.write() as uow:
        uow.catalog.set_status(ref, Status.RECALLED, "poisoned", at=context.clock.now())
        uow.commit_unaudited()
    assert lay_out_production(context, Plan((7,), ref), tmp_path / "again", skipped) is None
    assert skipped == {"production": "models:/library/bert/1 is there no more, or it is withheld or damaged"}
    assert lay_out_production(context, Plan((7,)), tmp_path, {}) is None
