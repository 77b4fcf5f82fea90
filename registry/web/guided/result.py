"""The last page of the guided way: the run as it goes on, and what came of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from registry.domain.comparison.records import verdict_of
from registry.domain.comparison.verdict import TransferVerdict
from registry.domain.governance.promotion import StageOption
from registry.domain.names import Reference, VersionRef
from registry.domain.transfers.steps import StepDetail
from registry.domain.verbs.registry import Registry
from registry.presenting.curves import best
from registry.web.curve import Plot, Table, plots, table
from registry.web.graph import Branch, family_of
from registry.web.guided.choices import Choices, Stage
from registry.web.steps import Live, known, live_of


@dataclass(frozen=True, slots=True)
class ResultPage:
    """A run, its curves, and once it has ended its verdict, its lineage and what can be requested for what it made."""

    stages: Sequence[Stage]
    chosen: Choices
    recipe: str
    step: StepDetail
    run: Live | None
    """None once it has ended."""
    cancellable: bool
    plots: tuple[Plot, ...]
    epochs: Table
    verdict: TransferVerdict | None
    output: VersionRef | None
    ancestors: Branch
    options: Sequence[StageOption]


def result(registry: Registry, way: Sequence[Stage], chosen: Choices, recipe: str) -> ResultPage:
    """The page of the step that was started. Raises: NotFoundError."""
    step = registry.transfers.step(known(chosen.step))
    output = step.summary.output
    curves = best(step)
    return ResultPage(
        stages=way,
        chosen=chosen,
        recipe=recipe,
        step=step,
        run=live_of(step),
        cancellable=step.summary.state.may_cancel and step.summary.may_be_cancelled_by(registry.actor),
        plots=plots(step.curve, curves),
        epochs=table(step.curve, curves),
        verdict=verdict_of(step.manifest, step.verdict_void),
        output=output,
        ancestors=() if output is None else family_of(registry, str(output)).ancestors,
        options=() if output is None else registry.promotions.options(Reference.to(output)),
    )
