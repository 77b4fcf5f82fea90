"""Signing in by an identity provider with a browser: a provider of our own, and oidc-provider-mock unmodified."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from fastapi.testclient import TestClient

from registry.auth import COOKIE
from registry.auth.oidc import COOKIE as BEGUN
from tests.providing import Stage, provider
from tests.serving import ServedRegistry, app_over, copy_of, form_token

AT = "/sign-in/provider"


@pytest.fixture(scope="module")
def shared(served: ServedRegistry, tmp_path_factory: pytest.TempPathFactory) -> ServedRegistry:
    return copy_of(served, tmp_path_factory.mktemp("provider") / "home")


@pytest.fixture
def stage() -> Iterator[Stage]:
    with provider() as stage:
        yield stage


def by(shared: ServedRegistry, issuer: str, **more: object) -> ServedRegistry:
    """The registry, with a server that signs in by this provider."""
    fixed = {"oidc_issuer": issuer, "oidc_client": "forebear", "public_url": "http://localhost", "oidc_private": True}
    settings = replace(shared.family.settings, **{**fixed, "oidc_name": "Example", **more})  # type: ignore[arg-type]
    return replace(shared, app=app_over(shared.family.home, settings))


def sent_to(browser: TestClient, stage: Stage, next: str = "/steps") -> dict[str, str]:
    """What the provider is asked when the browser is sent there."""
    answer = browser.get(AT, params={"next": next})
    assert answer.status_code == 303, answer.text
    assert answer.headers["location"].startswith(f"{stage.issuer}/authorize?")
    asked = {name: values[0] for name, values in parse_qs(urlsplit(answer.headers["location"]).query).items()}
    stage.nonce = asked["nonce"]
    return asked


def test_a_browser_signs_in_by_the_provider_once_and_goes_where_it_wanted_here(
    shared: ServedRegistry, stage: Stage
) -> None:
    served = by(shared, stage.issuer, oidc_new_people=True, oidc_roles={"staff": ("viewer",)})
    browser = served.client()
    assert "Sign in with Example" in browser.get("/sign-in").text
    browser.cookies.set(COOKIE, "a" * 43)
    stage.claims = {"sub": "u-7", "preferred_username": "ana", "groups": ["staff"]}
    asked = sent_to(browser, stage)
    cookie = browser.cookies[BEGUN]
    came = browser.get(f"{AT}/return", params={"state": asked["state"], "code": "good"})
    assert (came.status_code, came.headers["location"]) == (303, "/steps")
    assert BEGUN not in browser.cookies
    page = browser.get("/identities").text
    assert "u-7" in page
    assert "ana-2" in page  # there is an ana, who is somebody else
    browser.cookies.set(BEGUN, cookie, path=AT)
    again = browser.get(f"{AT}/return", params={"state": asked["state"], "code": "good"})
    assert (again.status_code, "was finished before" in again.text) == (401, True)
    page = browser.get("/people/ana-2/sessions").text
    assert "the identity provider" in page
    out = browser.post("/sign-out", data={"csrf": form_token(page)})
    assert out.headers["location"] == "/sign-in?left=true"
    stage.metadata["end_session_endpoint"] = f"{stage.issuer}/end"
    assert "sign out of Example" in by(shared, stage.issuer).client().get("/sign-in?left=true").text


@pytest.mark.parametrize("next", ["https://evil.example/", "//evil.example", "/\\evil.example", "javascript:alert(1)"])
def test_the_way_back_leads_to_no_other_site(shared: ServedRegistry, stage: Stage, next: str) -> None:
    browser = by(shared, stage.issuer, oidc_new_people=True).client()
    stage.claims = {"sub": "u-8", "preferred_username": "zoe"}
    asked = sent_to(browser, stage, next)
    came = browser.get(f"{AT}/return", params={"state": asked["state"], "code": "good"})
    assert came.headers["location"] == "/"


def test_who_sends_somebody_the_end_of_their_own_sign_in_signs_nobody_in(shared: ServedRegistry, stage: Stage) -> None:
    served = by(shared, stage.issuer, oidc_new_people=True)
    attacker, victim = served.client(), served.client()
    asked = sent_to(attacker, stage)
    for browser in (victim, served.browser("dev")):
        came = browser.get(f"{AT}/return", params={"state": asked["state"], "code": "good"})
        assert (came.status_code, "not begun in this browser" in came.text) == (401, True)
        assert COOKIE not in came.headers.get("set-cookie", "")
    sent_to(victim, stage)  # nor where the victim has begun a sign-in
    came = victim.get(f"{AT}/return", params={"state": asked["state"], "code": "good"})
    assert came.status_code == 401


def test_a_signed_in_person_binds_an_account_and_only_the_browser_that_asked_does(
    shared: ServedRegistry, stage: Stage
) -> None:
    served = by(shared, stage.issuer)
    browser, other = served.browser("dev"), served.browser("vic")
    stage.claims = {"sub": "u-9", "preferred_username": "root", "name": "Root"}
    csrf = form_token(browser.get("/identities").text)
    wrong = browser.post("/identities", data={"csrf": csrf, "proof": served.family.tokens["vic"]})
    assert (wrong.status_code, "no valid token of yours" in wrong.text) == (401, True)
    page = browser.post("/identities", data={"csrf": csrf, "proof": served.family.tokens["dev"]})
    where = page.text.partition('href="' + stage.issuer)[2].partition('"')[0].replace("&amp;", "&")
    asked = {name: values[0] for name, values in parse_qs(urlsplit(where).query).items()}
    stage.nonce = asked["nonce"]
    back = {"state": asked["state"], "code": "good"}
    other.cookies.set(BEGUN, browser.cookies[BEGUN], path=AT)
    stolen = other.get(f"{AT}/return", params=back)
    assert (stolen.status_code, "Somebody else is signed in" in stolen.text) == (401, True)
    came = browser.get(f"{AT}/return", params=back)
    assert came.headers["location"] == "/identities"
    fresh = served.client()
    asked = sent_to(fresh, stage)
    fresh.get(f"{AT}/return", params={"state": asked["state"], "code": "good"})
    assert fresh.get("/api/v1/me").json()["handle"] == "dev"
    assert fresh.get("/api/v1/people/dev/identities").json()[0]["subject"] == "u-9"
    left = fresh.post("/identities/unbind", data={"csrf": form_token(fresh.get("/identities").text)})
    assert left.headers["location"] == "/sign-in"
    assert fresh.get("/api/v1/me").status_code == 401


def test_a_provider_that_is_away_leaves_the_other_ways_in(shared: ServedRegistry, stage: Stage) -> None:
    stage.metadata["issuer"] = "https://evil.example"
    answer = by(shared, stage.issuer).client().get(AT)
    assert (answer.status_code, "says that it is another one" in answer.text) == (503, True)
    assert "Token" in answer.text
    assert shared.client().get(AT).status_code == 404


def test_an_unmodified_provider_signs_somebody_in(shared: ServedRegistry, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("s3cret")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # its library warns that it will leave another one
        import oidc_provider_mock

        users = [oidc_provider_mock.User(sub="mock-1", claims={"preferred_username": "mia", "groups": ["staff"]})]
        with oidc_provider_mock.run_server_in_thread(user_claims=users) as server:
            issuer = f"http://localhost:{server.server_port}"
            roles = {"staff": ("viewer",)}
            browser = by(shared, issuer, oidc_new_people=True, oidc_roles=roles, oidc_secret_file=secret).client()
            where = browser.get(AT).headers["location"]
            answer = httpx.post(where, data={"sub": "mock-1"})
            assert answer.status_code == 302, answer.text
            came = browser.get(answer.headers["location"].removeprefix("http://localhost"))
            assert came.status_code == 303, came.text
            me = browser.get("/api/v1/me").json()
    assert (me["handle"], me["roles"]) == ("mia", ["viewer"])
