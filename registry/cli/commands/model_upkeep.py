"""Commands that compare registered models and keep them in order: differences, cards, statuses, a whole folder."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from registry.cli import parsing
from registry.cli.commands.governance.statuses import add_status_commands
from registry.cli.commands.model import app
from registry.cli.session import Session, command
from registry.errors import Family


@command(
    app,
    "diff",
    "forebear model diff models:/vision/digits/2 models:/vision/digits/3",
    "forebear model diff vision/digits@production vision/digits",
    "forebear model diff models:/library/lite0/1 models:/vision/digits/2 --weights",
)
def diff(
    session: Session,
    one: Annotated[str, typer.Argument(metavar="MODEL", help="The first version.")],
    other: Annotated[str, typer.Argument(metavar="OTHER", help="The second one, of this model or of another.")],
    weights: Annotated[
        bool | None,
        typer.Option(
            "--weights/--no-files",
            help="Read the weights whatever their size, or read no file. Default: weights up to 268 MB together.",
            show_default=False,
        ),
    ] = None,
) -> None:
    """Show what is otherwise in one version than in another.

    Data, recipe, environment, parents, metrics with the interval of the difference on the same test rows, clauses of
    licences, how the model is spoken to, and each tensor that changed with its relative L2 distance.
    """
    from registry.cli.views.lineage.difference import show_difference

    found = session.registry.catalog.difference(parsing.model(one), parsing.model(other), weights=weights)
    session.answer(found, show_difference)


@command(app, "create", "forebear model create vision/letters --description 'Reads handwritten letters'")
def create(
    session: Session,
    name: parsing.NameArgument,
    description: Annotated[str, typer.Option("--description", help="One sentence.", show_default=False)] = "",
    tag: parsing.TagOption = None,
    instead_of: Annotated[
        str | None,
        typer.Option("--instead-of", metavar="NAME", help="The name that it had before.", show_default=False),
    ] = None,
) -> None:
    """Take a name for a registered model whose first version comes later.

    Its task, modality and licence are those of the first version. Without a version it can be deleted, or get another
    name of its team with --instead-of, which keeps its description and tags; the former name is free again.
    """
    from registry.cli.printing import tell
    from registry.domain.verbs.catalog import NewModel

    catalog, tags = session.registry.catalog, parsing.pairs(tag, option="--tag")
    former = parsing.named(instead_of) if instead_of is not None else None
    if former is not None:
        before = catalog.model(former).summary
        description, tags = description or before.description, {**before.tags, **tags}
    wanted = NewModel(parsing.named(name), description, tags, former)
    done = "Created the registered model" if former is None else f"Renamed {former} to"
    session.answer(catalog.create(wanted), lambda _: tell(f"{done} {name}"))


@command(app, "copy", "forebear model copy models:/research/digits/3 vision/digits")
def copy(
    session: Session,
    model: parsing.ModelArgument,
    name: parsing.NameArgument,
    tag: parsing.TagOption = None,
) -> None:
    """Publish the same bytes as the next version of another registered model.

    The copy has an edge from the version, its licence, card and marks, and none of its aliases, stages, evidence and
    approvals.
    """
    from registry.cli.printing import tell
    from registry.domain.verbs.catalog import CopyVersion

    source, tags = parsing.model(model), parsing.pairs(tag, option="--tag")
    made = session.registry.catalog.copy(CopyVersion(source, parsing.named(name), tags=tags))
    session.answer(made, lambda found: tell(f"Published {found.summary.ref}, a copy of {source}"))


@command(app, "card", "forebear model card vision/digits/3", "forebear model card vision/digits/3 --write card.md")
def card(
    session: Session,
    model: parsing.ModelArgument,
    write: Annotated[
        Path | None,
        typer.Option("--write", help="A new revision from this file (- reads standard input).", show_default=False),
    ] = None,
    revisions: Annotated[bool, typer.Option("--revisions", help="List the revisions instead.")] = False,
) -> None:
    """Print the model card, list its revisions, or write a new revision."""
    from registry.cli.printing import tell
    from registry.cli.views.catalog import show_card, show_revisions

    reference, catalog = parsing.model(model), session.registry.catalog
    if write is not None:
        written = catalog.revise_card(reference, parsing.document(write))
        session.answer(written, lambda revision: tell(f"Wrote revision {revision.number} of the card of {reference}"))
        return
    session.answer(catalog.cards(reference), show_revisions if revisions else show_card)


@command(app, "describe", "forebear model describe vision/digits --description 'Reads handwritten digits'")
def describe(
    session: Session,
    name: parsing.NameArgument,
    task: parsing.TaskOption = None,
    modality: parsing.ModalityOption = None,
    licence: parsing.LicenceOption = None,
    origin: parsing.OriginOption = None,
    description: Annotated[str | None, typer.Option("--description", help="One sentence.", show_default=False)] = None,
) -> None:
    """Change the description of a registered model. What is not given stays as it is."""
    from registry.cli.printing import tell
    from registry.domain.catalog.models import Describing

    wanted, catalog = parsing.named(name), session.registry.catalog
    now = catalog.model(wanted).summary
    describing = Describing(
        task=task or now.task,
        modality=parsing.modality(modality) or now.modality,
        licence=licence or (now.version.licence if now.version else "unknown"),
        origin=origin or now.origin,
        description=now.description if description is None else description,
        tags=now.tags,
    )
    session.answer(catalog.describe(wanted, describing), lambda _: tell(f"Changed the description of {wanted}"))


add_status_commands(app, "model")


@command(app, "delete", "forebear model delete models:/vision/digits/1 --yes")
def delete(
    session: Session,
    model: parsing.ModelArgument,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask for confirmation.")] = False,
    reason: Annotated[
        str, typer.Option("--reason", help="The reason, kept in the audit log.", show_default=False)
    ] = "",
) -> None:
    """Delete one version, or a whole registered model if no number is given. Names and numbers are never used again.

    Its aliases go with it. Refused where it was promoted, or a version made from it is: archive it instead.
    """
    reference = parsing.model(model)
    parsing.confirm(f"Delete {reference} for good?", yes=yes)
    session.registry.catalog.delete(reference, reason=reason)
    session.done(f"Deleted {reference}")


@command(
    app,
    "import-all",
    "forebear model import-all ~/.cache/huggingface/hub --list",
    "forebear model import-all models --team library",
)
def import_all(
    session: Session,
    folder: Annotated[
        Path, typer.Argument(metavar="FOLDER", help="A folder of models, or the cache of the Hugging Face Hub.")
    ],
    team: Annotated[
        str | None,
        typer.Option("--team", help="The team of all names. Default: who published each.", show_default=False),
    ] = None,
    only_list: Annotated[bool, typer.Option("--list", help="List what would be imported, and import nothing.")] = False,
) -> None:
    """Import every model of a folder, parents first: what a card calls its base model becomes the declared parent.

    A model is a folder with README.md or config.json. What cannot be imported is told, and the others go on; the exit
    code is 7 then. The same command again imports what is new. Weights are compared with those of each declared parent.
    """
    from registry.cli.collections import Imported, import_each, members
    from registry.cli.printing import hint
    from registry.cli.views.catalog import show_imported, show_members

    found = members(folder.expanduser(), team)
    if only_list:
        session.answer(found, show_members)
        return
    done: list[Imported] = []
    for one in import_each(session.registry.catalog.import_model, found):
        done.append(one)
        if not session.as_json:
            hint(f"{len(done)} of {len(found)}: {one}")
    session.answer(done, show_imported)
    if any(one.ref is None for one in done):
        raise typer.Exit(Family.INTEGRITY.exit_code)


@command(
    app,
    "import-mlflow",
    "forebear model import-mlflow sqlite:///mlflow.db --team vision --list",
    "forebear model import-mlflow https://mlflow.example.org --team vision --model fraud-detector --licence MIT",
)
def import_mlflow(
    session: Session,
    uri: Annotated[
        str, typer.Argument(metavar="URI", help="Where MLflow's registry is, as MLFLOW_REGISTRY_URI would say.")
    ],
    team: Annotated[
        str | None,
        typer.Option(
            "--team", help="The team of all names. Default: what stands before the full stop.", show_default=False
        ),
    ] = None,
    model: Annotated[
        str | None, typer.Option("--model", help="Only this registered model.", show_default=False)
    ] = None,
    licence: Annotated[
        str | None, typer.Option("--licence", help="The licence of all, as SPDX says.", show_default=False)
    ] = None,
    task: Annotated[str | None, typer.Option("--task", help="The task of all.", show_default=False)] = None,
    only_list: Annotated[bool, typer.Option("--list", help="List what would be imported, and import nothing.")] = False,
) -> None:
    """Import the versions of an MLflow model registry, oldest first, with descriptions, tags and the ids of runs.

    MLflow's own client fetches the files. Weights that are a pickle are refused. Aliases and stages are not taken over:
    request a promotion here. What MLflow, or the tag base_model, calls the base model becomes the declared parent where
    it is registered here. What cannot be imported is told, and the others go on; the exit code is 7 then. The same
    command again imports what is new.
    """
    from registry.cli.collections import Imported
    from registry.cli.other_registries import Source, import_versions, planned
    from registry.cli.printing import hint
    from registry.cli.views.catalog import show_imported, show_not_taken, show_planned
    from registry.plugins import registry_reader

    reader = registry_reader("mlflow")
    plan = planned(reader.versions(uri, model=model), team)
    if only_list:
        session.answer(plan, show_planned)
        return
    done: list[Imported] = []
    for one in import_versions(session.registry.catalog, Source(reader, uri, licence, task), plan):
        done.append(one)
        if not session.as_json:
            hint(f"{len(done)} of {len(plan)}: {one}")
    session.answer(done, show_imported)
    if not session.as_json:
        show_not_taken(plan)
    if any(one.ref is None for one in done):
        raise typer.Exit(Family.INTEGRITY.exit_code)
