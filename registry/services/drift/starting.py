"""What to transfer from again after a drift: the version, or its parent where a ranking on the new rows says so."""

from __future__ import annotations

from registry.domain.catalog.models import VersionDetail
from registry.domain.data.datasets import DatasetVersionDetail
from registry.domain.names import AssetKind, Reference, VersionRef
from registry.domain.recipes.methods import SOURCE
from registry.domain.transfers.steps import StepDetail
from registry.domain.verbs.selection import Recommend
from registry.errors import RegistryError
from registry.services.context import Context
from registry.services.selection.recommending import recommend


def start_of(
    context: Context, model: VersionDetail, step: StepDetail, data: DatasetVersionDetail, split: str
) -> tuple[VersionRef, str]:
    """The version or its parent, and why. The parent only where the rows show that it is better.

    The ranking is kept like any other. Nothing is ranked for a version without one parent.
    """
    own = model.summary.ref
    parents = {one.ref for one in step.inputs if one.role == SOURCE and one.ref.kind is AssetKind.MODELS}
    if len(parents) != 1:
        return own, f"The transfer starts from {own.label}: it has no single parent to compare with"
    parent = next(iter(parents))
    asked = Recommend(
        Reference.to(data.summary.ref), split=split, models=(Reference.to(own), Reference.to(parent)), seed=0
    )
    try:
        report = recommend(context, asked, lambda _: None)
    except RegistryError as error:
        return own, f"The transfer starts from {own.label}: it was not ranked against its parent ({error.message})"
    if len(report.ranked) < 2:
        left = "; ".join(f"{one.ref.label}: {one.reason}" for one in report.left_out)
        return own, f"The transfer starts from {own.label}: it was not ranked against its parent ({left})"
    first, second = report.ranked
    by = f"ranking {report.id}"
    if first.ref == parent and not first.flag and not second.level:
        return parent, f"The transfer starts from {parent.label}, its parent, which {by} puts above {own.label}"
    return own, f"The transfer starts from {own.label}: {by} does not put its parent {parent.label} clearly above it"
