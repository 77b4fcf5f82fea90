"""Commands for one's own password."""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from typing import Annotated

import typer

from registry.cli.session import Session, command
from registry.domain.paging import PageRequest
from registry.errors import UsageError

app = typer.Typer(name="password", help="Your password, where the registry has passwords.", no_args_is_help=True)


RevokeTokens = Annotated[
    bool, typer.Option("--revoke-tokens", help="End the person's tokens too, but the one that you use now.")
]


@command(app, "set", "forebear password set", "forebear password set --revoke-tokens")
def set_(session: Session, revoke_tokens: RevokeTokens = False) -> None:
    """Set your password, or change it. You are asked for one of your tokens, or the password that you have now.

    It signs you in to the pages, and with forebear login --password. Sessions of yours in browsers end. Tokens stay
    valid, also those that were made with the password before, unless you say --revoke-tokens.
    """
    from registry.cli.printing import tell
    from registry.domain.people.passwords import LEAST

    who = session.registry.actor.handle
    proof = typed("One of your tokens, or your password now")
    new = typed(f"New password, {LEAST} characters or more")
    if typed("The same once more") != new:
        raise UsageError("The two new passwords are not the same", remedy="Run the command again")
    done = session.registry.passwords.set(who, new, proof=proof, revoke_tokens=revoke_tokens)
    session.answer(done, lambda one: tell(f"Set the password of {one.person}"))
    _say_tokens(session, who)


@command(app, "remove", "forebear password remove", "forebear password remove ana")
def remove(
    session: Session,
    handle: Annotated[str | None, typer.Argument(metavar="[PERSON]", help="A handle. Default: yours.")] = None,
    revoke_tokens: RevokeTokens = False,
) -> None:
    """Take your password away, or as an admin that of somebody else. Their sessions in browsers end.

    Tokens stay valid, also those that were made with the password, unless you say --revoke-tokens.
    """
    from registry.cli.printing import tell

    who = handle or session.registry.actor.handle
    done = session.registry.passwords.remove(who, revoke_tokens=revoke_tokens)
    session.answer(done, lambda one: tell(f"{one.person} has no password now"))
    _say_tokens(session, who)


def _say_tokens(session: Session, who: str) -> None:
    """The tokens that are still good, or none for a program that reads JSON."""
    from registry.cli.printing import hint
    from registry.cli.views.people import show_tokens

    if session.as_json:
        return
    now = datetime.now(UTC)
    pages = session.registry.people.tokens(who, PageRequest(100)).items
    good = [one for one in pages if one.revoked_at is None and one.expires_at > now]
    if good:
        show_tokens(good)
        hint("These tokens stay valid. forebear token revoke ends one; --revoke-tokens ends them with the password")


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
