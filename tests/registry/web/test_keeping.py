"""A page that shows the same is not sent again, and nobody is given the page of another session."""

from __future__ import annotations

import re

from tests.serving import ServedRegistry


def test_a_page_that_shows_the_same_is_not_sent_again(served: ServedRegistry) -> None:
    browser = served.browser("ana")
    first = browser.get("/policies")
    tag = first.headers["etag"]
    assert (first.headers["cache-control"], "Cookie" in first.headers["vary"]) == ("private, no-cache", True)
    again = browser.get("/policies", headers={"If-None-Match": f'"other", {tag}'})
    assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", tag)
    assert again.headers["cache-control"] == "private, no-cache"
    assert "default-src 'none'" in again.headers["content-security-policy"]
    assert browser.get("/policies", headers={"If-None-Match": '"other"'}).status_code == 200


def test_the_form_of_a_page_that_was_kept_is_taken(own_served: ServedRegistry) -> None:
    browser = own_served.browser("ana")
    page = browser.get("/people")
    assert browser.get("/people", headers={"If-None-Match": page.headers["etag"]}).status_code == 304
    found = re.search('name="csrf" value="([^"]+)"', page.text)
    assert found is not None
    assert browser.post("/sign-out", data={"csrf": found[1]}).status_code == 303


def test_a_page_that_changed_has_another_tag(own_served: ServedRegistry) -> None:
    browser = own_served.browser("ana")
    tag = browser.get("/people").headers["etag"]
    own_served.family.registry("ana").people.add("zoe", "Zoe")
    answer = browser.get("/people", headers={"If-None-Match": tag})
    assert (answer.status_code, "zoe" in answer.text) == (200, True)


def test_another_session_gets_the_whole_page_whatever_it_says_that_it_has(served: ServedRegistry) -> None:
    tag = served.browser("ana").get("/policies").headers["etag"]
    for other in (served.browser("ana"), served.browser("vic")):
        answer = other.get("/policies", headers={"If-None-Match": tag})
        assert answer.status_code == 200
        assert answer.headers["etag"] != tag
    stranger = served.client().get("/policies", headers={"If-None-Match": tag})
    assert (stranger.status_code, "etag" in stranger.headers) == (303, False)
    program = served.client("ana").get("/policies", headers={"If-None-Match": "*"})
    assert (program.status_code, program.headers["cache-control"]) == (200, "no-store")


def test_a_browser_forgets_its_pages_when_somebody_signs_out(own_served: ServedRegistry) -> None:
    browser = own_served.browser("ana")
    page = browser.get("/people")
    found = re.search('name="csrf" value="([^"]+)"', page.text)
    assert found is not None
    answer = browser.post("/sign-out", data={"csrf": found[1]})
    assert answer.headers["clear-site-data"] == '"cache"'
    assert browser.get("/people", headers={"If-None-Match": page.headers["etag"]}).status_code == 303
