"""Commands for recipes: their JSON schema, and checking one before it runs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from registry.cli import parsing
from registry.cli.session import Session, command

app = typer.Typer(name="recipe", help="Recipes: what a transfer does.", no_args_is_help=True)
RecipeArgument = Annotated[Path, typer.Argument(metavar="RECIPE", help="A YAML file (- reads standard input).")]


@command(app, "schema", "forebear recipe schema > recipe.schema.json")
def schema(session: Session) -> None:
    """Print the JSON Schema of recipes, so that an editor can complete and check them."""
    from registry.bootstrap import recipe_schema

    session.write_json(recipe_schema())


@command(app, "check", "forebear recipe check digits.yaml")
def check(session: Session, recipe: RecipeArgument) -> None:
    """Check a recipe and print it with every default and reference written out."""
    from registry.cli.views.catalog import note_licence
    from registry.cli.views.transfers import show_recipe

    found = session.registry.transfers.check(parsing.document(recipe))
    session.answer(found, show_recipe)
    if found.licence:
        note_licence(found.licence)
