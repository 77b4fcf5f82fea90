"""Commands that show lineage."""

from __future__ import annotations

import sys
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from enum import StrEnum
from functools import partial
from typing import TYPE_CHECKING, Annotated

import typer

from registry.cli import parsing
from registry.cli.session import Session, command
from registry.domain.verbs.lineage import Exchange, Kin, Use
from registry.errors import Family, NotFoundError, UsageError

if TYPE_CHECKING:
    from datetime import datetime

    from registry.domain.verbs.lineage import Ancestry

app = typer.Typer(name="lineage", help="The ancestors and descendants of a model or dataset.", no_args_is_help=True)
TargetArgument = Annotated[
    str, typer.Argument(metavar="TARGET", help="models:/team/name/3, datasets:/team/name/1, or a step's id.")
]


class Form(StrEnum):
    """How a part of the graph is written."""

    TREE = "tree"
    JSON = "json"
    MERMAID = "mermaid"
    DOT = "dot"


FormOption = Annotated[
    Form | None, typer.Option("--format", help="How to print the graph. Default: tree.", show_default=False)
]

AsOfOption = Annotated[
    str | None,
    typer.Option(
        "--as-of",
        metavar="DATE",
        help="Show only what was recorded by then: a day, or a time with its zone.",
        show_default=False,
    ),
]


@command(
    app,
    "show",
    "forebear lineage show models:/vision/digits/2",
    "forebear lineage show models:/library/lite0/1 --down --depth 1",
    "forebear lineage show models:/vision/digits/2 --format mermaid > family.mmd",
    "forebear lineage show models:/vision/digits/2 --as-of 2026-03-14",
)
def show(
    session: Session,
    target: TargetArgument,
    up: Annotated[bool, typer.Option("--up", help="Show ancestors; this is the default.")] = False,
    down: Annotated[bool, typer.Option("--down", help="Show descendants.")] = False,
    depth: Annotated[int, typer.Option("--depth", help="The number of generations; -1 for all.", min=-1)] = -1,
    format: FormOption = None,
    as_of: AsOfOption = None,
) -> None:
    """Show the ancestors of a model or dataset, its descendants, or both."""
    from registry.cli.views.lineage.trees import show_ancestry

    _check_form(session, format)
    up = up or not down
    ancestry = session.registry.lineage.show(
        node(session, target),
        up=depth if up else 0,
        down=depth if down else 0,
        as_of=moment(as_of),
    )
    _answer(session, format, ancestry, lambda found: show_ancestry(found, up=up, down=down))


@command(
    app,
    "verify",
    "forebear lineage verify models:/vision/digits/2",
    "forebear lineage verify models:/vision/digits/2 --parent models:/library/lite0/1",
)
def verify(
    session: Session,
    model: Annotated[str, typer.Argument(metavar="MODEL", help="The version whose parents are in question.")],
    parent: Annotated[
        str | None, typer.Option("--parent", help="Compare with this version, claimed or not.", show_default=False)
    ] = None,
) -> None:
    """Compare the weights of a version with those of its parents, and record whether they support the claim.

    The assurance of a supported claim becomes verified, that of a claim against the evidence contradicted. The exit
    code is 7 when a claim is contradicted. Preprocessing, tokenizer, special tokens, labels and input size are compared
    too, and what differs is shown with both sides; the labels of a new head are not.
    """
    from lineage import Assurance
    from registry.cli.views.lineage.kinship import show_checks

    other = None if parent is None else parsing.model(parent)
    found = session.registry.lineage.verify(parsing.model(model), parent=other)
    session.answer(found, show_checks)
    if any(check.assurance is Assurance.CONTRADICTED for check in found):
        raise typer.Exit(Family.INTEGRITY.exit_code)


@command(
    app,
    "identify",
    "forebear lineage identify model.safetensors",
    "forebear lineage identify checkpoint/ --limit 50",
)
def identify(
    session: Session,
    source: Annotated[
        str, typer.Argument(metavar="FILE", help="A safetensors file, or a folder of them; it is not registered.")
    ],
    limit: Annotated[
        int, typer.Option("--limit", help="Compare with this many registered versions at most.", min=1, max=200)
    ] = 20,
) -> None:
    """Find the registered models that an unknown checkpoint is kin to, by its weights.

    Versions that hold the same tensors are compared first, then those with layers of the same shapes. A sibling can be
    nearer than the parent, so no parent is named.
    """
    from registry.cli.views.lineage.kinship import show_identification

    session.answer(session.registry.lineage.identify(source, limit=limit), show_identification)


