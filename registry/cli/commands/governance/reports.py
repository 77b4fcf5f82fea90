"""Commands for reports: the inventory, and the technical documentation of a version."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from registry.cli import parsing
from registry.cli.session import Session, command


class Format(StrEnum):
    """How an inventory is written."""

    TABLE = "table"
    CSV = "csv"
    JSON = "json"


def register(app: typer.Typer) -> None:
    """Put these commands at the top of the tree."""
    command(app, "inventory", "forebear inventory --tier high", "forebear inventory --format csv > inventory.csv")(
        inventory
    )
    command(app, "annex-iv", "forebear annex-iv vision/digits@production --out technical-documentation")(annex_iv)


def inventory(
    session: Session,
    tier: Annotated[
        str | None, typer.Option("--tier", help="Only versions of this risk tier, or `unknown`.", show_default=False)
    ] = None,
    stage: Annotated[
        str | None, typer.Option("--stage", help="Only versions in this stage.", show_default=False)
    ] = None,
    form: Annotated[Format, typer.Option("--format", help="How it is written.")] = Format.TABLE,
) -> None:
    """List every version in an approved stage, by risk tier, with who answers for it and on what grounds.

    Owner, declared use, stage and since when, approvers, policy with its version, open findings, waivers, next
    attestation, licence, the models that its ancestry begins with, and what is not on record. Approved stages are all
    but the first and `retired`.
    """
    from registry.cli.streams import write_document
    from registry.cli.views.governance.reports import by_tier, show_inventory
    from registry.domain.governance.reports.inventory import as_csv
    from registry.domain.paging import every

    reports = session.registry.reports
    lines = by_tier(every(lambda page: reports.inventory(stage=stage, tier=tier, page=page)))
    if form is Format.CSV:
        for row in as_csv(lines):
            write_document(row)
    elif form is Format.JSON:
        session.write_json(lines)
    else:
        session.answer(lines, show_inventory)


def annex_iv(
    session: Session,
    reference: Annotated[
        str,
        typer.Argument(help="A model version, or an alias: team/name@production.", metavar="REF", show_default=False),
    ],
    out: Annotated[Path, typer.Option("--out", metavar="FOLDER", help="A new folder.", show_default=False)],
) -> None:
    """Write the technical documentation of a version by Annex IV of the EU AI Act, as far as it is on record.

    Every point of the annex, with quoted facts and where each is recorded; what is not on record is listed first.
    Nothing is made up. The folder gets annex-iv.md, annex-iv.json, and the card, step and evidence that they quote.
    """
    from registry.cli.views.governance.reports import show_annex, write_annex

    named = parsing.model(reference)
    found = session.registry.reports.annex_iv(named)
    write_annex(session.registry, found, out)
    session.answer(found, lambda one: show_annex(one, out))
