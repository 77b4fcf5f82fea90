"""A person's story in a browser: sign in, find a model, walk its family, read a verdict, approve."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, cast

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, BrowserContext, Page, Playwright, expect, sync_playwright

from registry.domain.names import Reference
from tests.family import Family, found_family
from tests.journeys.running import serving

pytestmark = [pytest.mark.browser, pytest.mark.journey]
CHROMIUM = Path("/usr/bin/chromium")
SWITCHES = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update"]
KNOWN = re.compile(r"Password forms should have|status of 40[034]|status of 422|^Clear-Site-Data header.*Cleared")
"""What Chromium says of pages that are as they should be: a token has no user name, a refusal is a 403.

Signing out it says that it has forgotten its pages.
"""


@pytest.fixture(scope="module")
def driver() -> Iterator[Playwright]:
    with sync_playwright() as playwright:
        yield playwright


@pytest.fixture(scope="module")
def chromium(driver: Playwright) -> Iterator[Browser]:
    if not CHROMIUM.exists():
        message = f"there is no {CHROMIUM}: apt-get install chromium"
        if os.environ.get("CI"):
            pytest.fail(message)
        pytest.skip(message)
    browser = driver.chromium.launch(executable_path=CHROMIUM, args=SWITCHES)
    yield browser
    browser.close()


@dataclass(frozen=True)
class Served:
    address: str
    family: Family


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    family = found_family(tmp_path_factory.mktemp("browser") / "home")
    with serving(family.home) as address:
        yield Served(address, family)


@contextmanager
def signed_in(chromium: Browser, served: Served, handle: str, **how: Any) -> Iterator[Page]:
    """A page on the catalog; when the block ends, the console must have been silent."""
    context: BrowserContext = chromium.new_context(base_url=served.address, **how)
    context.set_default_timeout(20_000)
    page, said = context.new_page(), []
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    page.on("request", lambda request: said.append(request.url) if served.address not in request.url else None)
    page.goto("/audit")
    page.get_by_label("Token").fill(served.family.tokens[handle])
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Audit log")
    page.goto("/")
    yield page
    context.close()
    assert [text for text in said if not KNOWN.search(text)] == []


def test_a_person_finds_a_model_and_reads_about_it(chromium: Browser, served: Served) -> None:
    with signed_in(chromium, served, "vic") as page:
        page.get_by_label("Search models").fill("digits")
        page.get_by_role("button", name="Search").click()
        expect(page.locator(".card")).to_have_count(3)
        page.get_by_role("link", name="candidate 1").click()
        expect(page.locator(".card")).to_have_count(1)
        page.get_by_label("Sort by").select_option("name")
        page.wait_for_url("**sort=name**")
        page.get_by_role("link", name="vision/digits").click()
        expect(page.get_by_role("heading", name="Intended use")).to_be_visible()
        page.get_by_text("Version 2", exact=True).click()
        page.get_by_role("link", name="v1").click()
        page.wait_for_url("**/models/vision/digits/1")
        for tab in ("Versions", "Approvals", "Files", "Activity"):
            link = page.get_by_role("navigation", name="Parts of this model").get_by_role("link", name=tab)
            link.click()
            expect(link).to_have_attribute("aria-current", "page")


def test_the_outline_needs_no_javascript(chromium: Browser, served: Served) -> None:
    with signed_in(chromium, served, "vic", java_script_enabled=False) as page:
        page.goto("/models/vision/digits/2?tab=lineage")
        outline = page.get_by_label("Ancestors")
        expect(outline.get_by_role("link", name="library/lite0/1")).to_be_visible()
        expect(page.get_by_text("The graph needs JavaScript")).to_be_visible()
        outline.get_by_role("link", name="library/lite0/1").click()
        expect(page.get_by_role("heading", level=1)).to_contain_text("lite0")


def test_an_approval_is_given_after_reading_the_verdict(chromium: Browser, served: Served) -> None:
    path = f"/promotions/{served.family.request.summary.id}"
    with signed_in(chromium, served, "dev") as page:
        page.goto(path)
        expect(page.get_by_role("button", name="Approve")).to_be_disabled()
        expect(page.locator("#why-not")).to_be_visible()
    with signed_in(chromium, served, "ben") as page:
        page.get_by_role("link", name="Approvals").click()
        page.get_by_role("link", name="vision/digits/2").click()
        expect(page.locator(".verdict")).to_contain_text("5 of 6 checks passed")
        page.get_by_label("Comment").fill("Looked at 4 and 9")
        page.get_by_role("button", name="Approve").click()
        expect(page.locator(".verdict")).to_contain_text("Nothing is missing")
        expect(page.locator("main")).to_contain_text("Looked at 4 and 9")
        expect(page.get_by_role("button", name="Approve")).to_have_count(0)
        page.get_by_text("ben", exact=True).first.click()
        page.get_by_role("button", name="Sign out").click()
        expect(page.get_by_role("heading", level=1)).to_have_text("Sign in to Forebear")
        page.goto(path)
        expect(page.get_by_role("heading", level=1)).to_have_text("Sign in to Forebear")


def ask(page: Page, stage: str, comment: str) -> None:
    """Request the promotion of version 1 on its page."""
    page.goto("/models/vision/digits/1?tab=approvals")
    page.get_by_label("To stage").select_option(stage)
    page.get_by_label("Comment").fill(comment)
    page.get_by_role("button", name="Request", exact=True).click()
    page.wait_for_url("**/promotions/req-*")


def approve(page: Page, comment: str) -> None:
    """Approve the newest open request."""
    page.goto("/promotions")
    page.get_by_role("link", name="vision/digits/1").click()
    page.get_by_label("Comment").fill(comment)
    page.get_by_role("button", name="Approve").click()
    expect(page.get_by_text(comment)).to_be_visible()


def test_a_model_goes_to_production_in_the_browser_alone(chromium: Browser, served: Served) -> None:
    """The developer adds the evidence by its forms and requests; those who approve read it and vote."""
    with signed_in(chromium, served, "dev") as dev, signed_in(chromium, served, "ben") as ben:
        dev.goto("/models/vision/digits/1?tab=approvals")
        expect(dev.get_by_text("Nothing is missing")).to_be_visible()
        dev.get_by_text("Add evidence: model card").click()
        card = {"name": "card.md", "mimeType": "text/markdown", "buffer": b"# Digits"}
        dev.get_by_label("Card (required)").set_input_files(cast("Any", card))
        dev.locator("details[open]").get_by_role("button", name="Add").click()
        expect(dev.get_by_text("card.md")).to_be_visible()
        ask(dev, "candidate", "First look")
        expect(dev.locator(".title .badge", has_text="promoted")).to_be_visible()
        ask(dev, "validated", "Please look at 4 and 9")
        expect(dev.get_by_role("button", name="Approve")).to_be_disabled()
        expect(dev.locator("#why-not")).to_contain_text("nobody approves their own work")
        approve(ben, "Looked at 4 and 9")
        expect(ben.locator(".verdict")).to_contain_text("Nothing is missing")
        ben.goto("/models/vision/digits/1?tab=approvals")
        ben.get_by_text("Add evidence: validation").click()
        form = ben.locator("details[open]")
        form.get_by_label("Result (required)").select_option("pass")
        form.get_by_label("Note").fill("400 pictures by hand")
        form.get_by_label("Errors").fill("3")
        form.get_by_role("button", name="Add").click()
        expect(ben.get_by_text("400 pictures by hand")).to_be_visible()
        ask(dev, "production", "Ready")
        page_of_request = dev.url
        approve(ben, "The report is mine")
        expect(ben.locator(".verdict")).to_contain_text("checks passed")
        ben.get_by_label("Comment").fill("")
        ben.get_by_role("button", name="Reject").click()
        expect(ben.get_by_role("alert")).to_contain_text("comment")
    with signed_in(chromium, served, "cleo") as cleo:
        approve(cleo, "The licence is fine")
        expect(cleo.locator(".verdict")).to_contain_text("Nothing is missing")
        assert cleo.url == page_of_request
        cleo.goto("/models/vision/digits/@production")
        expect(cleo.locator(".title .badges .stage")).to_have_text("production")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [360, 1440])
def test_no_page_is_wider_than_the_window(chromium: Browser, served: Served, scheme: Any, width: int) -> None:
    digits = "/models/vision/digits/2"
    tabs = [f"{digits}?tab={tab}" for tab in ("versions", "lineage", "approvals", "files", "activity")]
    others = ["/datasets/vision/digits", "/steps", "/promotions?state=all", "/audit", "/api", "/policies"]
    others += [f"/promotions/{served.family.request.summary.id}", "/emergencies?reference=models:/vision/digits/2"]
    with signed_in(chromium, served, "vic", viewport={"width": width, "height": 900}, color_scheme=scheme) as page:
        for path in ("/", digits, *tabs, *others):
            page.goto(path)
            assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth"), path


READ = (
    "/",
    "/?text=nothing-like-this",
    "/models/vision/digits/2",
    *(f"/models/vision/digits/2?tab={tab}" for tab in ("versions", "lineage", "approvals", "files", "activity")),
    "/datasets",
    "/datasets/vision/digits",
    "/steps",
    "/steps/{step}",
    "/lineage?target=models:/vision/digits/2",
    "/promotions?state=all",
    "/promotions/{request}",
    "/policies",
    "/policies/default?days=90&judges=yes",
    "/people",
    "/audit?verify=true",
    "/inbox",
    "/findings",
    "/waivers",
    "/recalls",
    "/advisories",
    "/emergencies?reference=models:/vision/digits/2",
    "/selections",
    "/inventory",
    "/annex-iv?reference=models:/vision/digits/2",
    "/as-of?reference=@production&at=2030-01-01",
    "/as-of?reference=models:/vision/digits/2&at=2030-01-01",
    "/api",
    "/no-such-page",
)


@pytest.fixture(scope="module")
def voted(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A registry in which a vote on a request to production has become stale."""
    family = found_family(tmp_path_factory.mktemp("voted") / "home")
    dev, ben, exact = family.registry("dev"), family.registry("ben"), Reference.to(family.grandchild)
    ben.promotions.approve(family.request.summary.id, comment="Looked at 4 and 9")
    ben.promotions.add_evidence(exact, "validation", {"result": "pass", "note": "400 pictures by hand"})
    asked = dev.promotions.request(exact, "production", comment="Ready")
    ben.promotions.approve(asked.summary.id, comment="Good")
    ben.promotions.add_evidence(exact, "validation", {"result": "pass", "errors": 3})
    with serving(family.home) as address:
        yield Served(address, replace(family, request=dev.promotions.request_detail(asked.summary.id)))


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_no_fault_on_any_page(chromium: Browser, voted: Served, scheme: Any) -> None:
    """axe-core with all its rules: contrast, names, landmarks, links that are told apart by more than their colour."""
    family = voted.family
    request = family.request.summary.id
    step = family.registry("dev").catalog.version(Reference.to(family.grandchild)).step
    axe, faults = Axe(), []
    with signed_in(chromium, voted, "dev", color_scheme=scheme) as page:
        for path in READ:
            page.goto(path.format(step=step, request=request))
            page.evaluate("for (const one of document.querySelectorAll('details')) one.open = true")
            if page.locator(".graph").count():
                page.wait_for_selector(".graph[data-ready]")
            if path.endswith("{request}"):
                expect(page.get_by_text("stale", exact=True)).to_be_visible()
            page.wait_for_timeout(50)  # boxes that became visible are measured
            faults += [
                (path, fault["id"], node["html"][:150], node["failureSummary"][:300])
                for fault in axe.run(page).response["violations"]
                for node in fault["nodes"]
            ]
    assert not faults, "\n".join(map(str, faults))


