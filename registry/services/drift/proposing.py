"""The transfer that a drift asks for: from the version in question or its parent, on the data that it meets now."""

from __future__ import annotations

from registry.domain.catalog.models import VersionDetail
from registry.domain.data.datasets import DatasetVersionDetail, LabelKind
from registry.domain.drift.report import DriftReport, DriftVerdict
from registry.domain.names import AssetKind
from registry.domain.recipes.methods import TEST, TRAIN, VALIDATION
from registry.domain.transfers.steps import StepDetail
from registry.errors import RegistryError
from registry.services.context import Context
from registry.services.drift.starting import start_of
from registry.services.recipes.recipes import read_recipe
from registry.services.recipes.resolving import resolve_recipe

_RECIPE = """\
# {conclusion}.
# {reason}.
schema: forebear/recipe/v1
output: {output}
method: fine_tuning
source: {source}
data:
{data}"""


def proposed(
    context: Context, model: VersionDetail, step: StepDetail, data: DatasetVersionDetail, report: DriftReport
) -> tuple[str, tuple[str, ...]]:
    """The recipe, every reference pinned and checked, or an empty text and the reason. Nothing without a drift."""
    if report.verdict is not DriftVerdict.DRIFT:
        return "", ()
    ref = data.summary.ref
    if data.summary.labels is LabelKind.NONE:
        return "", (f"No transfer is proposed: {ref.label} has no labels to learn from. Label some of its rows",)
    splits = [one.name for one in data.summary.splits]
    learnt = TRAIN if TRAIN in splits else splits[0]
    chosen = [f"  train: {{dataset: {ref}, split: {learnt}}}"]
    tested = next((i for i in step.inputs if i.role == TEST and i.ref.kind is AssetKind.DATASETS), None)
    if VALIDATION in splits:
        chosen.append(f"  validation: {{dataset: {ref}, split: {VALIDATION}}}")
    if TEST in splits:
        chosen.append(f"  test: {{dataset: {ref}, split: {TEST}}}")
    elif tested is not None:
        chosen.append(f"  test: {{dataset: {tested.ref}, split: {tested.split}}}")
    source, reason = start_of(context, model, step, data, learnt)
    text = _RECIPE.format(
        conclusion=" ".join(report.conclusion.split()),
        reason=" ".join(reason.split()),
        output=model.summary.ref.name,
        source=source,
        data="".join(f"{line}\n" for line in chosen),
    )
    try:
        document = read_recipe(text)
        with context.read() as uow:
            resolve_recipe(context, uow, document)
    except RegistryError as error:
        return "", (f"No transfer is proposed: {error.message}",)
    return text, (reason,)
