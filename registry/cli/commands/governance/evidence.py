"""Commands for evidence: facts about a version that a policy asks for."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from registry.cli import parsing
from registry.cli.session import Session, command

app = typer.Typer(
    name="evidence", help="Evidence about a model version: reports that a policy asks for.", no_args_is_help=True
)


@command(
    app,
    "add",
    "forebear evidence add models:/vision/digits/2 validation --set result=pass --file report.pdf",
    "forebear evidence add models:/vision/digits/2 other --body review.json --file review.pdf",
)
def add(
    session: Session,
    model: parsing.ModelArgument,
    type: Annotated[
        str, typer.Argument(metavar="TYPE", help="A type of evidence; forebear evidence types lists them.")
    ],
    set_: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="KEY=VALUE", help="A field. The value may be JSON.", show_default=False),
    ] = None,
    body: Annotated[
        Path | None,
        typer.Option("--body", help="The fields as a JSON file (- reads standard input).", show_default=False),
    ] = None,
    file: Annotated[
        Path | None, typer.Option("--file", help="A file to store with the evidence.", show_default=False)
    ] = None,
) -> None:
    """Add evidence about a version, for example a validation report."""
    from contextlib import nullcontext

    from registry.cli.views.governance.promotions import show_added

    reference, facts = parsing.model(model), parsing.facts(body, set_)
    with parsing.opened(file) if file else nullcontext() as stream:
        added = session.registry.promotions.add_evidence(
            reference, type, facts, file=stream, file_name=file.name if file else None
        )
    session.answer(added, show_added)


@command(app, "types", "forebear evidence types models:/vision/digits/2")
def types(session: Session, model: parsing.ModelArgument) -> None:
    """List the types of evidence that you may add to a version, with their fields."""
    from registry.cli.views.governance.promotions import show_types

    session.answer(session.registry.promotions.evidence_types(parsing.model(model)), show_types)


@command(app, "list", "forebear evidence list models:/vision/digits/2")
def list_(session: Session, model: parsing.ModelArgument) -> None:
    """List the evidence about a version."""
    from registry.cli.views.governance.promotions import show_evidence

    session.answer(session.registry.promotions.evidence(parsing.model(model)), show_evidence)
