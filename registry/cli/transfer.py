"""Commands for transfers: run a recipe, watch it, go on, stop it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from registry.cli import parsing
from registry.cli.recipe import RecipeArgument
from registry.cli.session import Session, command
from registry.domain.transfers import Method, StepState

if TYPE_CHECKING:
    from registry.domain.transfers import StepDetail

app = typer.Typer(name="transfer", help="Transfer steps: runs that make models from models.", no_args_is_help=True)
StepArgument = Annotated[str, typer.Argument(metavar="STEP", help="Its id, as step-01k…")]
BackgroundOption = Annotated[bool, typer.Option("--background", "-b", help="Do not wait for the end.")]
EngineOption = Annotated[
    str | None,
    typer.Option("--engine", help="What runs it, local or ray; else FOREBEAR_ENGINE.", show_default=False),
]


@command(
    app,
    "run",
    "forebear transfer run digits.yaml",
    "forebear transfer run digits.yaml --background",
    "forebear transfer run digits.yaml --engine ray --auto-batch",
)
def run(
    session: Session,
    recipe: RecipeArgument,
    background: BackgroundOption = False,
    engine: EngineOption = None,
    auto_batch: Annotated[
        bool, typer.Option("--auto-batch", help="Out of memory, start again with half the batch size.")
    ] = False,
) -> None:
    """Run a recipe and watch it. Ctrl-C asks whether to stop it or to leave it running."""
    path = None if str(recipe) == "-" else recipe.resolve()
    step = session.office.transfers.submit(
        parsing.document(recipe), recipe_path=path, background=True, engine=engine, auto_batch=auto_batch
    )
    _follow(session, step, background=background)


@command(app, "list", "forebear transfer list --state failed", "forebear transfer list --output-model vision/digits")
def list_(
    session: Session,
    state: Annotated[StepState | None, typer.Option("--state", help="In this state.", show_default=False)] = None,
    method: Annotated[Method | None, typer.Option("--method", help="Of this method.", show_default=False)] = None,
    model: Annotated[
        str | None, typer.Option("--output-model", metavar="NAME", help="That makes this.", show_default=False)
    ] = None,
    limit: parsing.LimitOption = 50,
    cursor: parsing.CursorOption = None,
) -> None:
    """List transfer steps, newest first."""
    from registry.cli.views_transfer import show_steps

    page = session.office.transfers.search(
        state=state,
        method=method,
        output=parsing.named(model) if model else None,
        page=parsing.paged(limit, cursor),
    )
    session.answer_page(page, show_steps)


@command(app, "show", "forebear transfer show step-01kaq0…")
def show(session: Session, step: StepArgument) -> None:
    """Show a step: inputs by digest, recipe after defaults, metrics, provenance."""
    from registry.cli.views_transfer import show_step

    session.answer(session.office.transfers.step(step), show_step)


@command(app, "logs", "forebear transfer logs step-01kaq0…")
def logs(session: Session, step: StepArgument) -> None:
    """Print what the workers of a step have written, wherever they ran."""
    from registry.cli.views_transfer import show_log

    session.answer(session.office.transfers.log(step), show_log)


@command(app, "resume", "forebear transfer resume step-01kaq0…")
def resume(
    session: Session, step: StepArgument, background: BackgroundOption = False, engine: EngineOption = None
) -> None:
    """Go on from the last whole checkpoint; on a CPU it ends bit-equal to a run without a stop."""
    going = session.office.transfers.resume(step, background=True, engine=engine)
    _follow(session, going, background=background)


@command(app, "cancel", "forebear transfer cancel step-01kaq0…")
def cancel(session: Session, step: StepArgument) -> None:
    """Stop a step; nothing stays but its record."""
    from registry.cli.printing import tell

    stopped = session.office.transfers.cancel(step)
    session.answer(stopped, lambda found: tell(f"{found.summary.id} is {found.summary.state}"))


def _follow(session: Session, step: StepDetail, *, background: bool) -> None:
    """Wait for the end of a step, or say where to look. A step that did not succeed is an error of this command."""
    from registry.cli.progress import check_outcome, watch
    from registry.cli.views_transfer import say_outcome, say_started

    if background:
        session.answer(step, say_started)
        return
    ended = watch(session.office.transfers, step, quiet=session.as_json)
    check_outcome(ended)
    session.answer(ended, say_outcome)
