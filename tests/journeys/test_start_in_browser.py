"""The guided way in Chromium: a new user reaches a verdict on data of their own in ten clicks at most."""

from __future__ import annotations

import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Locator, Page, expect

from tests.adapters.dvc.worlds import paint_classes
from tests.adapters.loop.worlds import save_image_source
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
        save_trained(folder / "seen", save_image_source)
        forebear.ask("model", "import", "library/seen", folder / "seen", "--licence", "mit")
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
    begin(walk)
    walk.clicks += 1  # the file
    page.locator("[data-file]").set_input_files(write_table(tmp_path, copies=3))
    expect(page.get_by_label("Column of texts")).to_have_value("sentence")
    expect(page.get_by_label("Column of labels")).to_have_value("fruit")
    expect(page.get_by_label("Name")).to_have_value("data/my-fruit")
    look_at_it(walk, f"data/my-fruit-{scheme}")
    expect(page.locator("main")).to_contain_text("1 row is a copy of an earlier one")
    ranked = reach_a_verdict(walk, "library/small/1", "feature extraction")
    assert walk.clicks <= 10
    expect(page.get_by_label("Ancestors").get_by_role("link", name="library/small/1")).to_be_visible()
    page.get_by_role("button", name="Request candidate").click()
    page.wait_for_url("**/promotions/req-*")
    page.go_back()
    page.get_by_role("navigation", name="The way").get_by_role("link", name="Model").click()
    page.wait_for_url(ranked)  # every choice is taken back by its address
    assert walk.said == []
    page.context.close()


@pytest.mark.parametrize(("scheme", "width"), [("dark", 1440), pytest.param("light", 390, marks=pytest.mark.slow)])
def test_a_new_user_reaches_a_verdict_on_their_own_pictures_in_ten_clicks(
    chromium: Browser,  # noqa: F811 - as above
    served: Served,
    tmp_path: Path,
    scheme: Any,
    width: int,
) -> None:
    walk = walking(chromium, served, color_scheme=scheme, viewport={"width": width, "height": 900})
    page = walk.page
    begin(walk)
    walk.clicks += 1  # the archive
    page.locator("[data-file]").set_input_files(packed(tmp_path))
    expect(page.get_by_role("status")).to_contain_text("My Shades.zip")
    expect(page.get_by_label("Name")).to_have_value("data/my-shades")
    look_at_it(walk, f"data/my-shades-{scheme}")
    pictures = page.locator(".example img")
    expect(pictures).to_have_count(12)
    expect(pictures.first).to_have_js_property("complete", True)
    assert pictures.first.evaluate("one => one.naturalWidth") > 0
    reach_a_verdict(walk, "library/seen/1", "fine tuning")
    expect(page.locator("[data-curves] svg").first).to_be_visible()
    assert walk.clicks <= 10
    assert walk.said == []
    page.context.close()


def begin(walk: Walk) -> None:
    walk.click(walk.page.get_by_role("navigation", name="Main").get_by_role("link", name="Start"))
    walk.check()


def look_at_it(walk: Walk, name: str) -> None:
    page = walk.page
    page.get_by_label("Licence").fill("CC0-1.0")
    page.get_by_label("Name").fill(name)
    walk.click(page.get_by_role("button", name="Look at it"))
    expect(page.get_by_role("heading", level=1)).to_contain_text(f"{name}/1", timeout=PATIENCE)
    expect(page.locator(".example")).to_have_count(12)
    walk.check()


def reach_a_verdict(walk: Walk, model: str, method: str) -> str:
    """From the look to the verdict; gives the address of the ranking."""
    page = walk.page
    walk.click(page.get_by_role("button", name="Rank the models on it"))
    start = page.get_by_role("link", name=f"Start from {model}")
    expect(start).to_be_visible(timeout=PATIENCE)
    walk.check()
    ranked = page.url
    walk.click(start)
    expect(page.get_by_role("heading", level=1)).to_contain_text(f"How to start from {model}")
    walk.check()
    walk.click(page.get_by_role("link", name=f"Use {method}"))
    walk.check()
    walk.click(page.get_by_role("link", name="With baselines"))
    recipe = page.locator("pre.code").text_content() or ""
    assert f"source: models:/{model}" in recipe
    walk.check()
    walk.click(page.get_by_role("button", name="Run it"))
    expect(page.locator(".verdict-line")).to_contain_text("The transfer is", timeout=PATIENCE)
    assert page.locator("details pre.code").text_content() == recipe
    walk.check()
    return ranked


def packed(folder: Path) -> Path:
    """Pictures of three classes in an archive, beside what macOS leaves in one."""
    file = folder / "My Shades.zip"
    painted = paint_classes(folder / "shades", {"dark": 40, "grey": 40, "light": 40})
    with zipfile.ZipFile(file, "w") as archive:
        for path in painted.rglob("*.png"):
            archive.write(path, path.relative_to(folder))
        archive.writestr("__MACOSX/._shades", b"left behind")
    return file


def test_a_folder_is_dropped_with_its_classes(
    chromium: Browser,  # noqa: F811 - as above
    served: Served,
    tmp_path: Path,
) -> None:
    walk = walking(chromium, served)
    page, folder = walk.page, paint_classes(tmp_path / "Shades of mine", {"dark": 8, "light": 8})
    (folder / ".DS_Store").write_bytes(b"left behind")
    page.goto("/start")
    box = page.locator("[data-drop]").bounding_box()
    assert box
    dropping = page.context.new_cdp_session(page)
    dropped = {"items": [], "files": [str(folder)], "dragOperationsMask": 1}
    for kind in ("dragEnter", "dragOver", "drop"):
        place = {"x": box["x"] + 20, "y": box["y"] + 20}
        dropping.send("Input.dispatchDragEvent", {"type": kind, "data": dropped, **place})
    expect(page.get_by_role("status")).to_contain_text("Shades of mine: 16 files in 2 folders (dark, light)")
    expect(page.get_by_label("Column of texts")).to_be_hidden()
    page.get_by_label("Licence").fill("mit")
    page.get_by_role("button", name="Look at it").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("data/shades-of-mine/1")
    expect(page.locator("main")).to_contain_text("16 rows")
    assert walk.said == []
    page.context.close()


def test_data_that_cannot_be_read_is_refused_where_it_was_chosen(
    chromium: Browser,  # noqa: F811 - as above
    served: Served,
    tmp_path: Path,
) -> None:
    page = walking(chromium, served).page
    table, flat, climbing = tmp_path / "mine.csv", tmp_path / "flat.zip", tmp_path / "climbing.zip"
    table.write_text("text,label\n", encoding="utf-8")
    for file, name in ((flat, "1.png"), (climbing, "../../cat/1.png")):
        with zipfile.ZipFile(file, "w") as archive:
            archive.writestr(name, b"x")
    page.goto("/start")
    page.get_by_label("Licence").fill("mit")
    page.get_by_label("Name").fill("data/none")
    alert, send = page.get_by_role("alert"), page.get_by_role("button", name="Look at it")
    send.click()
    expect(alert).to_contain_text("No file was chosen")
    refused = ((table, "has no rows"), (flat, "lies in no class folder"), (climbing, "may lead out of it"))
    for file, words in refused:
        page.locator("[data-file]").set_input_files(file)
        expect(alert).to_be_hidden()
        send.click()
        expect(alert).to_contain_text(words)
        expect(page.get_by_label("Licence")).to_have_value("mit")
        expect(send).to_be_enabled()
    page.context.close()