@command(
    app,
    "obligations",
    "forebear lineage obligations models:/vision/digits/2",
    "forebear lineage obligations models:/vision/digits/2 --use commercial",
)
def obligations(
    session: Session,
    target: Annotated[str, typer.Argument(metavar="TARGET", help="A version of a model or dataset.")],
    use: Annotated[
        Use | None, typer.Option("--use", help="Say which clauses forbid this use.", show_default=False)
    ] = None,
    as_of: AsOfOption = None,
) -> None:
    """Show what a version owes to the licences of all that it was made from, each clause with its path.

    The exit code is 5 when a clause forbids the use that was asked about.
    """
    from registry.cli.views.lineage.obligations import show_obligations
    from registry.domain.names import Reference

    found = session.registry.lineage.obligations(Reference.parse(node(session, target)), use=use, as_of=moment(as_of))
    session.answer(found, show_obligations)
    if any(one.conflict for one in found.owed):
        raise typer.Exit(Family.REFUSED.exit_code)


@command(app, "compute", "forebear lineage compute models:/vision/digits/2")
def compute(
    session: Session,
    model: Annotated[str, typer.Argument(metavar="MODEL", help="A version of a model.")],
) -> None:
    """Show how much compute went into a version since the models that it all began with, each step once.

    Steps measure it; of what was imported, people declare it. What nobody knows is said, and nothing is made up for it.
    """
    from registry.cli.views.lineage.compute import show_compute

    session.answer(session.registry.lineage.compute(parsing.model(model)), show_compute)


@command(
    app,
    "declare-compute",
    "forebear lineage declare-compute models:/library/llama/1 --flop 1.8e24 --source 'model card, section 2'",
    "forebear lineage declare-compute models:/library/net/1 --no-gpai --source 'it only reads digits'",
)
def declare_compute(
    session: Session,
    model: Annotated[str, typer.Argument(metavar="MODEL", help="A version of a model.")],
    source: Annotated[str, typer.Option("--source", help="Where that stands.", show_default=False)],
    flop: Annotated[
        float | None,
        typer.Option("--flop", help="The floating-point operations of the training that made it.", show_default=False),
    ] = None,
    gpai: Annotated[
        bool | None,
        typer.Option(
            "--gpai/--no-gpai",
            help="Whether it is a general-purpose AI model (EU AI Act). Default: it is from 1e23 FLOP on.",
            show_default=False,
        ),
    ] = None,
) -> None:
    """Declare how much compute the training of a version took, from what it was made from. The newest word counts.

    Who had a hand in a version that is judged is not believed about what it was made from, unless the policy lets
    people approve their own work.
    """
    from registry.cli.views.lineage.compute import show_compute
    from registry.domain.catalog.compute import NewCompute

    declared = session.registry.lineage.declare_compute(parsing.model(model), NewCompute(source, flop, gpai))
    session.answer(declared, show_compute)


@command(app, "notice", "forebear lineage notice models:/vision/digits/2 > NOTICE")
def notice(
    session: Session, target: Annotated[str, typer.Argument(metavar="TARGET", help="A version of a model or dataset.")]
) -> None:
    """Print the notice to pass on with a version: copyright lines and the texts of licences of all that it came from.

    They are gathered from files such as LICENSE and NOTICE of every model and dataset that went into it. What the
    licences ask for and no file holds is the standard text of the SPDX list, where the extra notices is installed,
    or is listed at the end.
    """
    from registry.cli.streams import write_document
    from registry.domain.names import Reference
    from registry.presenting.notices import as_text

    found = session.registry.lineage.notice(Reference.parse(node(session, target)))
    session.answer(found, lambda notice: write_document(as_text(notice)))


@command(
    app,
    "export",
    "forebear lineage export models:/vision/digits/2 --format cyclonedx > bom.json",
    "forebear lineage export models:/vision/digits/2 --format hub",
)
def export(
    session: Session,
    target: Annotated[str, typer.Argument(metavar="TARGET", help="A version of a model or dataset.")],
    format: Annotated[Exchange, typer.Option("--format", help="The format of the other program.")],
) -> None:
    """Print a version and all that it came from in a format of other programs.

    openlineage: run events, one a line. prov: W3C PROV-JSON. cyclonedx: a bill of materials, version 1.6. spdx: SPDX
    3.0.1 in JSON-LD. hub: the front matter of a Hugging Face model card.
    """
    from registry.domain.names import Reference

    found = session.registry.lineage.export(Reference.parse(node(session, target)), format)
    session.answer(found, partial(_write_exchange, format))


