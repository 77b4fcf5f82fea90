"""The forms to roll back and to declare an emergency: refused in place, with what was written kept."""

from __future__ import annotations

import html

from tests.serving import ServedRegistry, form_token

VERSION = "models:/vision/digits/2"
PAGE = f"/emergencies?reference={VERSION}"
TYPED = {"reference": VERSION, "to_stage": "candidate", "incident": "INC-<7>", "reason": "version 1 is down"}


def test_an_emergency_is_refused_in_place_and_the_token_is_never_written_back(own_served: ServedRegistry) -> None:
    browser = own_served.browser("ben")
    form = {**TYPED, "token": "fbr_secret", "csrf": form_token(browser.get(PAGE).text)}
    refused = browser.post("/emergencies", data=form)
    text = html.unescape(refused.text)
    assert (refused.status_code, "An emergency takes a fresh sign-in" in text) == (403, True)
    assert ("INC-<7>" in text, "INC-<7>" in refused.text, "fbr_secret" in text) == (True, False, False)
    with_token = browser.post("/emergencies", data=form | {"token": own_served.family.tokens["ben"]})
    assert "allows no promotion in an emergency" in html.unescape(with_token.text)
    assert browser.get("/inbox").status_code == 200, "the reader is still signed in"


def test_a_rollback_to_what_was_never_approved_is_refused_in_place(own_served: ServedRegistry) -> None:
    browser = own_served.browser("ben")
    form = {"reference": VERSION, "comment": "slower", "csrf": form_token(browser.get(PAGE).text)}
    refused = browser.post("/rollbacks", data=form)
    text = html.unescape(refused.text)
    assert (refused.status_code, "There is nothing to roll back to" in text, ">slower</textarea>" in text) == (
        404,
        True,
        True,
    )


def test_the_approvals_of_a_version_lead_to_the_forms_and_the_list_of_all_has_none(own_served: ServedRegistry) -> None:
    browser = own_served.browser("ben")
    assert "/emergencies?reference=" in browser.get("/models/vision/digits/2?tab=approvals").text
    listed = browser.get("/emergencies").text
    assert ("No emergency." in listed, 'action="/emergencies"' in listed) == (True, False)
