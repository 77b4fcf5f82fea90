"""An advisory in the browser: a file or a list is looked up, and each hit leads to the preview of a recall."""

from __future__ import annotations

from tests.serving import ServedRegistry, form_token

DATA = "/api/v1/datasets/vision/digits/versions/1"


def test_an_advisory_is_looked_up_in_the_browser_and_leads_to_the_preview(served: ServedRegistry) -> None:
    browser = served.browser("vic")
    token = form_token(browser.get("/advisories").text)
    digest = browser.get(DATA).json()["files"][0]["sha256"]
    listed = f"{digest.removeprefix('sha256:')}  rows\n{'0' * 64}\n"
    for name, text in (("list.txt", ""), ("", listed)):
        form = {"csrf": token, "text": text}
        answer = browser.post("/advisories", data=form, files={"file": (name, listed if name else "")})
        assert answer.status_code == 200, answer.text
        assert "1 of 2 digests found here" in answer.text
        assert "vision/digits/1" in answer.text
        assert "made from" in answer.text
    link = f"/recalls?target={digest.replace(':', '%3A')}&amp;level=quarantine"
    assert link in answer.text
    assert "would reach" in browser.get(link.replace("&amp;", "&")).text


def test_what_is_no_advisory_is_said_above_the_form(served: ServedRegistry) -> None:
    browser = served.browser("vic")
    token = form_token(browser.get("/advisories").text)
    for sent, code, words in (
        (b"nonsense", 422, "begins with no SHA-256 digest"),
        (b"{}", 422, "neither CSAF 2.0"),
        (b"\xff\xfe", 422, "not text in UTF-8"),
        (b"#" * (2 * 1024**2 + 1), 413, "larger than"),
        (b"#" * (3 * 1024**2), 413, ""),
    ):
        answer = browser.post("/advisories", data={"csrf": token}, files={"file": ("a.json", sent)})
        assert (answer.status_code, words in answer.text) == (code, True), sent[:9]
