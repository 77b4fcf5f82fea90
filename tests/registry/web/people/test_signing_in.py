"""Signing in and out in a browser."""

from __future__ import annotations

from datetime import timedelta

import pytest

from registry.auth import COOKIE
from tests.serving import ServedRegistry, form_token, problem


def test_a_browser_gets_a_new_cookie_and_its_forms_stay_good(
    own_served: ServedRegistry, monkeypatch: pytest.MonkeyPatch
) -> None:
    browser = own_served.browser("dev")
    page, first = browser.get("/people/dev/sessions"), browser.cookies[COOKIE]
    assert "this browser" in page.text
    monkeypatch.setattr("registry.services.people.sessions.ROTATED_EVERY", timedelta(0))
    answer = browser.get("/api/v1/me")
    assert answer.headers["set-cookie"].startswith(COOKIE)
    assert browser.cookies[COOKIE] != first
    monkeypatch.undo()
    other = own_served.browser("dev")
    assert browser.post("/people/dev/sessions", data={"csrf": "no"}).status_code == 403
    done = browser.post("/people/dev/sessions", data={"csrf": form_token(page.text)})
    assert (done.status_code, done.headers["location"]) == (303, "/sign-in")
    assert [one.get("/").status_code for one in (browser, other)] == [303, 303]
    assert problem(own_served.client("ben").get("/api/v1/people/dev/sessions"))["status"] == 403
    assert own_served.client("dev").delete("/api/v1/people/dev/sessions").json() == 0
