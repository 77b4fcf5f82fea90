"""Commands for transfers: run a recipe, watch, resume or cancel a step."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from registry.cli import parsing
from registry.cli.commands.recipe import RecipeArgument
from registry.cli.session import Session, command
from registry.domain.recipes.recipe import Method
from registry.domain.transfers.steps import StepState

if TYPE_CHECKING:
    from registry.domain.transfers.steps import StepDetail

app = typer.Typer(
    name="transfer", help="Transfer steps: runs that make new models from registered ones.", no_args_is_help=True
)
StepArgument = Annotated[str, typer.Argument(metavar="STEP", help="The id of the step, for example step-01k…")]
STOPPED_WATCHING = 130
"""The usual exit code of a command that Ctrl-C ended: how the step ends is not known."""
BackgroundOption = Annotated[
    bool, typer.Option("--background", "-b", help="Start the step and return without waiting.")
]
EngineOption = Annotated[
    str | None,
    typer.Option(
        "--engine", help="What runs it: local or ray. Default: FOREBEAR_ENGINE, or local.", show_default=False
    ),
]
BaselinesOption = Annotated[
    bool,
    typer.Option("--baselines", help="Compare with training from scratch, a linear probe and the model in production."),
]
SeedsOption = Annotated[
    int,
    typer.Option(
        "--seeds", help="With --baselines: how many times each of them is trained, each time with another seed."
    ),
]


@command(
    app,
    "run",
    "forebear transfer run digits.yaml",
    "forebear transfer run digits.yaml --background",
    "forebear transfer run digits.yaml --engine ray --auto-batch",
    "forebear transfer run digits.yaml --baselines --seeds 5",
)
def run(
    session: Session,
    recipe: RecipeArgument,
    background: BackgroundOption = False,
    engine: EngineOption = None,
    auto_batch: Annotated[
        bool, typer.Option("--auto-batch", help="When memory runs out, start again with half the batch size.")
    ] = False,
    baselines: BaselinesOption = False,
    seeds: SeedsOption = 3,
) -> None:
    """Run a recipe and watch it. Ctrl-C asks whether to cancel the step; by default it goes on in the background."""
    from registry.cli.views.catalog import note_licence, note_source, note_status
    from registry.domain.names import AssetKind, Reference

    path = None if str(recipe) == "-" else recipe.resolve()
    step = session.registry.transfers.submit(
        parsing.document(recipe),
        recipe_path=path,
        background=True,
        engine=engine,
        auto_batch=auto_batch,
        baselines=baselines,
        seeds=seeds,
    )
    if licence := step.recipe.get("licence"):
        note_licence(str(licence))
    for ref in dict.fromkeys(given.ref for given in step.inputs):
        if ref.kind is AssetKind.MODELS:
            note_source(session.registry.catalog.version(Reference.to(ref)))
        else:
            note_status(session.registry.datasets.version(Reference.to(ref)))
    _attend(session, step, background=background)


@command(
    app,
    "verdict",
    "forebear transfer verdict step-01kaq0…",
    "forebear transfer verdict step-01kaq0… --answers arms.jsonl",
)
def verdict(
    session: Session,
    step: StepArgument,
    answers: Annotated[
        Path | None,
        typer.Option(
            "--answers",
            metavar="FILE",
            help="Also write the predictions of every model in the comparison to this new file.",
        ),
    ] = None,
) -> None:
    """Compute the verdict of a step that ran with --baselines again, from its stored predictions."""
    from registry.cli.views.verdict import show_verdict, write_answers

    found = session.registry.transfers.verdict(step)
    if answers is not None:
        with session.registry.transfers.answers(step) as stream:
            write_answers(stream, answers)
    session.answer(found, show_verdict)


@command(
    app,
    "forgetting",
    "forebear transfer forgetting models:/vision/digits/2",
    "forebear transfer forgetting step-01kaq0… --measure",
)
def forgetting(
    session: Session,
    what: Annotated[str, typer.Argument(metavar="STEP|VERSION", help="The step, or the version that it made.")],
    measure: Annotated[
        bool, typer.Option("--measure", help="Measure it now, and record it as evidence about the version.")
    ] = False,
) -> None:
    """Show how much a version lost on the test data of the models that it was made from."""
    from registry.cli.printing import hint
    from registry.cli.views.forgetting import show_forgetting

    step = what if what.startswith("step-") else session.registry.catalog.version(parsing.model(what)).step
    transfers = session.registry.transfers
    watch = hint if not session.as_json else lambda _: None
    found = transfers.measure_forgetting(step, watch) if measure else transfers.forgetting(step)
    session.answer(found, show_forgetting)


@command(app, "list", "forebear transfer list --state failed", "forebear transfer list --output-model vision/digits")
def list_(
    session: Session,
    state: Annotated[
        StepState | None, typer.Option("--state", help="Only steps in this state.", show_default=False)
    ] = None,
    method: Annotated[
        Method | None, typer.Option("--method", help="Only steps of this method.", show_default=False)
    ] = None,
    model: Annotated[
        str | None,
        typer.Option(
            "--output-model", metavar="NAME", help="Only steps that make versions of this model.", show_default=False
        ),
    ] = None,
    limit: parsing.LimitOption = 50,
    cursor: parsing.CursorOption = None,
) -> None:
    """List transfer steps, newest first."""
    from registry.cli.views.transfers import show_steps

    page = session.registry.transfers.search(
        state=state,
        method=method,
        output=parsing.named(model) if model else None,
        page=parsing.paged(limit, cursor),
    )
    session.answer_page(page, show_steps)


@command(app, "show", "forebear transfer show step-01kaq0…", "forebear transfer show step-01kaq0… --follow")
def show(
    session: Session,
    step: StepArgument,
    follow: Annotated[
        bool, typer.Option("--follow", "-f", help="Watch the step until it ends; the exit code is 0 if it succeeded.")
    ] = False,
) -> None:
    """Show a step: inputs, resolved recipe, learning curves, metrics and provenance.

    With --follow, a bar shows rate and time left, and metrics appear as they come. Ctrl-C stops watching, not the step.
    With --output json, each event (progress, metric or state) is one line.
    """
    from registry.cli.views.transfers import show_step

    if follow:
        _follow(session, step)
    else:
        session.answer(session.registry.transfers.step(step), show_step)


@command(app, "logs", "forebear transfer logs step-01kaq0…")
def logs(session: Session, step: StepArgument) -> None:
    """Print the log of a step's workers, wherever they ran."""
    from registry.cli.views.transfers import show_log

    session.answer(session.registry.transfers.log(step), show_log)


