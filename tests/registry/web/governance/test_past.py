"""The page, the route and the command that answer what was so on a day."""

from __future__ import annotations

import pytest

from registry.cli import main
from tests.serving import ServedRegistry

FAR = "2099-01-01"


def test_the_page_and_the_command_show_the_same_answer_as_the_route_with_votes_evidence_and_policy(
    own_served: ServedRegistry, capsys: pytest.CaptureFixture[str]
) -> None:
    browser, client = own_served.browser("ben"), own_served.client("ben")
    empty = browser.get("/as-of")
    assert "/api/v1/as-of" not in empty.text, "there is nothing to give as JSON before somebody asked"
    assert (empty.status_code, "As of a day" in empty.text) == (200, True)
    request = own_served.family.request.summary
    assert client.post(f"/api/v1/promotions/{request.id}/approve", json={"comment": "I looked"}).status_code == 200
    answer = client.get("/api/v1/as-of", params={"reference": str(request.ref), "at": FAR}).json()
    text = browser.get("/as-of", params={"reference": str(request.ref), "at": FAR}).text
    decision = answer["decision"]
    assert decision["request"] == request.id
    shown = (
        request.id,
        decision["policy"],
        "I looked",
        *(one["type"].replace("_", " ") for one in decision["evidence"]),
    )
    assert [one for one in shown if one not in text] == []
    assert "It was allowed then" in text
    words = ("--home", str(own_served.family.home), "--as", "ben", "as-of", FAR, str(request.ref))
    with pytest.raises(SystemExit) as ended:
        main(words)
    assert not ended.value.code
    said = capsys.readouterr().out
    for one in (request.id, decision["policy"], "I looked", "Made from it while it was approved"):
        assert one in said, one


def test_the_page_says_why_there_is_no_answer(served: ServedRegistry) -> None:
    browser = served.browser("ben")
    for reference, at, status, words in (
        ("vision/digits@production", "2001-01-01", 404, "had no version with the alias production"),
        ("vision/digits/99", FAR, 404, "was not there before"),
        ("vision/digits", FAR, 400, "names no version and no alias"),
        ("vision/digits/1", "yesterday", 400, "which is not a day"),
        ("!", FAR, 400, "!"),
    ):
        answer = browser.get("/as-of", params={"reference": reference, "at": at})
        assert (answer.status_code, words in answer.text) == (status, True), reference
