"""A recall in the browser alone: what it reaches, opening it, its board, reversing it."""

from __future__ import annotations

from tests.serving import ServedRegistry, form_token

DATA = "datasets:/vision/digits/1"


def test_a_recall_is_previewed_opened_worked_through_and_reversed_in_the_browser(own_served: ServedRegistry) -> None:
    browser = own_served.browser("ana")
    seen = browser.get("/recalls", params={"target": DATA, "level": "quarantine"}).text
    assert "would reach" in seen
    assert "Tainted" in seen
    form = {"target": DATA, "level": "quarantine", "reason_class": "privacy", "csrf": form_token(seen)}
    refused = browser.post("/recalls", data={**form, "reason": " "})
    assert (refused.status_code, "A reason is needed" in refused.text) == (422, True)
    opened = browser.post("/recalls", data={**form, "reason": "no <consent>"})
    assert opened.status_code == 303
    address = opened.headers["location"]
    board = browser.get(address).text
    assert "no &lt;consent&gt;" in board
    task = own_served.client("vic").get(f"/api/v1{address}/tasks").json()["items"][0]
    said = {"reference": task["ref"], "csrf": form_token(board)}
    half = browser.post(f"{address}/tasks", data={**said, "kind": "dispute", "comment": ""})
    assert (half.status_code, "needs a comment" in half.text) == (422, True)
    assert browser.post(f"{address}/tasks", data={**said, "kind": "", "comment": "x"}).status_code == 422
    dev = own_served.browser("dev")
    own = {**said, "csrf": form_token(dev.get(address).text), "unsettled": "true", "cursor": ""}
    saved = dev.post(f"{address}/tasks", data={**own, "kind": "dispute", "comment": "other rows"})
    assert (saved.status_code, saved.headers["location"]) == (303, f"{address}?unsettled=true"), (
        "where it was sent from"
    )
    assert "Confirm: dispute" in browser.get(address).text
    assert dev.post(f"{address}/tasks/confirm", data=own).status_code == 403
    cleo = own_served.browser("cleo")
    why = {"reason": "consent found", "csrf": form_token(cleo.get(address).text)}
    assert cleo.post(f"{address}/reverse", data=why).status_code == 303
    assert "consent found" in browser.get(address).text
    assert "reversed" in browser.get("/recalls?state=reversed").text


def test_a_target_that_matches_nothing_and_a_recall_that_is_not_there_are_said(served: ServedRegistry) -> None:
    browser = served.browser("vic")
    nothing = browser.get("/recalls", params={"target": "models:/no/where/1", "level": "recall"})
    assert (nothing.status_code, "does not exist" in nothing.text) == (404, True)
    assert browser.get("/recalls", params={"target": DATA, "level": "high"}).status_code == 422
    assert browser.get("/recalls/nonsense").status_code == 404
