"""The guided way in Chromium: a new user reaches a verdict on their own file in ten clicks at most."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Locator, Page, expect

from tests.command_line import command_line
from tests.journeys.running import serving
from tests.journeys.test_browser import chromium, driver  # noqa: F401 - fixtures: one Chromium for each module
from tests.journeys.test_start import save_trained, write_table

pytestmark = [pytest.mark.browser, pytest.mark.journey]
PATIENCE = 240_000
"""Milliseconds that a machine under load may take to rank or to train."""


@dataclass(frozen=True)
class Served:
    address: str
    token: str


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    folder = tmp_path_factory.mktemp("start")
    with command_line(folder) as forebear:
        forebear("init")
        save_trained(folder / "small")
        forebear.ask("model", "import", "library/small", folder / "small", "--licence", "mit")
        token = forebear.ask("token", "create", "ana", "--label", "browser")["secret"]
        with serving(forebear.home) as address:
            yield Served(address, token)


@dataclass
class Walk:
    """A signed-in page, the clicks on it, and what axe and the console said."""

    page: Page
    clicks: int = 0
    said: list[str] = field(default_factory=list)

    def click(self, what: Locator) -> None:
        self.clicks += 1
        what.click()

    def check(self) -> None:
        """No fault of axe, and nothing wider than the window."""
        self.page.evaluate("for (const one of document.querySelectorAll('details:not(.me)')) one.open = true")
        self.page.wait_for_timeout(50)  # boxes that became visible are measured
        faults = [(one["id"], one["nodes"][0]["html"][:200]) for one in Axe().run(self.page).response["violations"]]
        assert faults == [], self.page.url
        assert self.page.evaluate("document.documentElement.scrollWidth <= window.innerWidth"), self.page.url


def walking(chromium: Browser, served: Served, **how: Any) -> Walk:  # noqa: F811 - the fixture's value
    context = chromium.new_context(base_url=served.address, **how)
    context.set_default_timeout(30_000)
    page = context.new_page()
    walk = Walk(page)
    page.on("pageerror", lambda error: walk.said.append(str(error)))
    page.on("console", lambda message: walk.said.append(message.text) if message.type == "error" else None)
    page.goto("/sign-in")
    page.get_by_label("Token").fill(served.token)
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url("**/")
    return walk


@pytest.mark.parametrize(("scheme", "width"), [("light", 1440), ("dark", 390)])
def test_a_new_user_reaches_a_verdict_on_their_own_file_in_ten_clicks(
    chromium: Browser,  # noqa: F811 - as above
    served: Served,
    tmp_path: Path,
    scheme: Any,
    width: int,
) -> None:
    walk = walking(chromium, served, color_scheme=scheme, viewport={"width": width, "height": 900})
    page = walk.page
    name = f"data/my-fruit-{scheme}"
    walk.click(page.get_by_role("navigation", name="Main").get_by_role("link", name="Start"))
    walk.check()
    walk.clicks += 1  # the file
    page.locator("input[type=file]").set_input_files(write_table(tmp_path, copies=3))
    expect(page.get_by_label("Column of texts")).to_have_value("sentence")
    expect(page.get_by_label("Column of labels")).to_have_value("fruit")
    page.get_by_label("Licence").fill("CC0-1.0")
    page.get_by_label("Name").fill(name)
    walk.click(page.get_by_role("button", name="Look at it"))
    expect(page.get_by_role("heading", level=1)).to_contain_text(f"{name}/1")
    expect(page.locator("main")).to_contain_text("1 row is a copy of an earlier one")
    expect(page.locator(".example")).to_have_count(12)
    walk.check()
    walk.click(page.get_by_role("button", name="Rank the models on it"))
    start = page.get_by_role("link", name="Start from library/small/1")
    expect(start).to_be_visible(timeout=PATIENCE)
    walk.check()
    ranked = page.url
    walk.click(start)
    expect(page.get_by_role("heading", level=1)).to_contain_text("How to start from library/small/1")
    walk.check()
    walk.click(page.get_by_role("link", name="Use feature extraction"))
    walk.check()
    walk.click(page.get_by_role("link", name="With baselines"))
    recipe = page.locator("pre.code").inner_text()
    assert "source: models:/library/small/1" in recipe
    walk.check()
    walk.click(page.get_by_role("button", name="Run it"))
    expect(page.locator(".verdict-line")).to_contain_text("The transfer is", timeout=PATIENCE)
    assert walk.clicks <= 10
    walk.check()
    expect(page.get_by_label("Ancestors").get_by_role("link", name="library/small/1")).to_be_visible()
    page.get_by_role("button", name="Request candidate").click()
    page.wait_for_url("**/promotions/req-*")
    page.go_back()
    page.get_by_role("navigation", name="The way").get_by_role("link", name="Model").click()
    page.wait_for_url(ranked)  # every choice is taken back by its address
    assert walk.said == []
    page.context.close()


def test_a_file_that_cannot_be_read_is_refused_where_it_was_chosen(
    chromium: Browser,  # noqa: F811 - as above
    served: Served,
    tmp_path: Path,
) -> None:
    page = walking(chromium, served).page
    file = tmp_path / "mine.csv"
    file.write_text("text,label\n", encoding="utf-8")
    page.goto("/start")
    page.locator("input[type=file]").set_input_files(file)
    page.get_by_label("Licence").fill("mit")
    page.get_by_role("button", name="Look at it").click()
    alert = page.get_by_role("alert")
    expect(alert).to_contain_text("Choose the file again")
    expect(page.get_by_label("Licence")).to_have_value("mit")
    page.context.close()