def test_evidence_with_a_wrong_value_is_marked_beside_its_field_without_a_fault_of_axe(
    chromium: Browser, served: Served
) -> None:
    """The browser itself checks numbers, so the wrong value gets in as text."""
    with signed_in(chromium, served, "ben") as page:
        page.goto("/models/vision/digits/1?tab=approvals")
        page.get_by_text("Add evidence: validation").click()
        form = page.locator("details[open]")
        form.get_by_label("Result (required)").select_option("pass")
        form.get_by_label("Note").fill("400 pictures by hand")
        page.evaluate("document.querySelector('details[open] [type=number]').type = 'text'")
        form.get_by_label("Errors").fill("many")
        form.get_by_role("button", name="Add").click()
        expect(page.get_by_text("Errors must be a number, not 'many'.")).to_be_visible()
        expect(page.locator("details[open]").get_by_label("Note")).to_have_value("400 pictures by hand")
        expect(page.locator("details[open]").get_by_label("Errors")).to_have_value("many")
        faults = [fault["id"] for fault in Axe().run(page).response["violations"]]
    assert faults == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_an_admin_adds_a_webhook_and_sees_its_secret_once_without_a_fault_of_axe(
    chromium: Browser, served: Served, scheme: Any
) -> None:
    """No entry has the action that it names, so nothing is sent."""
    with signed_in(chromium, served, "ana", color_scheme=scheme) as page:
        page.goto("/webhooks")
        page.get_by_label("Address of the receiver").fill(f"https://93.184.215.14/{scheme}")
        page.get_by_label("Events").fill("nothing.happens")
        page.get_by_role("button", name="Add").click()
        expect(page.locator("main")).to_contain_text("whsec_")
        expect(page.locator("main")).to_contain_text("No entry of the audit log is nothing.happens so far")
        faults = [(one["id"], one["nodes"][0]["html"]) for one in Axe().run(page).response["violations"]]
        page.goto("/webhooks")
        expect(page.locator("main")).not_to_contain_text("whsec_")
        page.get_by_role("button", name="Remove").first.click()
        expect(page.locator("main")).to_contain_text("No webhook.")
    assert faults == []


