"""What goes into a step, out of the store: each version and each dataset as files in a folder of its own, verified."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from lineage import Assurance
from registry.domain.names import AssetKind, VersionRef
from registry.domain.transfers.steps import StepDetail, StepInput
from registry.errors import DatasetChangedError
from registry.ports.transfers import DataInput, ModelInput
from registry.services.artifacts.model_inputs import model_input
from registry.services.bases import may_use
from registry.services.comparison.arm_recipes import Plan
from registry.services.context import Context
from registry.services.data.verbs import materialise_dataset
from registry.services.lookup import found, is_withheld


def lay_out_models(context: Context, step: StepDetail, folder: Path) -> tuple[ModelInput, ...]:
    """The models that go into `step`. Raises: RefusedError, IntegrityError."""
    items = [item for item in step.inputs if item.ref.kind is AssetKind.MODELS]
    return tuple(model_input(context, item, folder / f"model-{number}") for number, item in enumerate(items))


def lay_out_data(context: Context, data: Mapping[str, StepInput], folder: Path) -> dict[str, DataInput]:
    """The datasets by role. Raises: DatasetChangedError, IntegrityError."""
    inputs: dict[str, DataInput] = {}
    read: dict[VersionRef, DataInput] = {}
    for role, item in data.items():
        if item.ref not in read:
            with context.read() as uow:
                detail = found(uow.datasets.version(item.ref), item.ref)
            if detail.summary.digest != item.digest:
                raise DatasetChangedError(f"{item.ref} is not what it was when the step was submitted")
            target = folder / f"data-{len(read)}"
            target.mkdir()
            rows = materialise_dataset(context, detail, target)
            read[item.ref] = DataInput(
                root=target,
                digest=item.digest,
                label=item.ref.label,
                format=detail.summary.format,
                modality=detail.dataset.describing.modality,
                rows=rows,
                split="",
                labels=detail.summary.labels,
            )
        inputs[role] = replace(read[item.ref], split=item.split or "")
    return inputs


def lay_out_production(
    context: Context, plan: Plan, inputs: Path, skipped: dict[str, str], *, whose: str
) -> ModelInput | None:
    """The version that was in production when the step was submitted, on disk; it may have been taken away since.

    Skipped too where `whose` step it is may not read its files, or those of what it is loaded on.
    """
    if plan.production is None:
        return None
    with context.read() as uow:
        detail = uow.catalog.version(plan.production)
        allowed = may_use(uow, whose, plan.production)
    if not allowed:
        skipped["production"] = f"{whose} may not read the files of everything that it is loaded on"
        return None
    if detail is None or is_withheld(detail.summary):
        skipped["production"] = f"{plan.production} is there no more, or it is withheld or damaged"
        return None
    item = StepInput(plan.production, detail.summary.digest, "production", None, Assurance.OBSERVED)
    return model_input(context, item, inputs / "production")
