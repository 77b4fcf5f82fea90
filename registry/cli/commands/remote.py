"""Commands about servers: sign in, sign out, who you are, and which server commands use."""

from __future__ import annotations

import platform
import sys
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from registry.cli.session import Session, command
from registry.errors import UnauthenticatedError, UsageError

if TYPE_CHECKING:
    from registry.client.transport.connection import Connection
    from registry.client.transport.profiles import Server
    from registry.domain.people.people import Actor, Scope

app = typer.Typer(name="remote", help="The servers that you have signed in to.", no_args_is_help=True)
ServerArgument = Annotated[str, typer.Argument(metavar="SERVER", help="Its name or its address.")]


def register(app: typer.Typer) -> None:
    """Put the commands about signing in at the top of the tree."""
    command(
        app,
        "login",
        "forebear login https://models.example.com",
        "forebear login https://models.example.com --token-stdin < token.txt",
        "forebear login https://models.example.com --password --person ana",
        "forebear login https://models.example.com --device",
    )(login)
    command(app, "logout", "forebear logout", "forebear logout https://models.example.com")(logout)
    command(app, "whoami", "forebear whoami")(whoami)


def login(
    session: Session,
    url: Annotated[str, typer.Argument(metavar="URL", help="The address of the server.")],
    token_stdin: Annotated[
        bool, typer.Option("--token-stdin", help="Read the token from standard input instead of asking for it.")
    ] = False,
    password: Annotated[
        bool, typer.Option("--password", help="Ask for your password, and make a token with it.")
    ] = False,
    person: Annotated[
        str | None, typer.Option("--person", help="Your handle there, for --password.", show_default=False)
    ] = None,
    device: Annotated[
        bool,
        typer.Option("--device", help="Show a code, which you confirm in a browser on any machine, and get a token."),
    ] = False,
    scope: Annotated[
        str,
        typer.Option(
            "--scope",
            help="The most that a token of --password or --device allows: read, use, contribute, vote or admin.",
        ),
    ] = "contribute",
    name: Annotated[
        str | None, typer.Option("--name", help="A short name for the server. Default: its host.", show_default=False)
    ] = None,
    allow_http: Annotated[
        bool, typer.Option("--allow-http", help="Send the token to another machine without encryption.")
    ] = False,
) -> None:
    """Sign in to a server with a token, and use its registry from now on where no registry folder is nearer.

    A terminal is asked for a token, and Enter is as --device. With --password or --device a token is made that is good
    for 90 days and for what --scope allows.
    The token is kept in the keyring of your system (extra keyring), else in a file that only you can read.
    """
    from registry.cli.printing import hint, tell
    from registry.client.choosing import Remote
    from registry.client.transport.connection import Connection, check_address
    from registry.client.transport.profiles import Profiles

    address = check_address(url, secret=True, allow_http=allow_http or session.settings.allow_http)
    if password + token_stdin + device > 1:
        raise UsageError("--password, --device and --token-stdin are ways to sign in", remedy="Give one of them")
    secret = None
    if password:
        secret = _by_password(Connection(address, allow_http=allow_http), person, scope)
    elif not device:
        secret = _token(session, from_stdin=token_stdin)
    if secret is None:
        secret = _by_device(Connection(address, allow_http=allow_http), scope)
    with Remote(address, allow_http, named=True).connect(session.settings, secret) as registry:
        actor = registry.actor
    profiles = Profiles.of_user()
    server = profiles.add(address, actor.handle, secret, name=name, allow_http=allow_http)
    session.answer(server, lambda made: tell(f"Signed in to {made.url} as {made.handle}"))
    if not session.as_json:
        hint(f"The token is in {profiles.place_of_tokens()}.")


def _token(session: Session, *, from_stdin: bool) -> str | None:
    """The token that is typed, piped in, or set; None for who would rather confirm in a browser. Raises: UsageError."""
    if from_stdin:
        secret = sys.stdin.readline().strip()
    elif session.settings.token is not None:
        secret = session.settings.token
    elif sys.stdin.isatty():
        asked = "Token (or press Enter to confirm in a browser, without one)"
        typed = typer.prompt(asked, default="", show_default=False, hide_input=True, err=True)
        return str(typed).strip() or None
    else:
        raise UsageError(
            "There is no terminal to ask for the token", remedy="Add --device or --token-stdin, or set FOREBEAR_TOKEN"
        )
    if not secret:
        raise UsageError(
            "The token is empty",
            remedy="Get one by a browser: add --device. On the server: forebear token create PERSON",
        )
    return secret


