"""Commands for evidence: facts about a version that a policy asks for."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from registry.cli import parsing
from registry.cli.session import Session, command

app = typer.Typer(name="evidence", help="Evidence about a model version.", no_args_is_help=True)


@command(
    app,
    "add",
    "forebear evidence add models:/vision/digits/2 eval_report --set accuracy=0.93 --set checked_by=ana",
    "forebear evidence add models:/vision/digits/2 bias_review --body review.json --file review.pdf",
)
def add(
    session: Session,
    model: parsing.ModelArgument,
    type: Annotated[str, typer.Argument(metavar="TYPE", help="A word that the policy knows, as eval_report.")],
    set_: Annotated[
        list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="A fact; JSON values.", show_default=False)
    ] = None,
    body: Annotated[
        Path | None, typer.Option("--body", help="Facts as a JSON file (- is input).", show_default=False)
    ] = None,
    file: Annotated[Path | None, typer.Option("--file", help="A report to keep with it.", show_default=False)] = None,
) -> None:
    """Add evidence; it is bound to the version's bytes."""
    from contextlib import nullcontext

    from registry.cli.printing import tell

    reference, facts = parsing.model(model), parsing.facts(body, set_)
    with parsing.opened(file) if file else nullcontext() as stream:
        added = session.registry.promotions.add_evidence(
            reference, type, facts, file=stream, file_name=file.name if file else None
        )
    session.answer(added, lambda evidence: tell(f"{evidence.type} for {evidence.ref}: {evidence.id}"))


@command(app, "list", "forebear evidence list models:/vision/digits/2")
def list_(session: Session, model: parsing.ModelArgument) -> None:
    """List the evidence about a version."""
    from registry.cli.views.governance import show_evidence

    session.answer(session.registry.promotions.evidence(parsing.model(model)), show_evidence)
