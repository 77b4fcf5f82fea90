"""Commands about the whole registry: init, doctor, serve, history."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from registry.cli import parsing
from registry.cli.session import Session, command

if TYPE_CHECKING:
    from registry.bootstrap import InitReport
    from registry.domain.verbs.registry import Problem


def register(app: typer.Typer) -> None:
    """Put these commands at the top of the tree."""
    command(
        app, "init", "forebear init", "forebear init --policy team.yaml", "forebear --home /srv/models init --upgrade"
    )(init)
    command(app, "doctor", "forebear doctor", "forebear doctor --deep")(doctor)
    command(app, "serve", "forebear serve", "forebear serve --port 9000")(serve)
    command(app, "tick", "forebear tick")(tick)
    command(app, "inbox", "forebear inbox")(inbox)
    command(app, "attest", "forebear --as ben attest models:/vision/digits/4 -m 'measured again, as good as before'")(
        attest
    )
    command(
        app,
        "as-of",
        "forebear as-of 2026-03-14 vision/digits@production",
        "forebear as-of 2026-03-14 vision/digits/2",
        "forebear as-of 2026-03-14 @production",
    )(as_of)
    command(app, "history", "forebear history vision/digits")(history)


def init(
    session: Session,
    upgrade: Annotated[bool, typer.Option("--upgrade", help="Upgrade an older database to this version.")] = False,
    policy: Annotated[
        Path | None,
        typer.Option("--policy", metavar="FILE", help="The first policy, instead of default.", show_default=False),
    ] = None,
) -> None:
    """Create a registry folder (.forebear here, or the folder of --home), or upgrade an older one with --upgrade."""
    from registry import bootstrap

    session.refuse_remote()
    settings = session.settings
    home = settings.home or Path.cwd() / ".forebear"
    text = parsing.document(policy) if policy is not None else None
    report = bootstrap.init(home, settings=settings, actor=settings.acting(), upgrade=upgrade, policy=text)
    session.answer(report, _show_init)


def _show_init(report: InitReport) -> None:
    from rich.text import Text

    from registry.cli.printing import hint, say

    if report.created:
        say(Text(f"Created the registry folder {report.home}. Its admin is {report.admin}."))
    else:
        say(Text(f"The registry folder {report.home} is up to date."))
    for sentence in report.voided:
        say(Text(f"{sentence}."))
    if report.voided:
        hint("Run their recipes again with --baselines. forebear doctor lists them.")
    if report.token is not None:
        say(Text.assemble("Token to sign in with (shown only once): ", (report.token, "bold")))
        hint("Next: forebear model import team/name PATH, then forebear serve")


def doctor(
    session: Session,
    deep: Annotated[
        bool, typer.Option("--deep", help="Also read every stored file, as forebear store verify does.")
    ] = False,
) -> None:
    """Check this registry folder and this installation."""
    if deep:
        from registry.cli.views.store import Bar

        with Bar(shown=not session.as_json) as bar:
            session.registry.store.verify(restart=True, watch=bar.show)
    problems = session.registry.doctor()
    session.answer(problems, _show_problems)
    if any(problem.level == "error" for problem in problems):
        raise typer.Exit(1)


def _show_problems(problems: Sequence[Problem]) -> None:
    from rich.text import Text

    from registry.cli.printing import table

    colours = {"ok": "green", "warning": "yellow", "error": "bold red"}
    rows = [(Text(p.level, style=colours.get(p.level, "")), p.check, p.message) for p in problems]
    table(("Level", "Check", "Finding"), rows, empty="There was nothing to check.", prose="Finding")


def serve(
    session: Session,
    host: Annotated[str, typer.Option("--host", help="The address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option("--port", help="The port to listen on.", min=0, max=65535)] = 8765,
) -> None:
    """Serve the web pages and the HTTP API. Stop the server with Ctrl-C."""
    import gc

    gc.disable()  # until the server listens: what is loaded stays, and searching it takes a fifth of a second
    from registry.errors import MissingExtraError

    try:
        from registry import server
    except ModuleNotFoundError as missing:
        if missing.name is not None and missing.name.partition(".")[0] == "registry":
            raise
        raise MissingExtraError(
            f"The server needs {missing.name}, which is not installed",
            remedy='Install it: pip install "forebear[server]"',
        ) from missing
    from registry import bootstrap
    from registry.cli.printing import hint, tell

    bootstrap.check_settings(session.settings)
    with bootstrap.only_server(session.home, settings=session.settings):  # reports what it lacks before an address
        port = _free_port(host, port)
        tell(
            f"Listening on http://{f'[{host}]' if ':' in host else host}:{port} for the registry folder {session.home}"
        )
        hint("Sign in there with a token: forebear token create PERSON. Stop the server with Ctrl-C.")
        server.serve(session.home, settings=session.settings, host=host, port=port)


def _free_port(host: str, port: int) -> int:
    """The port to listen on, which is `port` unless that is 0. Raises: UnavailableError."""
    import socket

    from registry.errors import UnavailableError

    try:
        place = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0]
        with socket.socket(place[0], socket.SOCK_STREAM) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(place[4])
            return int(probe.getsockname()[1])
    except OSError as error:
        raise UnavailableError(
            f"Cannot listen on {host} port {port}: {(error.strerror or str(error)).lower()}",
            remedy="Choose another port with --port, or stop the program that listens there",
        ) from error


def tick(session: Session) -> None:
    """Do everything that is due by time, such as revoking an approval with an overdue condition.

    In a registry folder it also sends the notifications that are due. The server does all of it by itself; without
    one, let cron call this. Doing it twice does nothing more.
    """
    from registry.cli.views.governance.reviews import show_tick
    from registry.cli.views.notifications.webhooks import show_sent

    session.answer(session.registry.reviews.tick(), show_tick)
    if session.server is None:
        sent = session.registry.notifications.deliver()
        if not session.as_json:
            show_sent(sent)


def attest(
    session: Session,
    model: parsing.ModelArgument,
    comment: Annotated[str, typer.Option("--comment", "-m", help="What you found.")] = "",
) -> None:
    """Approve a version again in its stage, before its approval ends.

    Those can do it who can approve the way there. Evidence, gates and approvals are judged as of today. See also
    forebear attestation list.
    """
    from registry.cli.views.governance.promotions import show_request

    session.answer(session.registry.reviews.attest(parsing.model(model), comment=comment), show_request)


def as_of(
    session: Session,
    moment: Annotated[
        str,
        typer.Argument(help="A day (as it ended, UTC), or a time with its zone.", metavar="DATE", show_default=False),
    ],
    reference: Annotated[
        str,
        typer.Argument(
            help="A model version, an alias of a model (team/name@production), or of all models (@production).",
            metavar="REF",
            show_default=False,
        ),
    ],
    limit: parsing.LimitOption = 50,
    cursor: parsing.CursorOption = None,
) -> None:
    """Show what a version was at a moment, or which version an alias named then, and why it was allowed.

    By whom it was approved, on what evidence, under which version of the policy, and what was made from it while it was
    approved. The answer comes from the audit log. With an alias alone: which versions of all models had it then.
    """
    from registry.cli.views.governance.past import show_as_of, show_named_then
    from registry.domain.text import read_moment

    if reference.startswith("@"):
        at = read_moment(moment, "DATE")
        page = session.registry.reports.named_then(reference[1:], at, parsing.paged(limit, cursor))
        session.answer_page(page, show_named_then)
        return
    found = session.registry.reviews.as_of(parsing.model(reference), read_moment(moment, "DATE"))
    session.answer(found, show_as_of)


def inbox(session: Session) -> None:
    """Show what waits for you: votes, findings and policies, your requests, and your votes that went stale."""
    from registry.cli.views.governance.reviews import show_inbox

    session.answer(session.registry.reviews.inbox(), show_inbox)


def history(
    session: Session,
    name: parsing.NameArgument,
    limit: parsing.LimitOption = 50,
    cursor: parsing.CursorOption = None,
) -> None:
    """Show the changes to a registered model and its versions, newest first."""
    from registry.cli.views.catalog import show_history

    page = session.registry.catalog.history(parsing.named(name), parsing.paged(limit, cursor))
    session.answer_page(page, show_history)