@command(app, "path", "forebear lineage path models:/library/lite0/1 models:/vision/digits/2")
def path(
    session: Session,
    source: Annotated[str, typer.Argument(metavar="ANCESTOR", help="A model, dataset or step.")],
    target: Annotated[str, typer.Argument(metavar="DESCENDANT", help="A model, dataset or step made from it.")],
    format: FormOption = None,
    as_of: AsOfOption = None,
) -> None:
    """Show the shortest path from an ancestor to a descendant."""
    from registry.cli.views.lineage.trees import show_path

    _check_form(session, format)
    found = session.registry.lineage.path(node(session, source), node(session, target), as_of=moment(as_of))
    if found is None:
        raise NotFoundError(f"{target} does not descend from {source}")
    _answer(session, format, found, show_path)


@command(app, "common", "forebear lineage common models:/vision/digits/2 models:/vision/letters/1")
def common(
    session: Session,
    one: Annotated[str, typer.Argument(metavar="TARGET", help="A model, dataset or step.")],
    other: Annotated[str, typer.Argument(metavar="OTHER", help="Another.")],
    as_of: AsOfOption = None,
) -> None:
    """Show the nearest common ancestors of two models, datasets or steps, with the ways from them to both."""
    from registry.cli.views.lineage.relatives import show_common

    found = session.registry.lineage.common(node(session, one), node(session, other), as_of=moment(as_of))
    session.answer(found, lambda what: show_common(what, one, other))


@command(
    app,
    "relatives",
    "forebear lineage relatives models:/vision/digits/2 roots",
    "forebear lineage relatives models:/vision/digits/2 siblings --limit 20",
)
def relatives(
    session: Session,
    target: TargetArgument,
    relation: Annotated[
        Kin, typer.Argument(metavar="roots|siblings", help="Which of them to show.", show_default=False)
    ],
    limit: Annotated[int, typer.Option("--limit", help="The most to show.", min=1)] = 100,
    as_of: AsOfOption = None,
) -> None:
    """Show the roots of a model or dataset, or its siblings.

    roots: the models of its ancestry that were made from no model. siblings: what else was made from one that it was
    made from itself.
    """
    from registry.cli.views.lineage.relatives import show_relatives

    kin = session.registry.lineage.relatives
    found = kin(node(session, target), relation, limit=limit, as_of=moment(as_of))
    session.answer(found, lambda what: show_relatives(what, relation, target))


def _write_exchange(format: Exchange, found: object) -> None:
    """As its programs read it: YAML for a card, one event a line, else indented JSON."""
    import json

    if format is Exchange.HUB:
        from registry.presenting.documents import as_yaml

        sys.stdout.write(f"---\n{as_yaml(found)}---\n")
    elif isinstance(found, list):
        sys.stdout.writelines(json.dumps(event, ensure_ascii=False) + "\n" for event in found)
    else:
        sys.stdout.write(json.dumps(found, indent=2, ensure_ascii=False) + "\n")


def moment(text: str | None) -> datetime | None:
    """The time that a question is about. Raises: BadFilterError."""
    from registry.domain.text import read_moment

    return None if text is None else read_moment(text, "--as-of")


def _check_form(session: Session, form: Form | None) -> None:
    """Raises: UsageError if two formats are requested at once."""
    if session.as_json and form not in {None, Form.JSON}:
        raise UsageError(f"--format {form} and --output json contradict each other", remedy="Leave one of them out")


def node(session: Session, text: str) -> str:
    """What to walk from: a step's id or a URI. A short `team/name` is a model, or else the dataset of that name."""
    from registry.domain.ids import is_id
    from registry.domain.names import AssetKind

    if is_id(text) or ":/" in text:
        return text
    meant = parsing.model(text)
    data = replace(meant, kind=AssetKind.DATASETS)
    try:
        session.registry.catalog.model(meant.name)
    except NotFoundError:
        with suppress(NotFoundError):
            return str(session.registry.datasets.version(data).summary.ref)
    return str(meant)


def _answer(session: Session, form: Form | None, ancestry: Ancestry, show: Callable[[Ancestry], None]) -> None:
    """Print in the requested format; `--output json` requests JSON too."""
    from lineage import Graph
    from lineage.formats import as_dot, as_mermaid

    if form is Form.JSON or (form is None and session.as_json):
        session.write_json(ancestry)
    elif form in {Form.MERMAID, Form.DOT}:
        write = as_mermaid if form is Form.MERMAID else as_dot
        sys.stdout.write(write(Graph(ancestry.nodes, ancestry.edges), ancestry.focus))
    else:
        show(ancestry)
