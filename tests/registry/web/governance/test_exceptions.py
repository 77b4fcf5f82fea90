"""The forms to roll back and to declare an emergency: refused in place, with what was written kept."""

from __future__ import annotations

import html
from datetime import UTC, datetime

from registry.domain.governance.reviews.bypasses import Emergency
from registry.domain.ids import new_id
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


def test_a_waiting_emergency_has_a_button_to_agree_and_a_refusal_is_shown_beside_it(own_served: ServedRegistry) -> None:
    summary, at = own_served.family.request.summary, datetime(2026, 11, 28, 12, tzinfo=UTC)
    late = datetime(2099, 1, 1, tzinfo=UTC)
    one = Emergency(new_id("emg", at), summary.ref, summary.id, "INC-<7>", "down", "cleo", at, late, 2, needed=2)
    with own_served.family.registry("ana").context.write() as uow:
        uow.reviews.add_emergency(one)
        uow.commit_unaudited()
    browser, about = own_served.browser("ben"), f"/emergencies?reference={summary.ref}"
    shown = browser.get(about).text
    action = f"/emergencies/{one.id}/agree"
    assert (f'action="{action}"' in shown, "wanted by cleo, 2 people are needed" in shown) == (True, True)
    for page in (f"/models/{summary.ref.name}/{summary.ref.number}", f"/promotions/{summary.id}"):
        text = browser.get(page).text
        assert ("/emergencies?reference=" in text, "takes effect when 2 people want it" in text) == (True, True), page
    form = {"comment": "I saw it <too>", "token": "fbr_secret", "csrf": form_token(shown)}
    refused = browser.post(action, data=form)
    text = html.unescape(refused.text)
    assert (refused.status_code, "An emergency takes a fresh sign-in" in text, "fbr_secret" in text) == (
        403,
        True,
        False,
    )
    assert ('value="I saw it <too>"' in text, "I saw it <too>" in refused.text) == (True, False)
    assert browser.post("/emergencies/odd/agree", data=form).status_code == 404
