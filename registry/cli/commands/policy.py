"""Commands for policies: what a promotion needs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from registry.cli import parsing
from registry.cli.session import Session, command

app = typer.Typer(name="policy", help="Policies: what a promotion needs.", no_args_is_help=True)
FileArgument = Annotated[Path, typer.Argument(metavar="FILE", help="A YAML file (- reads standard input).")]


@command(app, "check", "forebear policy check policy.yaml")
def check(session: Session, file: FileArgument) -> None:
    """Check a policy file and list every mistake with its line. Nothing is published."""
    from registry.cli.views.governance import show_checked

    checked = session.registry.promotions.check_policy(parsing.document(file))
    session.answer(
        checked, lambda policy: show_checked(policy, f"Policy {policy.name} version {policy.version} is valid")
    )


@command(app, "publish", "forebear policy publish policy.yaml")
def publish(session: Session, file: FileArgument) -> None:
    """Publish a policy. What is published cannot be changed; publish a higher version instead."""
    from registry.cli.views.governance import show_checked

    published = session.registry.promotions.publish_policy(parsing.document(file))
    session.answer(
        published,
        lambda policy: show_checked(
            policy, f"Published policy {policy.name} version {policy.version} ({policy.digest.short})"
        ),
    )


@command(app, "show", "forebear policy show", "forebear policy show default --version 1")
def show(
    session: Session,
    name: Annotated[
        str | None, typer.Argument(metavar="[NAME]", help="The name of a policy. Without it, all policies are listed.")
    ] = None,
    version: Annotated[
        int | None, typer.Option("--version", help="The version of the policy. Default: the newest.", min=1)
    ] = None,
) -> None:
    """Print a policy as it was published, or list the policies."""
    from registry.cli.views.governance import show_policies, show_policy

    promotions = session.registry.promotions
    if name is None:
        session.answer(promotions.policies(), show_policies)
    else:
        session.answer(promotions.policy(name, version), show_policy)
