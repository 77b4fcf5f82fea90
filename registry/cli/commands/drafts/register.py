"""The command that makes a version of a draft."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated

import typer

from registry.cli import parsing
from registry.cli.session import Session, command


def register(app: typer.Typer) -> None:
    """Put the command at the top of the tree."""
    command(
        app,
        "register",
        "forebear register vision/digits",
        "forebear register vision/digits --licence Apache-2.0 --parent models:/library/lite0/3",
    )(register_draft)


def register_draft(
    session: Session,
    name: parsing.NameArgument,
    alias: Annotated[
        str | None,
        typer.Option("--alias", help="A name to give the version, for example candidate.", show_default=False),
    ] = None,
    architecture: parsing.ArchitectureOption = None,
    task: parsing.TaskOption = None,
    modality: parsing.ModalityOption = None,
    licence: parsing.LicenceOption = None,
    description: Annotated[str, typer.Option("--description", help="One sentence.", show_default=False)] = "",
    tag: parsing.TagOption = None,
    parent: Annotated[
        list[str] | None,
        typer.Option(
            "--parent",
            metavar="MODEL",
            help="The model that it was made from, instead of the card's base_model; recorded as declared.",
            show_default=False,
        ),
    ] = None,
) -> None:
    """Make a version of a draft: of the files that were sent with hf upload or push_to_hub.

    The files are recognised and refused as by forebear model import. What is not given is taken from the files and from
    the card (README.md): license, pipeline_tag, base_model.
    """
    from registry.cli.views.catalog import note_findings, note_licence, say_published
    from registry.domain.drafts.drafts import RegisterDraft

    wanted = RegisterDraft(
        parsing.named(name),
        alias=alias,
        architecture=architecture,
        task=task,
        modality=parsing.modality(modality),
        licence=licence,
        description=description,
        tags=parsing.pairs(tag, option="--tag"),
        parents=None if parent is None else tuple(parsing.model(text) for text in parent),
    )
    began = datetime.now(UTC)
    version = session.registry.drafts.register(wanted)
    session.answer(version, lambda found: say_published(found, began=began))
    note_licence(version.summary.licence)
    note_findings(session.registry.reviews, version)