def test_a_recall_goes_from_its_preview_to_its_reversal_in_the_browser_alone(chromium: Browser, served: Served) -> None:
    """Who may take it back looks first and opens it; the developer disputes a task; it is confirmed and reversed."""
    digits = "/models/vision/digits/2"
    with signed_in(chromium, served, "cleo") as cleo, signed_in(chromium, served, "dev") as dev:
        cleo.goto("/recalls")
        cleo.get_by_label("Version, model, dataset").fill("datasets:/vision/digits/1")
        cleo.get_by_label("Level").select_option("quarantine")
        cleo.get_by_role("button", name="Preview").click()
        expect(cleo.locator("main")).to_contain_text("What a recall of datasets:/vision/digits/1 would reach")
        expect(cleo.get_by_role("link", name="vision/digits/2", exact=True).first).to_be_visible()
        cleo.get_by_label("Why?").fill("Rows without consent")
        cleo.get_by_role("button", name="Open", exact=True).click()
        cleo.wait_for_url("**/recalls/rec-*")
        dev.goto(digits)
        expect(dev.locator(".title")).to_contain_text("suspended")
        dev.goto(cleo.url)
        task = dev.locator("li.row").filter(has=dev.locator(f'a.row-title[href="{digits}"]'))
        task.get_by_text("What becomes of it?").click()
        task.get_by_label("Disposition").select_option("dispute")
        task.get_by_label("What was decided, and why?").fill("These rows were left out")
        task.get_by_role("button", name="Save").click()
        expect(dev.locator("main")).to_contain_text("dispute by dev: These rows were left out")
        cleo.reload()
        cleo.get_by_role("button", name="Confirm: dispute").click()
        expect(cleo.locator("main")).to_contain_text("Confirmed by cleo")
        cleo.get_by_label("Why?", exact=True).fill("The consent was found")
        cleo.get_by_role("button", name="Reverse").click()
        expect(cleo.locator("main")).to_contain_text("Reversed by cleo")
        dev.goto(digits)
        expect(dev.locator(".title")).not_to_contain_text("suspended")
