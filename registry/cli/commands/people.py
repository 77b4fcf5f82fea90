"""Commands for people, roles and tokens."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from registry.cli import parsing
from registry.cli.session import Session, command
from registry.domain.people.people import Scope

person = typer.Typer(name="person", help="People and service accounts.", no_args_is_help=True)
role = typer.Typer(name="role", help="Roles: what people may do, and whose vote counts.", no_args_is_help=True)
token = typer.Typer(name="token", help="Tokens to sign in to the server with.", no_args_is_help=True)
PersonArgument = Annotated[str, typer.Argument(metavar="PERSON", help="A handle, for example ana.")]
OwnOrOther = Annotated[str | None, typer.Argument(metavar="[PERSON]", help="A handle. Default: yours.")]
RoleArgument = Annotated[str, typer.Argument(metavar="ROLE", help="admin, viewer, or a role of the policy.")]


@command(person, "add", "forebear person add ana 'Ana Silva'", "forebear person add ci --service")
def add(
    session: Session,
    handle: PersonArgument,
    called: Annotated[str | None, typer.Argument(metavar="[NAME]", help="The person's name.")] = None,
    name: Annotated[
        str | None, typer.Option("--name", help="The same name, given as an option.", show_default=False)
    ] = None,
    service: Annotated[
        bool, typer.Option("--service", help="This is a program. It can vote only where a policy allows it.")
    ] = False,
) -> None:
    """Add a person or a service account."""
    from registry.cli.printing import tell

    name = parsing.either(called, name, option="--name")
    added = session.registry.people.add(handle, name or handle, service=service)
    session.answer(added, lambda who: tell(f"Added {who.handle}. Next: forebear role grant {who.handle} ROLE"))


@command(person, "list", "forebear person list")
def list_people(session: Session, limit: parsing.LimitOption = 50, cursor: parsing.CursorOption = None) -> None:
    """List people and their roles."""
    from registry.cli.views.people import show_people

    session.answer_page(session.registry.people.search(parsing.paged(limit, cursor)), show_people)


@command(role, "grant", "forebear role grant ana validator")
def grant(session: Session, handle: PersonArgument, role: RoleArgument) -> None:
    """Give a person a role: admin, developer, viewer, reader, guest, auditor, forensics, or one that a policy names."""
    from registry.cli.views.people import say_roles

    session.answer(session.registry.people.grant(handle, role), say_roles)


@command(role, "confirm", "forebear --as ben role confirm carla risk-owner")
def confirm(session: Session, handle: PersonArgument, role: RoleArgument) -> None:
    """Confirm a role that somebody else offered. Roles whose holders decide on something take two people."""
    from registry.cli.views.people import say_roles

    session.answer(session.registry.people.confirm(handle, role), say_roles)


@command(role, "offers", "forebear role offers")
def offers(session: Session) -> None:
    """List the roles that were offered and wait for a second person."""
    from registry.cli.views.people import show_offers

    session.answer(session.registry.people.offers(), show_offers)


@command(person, "link", "forebear person link ana2 ana")
def link(
    session: Session,
    handle: PersonArgument,
    other: Annotated[str, typer.Argument(metavar="OTHER", help="Another account of the same person.")],
) -> None:
    """Say that two accounts belong to one person: as voters they count as one. This cannot be undone."""
    from registry.cli.printing import tell

    linked = session.registry.people.link(handle, other)
    session.answer(linked, lambda who: tell(f"{who.handle} and {other} are accounts of one person"))


@command(person, "key", "forebear person key ~/.forebear-key.pem")
def key(
    session: Session,
    file: Annotated[
        Path,
        typer.Argument(metavar="FILE", help="The file of your private key. It is made where there is no such file."),
    ],
) -> None:
    """Register the key that you sign approvals with; a token of yours is asked for. The private half stays in the file.

    It takes the place of the key before: what that signed no longer counts on open requests. Keep the file to yourself.
    """
    from registry.cli.keys import key_in
    from registry.cli.printing import tell
    from registry.domain.people.keys import public_key

    pem, made = key_in(file)
    public, who = public_key(pem), session.registry.actor.handle
    if made:
        tell(f"Made a private key: {file}")
    token = typer.prompt("One of your tokens", hide_input=True, err=True)
    registered = session.registry.people.set_key(who, public, token=token)
    session.answer(registered, lambda one: tell(f"{one.handle} signs approvals with the key {one.key}"))


@command(
    person,
    "erase",
    "forebear person erase eve --reason 'Left, and asked to be forgotten'",
    "forebear --as ben person erase eve",
)
def erase(
    session: Session,
    handle: PersonArgument,
    reason: Annotated[
        str, typer.Option("--reason", help="Why; needed by who asks, not by who confirms.", show_default=False)
    ] = "",
) -> None:
    """Ask that a person is erased; run by a second person within seven days, erase them.

    An admin, or the person, asks; somebody else whose role decides confirms. Then a stand-in such as erased-3f9a01c2
    takes the place of the handle everywhere, roles and tokens end, and the audit log still verifies. This cannot be
    undone.
    """
    from registry.cli.views.people import show_erased

    session.answer(session.registry.people.erase(handle, reason=reason), show_erased)


@command(person, "withdraw-erasure", "forebear person withdraw-erasure eve")
def withdraw_erasure(session: Session, handle: PersonArgument) -> None:
    """Take back that a person was to be erased, before a second person has confirmed it.

    Who asked for it, the person, or an admin does.
    """
    from registry.cli.printing import tell

    kept = session.registry.people.withdraw_erasure(handle)
    session.answer(kept, lambda who: tell(f"{who.handle} will not be erased"))


@command(person, "sessions", "forebear person sessions", "forebear person sessions ana")
def sessions(
    session: Session,
    handle: OwnOrOther = None,
    limit: parsing.LimitOption = 50,
    cursor: parsing.CursorOption = None,
) -> None:
    """List where you are signed in by a browser, or as an admin where somebody else is."""
    from registry.cli.views.people import show_sessions

    who = handle or session.registry.actor.handle
    session.answer_page(session.registry.sessions.of(who, parsing.paged(limit, cursor)), show_sessions)


@command(person, "sign-out", "forebear person sign-out", "forebear person sign-out ana")
def sign_out(session: Session, handle: OwnOrOther = None) -> None:
    """End every session of yours in browsers, or as an admin those of somebody else. Tokens stay valid."""
    from registry.cli.printing import hint, tell

    who = handle or session.registry.actor.handle
    ended = session.registry.sessions.end_all(who)
    session.answer(ended, lambda count: tell(f"Signed {who} out of {count} browser{'' if count == 1 else 's'}"))
    if not session.as_json:
        hint(f"Tokens stay valid: forebear token list {who}")


@command(person, "unbind", "forebear person unbind", "forebear person unbind ana")
def unbind(session: Session, handle: OwnOrOther = None) -> None:
    """Sign in by an account of the identity provider no more, or as an admin end that of somebody else.

    Sessions in browsers end, and the roles that came from groups. The account still belongs to the person, who can bind
    it again.
    """
    from registry.cli.printing import tell

    who = handle or session.registry.actor.handle
    ended = session.registry.identities.unbind(who)
    session.answer(ended, lambda ones: tell(f"Unbound {who} from {', '.join(one.issuer for one in ones)}"))


@command(role, "revoke", "forebear role revoke ana validator")
def revoke(session: Session, handle: PersonArgument, role: RoleArgument) -> None:
    """Take a role from a person."""
    from registry.cli.views.people import say_roles

    session.answer(session.registry.people.revoke(handle, role), say_roles)


@command(
    token,
    "create",
    "forebear token create ana --label laptop --days 30",
    "forebear token create ci --label nightly --scope contribute --team vision",
)
def create(
    session: Session,
    handle: PersonArgument,
    label: Annotated[str, typer.Option("--label", help="What the token is for.")] = "command line",
    days: Annotated[int, typer.Option("--days", help="How many days the token is valid.", min=1, max=3650)] = 90,
    scope: Annotated[Scope, typer.Option("--scope", help="The most that it allows.")] = Scope.ADMIN,
    teams: Annotated[
        list[str] | None, typer.Option("--team", help="Only for models and datasets of this team; repeat it for more.")
    ] = None,
    step: Annotated[
        str, typer.Option("--step", help="Only for this transfer step and its inputs.", show_default=False)
    ] = "",
) -> None:
    """Create a token. Its secret is shown only once.

    What its person's roles allow is allowed up to its scope: read (see), use (download), contribute (import, train,
    request), vote, admin (no limit). Each includes those before it.
    """
    from registry.cli.views.people import show_new_token

    made = session.registry.people.create_token(
        handle, label=label, days=days, scope=scope, teams=teams or (), step=step
    )
    session.answer(made, show_new_token)


@command(token, "renew", "forebear token renew", "forebear token renew --days 180")
def renew(
    session: Session,
    days: Annotated[int, typer.Option("--days", help="How many days the new token is valid.", min=1, max=3650)] = 90,
) -> None:
    """Make a token in place of the one that you are signed in with, which ends. Its secret is shown only once.

    A token that is made with another ends with that one at the latest: this is how to have one for longer.
    """
    from registry.cli.printing import hint
    from registry.cli.views.people import show_new_token

    session.answer(session.registry.people.renew_token(days), show_new_token)
    if not session.as_json:
        hint("The token before has ended. Sign in with this one: forebear login URL")


@command(token, "enrol", "forebear token enrol ben")
def enrol(session: Session, handle: PersonArgument) -> None:
    """Give out a token by which somebody makes one that is theirs alone: their first, or when none is left.

    It is good for nothing until somebody else who decides has confirmed it, and lasts three days. The person signs in
    with it (forebear login) and makes their token (forebear token create); every other token and session of theirs ends
    then.
    """
    from registry.cli.views.people import show_enrolment

    session.answer(session.registry.people.enrol(handle), show_enrolment)


@command(token, "confirm", "forebear token confirm ben")
def confirm_enrolment(session: Session, handle: PersonArgument) -> None:
    """Confirm an enrolment that an admin gave out for somebody: make sure that it is the person who asked for it."""
    from registry.cli.printing import tell

    session.answer(
        session.registry.people.confirm_enrolment(handle),
        lambda token: tell(f"Confirmed: {token.person} can make a token now"),
    )


@command(token, "list", "forebear token list", "forebear token list ana")
def list_tokens(
    session: Session,
    handle: Annotated[str | None, typer.Argument(metavar="[PERSON]", help="Only the tokens of this person.")] = None,
    limit: parsing.LimitOption = 50,
    cursor: parsing.CursorOption = None,
) -> None:
    """List tokens, without their secrets."""
    from registry.cli.views.people import show_tokens

    session.answer_page(session.registry.people.tokens(handle, parsing.paged(limit, cursor)), show_tokens)


@command(token, "revoke", "forebear token revoke tok-01kaq0…")
def revoke_token(
    session: Session,
    token: Annotated[str, typer.Argument(metavar="TOKEN", help="The id of the token, for example tok-01k…")],
) -> None:
    """Revoke a token at once."""
    from registry.cli.printing import tell

    session.answer(session.registry.people.revoke_token(token), lambda ended: tell(f"Revoked token {ended.id}"))
