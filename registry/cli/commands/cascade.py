"""Commands of cascades: what to make again when a parent has a new version."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from registry.cli import parsing
from registry.cli.session import Session, command
from registry.errors import Family

app = typer.Typer(name="cascade", help="What to make again when a parent has a new version.", no_args_is_help=True)


@command(
    app,
    "plan",
    "forebear cascade plan models:/library/bert/2",
    "forebear cascade plan models:/library/bert/3 --replaces models:/library/bert/1 --recipes ./again",
    "forebear --output json cascade plan datasets:/data/reviews/2 > plan.json",
    "forebear cascade plan models:/library/roberta/1 --recall rec-01kaq0…",
)
def plan(
    session: Session,
    parent: Annotated[
        str,
        typer.Argument(
            metavar="PARENT", help="What they are made from now: models:/team/name/2 or datasets:/team/name/2."
        ),
    ],
    replaces: Annotated[
        str | None,
        typer.Option(
            "--replaces",
            metavar="VERSION",
            help="The earlier version of it. Default: the newest one that anything was made from.",
            show_default=False,
        ),
    ] = None,
    recall: Annotated[
        str | None,
        typer.Option(
            "--recall",
            metavar="RECALL",
            help="Make again what this recall reaches, from PARENT instead of what it took back.",
            show_default=False,
        ),
    ] = None,
    recipes: Annotated[
        Path | None,
        typer.Option("--recipes", help="Write the recipes of the first generation here.", show_default=False),
    ] = None,
) -> None:
    """Show what was made from an earlier version and would be made again from this one, in order. Nothing is run.

    Each has the recipe of its own step with the new parent; all else stays pinned. Those of later generations wait for
    what is made before them. With --recall, PARENT is another model or dataset, or version of it, that the recall does
    not reach; those descendants are made again whose task is open.
    """
    from registry.cli.views.cascade import show_plan, write_recipes
    from registry.domain.names import Reference

    replaced = None if replaces is None else Reference.parse(replaces)
    found = session.registry.cascades.plan(Reference.parse(parent), replaced=replaced, recall=recall)
    written = () if recipes is None else write_recipes(found, recipes)
    session.answer(found, lambda one: show_plan(one, written=written))


@command(app, "run", "forebear cascade run plan.json", "forebear cascade run plan.json --side-by-side 4")
def run(
    session: Session,
    plan: Annotated[
        Path, typer.Argument(metavar="PLAN", help="What forebear --output json cascade plan printed; - reads it.")
    ],
    side_by_side: Annotated[
        int, typer.Option("--side-by-side", help="Run at most this many steps of a generation at once.")
    ] = 1,
) -> None:
    """Run a plan, one generation after another, and compare each new version with the old one on the same test rows.

    What is worse stops there; for each of the others a promotion is requested, and no alias moves. The same plan run
    again goes on where it stands. The exit code is 7 when something is worse, failed or was not made.
    """
    from registry.cli.printing import hint
    from registry.cli.views.cascade import show_result
    from registry.domain.cascade.plan import CascadePlan
    from registry.domain.codec import from_json

    wanted = from_json(CascadePlan, parsing.facts(plan, None))
    watch = hint if not session.as_json else lambda _: None
    found = session.registry.cascades.run(wanted, side_by_side=side_by_side, watch=watch)
    session.answer(found, lambda one: show_result(one, recall=wanted.recall))
    if not all(one.outcome.goes_on for one in found.remade):
        raise typer.Exit(Family.INTEGRITY.exit_code)
