"""Commands about test rows that were seen in training."""

from __future__ import annotations

from typing import Annotated

import typer

from registry.cli import parsing
from registry.cli.commands.lineage_impact import app
from registry.cli.session import Session, command
from registry.errors import Family

__all__ = ["app"]


@command(
    app,
    "leakage",
    "forebear lineage leakage models:/vision/digits/2",
    "forebear lineage leakage models:/text/reviews/2 --near",
)
def leakage(
    session: Session,
    model: Annotated[str, typer.Argument(metavar="MODEL", help="The version whose test rows are in question.")],
    near: Annotated[
        bool, typer.Option("--near", help="Find rows that are nearly copies too: it reads their content.")
    ] = False,
) -> None:
    """Show which rows that a version was tested on stood in training data, its own or that of an ancestor.

    Rows are compared by the digest of their content, so the same file registered again, or split by another seed, is
    found. With --near, texts that share most of their words and pictures that look the same are found too. The exit
    code is 7 when a test row, or a near-copy of one, was seen in training.
    """
    from registry.cli.views.lineage.leakage import show_leakage

    found = session.registry.lineage.leakage(parsing.model(model), near=near)
    session.answer(found, show_leakage)
    if found.seen or (found.near is not None and found.near.rows):
        raise typer.Exit(Family.INTEGRITY.exit_code)


@command(app, "count-leakage", "forebear lineage count-leakage models:/vision/digits/2")
def count_leakage(
    session: Session,
    model: Annotated[str, typer.Argument(metavar="MODEL", help="The version whose test rows are counted.")],
) -> None:
    """Count anew which test rows were seen in training, or nearly, and keep that for the conditions of policies.

    The rows of the data on record now are read: a version whose ancestry was corrected since it was made has a count
    again. The exit code is 7 when a test row, or a near-copy of one, was seen in training.
    """
    from registry.cli.views.lineage.leakage import show_count

    found = session.registry.lineage.count_leakage(parsing.model(model))
    session.answer(found, show_count)
    if found.seen or found.near:
        raise typer.Exit(Family.INTEGRITY.exit_code)
