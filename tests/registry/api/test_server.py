"""The guard: nobody unknown, no foreign host, no foreign page, and nothing of the inside in an answer."""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import pytest
from fastapi import FastAPI
from starlette.routing import Mount, Route

from registry import bootstrap
from registry.api.hub import is_hub
from registry.api.mlflow import is_mlflow
from registry.api.oci import is_oci
from registry.auth import COOKIE, Attempts, Doorkeeper
from registry.errors import Family, RegistryError
from registry.server import create_app
from registry.services.keys import registry_key
from registry.web.render import static
from tests.serving import HOST, ServedRegistry, form_token, problem

OPEN = {("GET", path) for path in ("/healthz", "/sign-in", "/sign-in/provider", "/sign-in/provider/return")}
OPEN |= {("POST", path) for path in ("/sign-in", "/sign-in/password", "/api/v1/sign-in/token")}
OPEN |= {("POST", "/api/v1/device"), ("POST", "/api/v1/device/token")}


def routes_of(app: Any) -> Iterator[tuple[str, str]]:
    """Every (method, path) that the application answers, whatever mounted it."""
    for route in app.routes:
        if hasattr(route, "effective_route_contexts"):
            for one in route.effective_route_contexts():
                yield from ((method, one.path) for method in one.methods)
        elif isinstance(route, Route):
            yield from ((method, route.path) for method in route.methods or ())
        elif isinstance(route, Mount):
            yield "GET", f"{route.path}/"
        else:
            raise AssertionError(f"a route of an unknown kind: {route!r}")


def test_every_route_but_the_open_ones_needs_a_signed_in_person(served: ServedRegistry) -> None:
    client, asked = served.client(), set()
    for method, path in routes_of(served.app):
        where = re.sub(r"\{\w+(:path)?\}", "x1", path)
        answer = client.request(method, where)
        asked.add((method, path))
        if (method, path) in OPEN or path == "/static/":
            continue
        if is_oci(where):
            assert (answer.status_code, answer.headers["www-authenticate"]) == (401, 'Basic realm="forebear"')
        elif path.startswith("/api/") or is_hub(where):
            assert answer.status_code == 401, (method, path)
            assert answer.headers["www-authenticate"] == "Bearer"
            if is_hub(where):
                assert "needs a token" in answer.headers["x-error-message"]
            elif is_mlflow(where):
                assert answer.json()["error_code"] == "UNAUTHENTICATED"
            elif method != "HEAD":
                assert problem(answer)["code"] == "unauthenticated"
        else:
            assert answer.status_code == 303, (method, path)
            assert answer.headers["location"].startswith("/sign-in"), (method, path)
    assert asked > OPEN
    assert len(asked) > 70
    assert not {path for _, path in asked} & {"/docs", "/redoc", "/openapi.json"}


def test_unknown_addresses_need_a_signed_in_person_too(served: ServedRegistry) -> None:
    for path in ("/nothing", "/docs", "/redoc", "/openapi.json", "/Static/forebear.css", "/static", "//static/x"):
        assert served.client().get(path).status_code == 303, path
    assert served.client().get("/api/v1/nothing").status_code == 401
    assert served.client("vic").get("/nothing").status_code == 404
    assert problem(served.client("vic").get("/api/v1/nothing"))["code"] == "not-found"
    assert problem(served.client("vic").put("/api/v1/me"))["code"] == "method-not-allowed"


def test_static_files_stay_in_their_folder(served: ServedRegistry) -> None:
    assert served.client().get("/static/lineage/layout.js").headers["cache-control"] == "no-cache"
    assert "immutable" in served.client().get(static("forebear.css")).headers["cache-control"]
    for path in ("/static/%2e%2e/server.py", "/static/..%2f..%2fserver.py", "/static/%2fetc%2fpasswd", "/static/none"):
        assert served.client().get(path).status_code == 404, path


@pytest.mark.parametrize(
    "header", ["", "Bearer", "Bearer ", "Basic YTpi", "Bearer fbr_wrong", "Bearer \u00e9", "x" * 9000]
)
def test_an_invalid_token_signs_nobody_in(served: ServedRegistry, header: str) -> None:
    answer = served.client().get("/api/v1/me", headers={b"Authorization": header.encode()})
    assert problem(answer)["status"] == 401


