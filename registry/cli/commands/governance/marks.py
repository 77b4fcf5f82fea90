"""Commands for marks: what holds for a version and for all that is made from it."""

from __future__ import annotations

from typing import Annotated

import typer

from registry.cli.session import Session, command
from registry.domain.names import Reference

app = typer.Typer(
    name="mark", help="Marks: what holds for a version and for all that is made from it.", no_args_is_help=True
)
VersionArgument = Annotated[
    str, typer.Argument(metavar="VERSION", help="A version, as models:/team/name/3 or datasets:/team/name/1.")
]
MarkArgument = Annotated[
    str,
    typer.Argument(
        metavar="MARK", help="Such as personal-data, export:EAR99 or risk:high; a team may use names of its own."
    ),
]
ReasonOption = Annotated[str, typer.Option("--reason", help="Why.", show_default=False)]


@command(
    app,
    "add",
    "forebear mark add datasets:/texts/letters/1 personal-data --reason 'letters of customers'",
    "forebear mark add models:/library/net/1 export:EAR99 --reason 'classified on 3 May'",
)
def add(session: Session, version: VersionArgument, mark: MarkArgument, reason: ReasonOption) -> None:
    """Set a mark on a version. It holds for everything that learnt from it, was changed from it, or holds its answers.

    Data that a transfer step wrote with a model has the mark synthetic-from:MODEL by itself. Policies read all marks of
    a version as lineage.marks.
    """
    _change(session, version, mark, reason, present=True)


@command(app, "remove", "forebear mark remove datasets:/texts/letters/1 personal-data --reason 'names are gone'")
def remove(session: Session, version: VersionArgument, mark: MarkArgument, reason: ReasonOption) -> None:
    """Take a mark from the version that it was set on. Those who may suspend a version do so, not who made it."""
    _change(session, version, mark, reason, present=False)


@command(app, "list", "forebear mark list models:/texts/answers/3")
def list_(session: Session, version: VersionArgument) -> None:
    """List the marks of a version, its own and those of what it was made from, each with the way that it came."""
    from registry.cli.views.governance.marks import show_marks

    session.answer(session.registry.lineage.marks(Reference.parse(version)), show_marks)


def _change(session: Session, version: str, mark: str, reason: str, *, present: bool) -> None:
    from registry.cli.views.governance.marks import show_marks
    from registry.domain.catalog.marks import NewMark

    session.answer(session.registry.catalog.mark(Reference.parse(version), NewMark(mark, reason, present)), show_marks)
