"""Signing in with a password, as somebody who tries to get round it: by the pages, the API and the command line."""

from __future__ import annotations

import io
import logging
import sys
from collections.abc import Iterator
from dataclasses import replace

import pytest
from fastapi.testclient import TestClient

from registry.auth import COOKIE, Attempts
from registry.services.people import hashing
from tests.command_line import CommandLine
from tests.serving import ServedRegistry, app_over, copy_of, form_token, listening, problem

GOOD, OTHER = "heron kettle orbit mosaic", "lantern gravel oboe thistle"
AT = "/api/v1/people/dev/password"


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Hashes that cost little."""
    for name, value in (("MEMORY_KIB", 64), ("TIME_COST", 1), ("LANES", 1)):
        monkeypatch.setattr(hashing, name, value)
    hashing._hasher.cache_clear()
    hashing._of_nobody.cache_clear()
    yield
    hashing._hasher.cache_clear()
    hashing._of_nobody.cache_clear()


@pytest.fixture(scope="module")
def shared(served: ServedRegistry, tmp_path_factory: pytest.TempPathFactory) -> ServedRegistry:
    """One copy for all of these tests: each makes its own server over it, which has counted nothing yet."""
    return copy_of(served, tmp_path_factory.mktemp("passwords") / "home")


@pytest.fixture
def open_to(shared: ServedRegistry) -> ServedRegistry:
    """A registry that has passwords; dev has set one."""
    settings = replace(shared.family.settings, passwords=True)
    served = replace(shared, app=app_over(shared.family.home, settings))
    proof = served.family.tokens["dev"]
    answer = served.client("dev").put(AT, json={"password": GOOD, "proof": proof})
    assert answer.status_code == 200, answer.text
    return served


def typing(served: ServedRegistry, handle: str, password: str, browser: TestClient | None = None) -> tuple[int, str]:
    answer = (browser or served.client()).post(
        "/sign-in/password", data={"handle": handle, "password": password, "next": "/steps"}
    )
    return answer.status_code, answer.headers.get("location", "")


def test_a_browser_signs_in_with_a_password_and_gets_a_session_that_nobody_planted(open_to: ServedRegistry) -> None:
    browser = open_to.client()
    browser.cookies.set(COOKIE, "a" * 43)
    assert typing(open_to, "dev", GOOD, browser) == (303, "/steps")
    planted, own = "a" * 43, browser.cookies.get(COOKIE, domain="localhost.local")
    assert own not in {None, planted}
    assert "a password" in browser.get("/people/dev/sessions").text
    assert typing(open_to, "dev", GOOD) == (303, "/steps")
    assert open_to.client().post(
        "/sign-in/password", data={"handle": "dev", "password": GOOD, "next": "//evil.example"}
    ).headers["location"] == "/"  # fmt: skip


def test_another_site_signs_nobody_in(open_to: ServedRegistry) -> None:
    for headers in ({"Origin": "https://evil.example"}, {"Sec-Fetch-Site": "cross-site"}):
        answer = open_to.client().post("/sign-in/password", data={"handle": "dev", "password": GOOD}, headers=headers)
        assert answer.status_code == 403
        assert COOKIE not in answer.headers.get("set-cookie", "")


def test_guessing_one_person_from_many_addresses_ends_after_ten_and_their_token_goes_on(
    open_to: ServedRegistry,
) -> None:
    codes = [typing(open_to, "dev", f"{OTHER} {number}")[0] for number in range(12)]
    assert codes == [401] * 10 + [429] * 2
    assert typing(open_to, "dev", GOOD)[0] == 429  # the right one too: otherwise guessing would go on
    assert open_to.client("dev").get("/api/v1/me").status_code == 200
    wish = {"handle": "dev", "password": GOOD, "label": "x"}
    refused = open_to.client().post("/api/v1/sign-in/token", json=wish)
    assert (problem(refused)["status"], int(refused.headers["retry-after"]) > 60) == (429, True)
    changed = open_to.client("dev").put(AT, json={"password": OTHER, "proof": "a guess"})
    assert problem(changed)["status"] == 429  # nor is the door of those who are signed in another one


def test_trying_one_password_on_many_people_is_counted_for_the_address(open_to: ServedRegistry) -> None:
    open_to.app.state.door = replace(open_to.app.state.door, attempts=Attempts())
    codes = [typing(open_to, f"person{number}", GOOD)[0] for number in range(22)]
    assert codes == [401] * 20 + [429] * 2


def test_a_token_for_a_password_has_the_scope_that_was_asked_for_and_nothing_typed_is_logged(
    open_to: ServedRegistry, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    wish = {"handle": "dev", "password": GOOD, "label": "laptop", "scope": "use", "days": 2}
    answer = open_to.client().post("/api/v1/sign-in/token", json=wish)
    made = answer.json()
    assert (answer.status_code, answer.headers["cache-control"]) == (201, "no-store")
    assert (made["summary"]["person"], made["summary"]["scope"]) == ("dev", "use")
    holder = TestClient(open_to.app, base_url="http://localhost", headers={"Authorization": f"Bearer {made['secret']}"})
    assert holder.get("/api/v1/me").json()["scope"] == "use"
    wrong = open_to.client().post("/api/v1/sign-in/token", json={**wish, "password": OTHER})
    bad = open_to.client().post("/api/v1/sign-in/token", json={**wish, "password": [GOOD]})
    worse = open_to.client().post("/api/v1/sign-in/token", content=f"{{'password': '{GOOD}'".encode())
    assert [problem(one)["status"] for one in (wrong, bad, worse)] == [401, 400, 400]
    assert "version" not in {name.lower() for name in wrong.headers}  # strangers are not told our version
    said = caplog.text + wrong.text + bad.text + worse.text
    assert GOOD not in said
    assert OTHER not in said


def test_a_request_that_is_sent_twice_keeps_a_digest_that_nobody_can_guess_the_password_by(
    open_to: ServedRegistry,
) -> None:
    dev, body = open_to.client("dev"), {"password": OTHER, "proof": GOOD}
    answers = [dev.put(AT, json=body, headers={"Idempotency-Key": "k" * 20}) for _ in range(2)]
    assert [one.status_code for one in answers] == [200, 200]
    assert answers[1].headers["idempotent-replayed"] == "true"
    other = dev.put(AT, json={**body, "password": GOOD}, headers={"Idempotency-Key": "k" * 20})
    assert problem(other)["code"] == "idempotency-key-reused"
    open_to.app.state.door = replace(open_to.app.state.door, key="another key of a registry")
    assert problem(dev.put(AT, json=body, headers={"Idempotency-Key": "k" * 20}))["code"] == "idempotency-key-reused"


def test_people_set_their_own_password_on_a_page_and_sign_in_again(open_to: ServedRegistry) -> None:
    browser = open_to.browser("vic")
    page = browser.get("/password")
    assert "You have no password" in page.text
    form = {"csrf": form_token(page.text), "proof": open_to.family.tokens["vic"], "password": GOOD, "again": GOOD}
    assert "are not the same" in browser.post("/password", data={**form, "again": OTHER}).text
    assert "tried first" in browser.post("/password", data={**form, "password": "vic" * 6, "again": "vic" * 6}).text
    assert "fresh sign-in" in browser.post("/password", data={**form, "proof": GOOD}).text
    assert browser.post("/password", data={**form, "csrf": "no"}).status_code == 403
    assert browser.post("/password", data=form).headers["location"] == "/sign-in"
    assert browser.get("/").status_code == 303  # its session has ended
    assert typing(open_to, "vic", GOOD, browser)[0] == 303
    page = browser.get("/password")
    assert "You have a password since" in page.text
    assert browser.post("/password/remove", data={"csrf": form_token(page.text)}).status_code == 303
    assert typing(open_to, "vic", GOOD)[0] == 401


def test_where_there_are_no_passwords_no_page_offers_them(served: ServedRegistry) -> None:
    assert "Password" not in served.client().get("/sign-in").text
    assert "Your password" not in served.browser("dev").get("/").text
    assert typing(served, "dev", GOOD)[0] == 409


def test_the_command_line_signs_in_with_a_password_and_changes_it(
    open_to: ServedRegistry, typed: CommandLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    def lines(*words: str) -> None:
        monkeypatch.setattr(sys, "stdin", io.StringIO("".join(f"{word}\n" for word in words)))

    with listening(open_to.app) as url:
        lines(OTHER)
        assert typed.refused("login", url, "--password", "--person", "dev")["code"] == "unauthenticated"
        lines(GOOD)
        assert "Give it: --person" in typed("login", url, "--password").err
        lines(GOOD)
        said = typed("login", url, "--password", "--person", "dev", "--scope", "admin")
        assert said.out == f"Signed in to {url} as dev.\n"
        assert GOOD not in said.out + said.err
        lines(GOOD, OTHER, GOOD)
        assert "are not the same" in typed("password", "set").err
        lines(GOOD, OTHER, OTHER)
        done = typed("password", "set")
        assert done.out.startswith("Set the password of dev.\n")
        assert "forebear login on" in done.out, "tokens that stay valid"
        assert typing(open_to, "dev", OTHER)[0] == 303
        done = typed("password", "remove", "--revoke-tokens")
        assert done.out.startswith("dev has no password now.\n")
        assert "for tests" not in done.out, "it has ended"
    assert typing(open_to, "dev", OTHER)[0] == 401
