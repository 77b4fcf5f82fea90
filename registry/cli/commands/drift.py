"""Commands of drift: whether the data has moved away from a version."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from registry.cli import parsing
from registry.cli.session import Session, command
from registry.errors import ConflictError, Family

if TYPE_CHECKING:
    from registry.domain.drift.report import KeptReport

app = typer.Typer(name="drift", help="Whether the data has moved away from a model version.", no_args_is_help=True)


@command(
    app,
    "check",
    "forebear drift check models:/team/name@production --data datasets:/team/current/2",
    "forebear drift check models:/team/name/3 --data datasets:/team/current --new-only --recipe again.yaml",
    "forebear drift check models:/library/bert/1 --data team/june --reference team/may",
)
def check(
    session: Session,
    model: parsing.ModelArgument,
    data: Annotated[
        str, typer.Option("--data", metavar="DATASET", help="The data that the version meets now.", show_default=False)
    ],
    split: Annotated[
        str | None, typer.Option("--split", help="Compare only these rows of it. Default: all.", show_default=False)
    ] = None,
    reference: Annotated[
        str | None,
        typer.Option(
            "--reference",
            metavar="DATASET",
            help="Compare with this data. Default: the rows that the version was tested on.",
            show_default=False,
        ),
    ] = None,
    new_only: Annotated[
        bool, typer.Option("--new-only", help="Leave out rows that stand in the reference's dataset too.")
    ] = False,
    rows: Annotated[
        int, typer.Option("--rows", help="Compare at most this many rows of each, drawn evenly over the classes.")
    ] = 2_000,
    seed: Annotated[int, typer.Option("--seed", help="The random seed of that draw and of the tests.")] = 0,
    recipe: Annotated[
        Path | None,
        typer.Option("--recipe", help="Write the proposed transfer into this new file.", show_default=False),
    ] = None,
) -> None:
    """Compare the rows that a version was tested on with the data that it meets now, and keep the report as evidence.

    The exit code is 7 when the data has drifted.
    """
    from registry.cli.printing import hint
    from registry.cli.views.drift import show_drift, write_recipe
    from registry.domain.drift.report import DriftVerdict
    from registry.domain.verbs.drift import CheckDrift

    if recipe is not None and recipe.exists():  # before the work, not after it
        raise ConflictError(f"{recipe} is there already", remedy="Name a new file")
    wanted = CheckDrift(
        parsing.model(model),
        parsing.dataset(data),
        split=split,
        reference=None if reference is None else parsing.dataset(reference),
        rows=rows,
        seed=seed,
        new_only=new_only,
    )
    found = session.registry.drift.check(wanted, watch=hint if not session.as_json else lambda _: None)
    written = None if recipe is None else write_recipe(found, recipe)
    session.answer(found, lambda one: show_drift(one, written=written))
    if recipe is not None and written is None:
        hint(f"No transfer is proposed, so {recipe} was not written.")
    if found.report.verdict is DriftVerdict.DRIFT:
        raise typer.Exit(Family.INTEGRITY.exit_code)


@command(app, "watch", "forebear drift watch models:/team/name@production --data datasets:/team/current")
def watch(
    session: Session,
    model: parsing.ModelArgument,
    data: Annotated[
        str,
        typer.Option("--data", metavar="DATASET", help="The dataset that grows; no number.", show_default=False),
    ],
) -> None:
    """Check what is new in a dataset that grows since the last check: run it by a timer, as cron or systemd do.

    Rows of the newest version that stand in the version that was checked last, or in the data of the model, are left
    out. Nothing happens where fewer than 50 are new. The exit code is 7 when the data has drifted.
    """
    from registry.cli.printing import hint, tell
    from registry.cli.views.drift import show_drift
    from registry.domain.drift.report import DriftVerdict

    found = session.registry.drift.watch(
        parsing.model(model), parsing.dataset(data), watch=hint if not session.as_json else lambda _: None
    )
    if found is None:
        session.answer(None, lambda _: tell("Nothing was checked"))
        return
    session.answer(found, lambda one: show_drift(one, written=None))
    if found.report.verdict is DriftVerdict.DRIFT:
        raise typer.Exit(Family.INTEGRITY.exit_code)


@command(app, "list", "forebear drift list models:/team/name@production")
def list_(session: Session, model: parsing.ModelArgument) -> None:
    """List the reports on record about a version, the newest first."""
    from registry.cli.views.drift import show_reports

    session.answer(session.registry.drift.reports(parsing.model(model)), show_reports)


@command(app, "show", "forebear drift show models:/team/name@production")
def show(session: Session, model: parsing.ModelArgument) -> None:
    """Show the newest report on record about a version."""
    from registry.cli.views.drift import show_drift

    session.answer(_newest(session, model), lambda one: show_drift(one, written=None))


def _newest(session: Session, model: str) -> KeptReport:
    """Raises: NotFoundError where there is none."""
    from registry.errors import NotFoundError

    found = session.registry.drift.reports(parsing.model(model))
    if not found:
        raise NotFoundError(
            f"{model} was never checked for drift", remedy=f"Check it: forebear drift check {model} --data DATASET"
        )
    return found[0]
