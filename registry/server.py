"""The server: the JSON API and the pages, behind one guard that every request passes."""

from __future__ import annotations

import contextlib
import gc
import logging
import re
import sys
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from types import FrameType
from urllib.parse import urlsplit

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from fastapi.responses import PlainTextResponse, RedirectResponse, Response
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import MutableHeaders
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from lineage import LineageError
from registry import __version__
from registry.api import openapi, problems
from registry.api.finding import Finder
from registry.api.hub import SIGNED, is_hub
from registry.api.hub.refusals import refusal
from registry.api.hub.routes import router as hub_router
from registry.api.hub.writing.lfs import router as hub_lfs_router
from registry.api.hub.writing.repos import router as hub_writing_router
from registry.api.hub.writing.xet import router as hub_xet_router
from registry.api.mlflow import is_mlflow
from registry.api.mlflow import refusals as mlflow_refusals
from registry.api.mlflow.changes import router as mlflow_changes_router
from registry.api.mlflow.door import TeamDoor
from registry.api.mlflow.registering import router as mlflow_registering_router
from registry.api.mlflow.routes import router as mlflow_router
from registry.api.mlflow.staging import Staging
from registry.api.oci import as_bearer, is_oci
from registry.api.oci import refusals as oci_refusals
from registry.api.oci.remembering import FILE as MANIFESTS
from registry.api.oci.remembering import Seen
from registry.api.oci.routes import router as oci_router
from registry.api.router import api_router
from registry.api.streams import Streams
from registry.api.timed_body import TimedBody
from registry.api.uploads import sweep
from registry.auth import COOKIE, Attempts, Begun, Counts, Doorkeeper, Guesses, Rates
from registry.auth.counting import FILE as COUNTS
from registry.auth.known import Known
from registry.auth.oidc import Way
from registry.auth.oidc.flow import PATH as PROVIDER
from registry.auth.oidc.flow import RETURN
from registry.auth.reach import check_reach
from registry.compression import Compression
from registry.domain.people.people import Actor
from registry.domain.people.sessions import SessionSummary
from registry.domain.verbs.registry import Registry
from registry.errors import (
    PermissionDeniedError,
    RegistryError,
    UnauthenticatedError,
    UsageError,
)
from registry.logs import keep_out_of_logs
from registry.schedule import Schedule
from registry.services.keys import registry_key
from registry.settings import Settings
from registry.threads import Threads
from registry.web.administration import error_page
from registry.web.governance.badges import Badges
from registry.web.people import providing
from registry.web.people.signing_in import (
    client_address,
    cookie_header,
    sign_in,
    sign_in_by_password,
    sign_in_form,
)
from registry.web.render import STATIC, link
from registry.web.routes import pages_router

OPEN = frozenset({"/healthz", "/sign-in", "/sign-in/password", "/api/v1/sign-in/token", PROVIDER, RETURN})
OPEN |= {"/api/v1/device", "/api/v1/device/token"}
"""The addresses, besides static files, that need no sign-in."""
MAX_FORM = 256 * 1024
"""Largest form in bytes; the API limits its own bodies, since uploads may be large."""
SAFE = frozenset({"GET", "HEAD"})
DELIVER_EVERY = 5.0
"""Seconds between two rounds of sending notifications."""
SAVE_EVERY = 10.0
"""Seconds between two times that the counts of requests are written."""
COLLECT_AFTER = 10_000, 20, 20
"""How seldom garbage is looked for (`gc.set_threshold`): a request leaves hardly any."""
WRITE_BACK_EVERY = 0.25
"""Seconds between two times that the database's log of changes is copied into it."""
_HOST = re.compile(r"([^\s@/?#\\:\[\]]+|\[[0-9a-f:.]+\])(?::[0-9]{0,5})?")
"""A host name or address and perhaps a port (RFC 9110 section 7.2): no user, no path, no query."""
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
)
HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}
_COMMON = [(name.lower().encode(), value.encode()) for name, value in HEADERS.items()]
_COMMON_NAMES = frozenset(name for name, _ in _COMMON)
log = logging.getLogger("forebear.server")


