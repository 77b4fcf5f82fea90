"""Commands for drafts: what was sent with the tools of the Hub and is no version yet."""

from __future__ import annotations

import typer

from registry.cli import parsing
from registry.cli.session import Session, command

app = typer.Typer(name="draft", help="Drafts: files sent with the tools of the Hugging Face Hub.", no_args_is_help=True)


@command(app, "list", "forebear draft list")
def list_(session: Session) -> None:
    """List the drafts, each with its files, who changed it last, and when it expires."""
    from registry.cli.views.drafts.drafts import show_drafts

    session.answer(session.registry.drafts.list(), show_drafts)


@command(app, "show", "forebear draft show vision/digits")
def show(session: Session, name: parsing.NameArgument) -> None:
    """Show the draft of a model with its files."""
    from registry.cli.views.drafts.drafts import show_draft

    session.answer(session.registry.drafts.show(parsing.named(name)), show_draft)


@command(app, "discard", "forebear draft discard vision/digits")
def discard(session: Session, name: parsing.NameArgument) -> None:
    """Remove the draft of a model. Its versions stay."""
    wanted = parsing.named(name)
    session.registry.drafts.discard(wanted)
    session.done(f"Discarded the draft of models:/{wanted}")