def _by_password(server: Connection, person: str | None, scope: str) -> str:
    """A token that the server makes for a handle and a password. Raises: UnauthenticatedError."""
    from registry.cli.commands.password import typed
    from registry.client.people import RemotePasswords
    from registry.domain.people.signing_in import AskedToken

    allowed = _scope(scope)
    if person is None and not sys.stdin.isatty():
        raise UsageError("There is no terminal to ask for your handle", remedy="Give it: --person HANDLE")
    handle = person or str(typer.prompt("Handle", err=True))
    try:
        wish = AskedToken(f"forebear login on {platform.node() or 'a machine'}"[:128], allowed)
        made = RemotePasswords(server).token(handle, typed("Password"), wish, "")
    finally:
        server.close()
    return made.secret


def _by_device(server: Connection, scope: str) -> str:
    """A token that somebody allows in a browser, on whichever machine. Raises: UnauthenticatedError."""
    from registry import __version__
    from registry.cli.printing import hint
    from registry.client.people import RemoteDevices
    from registry.domain.people.devices import DeviceState, DeviceWish

    machine = f"forebear login on {platform.node() or 'a machine'}"[:128]
    devices = RemoteDevices(server)
    try:
        begun = devices.begin(DeviceWish(machine, f"forebear {__version__}", _scope(scope)), "")
        hint(f"Open {server.url}{begun.page} in a browser where you are signed in, and compare the code:")
        hint(f"    {begun.user_code}")
        until, interval = time.monotonic() + begun.expires_in, begun.interval
        while time.monotonic() < until:
            server.sleep(interval)
            answer = devices.poll(begun.device_code)
            interval = max(interval, answer.interval)
            if answer.token is not None:
                return answer.token.secret
            if answer.state is DeviceState.DENIED:
                raise UnauthenticatedError("It was refused in the browser", remedy="Begin again: forebear login URL")
            if answer.state is DeviceState.EXPIRED:
                break
    finally:
        server.close()
    raise UnauthenticatedError("Nobody allowed it in time", remedy="Begin again: forebear login URL --device")


def _scope(text: str) -> Scope:
    from registry.domain.people.people import Scope

    if text not in list(Scope):
        raise UsageError(f"There is no scope {text[:80]!r}", remedy=f"Give one of: {', '.join(Scope)}")
    return Scope(text)


def logout(
    session: Session,
    which: Annotated[
        str | None, typer.Argument(metavar="[SERVER]", help="Its name or its address. Default: the current one.")
    ] = None,
) -> None:
    """Forget a server and its token here. The token stays valid: forebear token revoke ends it everywhere."""
    from registry.client.transport.profiles import Profiles

    profiles = Profiles.of_user()
    current = profiles.current()
    wanted = which or (current.url if current else None)
    if wanted is None:
        raise UsageError("You are signed in to no server", remedy="See: forebear remote list")
    gone = profiles.remove(wanted)
    session.done(f"Signed out of {gone.url}")


def whoami(session: Session) -> None:
    """Show who you are and in which registry."""
    from registry.cli.printing import tell
    from registry.domain.people.people import Scope

    registry = session.registry
    actor: Actor = registry.actor
    place = f"on the server {session.server.url}" if session.server else f"in the registry folder {session.home}"
    roles = f"with the roles {', '.join(sorted(actor.roles))}" if actor.roles else "without a role"
    limit = f", with a token for the scope {actor.scope}" if actor.scope is not Scope.ADMIN else ""
    session.answer(actor, lambda who: tell(f"{who.handle}, {roles}, {place}{limit}"))


@command(app, "list", "forebear remote list")
def list_(session: Session) -> None:
    """List the servers that you have signed in to. The current one is used where no registry folder is nearer."""
    from registry.client.transport.profiles import Profiles

    session.answer(Profiles.of_user().all(), _show)


def _show(servers: Sequence[Server]) -> None:
    from registry.cli.printing import table

    rows = [(one.name, one.url, one.handle, "current" if one.current else "") for one in servers]
    table(("Name", "Address", "Person", ""), rows, empty="You are signed in to no server: forebear login URL")


@command(app, "use", "forebear remote use models.example.com", "forebear remote use local")
def use(session: Session, which: ServerArgument) -> None:
    """Use a server from now on where no registry folder is nearer; the word local stands for none."""
    from registry.client.transport.profiles import Profiles

    chosen = Profiles.of_user().use(which)
    session.done(f"Commands now use {chosen.url}" if chosen else "Commands now use a registry folder")
