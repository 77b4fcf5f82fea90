"""The page of webhooks: an admin adds one, sees its secret once, tries it, and removes it; nobody else sees it."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest

from registry.settings import Settings
from tests.receiving import HOST, receiving
from tests.registry.web.test_pages import text_of
from tests.serving import ServedRegistry, copy_of, form_token, over


@pytest.fixture
def own(served: ServedRegistry, tmp_path: Path) -> ServedRegistry:
    """A copy whose webhooks may go to this machine."""
    copied = copy_of(served, tmp_path / "home").family
    settings = Settings(home=copied.home, mlflow_uri="off", webhook_hosts=(HOST,))
    copied.system.context = replace(copied.system.context, settings=settings)
    return over(replace(copied, settings=settings))


def test_a_webhook_is_added_tried_and_removed_in_the_browser_and_its_secret_is_shown_once(own: ServedRegistry) -> None:
    browser = own.browser("ana")
    with receiving(200, 500) as receiver:
        form = {"csrf": form_token(browser.get("/webhooks").text)}
        added = browser.post("/webhooks", data={**form, "url": receiver.url, "events": "promotion.*, recall.opned"})
        secret = re.search(r"whsec_[A-Za-z0-9+/=]+", text_of(added.text))
        assert secret
        assert added.headers["cache-control"] == "no-store"
        assert "No entry of the audit log is recall.opned so far" in text_of(added.text)
        page = browser.get("/webhooks").text
        assert secret[0] not in page
        test = re.search(r'formaction="(/webhooks/whk-\w+/test)"', page)
        assert test
        assert "accepted the message: it answered 200" in text_of(browser.post(test[1], data=form).text)
        assert "did not accept the message. The receiver answered 500." in text_of(
            browser.post(test[1], data=form).text
        )
    assert browser.post(test[1].replace("/test", "/remove"), data=form).status_code == 303
    assert "No webhook." in text_of(browser.get("/webhooks").text)


def test_a_refused_address_is_told_above_the_form_that_keeps_it(own: ServedRegistry) -> None:
    browser = own.browser("ana")
    form = {"csrf": form_token(browser.get("/webhooks").text), "url": "https://10.0.0.1/x", "events": "recall.*"}
    refused = browser.post("/webhooks", data=form)
    assert refused.status_code == 403
    assert "10.0.0.1 is not an address of the internet." in text_of(refused.text)
    assert 'value="https://10.0.0.1/x"' in refused.text
    assert 'value="recall.*"' in refused.text


def test_the_page_of_webhooks_is_for_admins(served: ServedRegistry) -> None:
    assert served.browser("dev").get("/webhooks").status_code == 403
    assert 'href="/webhooks"' not in served.browser("dev").get("/").text
    assert 'href="/webhooks"' in served.browser("ana").get("/").text


def test_everybody_says_in_the_browser_where_they_are_told_and_a_wrong_address_is_kept_in_the_form(
    own_served: ServedRegistry,
) -> None:
    browser = own_served.browser("vic")
    form = {"csrf": form_token(browser.get("/inbox").text)}
    assert "This registry sends no e-mail" in text_of(browser.get("/inbox").text)
    assert browser.post("/inbox", data={**form, "address": "vic@example.org"}).status_code == 303
    assert 'value="vic@example.org"' in browser.get("/inbox").text
    refused = browser.post("/inbox", data={**form, "address": "vic@"})
    assert (refused.status_code, 'value="vic@"' in refused.text) == (422, True)
    assert browser.post("/inbox", data={**form, "address": ""}).status_code == 303
    assert "vic@" not in browser.get("/inbox").text
