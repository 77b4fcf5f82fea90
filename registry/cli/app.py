"""The tree of commands. Each group is a module of its own; `docs/cli.md` is written from this tree."""

from __future__ import annotations

from typing import Annotated

import typer

from registry.cli.commands import (
    audit,
    dataset,
    evidence,
    lineage,
    model,
    model_upkeep,
    policy,
    promote,
    recipe,
    transfer,
)
from registry.cli.commands import people as access
from registry.cli.commands import registry as house
from registry.cli.session import ActorOption, HomeOption, OutputOption

app = typer.Typer(
    name="forebear",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _say_version(wanted: bool) -> None:
    if wanted:
        from registry import __version__

        typer.echo(f"forebear {__version__}")
        raise typer.Exit


@app.callback(epilog="References are models:/team/name/3, models:/team/name@production and datasets:/team/name/1.")
def forebear(
    *,
    home: HomeOption = None,
    actor: ActorOption = None,
    output: OutputOption = None,
    version: Annotated[
        bool, typer.Option("--version", help="Say the version and stop.", callback=_say_version, is_eager=True)
    ] = False,
) -> None:
    """A governed model registry with lineage, for transfer learning.

    --home, --as and --output may also be written after a command.
    """


house.register(app)
model.app.add_typer(model_upkeep.app)
for group in (model, dataset, recipe, transfer, lineage, evidence, promote, policy):
    app.add_typer(group.app)
for people in (access.person, access.role, access.token):
    app.add_typer(people)
app.add_typer(audit.app)
