"""Commands for teams that are closed, and for who belongs to them."""

from __future__ import annotations

from typing import Annotated

import typer

from registry.cli.session import Session, command
from registry.cli.tree import Group
from registry.domain.people.teams import Level

app = typer.Typer(name="team", help="Teams: who sees what is registered under a name.", no_args_is_help=True)
member = typer.Typer(
    name="member", cls=Group, help="Who belongs to a closed team, and what they may do.", no_args_is_help=True
)
app.add_typer(member)
TeamArgument = Annotated[str, typer.Argument(metavar="TEAM", help="The first part of a name, as in TEAM/name.")]
PersonArgument = Annotated[str, typer.Argument(metavar="PERSON", help="A handle, for example ana.")]


@command(app, "list", "forebear team list")
def list_(session: Session) -> None:
    """List the teams that somebody has closed or opened, without closed ones that you do not belong to."""
    from registry.cli.views.teams.teams import show_teams

    session.answer(session.registry.teams.list(), show_teams)


@command(app, "show", "forebear team show vision")
def show(session: Session, team: TeamArgument) -> None:
    """Show a team with its members."""
    from registry.cli.views.teams.teams import show_team

    session.answer(session.registry.teams.show(team), show_team)


@command(app, "close", "forebear team close vision")
def close(session: Session, team: TeamArgument) -> None:
    """Hide a team, and all that is in it, from everybody without a level in it. An admin, or who manages it, does this.

    Who closes it manages it, unless somebody does already. For all others its models and datasets do not exist: they
    are in no list, and in a lineage one of them is drawn as a model of a closed team.
    """
    from registry.cli.views.teams.teams import show_team

    session.answer(session.registry.teams.close(team), show_team)


@command(app, "open", "forebear team open vision")
def open_(session: Session, team: TeamArgument) -> None:
    """Show a team to everybody again, which is done by who manages it; or begin a new one, as an admin."""
    from registry.cli.views.teams.teams import show_team

    session.answer(session.registry.teams.open(team), show_team)


@command(member, "add", "forebear team member add vision ben read")
def add(
    session: Session,
    team: TeamArgument,
    person: PersonArgument,
    level: Annotated[Level, typer.Argument(metavar="LEVEL", help="read, use, contribute or manage.")],
) -> None:
    """Give somebody a level in a team, in place of the one before. Who manages the team does this, for others.

    read: see what is registered. use: also its files. contribute: also import, transfer, tag and request promotions.
    manage: also say who belongs to the team. Roles hold besides: a level lets nobody do what their roles do not allow.
    Where nobody manages a team any more, an admin takes it over by this command.
    """
    from registry.cli.views.teams.teams import show_team

    session.answer(session.registry.teams.add_member(team, person, level), show_team)


@command(member, "remove", "forebear team member remove vision ben")
def remove(session: Session, team: TeamArgument, person: PersonArgument) -> None:
    """Take somebody's level in a team away, or leave it yourself. The last one who manages it stays."""
    from registry.cli.views.teams.teams import show_team

    session.answer(session.registry.teams.remove_member(team, person), show_team)