def test_the_actor_is_the_token_s_and_nothing_else_s(served: ServedRegistry) -> None:
    headers = {"X-Forwarded-User": "ana", "Remote-User": "ana", "X-Actor": "ana"}
    answer = served.client("vic").get("/api/v1/me", headers=headers)
    assert answer.json()["handle"] == "vic"
    asked = served.client("vic").get("/api/v1/me", params={"actor": "ana", "as": "ana"}, headers=headers)
    assert asked.json()["code"] == "bad-filter"


@pytest.mark.parametrize(
    "host",
    [
        *(
            "evil.example",
            "localhost.evil.example",
            "",
            "127.0.0.1.nip.io",
            "[::1",
            "0.0.0.0",
            "localhost@evil.example",
        ),
        *(
            "evil@localhost",
            "localhost/healthz?",
            "localhost?",
            "localhost#",
            "localhost\\x",
            "localhost:x",
            "localhost.",
        ),
    ],
)
def test_a_foreign_host_name_is_not_answered(served: ServedRegistry, host: str) -> None:
    for path in ("/api/v1/me", "/", "/healthz", "/sign-in"):
        answer = served.client("ana").get(path, headers={"Host": host})
        assert answer.status_code == 400, (host, path)
        assert "ana" not in answer.text


def test_a_known_host_name_is_answered_with_any_port(served: ServedRegistry) -> None:
    assert served.client().get("/healthz", headers={"Host": "LOCALHOST:8765"}).text == "ok"


def test_a_session_cookie_is_out_of_reach_of_scripts(served: ServedRegistry) -> None:
    answer = served.client().post("/sign-in", data={"token": served.family.tokens["ana"], "next": "/audit?verify=true"})
    assert (answer.status_code, answer.headers["location"]) == (303, "/audit?verify=true")
    cookie = answer.headers["set-cookie"].lower()
    assert cookie.startswith(COOKIE)
    assert "httponly" in cookie
    assert "samesite=lax" in cookie
    assert "path=/;" in cookie
    assert served.family.tokens["ana"] not in cookie


@pytest.mark.parametrize(
    "address",
    ["//evil.example", "https://evil.example", "/\\evil.example", "javascript:alert(1)", "\\\\x", "/a\nb", "x"],
)
def test_sign_in_leads_nowhere_else(served: ServedRegistry, address: str) -> None:
    answer = served.client().post("/sign-in", data={"token": served.family.tokens["ana"], "next": address})
    assert answer.headers["location"] == "/"


def test_a_wrong_token_at_sign_in_is_refused(served: ServedRegistry) -> None:
    answer = served.client().post("/sign-in", data={"token": "<script>"})
    assert answer.status_code == 401
    assert "set-cookie" not in answer.headers
    assert "<script>" not in answer.text.split("<main")[1]
    cookie = served.client().get("/", headers={"Cookie": f"{COOKIE}=made-up"})
    assert (cookie.status_code, cookie.headers["location"]) == (303, "/sign-in")


def test_a_form_that_is_too_large_is_refused(served: ServedRegistry) -> None:
    large = b"token=" + b"x" * (256 * 1024)
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    browser = served.browser("ben")
    for path in ("/sign-in", "/promotions", "/sign-out"):
        for content in (large, (large[at : at + 999] for at in range(0, len(large), 999))):
            answer = browser.post(path, content=content, headers=form)
            assert answer.status_code == 413, path
            assert "content-security-policy" in answer.headers


def test_signing_out_forgets_the_session_and_revoking_ends_it(own_served: ServedRegistry) -> None:
    browser = own_served.browser("dev")
    page = browser.get("/")
    assert page.status_code == 200
    assert browser.post("/sign-out", data={}).status_code == 403
    copied = own_served.client()
    copied.cookies.update(browser.cookies)
    assert copied.get("/").status_code == 200
    assert browser.post("/sign-out", data={"csrf": form_token(page.text)}).status_code == 303
    assert browser.get("/").status_code == 303
    assert copied.get("/").status_code == 303, "a copy of the cookie is good for nothing"
    browser = own_served.browser("dev")
    admin = own_served.client("ana")
    for token in admin.get("/api/v1/tokens", params={"person": "dev"}).json()["items"]:
        admin.delete(f"/api/v1/tokens/{token['id']}")
    assert browser.get("/").status_code == 303


