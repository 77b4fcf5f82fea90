"""A big family on the lineage page: bounded, opened step by step, walked by keys, linked to, saved as a picture."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect

from registry import bootstrap
from registry.domain.governance.recalls import Level, NewRecall
from tests import builders
from tests.family import found_family
from tests.journeys.running import serving
from tests.journeys.test_browser import Served, chromium, driver, signed_in

__all__ = ["chromium", "driver"]
pytestmark = [pytest.mark.browser, pytest.mark.journey]
WIDE = "/lineage?target=models:/wide/base/1"
TUNED = 60


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """`wide/base` has 60 fine-tunings; `wide/base` 2 is recalled, and what was made from it is tainted."""
    family = found_family(tmp_path_factory.mktemp("lineage") / "home")
    ana = bootstrap.open(family.home, settings=family.settings, actor="ana")
    with ana.context.write() as uow:
        base, bad = (builders.add_version(uow, "wide/base") for _ in range(2))
        for number in range(TUNED):
            builders.add_version(uow, f"wide/tuned-{number}", parents=[base])
        builders.add_version(uow, "wide/pupil", parents=[bad])
        uow.commit(*(builders.event(f"models:/wide/tuned-{number}/1", number=number) for number in range(TUNED)))
    ana.recalls.open(NewRecall("models:/wide/base/2", Level.RECALL, "No consent"))
    with serving(family.home) as address:
        yield Served(address, family)


def opened(page: Page, address: str) -> Page:
    page.goto(address)
    page.wait_for_selector(".graph[data-ready]")
    return page


def nodes(page: Page) -> int:
    return int(page.locator(".graph").get_attribute("data-ready") or 0)


def tap(page: Page, title: str) -> tuple[float, float]:
    """Click the node whose title begins so, where the graph has drawn it; gives the place."""
    x, y = page.evaluate(
        """async title => {
            const box = document.querySelector(".graph");
            box.scrollIntoView({ block: "center" });
            const frame = () => new Promise(done => requestAnimationFrame(done));
            for (let i = 0; i < 3; i += 1) await frame(); // the graph learns where it stands now
            const node = box._cyreg.cy.nodes().toArray().find(one => one.data("title").startsWith(title));
            const at = node.renderedPosition(), edge = box.getBoundingClientRect();
            return [edge.x + at.x, edge.y + at.y];
        }""",
        title,
    )
    page.mouse.click(x, y)
    return x, y


def test_a_family_is_walked_in_the_graph(chromium: Browser, served: Served) -> None:
    with signed_in(chromium, served, "vic") as page:
        opened(page, "/lineage?target=models:/vision/digits/2&up=1&down=0")
        few = nodes(page)
        tap(page, "digits/2")
        drawer = page.locator("[data-drawer]")
        expect(drawer.get_by_role("heading")).to_have_text("vision/digits/2")
        expect(drawer).to_contain_text("fine tuning")
        assert "_" not in drawer.inner_text()
        drawer.get_by_role("button", name="Show after it").first.click()
        expect(page.locator(".graph")).not_to_have_attribute("data-ready", str(few))
        assert nodes(page) == few + 2
        tap(page, "digits-small/1")
        expect(drawer.get_by_role("heading")).to_have_text("edge/digits-small/1")
        expect(drawer.get_by_role("button", name="Show after it")).to_have_count(0)
        before = page.evaluate("document.querySelector('.graph')._cyreg.cy.zoom()")
        page.get_by_role("button", name="Zoom in").click()
        assert page.evaluate("document.querySelector('.graph')._cyreg.cy.zoom()") > before
        drawer.get_by_role("link", name="Open").click()
        page.wait_for_url("**/models/edge/digits-small/1")


def test_a_wide_fan_is_one_node_that_opens_by_pages_and_a_link_shows_the_same(
    chromium: Browser, served: Served
) -> None:
    with signed_in(chromium, served, "vic") as page:
        opened(page, WIDE)
        few = nodes(page)
        tap(page, f"+ {TUNED - 4} by fine tuning")
        expect(page.locator(".graph")).to_have_attribute("data-ready", str(few + 24))
        tap(page, f"+ {TUNED - 16} by fine tuning")
        expect(page.locator(".graph")).to_have_attribute("data-ready", str(few + 48))
        link = page.url
        assert "fine_tuning" in link
        page.goto("/")
        opened(page, link)
        assert nodes(page) == few + 48
        tap(page, "base/1")
        more = page.locator("[data-drawer]").get_by_role("button", name="Show after it")
        for left in (TUNED - 28, TUNED - 40, TUNED - 52):
            expect(more).to_have_text(f"Show after it: {left} by fine tuning")
            more.click()
        expect(more).to_have_count(0)
        assert nodes(page) == few + 2 * (TUNED - 4)


@pytest.mark.parametrize("size", [(1440, 900), (390, 800)])
def test_the_drawer_never_covers_what_was_clicked(chromium: Browser, served: Served, size: tuple[int, int]) -> None:
    viewport: Any = {"width": size[0], "height": size[1]}
    with signed_in(chromium, served, "vic", viewport=viewport) as page:
        opened(page, "/lineage?target=models:/vision/digits/2")
        for title in ("digits/2", "lite0/1", "digits-small/1", "digits/1"):
            x, y = tap(page, title)
            drawer = page.locator("[data-drawer]")
            expect(drawer.get_by_role("heading")).to_contain_text(title)
            box = drawer.bounding_box()
            assert box is not None
            inside = box["x"] <= x <= box["x"] + box["width"] and box["y"] <= y <= box["y"] + box["height"]
            assert not inside, title
            drawer.get_by_role("button", name="Close").click()


def test_the_graph_is_walked_by_keys_and_says_where_it_is(chromium: Browser, served: Served) -> None:
    with signed_in(chromium, served, "vic") as page:
        opened(page, "/lineage?target=models:/vision/digits/2")
        graph, live = page.locator(".graph"), page.locator("[data-live]")
        graph.focus()
        expect(live).to_contain_text("Model, vision/digits/2")
        wide = page.evaluate("!document.querySelector('.graph')._cyreg.cy.nodes().hasClass('tall')")
        parent, child = ("ArrowLeft", "ArrowRight") if wide else ("ArrowUp", "ArrowDown")
        page.keyboard.press(parent)
        expect(live).to_contain_text("Step, fine tuning")
        page.keyboard.press(child)
        expect(live).to_contain_text("vision/digits/2")
        page.keyboard.press(" ")
        expect(page.locator("[data-drawer]")).to_be_visible()
        page.keyboard.press("Escape")
        expect(page.locator("[data-drawer]")).to_be_hidden()
        page.keyboard.press(parent)
        page.keyboard.press("Enter")
        page.wait_for_url("**/steps/step-*")


def test_what_is_recalled_or_tainted_is_told_without_colour(chromium: Browser, served: Served) -> None:
    with signed_in(chromium, served, "vic") as page:
        opened(page, "/lineage?target=models:/wide/base/2")
        shown = page.evaluate(
            """() => document.querySelector(".graph")._cyreg.cy.nodes("[mark != '']").map(node =>
                [node.data("title"), node.style("border-style"), node.style("background-image") !== "none"])"""
        )
        assert sorted(one for one in shown if one[0].startswith(("✕", "⚠"))) == [
            ["⚠ tainted\npupil/1", "dashed", True],
            ["✕ recalled\nbase/2", "double", True],
        ]
        expect(page.get_by_label("Descendants")).to_contain_text("⚠ tainted")


def test_the_picture_is_saved_as_png_and_svg(chromium: Browser, served: Served) -> None:
    with signed_in(chromium, served, "vic") as page:
        opened(page, "/lineage?target=models:/wide/base/2")
        for name, begins in (("PNG", b"\x89PNG"), ("SVG", b"<svg")):
            with page.expect_download() as waiting:
                page.get_by_role("button", name=f"Save as {name}").click()
            content = waiting.value.path().read_bytes()
            assert content.startswith(begins)
            assert waiting.value.suggested_filename == f"models-wide-base-2.{name.lower()}"
            if name == "SVG":
                assert "recalled" in content.decode()


def test_readers_without_scripts_have_the_table_and_the_next_of_what_is_left_out(
    chromium: Browser, served: Served
) -> None:
    with signed_in(chromium, served, "vic", java_script_enabled=False) as page:
        page.goto(WIDE)
        page.get_by_text("The same as a table").click()
        table = page.get_by_role("region", name="The lineage as a table")
        expect(table.get_by_role("row")).to_have_count(6)
        table.get_by_role("link", name=f"{TUNED - 4} by fine tuning").click()
        expect(page.get_by_role("heading", level=1)).to_have_text("Lineage of wide/base/1")
        expect(page.get_by_label("Descendants").get_by_role("link", name="wide/tuned-59/1")).to_be_visible()
        page.goto("/models/wide/base/1")
        expect(page.get_by_role("link", name=f"{TUNED} by fine tuning")).to_be_visible()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_no_fault_on_a_big_family_with_the_drawer_open(
    chromium: Browser, served: Served, scheme: Any
) -> None:
    with signed_in(chromium, served, "vic", color_scheme=scheme) as page:
        faults = []
        for more in ("#node=models:/wide/base/1", "&method=fine_tuning&at=2030-01-01"):
            opened(page, WIDE + more)
            expect(page.locator("[data-drawer]")).to_be_visible(visible=more.startswith("#"))
            page.get_by_text("The same as a table").click()
            page.wait_for_timeout(50)  # boxes that became visible are measured
            faults += [
                (fault["id"], node["html"][:150], node["failureSummary"][:300])
                for fault in Axe().run(page).response["violations"]
                for node in fault["nodes"]
            ]
    assert faults == []


def test_the_layout_puts_every_parent_before_its_child_and_no_two_nodes_on_one_place(
    chromium: Browser, served: Served
) -> None:
    with signed_in(chromium, served, "vic") as page:
        worst = page.evaluate(
            """async () => {
                const { place } = await import("/static/lineage/layout.js");
                let seed = 7;
                const random = (n) => (seed = (seed * 48271) % 2147483647) % n;
                let [turned, nearest] = [0, Infinity];
                for (let round = 0; round < 40; round += 1) {
                    const count = 1 + random(60);
                    const nodes = Array.from({ length: count }, (_, i) => ({ id: `${i}` }));
                    const edges = [];
                    for (let i = 1; i < count; i += 1)
                        for (let k = random(4); k > 0; k -= 1) {
                            const source = `${random(i)}`, id = `${source}-${i}`;
                            if (!edges.some((edge) => edge.id === id)) edges.push({ id, source, target: `${i}` });
                        }
                    const { places } = place(nodes, edges, round % 2 === 0);
                    const axis = round % 2 === 0 ? "x" : "y";
                    for (const { source, target } of edges)
                        if (places.get(source)[axis] >= places.get(target)[axis]) turned += 1;
                    const all = [...places.values()];
                    for (let i = 0; i < all.length; i += 1)
                        for (let k = 0; k < i; k += 1)
                            nearest = Math.min(nearest, Math.hypot(all[i].x - all[k].x, all[i].y - all[k].y));
                }
                return { turned, nearest };
            }"""
        )
    assert worst["turned"] == 0
    assert worst["nearest"] > 60
