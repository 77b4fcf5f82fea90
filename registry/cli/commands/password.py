"""Commands for one's own password."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from registry.cli.session import Session, command
from registry.errors import UsageError

app = typer.Typer(name="password", help="Your password, where the registry has passwords.", no_args_is_help=True)


@command(app, "set", "forebear password set")
def set_(session: Session) -> None:
    """Set your password, or change it. You are asked for one of your tokens, or the password that you have now.

    It signs you in to the pages, and with forebear login --password. Sessions of yours in browsers end.
    """
    from registry.cli.printing import tell
    from registry.domain.people.passwords import LEAST

    who = session.registry.actor.handle
    proof = typed("One of your tokens, or your password now")
    new = typed(f"New password, {LEAST} characters or more")
    if typed("The same once more") != new:
        raise UsageError("The two new passwords are not the same", remedy="Run the command again")
    done = session.registry.passwords.set(who, new, proof=proof)
    session.answer(done, lambda one: tell(f"Set the password of {one.person}"))


@command(app, "remove", "forebear password remove", "forebear password remove ana")
def remove(
    session: Session,
    handle: Annotated[str | None, typer.Argument(metavar="[PERSON]", help="A handle. Default: yours.")] = None,
) -> None:
    """Take your password away, or as an admin that of somebody else. Their sessions in browsers end."""
    from registry.cli.printing import tell

    done = session.registry.passwords.remove(handle or session.registry.actor.handle)
    session.answer(done, lambda one: tell(f"{one.person} has no password now"))


def typed(what: str) -> str:
    """What is typed without being shown, or comes as a line of standard input. Raises: UsageError for nothing."""
    if sys.stdin.isatty():
        text = str(typer.prompt(what, hide_input=True, err=True, default="", show_default=False))
    else:
        text = sys.stdin.readline()
    text = text.rstrip("\r\n")
    if not text:
        raise UsageError(f"Nothing was given for: {what}", remedy="Type it, or give one line each on standard input")
    return text
