"""Commands of cascades: what to make again when a parent has a new version."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from registry.cli.session import Session, command

app = typer.Typer(name="cascade", help="What to make again when a parent has a new version.", no_args_is_help=True)


@command(
    app,
    "plan",
    "forebear cascade plan models:/library/bert/2",
    "forebear cascade plan models:/library/bert/3 --replaces models:/library/bert/1 --recipes ./again",
    "forebear cascade plan datasets:/data/reviews/2 --output json",
)
def plan(
    session: Session,
    parent: Annotated[
        str, typer.Argument(metavar="PARENT", help="The new version: models:/team/name/2 or datasets:/team/name/2.")
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
    recipes: Annotated[
        Path | None,
        typer.Option("--recipes", help="Write the recipes of the first generation here.", show_default=False),
    ] = None,
) -> None:
    """Show what was made from an earlier version and would be made again from this one, in order. Nothing is run.

    Each has the recipe of its own step with the new parent; all else stays pinned. Those of later generations wait for
    what is made before them.
    """
    from registry.cli.views.cascade import show_plan, write_recipes
    from registry.domain.names import Reference

    replaced = None if replaces is None else Reference.parse(replaces)
    found = session.registry.cascades.plan(Reference.parse(parent), replaced=replaced)
    written = () if recipes is None else write_recipes(found, recipes)
    session.answer(found, lambda one: show_plan(one, written=written))