def test_a_form_of_another_site_changes_nothing(own_served: ServedRegistry) -> None:
    browser, path = own_served.browser("ben"), f"/promotions/{own_served.family.request.summary.id}"
    csrf = form_token(browser.get(path).text)
    other = form_token(own_served.browser("ana").get(path).text)
    for data, headers in (
        ({}, {}),
        ({"csrf": ""}, {}),
        ({"csrf": other}, {}),
        ({"csrf": csrf}, {"Origin": "https://evil.example"}),
        ({"csrf": csrf}, {"Origin": "null"}),
        ({"csrf": csrf}, {"Origin": "http://localhost:9"}),
        ({"csrf": csrf}, {"Sec-Fetch-Site": "cross-site"}),
        ({"csrf": csrf}, {"Sec-Fetch-Site": "same-site"}),
    ):
        answer = browser.post(f"{path}/approve", data=data, headers=headers)
        assert answer.status_code == 403, (data, headers)
        assert browser.post("/sign-in", data=data, headers={"Origin": "https://evil.example"}).status_code == 403
    assert browser.get(f"/api/v1{path}").json()["votes"] == []
    good = browser.post(f"{path}/approve", data={"csrf": csrf, "comment": "ok"}, headers={"Origin": HOST})
    assert (good.status_code, good.headers["location"]) == (303, path)
    assert browser.get(f"/api/v1{path}").json()["summary"]["state"] == "promoted"


def test_a_session_at_the_api_brings_its_token_as_a_header(own_served: ServedRegistry) -> None:
    browser = own_served.browser("dev")
    csrf = form_token(browser.get("/").text)
    path = "/api/v1/models/vision/digits/aliases/best"
    assert problem(browser.put(path, json={"version": 1}))["status"] == 403
    assert problem(browser.put(path, json={"version": 1}, headers={"X-CSRF-Token": "no"}))["status"] == 403
    assert browser.put(path, json={"version": 1}, headers={"X-CSRF-Token": csrf}).status_code == 200


def test_every_answer_has_the_headers_that_keep_a_browser_safe(served: ServedRegistry) -> None:
    for client, path in (
        (served.browser("ana"), "/"),
        (served.client(), "/sign-in"),
        (served.client(), "/static/forebear.js"),
        (served.client(), "/api/v1/me"),
        (served.client(), "/nothing"),
        (served.client("ana"), "/models/no/such"),
        (served.client("ana"), "/api/v1/models/vision/digits/versions/2/files/config.json"),
    ):
        headers = client.get(path).headers
        policy = headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["referrer-policy"] == "same-origin"
        if "static" not in path and "files" not in path:
            assert headers["cache-control"] == ("private, no-cache" if path == "/" else "no-store")


@contextmanager
def further_route(app: FastAPI, path: str, answer: Callable[[], object]) -> Iterator[None]:
    """A route for the length of a test: the served is shared, and others count its routes."""
    before = list(app.router.routes)
    app.add_api_route(path, answer)
    try:
        yield
    finally:
        app.router.routes[:] = before


@pytest.mark.parametrize("family", list(Family))
def test_an_error_s_family_alone_decides_its_status(served: ServedRegistry, family: Family) -> None:
    class OddError(RegistryError):
        """Something odd."""

        code = "odd"

    OddError.family = family

    def fail() -> None:
        raise OddError("odd indeed", remedy="Try again", facts={"digest": served.family.grandchild})

    with further_route(served.app, f"/api/v1/odd/{family.name}", fail):
        body = problem(served.client("ana").get(f"/api/v1/odd/{family.name}"))
    assert (body["status"], body["title"], body["remedy"]) == (family.status, "Something odd.", "Try again")
    assert body["facts"] == {"digest": "models:/vision/digits/2"}


def test_an_unexpected_error_is_logged_and_not_shown(served: ServedRegistry, caplog: pytest.LogCaptureFixture) -> None:
    def fail() -> None:
        raise ZeroDivisionError("the secret is 42")

    with (
        further_route(served.app, "/api/v1/broken", fail),
        further_route(served.app, "/broken", fail),
        caplog.at_level(logging.ERROR),
    ):
        body = problem(served.client("ana").get("/api/v1/broken"))
        page = served.client("ana").get("/broken")
    assert (body["status"], body["code"]) == (500, "registry-error")
    assert page.status_code == 500
    for text in (str(body), page.text):
        assert "42" not in text
        assert "ZeroDivision" not in text
    assert "the secret is 42" in caplog.text
    assert "content-security-policy" in page.headers


