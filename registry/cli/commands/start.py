"""The command `forebear start`: the guided way from data to a verdict."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from registry.cli import parsing
from registry.cli.session import Session, command
from registry.errors import ConflictError, UsageError


def register(app: typer.Typer) -> None:
    """Put the command at the top of the tree."""
    command(
        app,
        "start",
        "forebear start",
        "forebear start reviews.csv --text body --label stars",
        "forebear start datasets:/data/digits/1 --yes",
        "forebear start data/digits --yes --recipe-only digits.yaml",
    )(start)


def start(
    session: Session,
    data: Annotated[
        str | None,
        typer.Argument(
            metavar="[DATA]", help="A file, a folder, or a registered dataset. Default: asks.", show_default=False
        ),
    ] = None,
    name: Annotated[
        str | None,
        typer.Option("--name", metavar="NAME", help="The name of the dataset that DATA becomes.", show_default=False),
    ] = None,
    licence: parsing.LicenceOption = None,
    text: Annotated[str, typer.Option("--text", help="The column of texts, if DATA is a table.")] = "text",
    label: Annotated[str, typer.Option("--label", help="The column of labels, if DATA is a table.")] = "label",
    baselines: Annotated[
        bool,
        typer.Option("--baselines/--no-baselines", help="Compare the result with what needs no transfer."),
    ] = True,
    recipe_only: Annotated[
        Path | None,
        typer.Option("--recipe-only", metavar="FILE", help="Write the recipe to this new file and run nothing."),
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Ask nothing: take what is recommended.")] = False,
) -> None:
    """Go from data to a model step by step: look at the data, choose where to start from and how, run it, judge it.

    Every answer can be taken back with b, and q ends. Nothing is made but the dataset and what the shown recipe makes.
    With --yes nobody is asked, and no promotion is requested.
    """
    from registry.cli.guided.asking import Asking, Quit
    from registry.cli.guided.choices import Guide, Told
    from registry.cli.guided.running import conclude, run
    from registry.cli.printing import hint
    from registry.files import write_whole

    if not yes and not sys.stdin.isatty():
        raise UsageError(
            "There is no terminal to ask questions in",
            remedy="Take what is recommended: forebear start DATA --yes",
        )
    if session.as_json and not yes:
        raise UsageError("Questions are not JSON", remedy="Take what is recommended: add --yes")
    if recipe_only is not None and recipe_only.exists():
        raise ConflictError(f"{recipe_only} is there already", remedy="Name a new file")
    told = Told(data, name, licence, text, label, baselines)
    guide = Guide(session.registry, told, Asking(defaults=yes), quiet=session.as_json)
    try:
        chosen = guide.choose()
        if recipe_only is not None:
            write_whole(recipe_only, chosen.recipe.encode())
            session.answer(chosen.report, lambda _: hint(f"Next: forebear transfer run {recipe_only}"))
            return
        step = run(guide, chosen)
        conclude(guide, step)
        session.answer(step, lambda _: None)
    except Quit:
        hint("\nStopped. Go on at any time: forebear start")