@command(app, "resume", "forebear transfer resume step-01kaq0…")
def resume(
    session: Session, step: StepArgument, background: BackgroundOption = False, engine: EngineOption = None
) -> None:
    """Resume a step from its last complete checkpoint. On a CPU the result equals that of an uninterrupted run."""
    going = session.registry.transfers.resume(step, background=True, engine=engine)
    _attend(session, going, background=background)


@command(app, "cancel", "forebear transfer cancel step-01kaq0…")
def cancel(session: Session, step: StepArgument) -> None:
    """Cancel a step. Its record stays; the training so far is lost."""
    from registry.cli.printing import tell

    stopped = session.registry.transfers.cancel(step)
    session.answer(stopped, lambda found: tell(f"{found.summary.id} is now {found.summary.state}"))


def _attend(session: Session, step: StepDetail, *, background: bool) -> None:
    """Wait for the end of a step, or say where to see it. A step that did not succeed is an error of this command."""
    from registry.cli.views.progress import Bars, check_outcome, interrupted, watch
    from registry.cli.views.transfers import say_outcome, say_started

    if background:
        session.answer(step, say_started)
        return
    transfers, step_id = session.registry.transfers, step.summary.id
    try:
        ended = watch(transfers, step_id, Bars(quiet=session.as_json))
    except KeyboardInterrupt:
        ended = interrupted(transfers, step_id)
    check_outcome(ended)
    session.answer(ended, say_outcome)


def _follow(session: Session, step_id: str) -> None:
    """Watch a step that was started elsewhere. A step that did not succeed is an error of this command."""
    from registry.cli.printing import errors, hint, out
    from registry.cli.views.progress import Bars, JsonLines, Lines, Watcher, check_outcome, watch
    from registry.cli.views.transfers import say_ended

    watcher: Watcher = Bars() if out().is_terminal and errors().is_terminal else Lines()
    if session.as_json:
        watcher = JsonLines(session)
    try:
        ended = watch(session.registry.transfers, step_id, watcher)
    except KeyboardInterrupt:
        hint(f"{step_id} is still running. Watch it again: forebear transfer show {step_id} --follow")
        raise typer.Exit(STOPPED_WATCHING) from None
    if not session.as_json:
        say_ended(ended)
    check_outcome(ended)