@dataclass(frozen=True, slots=True)
class Guard:
    """Runs before every route: checks the host name, the origin and who is asking, and adds the common headers.

    Authentication is by `Authorization: Bearer`, by the signature of an address that is good for a while, or else by
    the session cookie. Any page of the web can make a browser send our cookie: with it, a request that changes
    something must also come from our own origin, and bring the session's CSRF token (pages as a field of the form,
    programs as the header `X-CSRF-Token`).
    """

    app: ASGIApp
    registry: Registry
    door: Doorkeeper
    settings: Settings
    threads: Threads = field(default_factory=Threads)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request. Web sockets are refused, as there are none."""
        if scope["type"] == "lifespan":
            await self.app(scope, receive, send)
        elif scope["type"] == "http":
            with self.threads.for_request(changes=scope["method"] not in SAFE):
                await self._answer(Request(scope, TimedBody(receive, self.settings.body_seconds)), _Sender(send, scope))

    async def _answer(self, request: Request, send: _Sender) -> None:
        try:
            self._check_host(request)
            await self._let_in(request, send)
            send.named = _is_program(request) and hasattr(request.state, "registry")
            await self.app(request.scope, request.receive, send)
        except RegistryError as error:
            await self._refusal(request, error)(request.scope, request.receive, send)
        except ClientDisconnect:
            log.info("%s %s: the connection was closed", request.method, request.url.path)
        except Exception as error:  # noqa: BLE001 - the last handler: no internal detail may reach the client
            known, status = problems.as_error(error, request)
            if not send.started:
                await _failure(request, known, status)(request.scope, request.receive, send)

    def _check_host(self, request: Request) -> None:
        match = _HOST.fullmatch(request.headers.get("host", "").lower())
        host = match[1].strip("[]") if match else ""
        if host not in {name.lower() for name in self.settings.allowed_hosts}:
            raise UsageError(
                f"This server does not answer to the name {host[:80]!r}",
                remedy="FOREBEAR_ALLOWED_HOSTS names the hosts that it answers to",
            )

    async def _let_in(self, request: Request, send: _Sender) -> None:
        """Identify the caller, and count the request. Raises: as `_identify`; TooManyRequestsError."""
        self.door.rates.count_address(client_address(request))
        try:
            await self._identify(request)
        finally:
            send.cookie = getattr(request.state, "cookie", None)
        if hasattr(request.state, "registry"):
            self.door.rates.count_actor(request.state.registry.actor)

    async def _identify(self, request: Request) -> None:
        """Attach the registry of the caller to the request. Raises: UnauthenticatedError, PermissionDeniedError."""
        path: str = request.scope["path"]
        if path == "/healthz" or path.startswith("/static/"):
            return
        header, cookie = request.headers.get("authorization"), request.cookies.get(COOKIE)
        if request.method not in SAFE and header is None:
            _check_origin(request)
        if path in OPEN:
            return
        if header is not None:
            header = as_bearer(header) if is_oci(path) else header
            known = self.door.known_actor(header)
            if known is None:
                known = await run_in_threadpool(self.door.actor_of_header, header, client_address(request))
            actor = known
        elif path.startswith(SIGNED):
            actor = await run_in_threadpool(self.door.links.actor_of, path, request.url.query)
        elif cookie:
            actor = await run_in_threadpool(self._of_cookie, request, cookie)
        else:
            raise UnauthenticatedError(
                "This needs a token", remedy="Sign in, or send the header Authorization: Bearer fbr_…"
            )
        request.state.registry = self.registry.as_actor(actor)
        if actor.reach.limited:
            parameters = [value for _, value in request.query_params.multi_items()]
            await run_in_threadpool(check_reach, request.state.registry, request.method, path, parameters)
        request.state.identify = partial(self._identify, request)  # for long answers: a token may be revoked meanwhile

    def _of_cookie(self, request: Request, cookie: str) -> Actor:
        known: SessionSummary | None = getattr(request.state, "session", None)
        if known is not None:  # asked again during a long answer
            return self.door.still(known)
        visit = self.door.visit(cookie)
        request.state.session, request.state.csrf = visit.session, self.door.csrf_token(visit.session)
        if visit.cookie is not None:
            request.state.cookie = cookie_header(request, visit.session, visit.cookie)
        if request.method not in SAFE and _is_program(request):
            self.door.check_csrf(visit.session, request.headers.get("x-csrf-token"))
        return visit.actor

    def _refusal(self, request: Request, error: RegistryError) -> Response:
        if _is_program(request) or not isinstance(error, UnauthenticatedError):
            return _failure(request, error, None)
        back = request.url.path + (f"?{request.url.query}" if request.url.query else "")
        to_sign_in = link("/sign-in", next=back if request.method == "GET" and back != "/" else None)
        answer = RedirectResponse(to_sign_in, 303)
        answer.delete_cookie(COOKIE, path="/")
        return answer


class _Sender:
    """Passes an answer on with the common headers, and records whether it was begun."""

    def __init__(self, send: Send, scope: Scope) -> None:
        self.send = send
        self.kept = "no-store"
        if scope["path"].startswith("/static/"):  # an address with the file's digest never means other bytes
            named = b"v=" in scope["query_string"]
            self.kept = "public, max-age=31536000, immutable" if named else "no-cache"
        self.started = False
        self.cookie: str | None = None
        """What the answer sets as the session's new cookie."""
        self.named = False
        """Whether the answer names our version: programs that have signed in are told, strangers are not."""

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.started = True
            own = [one for one in message["headers"] if one[0] not in _COMMON_NAMES]
            message["headers"] = own + _COMMON
            headers = MutableHeaders(raw=message["headers"])
            if self.cookie is not None and not any(one.startswith(COOKIE) for one in headers.getlist("set-cookie")):
                headers.append("Set-Cookie", self.cookie)
            if self.named:
                headers["Forebear-Version"] = __version__
            headers.setdefault("Cache-Control", self.kept if message["status"] < 400 else "no-store")
        await self.send(message)


