"""Commands for datasets: add, list, compare, show, versions, pull."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from registry.cli import parsing
from registry.cli.commands.governance.statuses import add_status_commands
from registry.cli.session import Session, command
from registry.domain.data.datasets import DataFormat, LabelKind
from registry.domain.names import Reference

app = typer.Typer(name="dataset", help="Datasets and their versions.", no_args_is_help=True)


@command(
    app,
    "add",
    "forebear dataset add data/digits ./digits --licence CC-BY-4.0",
    "forebear dataset add data/reviews reviews.csv --text body --label stars --split train=0.8,test=0.2",
    "forebear dataset add data/ratings ratings.csv --labels number --label rating",
    "forebear dataset add data/digits digits.dvc --rev v2",
)
def add(
    session: Session,
    name: parsing.NameArgument,
    source: Annotated[
        str,
        typer.Argument(
            metavar="SOURCE",
            help="A file, a folder, an archive of one (.zip, .tar, .tar.gz), a .dvc file, or package:NAME/inner/path.",
        ),
    ],
    task: parsing.TaskOption = None,
    licence: parsing.LicenceOption = None,
    origin: parsing.OriginOption = None,
    description: Annotated[str, typer.Option("--description", help="One sentence.", show_default=False)] = "",
    tag: parsing.TagOption = None,
    split: Annotated[
        str | None,
        typer.Option(
            "--split",
            help="Split the rows at random, for example train=0.7,validation=0.1,test=0.2.",
            show_default=False,
        ),
    ] = None,
    seed: Annotated[int, typer.Option("--seed", help="The random seed of --split.")] = 0,
    split_column: Annotated[
        str | None,
        typer.Option("--split-column", help="The column that names the split of each row.", show_default=False),
    ] = None,
    group_column: Annotated[
        str | None,
        typer.Option(
            "--group-column",
            help="The column that names the group of each row, such as a book. A group stays in one split.",
            show_default=False,
        ),
    ] = None,
    labels: Annotated[
        LabelKind | None,
        typer.Option(
            "--labels", help="The kind of labels. Default: as in the previous version, or class.", show_default=False
        ),
    ] = None,
    label: Annotated[str, typer.Option("--label", help="The column of labels, if the data is a table.")] = "label",
    text: Annotated[str, typer.Option("--text", help="The column of texts, if the data is a table.")] = "text",
    rev: Annotated[
        str | None, typer.Option("--rev", help="The git revision to read a .dvc file at.", show_default=False)
    ] = None,
    format: Annotated[
        DataFormat | None, typer.Option("--format", help="The format, if it cannot be recognised.", show_default=False)
    ] = None,
) -> None:
    """Register data as the next version of a dataset."""
    from registry.cli.views.catalog import note_licence
    from registry.cli.views.data import say_added
    from registry.domain.verbs.data import AddDataset

    wanted = AddDataset(
        parsing.named(name),
        parsing.source(source),
        task=task,
        licence=licence,
        origin=origin,
        description=description,
        tags=parsing.pairs(tag, option="--tag"),
        split=parsing.split_plan(split, seed=seed, column=split_column),
        label_column=label,
        text_column=text,
        rev=rev,
        format=format,
        labels=labels,
        group_column=group_column,
    )
    began = datetime.now(UTC)
    version = session.registry.datasets.add(wanted)
    marks = session.registry.lineage.marks
    session.answer(version, lambda found: say_added(found, marks(Reference.to(found.summary.ref)).marks, began=began))
    note_licence(version.summary.licence)


@command(app, "list", "forebear dataset list", "forebear dataset list digits")
def list_(
    session: Session,
    text: Annotated[
        str, typer.Argument(metavar="[WORDS]", help="Words to look for in name, description and tags.")
    ] = "",
    limit: parsing.LimitOption = 50,
    cursor: parsing.CursorOption = None,
) -> None:
    """List datasets."""
    from registry.cli.views.data import show_datasets

    session.answer_page(session.registry.datasets.search(text, parsing.paged(limit, cursor)), show_datasets)


@command(
    app,
    "compare",
    "forebear dataset compare data/digits data/mnist",
    "forebear dataset compare datasets:/data/reviews/1 datasets:/data/reviews/2 --split train",
    "forebear dataset compare data/digits data/mnist --through models:/library/lite0/1",
)
def compare(
    session: Session,
    first: Annotated[str, typer.Argument(metavar="DATASET", help="datasets:/team/name/1, or team/name for short.")],
    second: Annotated[str, typer.Argument(metavar="OTHER", help="The dataset to compare it with.")],
    through: Annotated[
        str | None,
        typer.Option(
            "--through",
            metavar="MODEL",
            help="Compare the features that this model gives. Default: TF-IDF of texts, pixels of pictures.",
            show_default=False,
        ),
    ] = None,
    split: Annotated[
        str | None,
        typer.Option("--split", help="Compare the rows of this split. Default: all rows.", show_default=False),
    ] = None,
    rows: Annotated[int, typer.Option("--rows", help="Read at most this many rows of each.")] = 2_000,
    seed: Annotated[int, typer.Option("--seed", help="The random seed of draws and tests.")] = 0,
) -> None:
    """Say whether two datasets are the same, near or far, with effect sizes and the rows that tell them apart."""
    from registry.cli.printing import hint
    from registry.cli.views.likeness import show_likeness
    from registry.domain.verbs.selection import CompareDatasets

    model = None if through is None else parsing.model(through)
    wanted = CompareDatasets(parsing.dataset(first), parsing.dataset(second), model, split, rows, seed)
    watch = hint if not session.as_json else lambda _: None
    session.answer(session.registry.selection.compare(wanted, watch=watch), show_likeness)


@command(app, "show", "forebear dataset show datasets:/data/digits/1")
def show(session: Session, dataset: parsing.DatasetArgument) -> None:
    """Show a dataset version: its splits, labels and digests. With no number, the latest version."""
    from registry.cli.views.data import show_dataset

    session.answer(session.registry.datasets.version(parsing.dataset(dataset)), show_dataset)


@command(app, "versions", "forebear dataset versions data/digits")
def versions(
    session: Session, name: parsing.NameArgument, limit: parsing.LimitOption = 50, cursor: parsing.CursorOption = None
) -> None:
    """List the versions of a dataset, newest first."""
    from registry.cli.views.data import show_versions

    page = session.registry.datasets.versions(parsing.named(name), parsing.paged(limit, cursor))
    session.answer_page(page, show_versions)


@command(app, "pull", "forebear dataset pull datasets:/data/digits/1 ./digits")
def pull(
    session: Session,
    dataset: parsing.DatasetArgument,
    folder: parsing.FolderArgument = None,
    to: parsing.ToOption = None,
) -> None:
    """Write a dataset version's files into a new folder."""
    from registry.cli.views.catalog import say_pulled

    reference = parsing.dataset(dataset)
    usual = Path(f"{reference.name.name}-{reference.number or 'latest'}")
    folder = parsing.either(folder, to, option="--to") or usual
    session.answer(session.registry.datasets.pull(reference, folder), say_pulled)


add_status_commands(app, "dataset")
