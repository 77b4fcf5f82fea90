"""The command that shows what a recall would touch; importing this module adds it to `lineage`."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from registry.cli import parsing
from registry.cli.commands.lineage import AsOfOption, TargetArgument, app, moment, node
from registry.cli.session import Session, command
from registry.errors import UsageError

__all__ = ["app"]


@command(
    app,
    "impact",
    "forebear lineage impact models:/library/lite0/1",
    "forebear lineage impact datasets:/vision/digits/1 --versions --ways",
    "forebear lineage impact models:/library/lite0/1 --all > affected.txt",
)
def impact(
    session: Session,
    target: TargetArgument,
    versions: Annotated[
        bool, typer.Option("--versions", help="List the versions, nearest first, page by page.", show_default=False)
    ] = False,
    every: Annotated[
        bool, typer.Option("--all", help="List every version, one a line, without a limit.", show_default=False)
    ] = False,
    ways: Annotated[
        bool, typer.Option("--ways", help="Show a shortest way from the target to each version.", show_default=False)
    ] = False,
    limit: parsing.LimitOption = 50,
    cursor: parsing.CursorOption = None,
    as_of: AsOfOption = None,
) -> None:
    """Show what a recall would touch: all that was made from a version, or from what a step made.

    Versions are counted by effect, by the role in which the one before went in, by stage, owner and team. Nothing is
    changed: forebear recall preview shows what a recall would do to each of them. With --as-of, what came from it
    by the lineage on record then is shown, with the stages, statuses and owners of now.
    """
    from registry.cli.views.lineage.impact import line_of, show_affected, show_summary

    lineage, focus, then = session.registry.lineage, node(session, target), moment(as_of)
    if every:
        if versions or cursor is not None:
            raise UsageError("--all lists every version", remedy="Leave out --versions and --cursor")
        for one in lineage.every_affected(focus, ways=ways, as_of=then):
            if session.as_json:
                session.write_line(one)
            else:
                sys.stdout.write(line_of(one) + "\n")
    elif versions or cursor is not None:
        found = lineage.affected(focus, ways=ways, page=parsing.paged(limit, cursor), as_of=then)
        session.answer_page(found, show_affected)
    elif ways:
        raise UsageError("--ways belongs to a list of versions", remedy="Add --versions or --all")
    else:
        session.answer(lineage.impact(focus, as_of=then), lambda summary: show_summary(summary, focus))