def create_app(registry: Registry, settings: Settings, door: Doorkeeper, *, home: Path) -> FastAPI:
    """The application over `registry`, which is the system's own: the guard makes it the caller's.

    Uploads are staged in `home`.
    """
    app = FastAPI(title="Forebear", version=__version__, docs_url=None, redoc_url=None, openapi_url=None)
    app.state.settings, app.state.home, app.state.door, app.state.streams = settings, home, door, Streams()
    app.state.badges, app.state.seen, app.state.system = Badges(), Seen(home / MANIFESTS), registry
    app.state.way = Way.of(settings, door.key)
    app.state.staging = Staging(home, settings.max_upload)
    app.openapi = lambda: openapi.document(app)  # type: ignore[method-assign]
    for path, method, answer in (
        ("/healthz", "GET", health),
        ("/sign-in", "GET", sign_in_form),
        ("/sign-in", "POST", sign_in),
        ("/sign-in/password", "POST", sign_in_by_password),
        (PROVIDER, "GET", providing.begin),
        (RETURN, "GET", providing.returned),
    ):
        app.add_api_route(
            path, answer, methods=[method], include_in_schema=False, response_model=None, max_body_size=MAX_FORM
        )
    pages = pages_router()
    app.include_router(api_router())
    app.include_router(pages, max_body_size=MAX_FORM)
    # After the pages: the Hub's addresses of files begin with the name of a team.
    app.include_router(hub_router, max_body_size=MAX_FORM)
    app.include_router(hub_writing_router)
    app.include_router(hub_lfs_router)
    app.include_router(hub_xet_router)
    app.include_router(oci_router)
    app.include_router(mlflow_router)
    app.include_router(mlflow_changes_router)
    app.include_router(mlflow_registering_router)
    app.mount("/static", StaticFiles(directory=STATIC))
    app.router.middleware_stack = Finder(app.router.middleware_stack, app.routes)
    for kind in (RegistryError, LineageError, RequestValidationError, HTTPException):
        app.add_exception_handler(kind, _answer_error)
    app.add_middleware(Compression)
    app.add_middleware(Guard, registry=registry, door=door, settings=settings)
    app.add_middleware(TeamDoor)
    return app


