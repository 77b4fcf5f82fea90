"""The pages of policies: what is in force, how it came to be so, and a policy that is tried before it is proposed."""

from __future__ import annotations

from html import unescape

import pytest

from registry.services.governance.policies.stored import default_policy_text
from tests.registry.web.test_pages import text_of
from tests.serving import ServedRegistry, form_token

NEXT = default_policy_text().replace("version: 3", "version: 4", 1).replace("max_drop: 0.02", "max_drop: 0.01", 1)


def sent(served: ServedRegistry, who: str, **fields: str) -> tuple[int, str, str]:
    """The status, the text and the HTML of the form of policies, sent."""
    browser = served.browser(who)
    csrf = form_token(browser.get("/policies").text)
    answer = browser.post("/policies", data={"csrf": csrf, **fields})
    return answer.status_code, text_of(answer.text), answer.text


def test_a_policy_is_tried_on_the_page_and_nothing_is_written(served: ServedRegistry) -> None:
    status, shown, _ = sent(served, "ben", text=NEXT.replace("\n", "\r\n"), days="30")
    assert (status, "Policy default version 4 is valid. Nothing was written." in shown) == (200, True)
    assert "params.max_drop 0.02 0.01" in shown
    assert "decisions judged by default/4" in shown
    assert served.client("ana").get("/api/v1/policy-proposals", params={"state": "open"}).json() == []


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("stages: [", "Line 1: "),
        (NEXT.replace("lineage.unresolved", "lineage.unresolvd"), "did you mean 'unresolved'?"),
        ("", "is not a mapping of keys"),
    ],
)
def test_mistakes_are_shown_with_their_lines_above_the_form_that_keeps_the_text(
    served: ServedRegistry, text: str, said: str
) -> None:
    status, shown, html = sent(served, "ana", text=text)
    assert (status, said in shown) == (422, True), shown[:500]
    kept = unescape(html.partition("<textarea")[2].partition(">")[2].partition("</textarea>")[0])
    assert kept == text


def test_what_lets_nothing_through_is_said_before_it_is_proposed(served: ServedRegistry) -> None:
    gate = "      - {id: scanned, require: 'evidence.screening.files == 0.0'}\n      - {id: no-recall,"
    text = NEXT.replace("      - {id: no-recall,", gate, 1)
    kind = "  screening: {predicate: 'urn:screening', producer: system}\n  provenance: "
    _, shown, _ = sent(served, "ana", text=text.replace("  provenance: ", kind, 1))
    assert "No version passes transition to-candidate: gate scanned never holds" in shown


def test_a_policy_is_proposed_on_the_page_by_an_admin_and_shown_with_its_differences(
    own_served: ServedRegistry,
) -> None:
    status, shown, _ = sent(own_served, "dev", text=NEXT, deed="propose")
    assert (status, "admin" in shown) == (403, True)
    assert sent(own_served, "ana", text=NEXT.replace("\n", "\r\n"), deed="propose")[0] == 303
    shown = text_of(own_served.browser("cleo").get("/policies").text)
    assert "default version 4 proposed" in shown
    assert "params.max_drop 0.02 0.01" in shown
    (proposal,) = own_served.client("ana").get("/api/v1/policy-proposals", params={"state": "open"}).json()
    assert proposal["text"] == NEXT, "without the carriage returns of the browser"
    cleo = own_served.browser("cleo")
    cleo.post(f"/policies/{proposal['id']}/approve", data={"csrf": form_token(cleo.get("/policies").text)})
    page = text_of(own_served.browser("ben").get("/policies/default?days=90&judges=yes").text)
    assert "Policy default version 4" in page
    assert "No other policy applies to them." in page
    assert "decisions judged by default/4" in page
    assert page.index("params.max_drop 0.02 0.01") < page.index("Read version 4") < page.index("Read version 3")
    assert "Show what it judges" in own_served.browser("ben").get("/policies/default").text, "no version was looked at"


def test_a_policy_that_is_not_there_has_no_page(served: ServedRegistry) -> None:
    answer = served.browser("ana").get("/policies/nothing")
    assert (answer.status_code, "There is no policy nothing" in text_of(answer.text)) == (404, True)
