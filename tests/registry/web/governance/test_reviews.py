"""The page of findings: raise one, be refused with what was typed kept, and say that it was put right."""

from __future__ import annotations

import html
from datetime import UTC, datetime, timedelta

from registry.domain.governance.reviews.bypasses import Emergency
from registry.domain.ids import new_id
from tests.serving import ServedRegistry, form_token

VERSION = "models:/vision/digits/2"
TYPED = {
    "reference": VERSION,
    "text": "sevens <slanted>",
    "severity": "high",
    "owner": "dev",
    "due": "2099-01-01",
    "about": "",
}


def test_a_finding_is_raised_and_resolved_in_the_browser(own_served: ServedRegistry) -> None:
    browser = own_served.browser("ben")
    request = own_served.family.request.summary.id
    form = {**TYPED, "about": request, "csrf": form_token(browser.get(f"/findings?reference={VERSION}").text)}
    assert browser.post("/findings", data=form).status_code == 303
    listed = browser.get(f"/findings?reference={VERSION}").text
    assert "sevens &lt;slanted&gt;" in listed
    assert f'href="/promotions/{request}"' in listed
    assert "sevens &lt;slanted&gt;" in browser.get(f"/promotions/{request}").text
    (finding,) = own_served.client("ben").get("/api/v1/findings", params={"state": "open"}).json()["items"]
    done = {"comment": "", "reference": VERSION, "csrf": form["csrf"]}
    refused = browser.post(f"/findings/{finding['id']}/resolve", data=done)
    assert (refused.status_code, "Resolving a finding needs a comment" in refused.text) == (422, True)
    assert browser.post(f"/findings/{finding['id']}/resolve", data=done | {"comment": "done"}).status_code == 303
    assert "Resolved by ben: done" in browser.get("/findings?state=resolved").text


def test_a_finding_that_is_refused_is_shown_again_with_what_was_typed(own_served: ServedRegistry) -> None:
    browser = own_served.browser("ben")
    csrf = form_token(browser.get(f"/findings?reference={VERSION}").text)
    answer = browser.post("/findings", data=TYPED | {"owner": "nemo", "csrf": csrf})
    text = html.unescape(answer.text)
    assert (answer.status_code, "Nobody has the handle 'nemo'" in text, "sevens <slanted>" in text) == (422, True, True)
    assert browser.post("/findings", data=TYPED | {"severity": "", "csrf": csrf}).status_code == 422
    assert own_served.client("ben").get("/api/v1/findings").json()["items"] == []


def test_the_inbox_shows_what_waits_for_the_reader_and_what_they_requested(own_served: ServedRegistry) -> None:
    request = own_served.family.request.summary.id
    for who, title in (("ben", "Waiting for me"), ("dev", "My requests")):
        text = own_served.browser(who).get("/inbox").text
        part = text[text.index(title) :]
        assert f'href="/promotions/{request}"' in part.partition("</section>")[0], who
        assert own_served.client(who).get("/api/v1/inbox").json()["complete"]
    assert "data-inbox hidden" in own_served.browser("ben").get("/").text


def test_an_approval_on_a_condition_is_refused_on_the_page_where_the_policy_takes_none(
    own_served: ServedRegistry,
) -> None:
    browser, path = own_served.browser("ben"), f"/promotions/{own_served.family.request.summary.id}"
    page = browser.get(path).text
    assert "Approve on a condition" not in page
    form = {**TYPED, "comment": "almost", "csrf": form_token(page)}
    refused = browser.post(f"{path}/approve-with-condition", data=form)
    assert (refused.status_code, "takes no approval with conditions" in refused.text) == (403, True)
    unknown = browser.post(f"{path}/approve-with-condition", data=form | {"severity": "odd"})
    assert (unknown.status_code, "A condition needs a severity" in unknown.text) == (422, True)


def test_the_page_of_waivers_refuses_with_what_was_typed_and_ends_nothing_that_is_not_there(
    own_served: ServedRegistry,
) -> None:
    browser = own_served.browser("dev")
    csrf = form_token(browser.get(f"/waivers?reference={VERSION}").text)
    form = {"reference": VERSION, "gate": "no-worse", "reason": "mended <soon>", "until": "2099-01-01", "csrf": csrf}
    refused = browser.post("/waivers", data=form)
    assert refused.status_code == 403
    assert "has no waivers" in refused.text
    assert "mended &lt;soon&gt;" in refused.text
    for deed in ("end", "burn"):
        gone = browser.post(f"/waivers/wai-00000000000000000000000000/{deed}", data=form | {"comment": "x"})
        assert gone.status_code == 404


def test_an_emergency_that_is_not_there_is_not_reviewed(own_served: ServedRegistry) -> None:
    browser = own_served.browser("ben")
    csrf = form_token(browser.get("/inbox").text)
    for emergency in ("emg-00000000000000000000000000", "odd"):
        form = {"comment": "seen", "csrf": csrf}
        assert browser.post(f"/emergencies/{emergency}/review", data=form).status_code == 404


def test_the_page_of_a_version_has_a_banner_until_its_emergency_is_reviewed(own_served: ServedRegistry) -> None:
    summary, at = own_served.family.request.summary, datetime(2026, 11, 28, 12, tzinfo=UTC)
    emergency = Emergency(
        new_id("emg", at),
        summary.ref,
        summary.id,
        "INC-<7>",
        "down",
        "cleo",
        at,
        at + timedelta(days=1),
        2,
        effective_at=at,
    )
    with own_served.family.registry("ana").context.write() as uow:
        uow.reviews.add_emergency(emergency)
        uow.commit_unaudited()
    page = f"/models/{summary.ref.name}/{summary.ref.number}"
    text = own_served.browser("ben").get(page).text
    assert "cleo promoted it in the emergency INC-&lt;7&gt; without votes" in text
    assert f'action="/emergencies/{emergency.id}/review"' in text
    with own_served.family.registry("ana").context.write() as uow:
        uow.reviews.close_emergency(emergency.id, reviewed_at=at)
        uow.commit_unaudited()
    assert "in the emergency" not in own_served.browser("ben").get(page).text
