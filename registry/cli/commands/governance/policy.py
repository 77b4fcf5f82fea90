"""Commands for policies: what a promotion needs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from registry.cli import parsing
from registry.cli.session import Session, command
from registry.domain.governance.policies.changes import ProposalState
from registry.domain.governance.promotion import VoteValue
from registry.errors import Family, UsageError

app = typer.Typer(name="policy", help="Policies: what a promotion needs.", no_args_is_help=True)
ProposalArgument = Annotated[str, typer.Argument(metavar="PROPOSAL", help="The id of a proposal, for example pol-01k…")]
CommentOption = Annotated[str, typer.Option("--comment", "-m", help="What to say with the vote.", show_default=False)]
NameArgument = Annotated[str, typer.Argument(metavar="NAME", help="The name of a policy, for example default.")]
FileArgument = Annotated[Path, typer.Argument(metavar="FILE", help="A YAML file (- reads standard input).")]
ParamOption = Annotated[
    list[str] | None,
    typer.Option(
        "--param",
        metavar="NAME=VALUE",
        help="A value that the file leaves open, read as params.NAME: for a file without params of its own.",
        show_default=False,
    ),
]


def _with_params(file: Path, values: list[str] | None) -> str:
    """The text of a file with the values that it leaves open, as it is checked and published."""
    import json

    text = parsing.document(file)
    return f"{text.rstrip()}\nparams: {json.dumps(parsing.facts(None, values))}\n" if values else text


@command(app, "check", "forebear policy check policy.yaml", "forebear policy check policy.yaml --param min_f1=0.8")
def check(session: Session, file: FileArgument, param: ParamOption = None) -> None:
    """Check a policy file and list every mistake with its line. Nothing is published."""
    from registry.cli.views.governance.promotions import show_checked

    checked = session.registry.promotions.check_policy(_with_params(file, param))
    session.answer(
        checked, lambda policy: show_checked(policy, f"Policy {policy.name} version {policy.version} is valid")
    )


@command(
    app,
    "test",
    "forebear policy test policy.yaml --history 90d",
    "forebear policy test policy.yaml --against models:/vision/digits/2",
    "forebear policy test policy.yaml --cases cases.yaml",
)
def try_(
    session: Session,
    file: FileArgument,
    against: Annotated[
        str | None, typer.Option("--against", metavar="REF", help="One version instead of the decisions.")
    ] = None,
    history: Annotated[
        str, typer.Option("--history", metavar="DAYS", help="Decisions of how many days, for example 90d.")
    ] = "90d",
    cases: Annotated[
        Path | None,
        typer.Option("--cases", metavar="FILE", help="Cases with the outcome that each must have.", show_default=False),
    ] = None,
    param: ParamOption = None,
) -> None:
    """Show which decisions a policy would have taken otherwise. Nothing is published.

    With --cases the policy judges what the file describes, and the exit code is 7 when a case comes out otherwise.
    """
    from registry.cli.views.governance.policies import show_cases, show_trial

    if cases is not None:
        if against is not None:
            raise UsageError("--cases and --against cannot be given together", remedy="Try one after the other")
        trial = session.registry.promotions.test_policy_cases(_with_params(file, param), parsing.document(cases))
        session.answer(trial, show_cases)
        if trial.differences:
            raise typer.Exit(Family.INTEGRITY.exit_code)
        return

    version = parsing.model(against) if against else None
    text, days = _with_params(file, param), parsing.days(history)
    session.answer(session.registry.promotions.test_policy(text, against=version, days=days), show_trial)


@command(app, "diff", "forebear policy diff default/2 default/3", "forebear policy diff default policy.yaml")
def diff(
    session: Session,
    before: Annotated[
        str, typer.Argument(metavar="BEFORE", help="A published policy, NAME or NAME/VERSION, or a file.")
    ],
    after: Annotated[str, typer.Argument(metavar="AFTER", help="The same.")],
) -> None:
    """Show every place in which two policies differ."""
    from registry.cli.views.governance.policies import show_changes

    texts = [_text_of(session, one) for one in (before, after)]
    session.answer(session.registry.promotions.diff_policies(*texts), show_changes)


def _text_of(session: Session, wanted: str) -> str:
    """The text of a file, or of a published policy."""
    if wanted == "-" or Path(wanted).suffix in {".yaml", ".yml"}:
        return parsing.document(Path(wanted))
    name, _, version = wanted.partition("/")
    if version and not version.isdecimal():
        raise UsageError(
            f"{wanted[:80]!r} names no policy", remedy="Write NAME/VERSION, for example default/3, or a .yaml file"
        )
    return session.registry.promotions.policy(name, int(version) if version else None).text


@command(app, "history", "forebear policy history default")
def history(session: Session, name: NameArgument) -> None:
    """List the versions of a policy, newest first, each with what it changed."""
    from registry.cli.views.governance.policies import show_history

    session.answer(session.registry.promotions.policy_history(name), show_history)


@command(app, "reach", "forebear policy reach default")
def reach(session: Session, name: NameArgument) -> None:
    """Show which versions a policy judges now, and which policies it shadows or is shadowed by."""
    from registry.cli.views.governance.policies import show_reach

    session.answer(session.registry.promotions.policy_reach(name), show_reach)


@command(app, "explain", "forebear policy explain req-01kaq0…")
def explain(
    session: Session,
    request: Annotated[str, typer.Argument(metavar="REQUEST", help="The id of a decided request.")],
) -> None:
    """Judge a decision again from what was stored with it: its policy, its evidence, its votes and every fact."""
    from registry.cli.views.governance.policies import show_explanation

    session.answer(session.registry.promotions.explain(request), show_explanation)


@command(
    app,
    "publish",
    "forebear policy publish policy.yaml",
    "forebear policy publish policy.yaml --param min_f1=0.8 --param max_drop=0.02",
)
def publish(session: Session, file: FileArgument, param: ParamOption = None) -> None:
    """Propose a policy: it is in force when the people agree whom the published policies name, without its author.

    What is published cannot be changed; publish a higher version instead. In a registry of one person, and where a
    policy lets its author decide, it is in force at once.
    """
    from registry.cli.views.governance.promotions import show_proposal

    session.answer(session.registry.promotions.publish_policy(_with_params(file, param)), show_proposal)


@command(app, "proposals", "forebear policy proposals", "forebear policy proposals --state open")
def proposals(
    session: Session,
    state: Annotated[
        ProposalState | None, typer.Option("--state", help="Only those in this state.", show_default=False)
    ] = None,
) -> None:
    """List the policies that were proposed, newest first."""
    from registry.cli.views.governance.promotions import show_proposals

    session.answer(session.registry.promotions.policy_proposals(state), show_proposals)


@command(app, "proposal", "forebear policy proposal pol-01kaq0…")
def proposal(session: Session, proposal: ProposalArgument) -> None:
    """Show a proposed policy: who has to agree, and the versions that would be judged otherwise."""
    from registry.cli.views.governance.promotions import show_proposal

    session.answer(session.registry.promotions.policy_proposal(proposal), show_proposal)


@command(app, "approve", "forebear --as carla policy approve pol-01kaq0… -m 'as discussed'")
def approve(session: Session, proposal: ProposalArgument, comment: CommentOption = "") -> None:
    """Approve a proposed policy. The last approval that is needed puts it in force."""
    from registry.cli.views.governance.promotions import show_proposal

    vote = session.registry.promotions.vote_on_policy
    session.answer(vote(proposal, VoteValue.APPROVE, comment=comment), show_proposal)


@command(app, "reject", "forebear --as carla policy reject pol-01kaq0… -m 'too loose'")
def reject(session: Session, proposal: ProposalArgument, comment: CommentOption = "") -> None:
    """Reject a proposed policy. Its author withdraws it in this way."""
    from registry.cli.views.governance.promotions import show_proposal

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
    from registry.cli.views.governance.promotions import show_policies, show_policy

    promotions = session.registry.promotions
    if name is None:
        session.answer(promotions.policies(), show_policies)
    else:
        session.answer(promotions.policy(name, version), show_policy)