def serve(home: Path, *, settings: Settings, host: str = "127.0.0.1", port: int = 8765) -> None:
    """Serve `home` until interrupted. Raises: HomeNotFoundError, OldDatabaseError, NewDatabaseError."""
    import uvicorn  # noqa: PLC0415 - tests build the application without a server

    from registry import bootstrap  # noqa: PLC0415 - opening a registry imports SQLAlchemy
    from registry.connections import protocol  # noqa: PLC0415 - of uvicorn

    registry = bootstrap.open_system(home, settings=settings)
    bootstrap.sweep(home)
    sweep(home)
    counts = Counts(home / COUNTS)
    attempts, rates = Attempts(counts=counts), Rates.of(settings, counts)
    guesses, codes, begun = Guesses("password", counts), Guesses("code", counts), Begun(counts)
    known = Known(registry.standing, registry.context.clock)
    door = Doorkeeper(registry.sessions, registry_key(home, settings), attempts, rates, guesses, codes, begun, known)
    app = create_app(registry, settings, door, home=home)

    class Server(uvicorn.Server):
        def handle_exit(self, sig: int, frame: FrameType | None) -> None:
            app.state.streams.closed = True  # open streams would keep the server alive until their steps have ended
            super().handle_exit(sig, frame)

    proxies = settings.trusted_proxies
    server = Server(
        uvicorn.Config(
            app,
            host=host,
            port=port,
            server_header=False,
            ws="none",
            proxy_headers=bool(proxies),
            forwarded_allow_ips=list(proxies),
            limit_concurrency=settings.max_connections,
            http=protocol(settings.header_seconds),
        )
    )
    keep_out_of_logs("uvicorn", "uvicorn.access")  # which has the query of each request
    due = Schedule(partial(bootstrap.do_what_is_due, registry))
    notices = Schedule(lambda: bootstrap.deliver(registry, lambda: not notices.stopping.is_set()), DELIVER_EVERY)

    def save() -> None:
        counts.save()
        app.state.seen.save()

    saving, copying = Schedule(save, SAVE_EVERY), Schedule(registry.write_back, WRITE_BACK_EVERY)
    gc.freeze()  # what is loaded stays: no collection during a request looks at it
    gc.set_threshold(*COLLECT_AFTER)
    gc.enable()
    with registry, contextlib.suppress(KeyboardInterrupt), due, notices, saving, copying:
        server.run()
    save()
    if not server.started:
        sys.exit(1)  # its log says why


def health() -> PlainTextResponse:
    """Answer that the server is alive."""
    return PlainTextResponse("ok")


def _answer_error(request: Request, raised: Exception) -> Response:
    error, status = problems.as_error(raised, request)
    return _failure(request, error, status)


def _failure(request: Request, error: RegistryError, status: int | None) -> Response:
    """A problem body for programs, a page for browsers; clients of a protocol are told in its words."""
    if is_hub(request.url.path):
        return refusal(error, status)
    if is_oci(request.url.path):
        return oci_refusals.refusal(error, request.url.path, status)
    if is_mlflow(request.url.path):
        return mlflow_refusals.refusal(error, status)
    if _is_program(request):
        return problems.problem(error, status=status)
    page = error_page(request, error, status=status)
    page.headers.update(problems.headers_of(error))
    return page


def _is_program(request: Request) -> bool:
    path: str = request.scope["path"]
    return path.startswith("/api/") or is_hub(path) or is_oci(path)


def _check_origin(request: Request) -> None:
    """Raises: PermissionDeniedError when the browser reports that another site sent the request."""
    origin = request.headers.get("origin")
    same = urlsplit(origin).netloc == request.headers.get("host") if origin is not None else True
    if not same or request.headers.get("sec-fetch-site", "same-origin") not in {"same-origin", "none"}:
        raise PermissionDeniedError("The request came from another site", remedy="Open the page here and repeat")