def test_a_connection_that_closes_early_is_no_failure_of_the_server(
    served: ServedRegistry, caplog: pytest.LogCaptureFixture
) -> None:
    """A body of which half never comes: nobody is answered, and no trace of ours fills the log."""
    sent: list[Any] = []
    parts = iter([{"type": "http.request", "body": b'{"a', "more_body": True}, {"type": "http.disconnect"}])

    async def receive() -> Any:
        return next(parts)

    async def send(message: Any) -> None:
        sent.append(message)

    with caplog.at_level(logging.ERROR):
        asyncio.run(served.app(posting(served), receive, send))
    assert sent == []
    assert caplog.text == ""


def posting(served: ServedRegistry) -> dict[str, Any]:
    """The scope of a POST by ana."""
    headers = [(b"host", b"localhost"), (b"authorization", f"Bearer {served.family.tokens['ana']}".encode())]
    return {
        "type": "http",
        "method": "POST",
        "path": "/api/v1/promotions",
        "raw_path": b"/api/v1/promotions",
        "query_string": b"",
        "root_path": "",
        "scheme": "http",
        "http_version": "1.1",
        "headers": headers,
        "server": ("localhost", 80),
        "client": ("127.0.0.1", 1),
        "app": served.app,
    }


async def stopped() -> Any:
    return await asyncio.Event().wait()


async def one_byte() -> Any:
    await asyncio.sleep(0.1)
    return {"type": "http.request", "body": b"x", "more_body": True}


@pytest.mark.parametrize("further", [stopped, one_byte], ids=["stopped", "byte by byte"])
def test_a_body_that_stops_or_trickles_is_answered_after_a_while(
    further: Callable[[], Awaitable[Any]], served: ServedRegistry
) -> None:
    sent: list[Any] = []
    parts = iter([{"type": "http.request", "body": b'{"a', "more_body": True}])

    async def receive() -> Any:
        return next(parts, None) or await further()

    async def send(message: Any) -> None:
        sent.append(message)

    settings = replace(served.family.settings, body_seconds=1)
    system = bootstrap.open_system(served.family.home, settings=settings)
    door = Doorkeeper(system.sessions, registry_key(served.family.home, settings), Attempts())
    app = create_app(system, settings, door, home=served.family.home)
    with system:
        asyncio.run(asyncio.wait_for(app(posting(served), receive, send), 10))
    assert sent[0]["status"] == 408
    assert b"The body came too slowly: 1 s without a part" in sent[1]["body"]


def test_an_address_that_guesses_tokens_at_the_door_is_told_to_wait(served: ServedRegistry) -> None:
    settings = served.family.settings
    with bootstrap.open_system(served.family.home, settings=settings) as system:
        door = Doorkeeper(system.sessions, registry_key(served.family.home, settings), Attempts(3))
        app = create_app(system, settings, door, home=served.family.home)
        client = ServedRegistry(app, served.family).client()
        for _ in range(3):
            assert client.post("/sign-in", data={"token": "fbr_wrong"}).status_code == 401
        refused = client.post("/sign-in", data={"token": served.family.tokens["ana"]})
        assert refused.status_code == 429
        assert 1 <= int(refused.headers["retry-after"]) <= 60
        assert "Too many wrong tokens" in refused.text
        right, wrong = ({"Authorization": f"Bearer {one}"} for one in (served.family.tokens["ana"], "fbr_wrong"))
        assert client.get("/api/v1/models", headers=right).status_code == 200
        program = client.get("/api/v1/models", headers=wrong)
        assert (program.status_code, problem(program)["code"]) == (429, "too-many-attempts")
        assert 1 <= int(program.headers["retry-after"]) <= 60


@pytest.mark.parametrize("method", ["TRACE", "CONNECT", "BREW"])
@pytest.mark.parametrize(
    "path", ["/api/v1/models", "/api/v1/tokens", "/healthz", "/sign-in", "/promotions", "/sign-out"]
)
def test_a_method_that_is_not_offered_is_told_which_are(served: ServedRegistry, method: str, path: str) -> None:
    client = served.client("ana")
    answer = client.request(method, path)
    assert answer.status_code == 405
    told = set(answer.headers["allow"].split(", "))
    offered = {one for one in ("GET", "POST", "PUT", "PATCH") if client.request(one, path).status_code != 405}
    assert offered
    assert told - {"HEAD", "DELETE"} == offered
