"""Commands that correct the graph; they extend `forebear lineage`."""

from __future__ import annotations

from typing import Annotated

import typer

from registry.cli.commands.lineage import node
from registry.cli.commands.lineage_leakage import app
from registry.cli.session import Session, command

__all__ = ["app"]
VersionArgument = Annotated[
    str, typer.Argument(metavar="TARGET", help="The version of a model or dataset whose step had the input.")
]
CorrectionArgument = Annotated[
    str, typer.Argument(metavar="CORRECTION", help="The id of the correction, for example cor-01k…")
]


@command(
    app,
    "correct",
    "forebear lineage correct models:/vision/digits/2 models:/library/lite0/1 --to models:/library/lite0/2 "
    "--reason 'the card named the wrong version'",
    "forebear lineage correct models:/text/news/1 datasets:/data/news/1 --withdraw --reason 'it was never read'",
    "forebear lineage correct models:/text/news/1 datasets:/data/news/1 --new-role validation --reason 'not fitted'",
)
def correct(
    session: Session,
    target: VersionArgument,
    given: Annotated[str, typer.Argument(metavar="INPUT", help="The version that is on record as an input.")],
    reason: Annotated[str, typer.Option("--reason", help="What is wrong, and how you know.", show_default=False)],
    to: Annotated[str | None, typer.Option("--to", help="The version that it was.", show_default=False)] = None,
    withdraw: Annotated[bool, typer.Option("--withdraw", help="It was no input at all.")] = False,
    role: Annotated[
        str | None, typer.Option("--role", help="Which input is meant, where it went in twice.", show_default=False)
    ] = None,
    split: Annotated[str | None, typer.Option("--split", help="The same, by its split.", show_default=False)] = None,
    new_role: Annotated[
        str | None, typer.Option("--new-role", help="The role that it went in as.", show_default=False)
    ] = None,
    new_split: Annotated[
        str | None, typer.Option("--new-split", help="The split that went in.", show_default=False)
    ] = None,
) -> None:
    """Correct an input of the step that made a version: it was another one, went in otherwise, or was none.

    The old edge stays on record for questions about an earlier time. Where the version would be freed from something by
    it (a recall, a clause, a mark, a finding, training data), or stopped, a second person has to decide, and the answer
    says why. What the registry itself saw go in is not corrected.
    """
    from registry.cli.views.governance.corrections import show_correction
    from registry.domain.names import Reference
    from registry.domain.transfers.corrections import NewCorrection

    wish = NewCorrection(
        Reference.parse(node(session, given)),
        reason,
        role,
        split,
        None if to is None else Reference.parse(node(session, to)),
        new_role,
        new_split,
        withdraw,
    )
    asked = session.registry.corrections.ask(Reference.parse(node(session, target)), wish)
    session.answer(asked, show_correction)


@command(
    app,
    "decide",
    "forebear --as carla lineage decide cor-01kaq0… --agree -m 'I read the log of the training'",
    "forebear --as carla lineage decide cor-01kaq0… --refuse -m 'the log names the old version'",
)
def decide(
    session: Session,
    correction: CorrectionArgument,
    agree: Annotated[bool, typer.Option("--agree/--refuse", help="Make it, or refuse it.", show_default=False)],
    comment: Annotated[str, typer.Option("--comment", "-m", help="Why.", show_default=False)] = "",
) -> None:
    """Make a correction that waits for a second person, or refuse it. Who asked for it can only take it back."""
    from registry.cli.views.governance.corrections import show_correction

    done = session.registry.corrections.decide(correction, agree=agree, comment=comment)
    session.answer(done, show_correction)


@command(app, "corrections", "forebear lineage corrections models:/vision/digits/2")
def corrections(session: Session, target: VersionArgument) -> None:
    """List the corrections of the inputs of the step that made a version, with what waits to be decided."""
    from registry.cli.views.governance.corrections import show_corrections
    from registry.domain.names import Reference

    found = session.registry.corrections.of(Reference.parse(node(session, target)))
    session.answer(found, show_corrections)
