"""What follows the choices: the run, its verdict in one sentence, the lineage, and the request."""

from __future__ import annotations

from typing import TYPE_CHECKING

from registry.cli.guided.asking import GoBack, Quit

if TYPE_CHECKING:
    from registry.cli.guided.choices import Chosen, Guide
    from registry.domain.transfers.steps import StepDetail


def run(guide: Guide, chosen: Chosen) -> StepDetail:
    """Run the recipe and watch it; the step has succeeded then. Raises: RegistryError, also for one that did not."""
    from registry.cli.views.progress import Bars, check_outcome, interrupted, watch

    guide.heading("7. The run")
    transfers = guide.registry.transfers
    step = transfers.submit(chosen.recipe, background=True, baselines=bool(chosen.baselines)).summary.id
    try:
        ended = watch(transfers, step, Bars(quiet=guide.quiet))
    except KeyboardInterrupt:
        ended = interrupted(transfers, step)
    check_outcome(ended)
    return ended


def conclude(guide: Guide, step: StepDetail) -> None:
    """Say what came of it, and offer to request the promotion."""
    from registry.cli.views.lineage.trees import show_ancestry
    from registry.cli.views.transfers import show_measured
    from registry.domain.comparison.records import verdict_of

    output = step.summary.output
    if output is None:  # it goes on without being watched
        return
    guide.heading("8. What came of it")
    verdict = verdict_of(step.manifest, step.verdict_void)
    if verdict is not None:
        guide.tell(verdict.sentence)
    guide.show(lambda: show_measured(step.measured))
    guide.heading("Its lineage")
    ancestry = guide.registry.lineage.show(str(output), up=-1, down=0)
    guide.show(lambda: show_ancestry(ancestry, up=True, down=False))
    _request(guide, step)


def _request(guide: Guide, step: StepDetail) -> None:
    """Request the promotion of what was made, if somebody wants it; nothing is requested by default."""
    from registry.cli.printing import hint
    from registry.cli.views.governance.promotions import show_request
    from registry.domain.names import Reference

    assert step.summary.output is not None  # noqa: S101 -- for the type checker: see above
    reference = Reference.to(step.summary.output)
    options = guide.registry.promotions.options(reference)
    open_ = next((one for one in options if one.can_request and one.request is None), None)
    guide.heading("9. Request its promotion")
    if open_ is None:
        for one in options:
            guide.tell(f"{one.stage} cannot be requested yet: {'; '.join(one.reasons)}")
        guide.show(lambda: hint(f"Next: forebear model show {reference}"))
        return
    for reason in open_.reasons:
        guide.tell(f"Still missing for {open_.stage}: {reason}")
    try:
        wanted = guide.ask.yes(f"Request the promotion to {open_.stage}?", default=False)
    except (GoBack, Quit):
        wanted = False
    if not wanted:
        guide.show(lambda: hint(f"Later: forebear promote request {reference} --to {open_.stage}"))
        return
    opened = guide.registry.promotions.request(reference, open_.stage)
    guide.show(lambda: show_request(opened))
