"""Commands for upstream: which repositories versions were imported from, and what has changed there."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from registry.cli import parsing
from registry.cli.session import Session, command

app = typer.Typer(
    name="upstream", help="Upstream: the repositories that versions were imported from.", no_args_is_help=True
)


@command(app, "list", "forebear upstream list")
def list_(session: Session, limit: parsing.LimitOption = 50, cursor: parsing.CursorOption = None) -> None:
    """List the versions of which it is known which repository of the Hub they were imported from."""
    from registry.cli.views.governance.upstreams import show_pinned

    session.answer_page(session.registry.upstreams.list(page=parsing.paged(limit, cursor)), show_pinned)


@command(app, "pin", "forebear upstream pin models:/library/minilm/1 hf:nreimers/MiniLM-L6-H384-uncased")
def pin(
    session: Session,
    version: Annotated[str, typer.Argument(metavar="VERSION", help="A version, as models:/team/name/3.")],
    source: Annotated[str, typer.Argument(metavar="SOURCE", help="hf:ORG/NAME@COMMIT, or hf:ORG/NAME.")],
) -> None:
    """Say which repository a version was imported from, for one whose import did not.

    An import from the cache of the Hub, or with --origin hf:ORG/NAME@COMMIT, says it by itself.
    """
    from registry.cli.views.governance.upstreams import show_pinned

    session.answer(session.registry.upstreams.pin(parsing.model(version), source), lambda one: show_pinned([one]))


@command(app, "check", "forebear upstream check --metadata answers.json")
def check(
    session: Session,
    metadata: Annotated[
        Path,
        typer.Option(
            "--metadata",
            metavar="FILE",
            help="What the Hub answers for one repository, or a list of such answers, as JSON (- reads it).",
            show_default=False,
        ),
    ],
) -> None:
    """Raise a finding about each version whose source was deleted, renamed or licensed otherwise, or taken over.

    Forebear asks no network. The same answers again raise nothing more; docs/recall.md shows how to get them.
    """
    from registry.cli.views.governance.upstreams import show_check
    from registry.domain.governance.upstream import read_upstreams

    session.answer(session.registry.upstreams.check(read_upstreams(parsing.document(metadata))), show_check)
