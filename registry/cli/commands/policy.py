"""Commands for policies: what a promotion needs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from registry.cli import parsing
from registry.cli.session import Session, command
from registry.domain.governance.policy_changes import ProposalState
from registry.domain.governance.promotion import VoteValue

app = typer.Typer(name="policy", help="Policies: what a promotion needs.", no_args_is_help=True)
ProposalArgument = Annotated[str, typer.Argument(metavar="PROPOSAL", help="The id of a proposal, for example pol-01k…")]
CommentOption = Annotated[str, typer.Option("--comment", "-m", help="What to say with the vote.", show_default=False)]
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
    """Propose a policy: it is in force when the people agree whom the published policies name, without its author.

    What is published cannot be changed; publish a higher version instead. In a registry of one person, and where a
    policy lets its author decide, it is in force at once.
    """
    from registry.cli.views.governance import show_proposal

    session.answer(session.registry.promotions.publish_policy(parsing.document(file)), show_proposal)


@command(app, "proposals", "forebear policy proposals", "forebear policy proposals --state open")
def proposals(
    session: Session,
    state: Annotated[
        ProposalState | None, typer.Option("--state", help="Only those in this state.", show_default=False)
    ] = None,
) -> None:
    """List the policies that were proposed, newest first."""
    from registry.cli.views.governance import show_proposals

    session.answer(session.registry.promotions.policy_proposals(state), show_proposals)


@command(app, "proposal", "forebear policy proposal pol-01kaq0…")
def proposal(session: Session, proposal: ProposalArgument) -> None:
    """Show a proposed policy: who has to agree, and the versions that would be judged otherwise."""
    from registry.cli.views.governance import show_proposal

    session.answer(session.registry.promotions.policy_proposal(proposal), show_proposal)


@command(app, "approve", "forebear --as carla policy approve pol-01kaq0… -m 'as discussed'")
def approve(session: Session, proposal: ProposalArgument, comment: CommentOption = "") -> None:
    """Approve a proposed policy. The last approval that is needed puts it in force."""
    from registry.cli.views.governance import show_proposal

    vote = session.registry.promotions.vote_on_policy
    session.answer(vote(proposal, VoteValue.APPROVE, comment=comment), show_proposal)


@command(app, "reject", "forebear --as carla policy reject pol-01kaq0… -m 'too loose'")
def reject(session: Session, proposal: ProposalArgument, comment: CommentOption = "") -> None:
    """Reject a proposed policy. Its author withdraws it in this way."""
    from registry.cli.views.governance import show_proposal

    vote = session.registry.promotions.vote_on_policy
    session.answer(vote(proposal, VoteValue.REJECT, comment=comment), show_proposal)


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
