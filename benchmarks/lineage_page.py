"""The lineage page over a generated family: what the part that it asks for costs, and how fluid 500 nodes are.

The first table is of `lineage.near` through the verb: statements, and CPU milliseconds over the biggest fan-outs of
the registry and over models at random. The second moves the graph by a few pixels in each frame and gives the time
between frames (16.7 ms is every frame of a screen of 60 Hz). Chromium draws in software, without a GPU.

    python -m benchmarks.lineage_page /tmp/scale 10000
"""

from __future__ import annotations

import argparse
import random
import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from playwright.sync_api import Page, sync_playwright
from sqlalchemy import Engine, event

from benchmarks.catalog import open_registry
from benchmarks.material.catalog import World
from examples.screenshots import serving
from registry.domain.verbs.lineage import Only, Reach
from registry.services.registry import LocalRegistry
from registry.web.graph import CHILDREN, COUNTED, DOWN, EACH, LIMIT, UP

CHROMIUM = "/usr/bin/chromium"
PAGES = 20
"""Clicks on the biggest fan-out before the graph is moved: each adds up to 24 nodes."""
ZOOMS = {"every node in view": 0, "zoomed so that names can be read": 0.75}
MOVE = """async zoom => {
    const graph = document.querySelector(".graph")._cyreg.cy;
    graph.fit(undefined, 10);
    if (zoom) graph.zoom(zoom).center(graph.nodes("[focus = 1]"));
    const seen = graph.extent();
    const inside = graph.nodes().filter(one => {
        const { x, y } = one.position();
        return x > seen.x1 && x < seen.x2 && y > seen.y1 && y < seen.y2;
    }).length;
    const times = [];
    let drawn = 0;
    graph.on("render", () => { drawn += 1; });
    const next = () => new Promise(requestAnimationFrame);
    let before = await next();
    for (let i = 0; i < 240; i += 1) {
        graph.panBy({ x: i % 120 < 60 ? 4 : -4, y: i % 80 < 40 ? 2 : -2 });
        const now = await next();
        times.push(now - before);
        before = now;
    }
    return { inside, drawn, times: times.slice(10) };
}"""


def main() -> None:
    """See the module."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("size", type=int)
    parser.add_argument("--alone", action="store_true", help="the first table alone, without Chromium and the filter")
    given = parser.parse_args()
    home = given.folder / "sqlite" / str(given.size)
    with open_registry(home, given.size) as registry:
        hub = str(World(given.size).ref(0))
        print(f"{given.size:,} models\n\n{costs(registry, World(given.size), filters=not given.alone)}\n")
        if given.alone:
            return
        token = registry.people.create_token("bench", label="pictures of lineage", days=1).secret
    print("| | nodes in view | drawn anew | ms between frames p50 | p95 | worst |\n|---|---|---|---|---|---|")
    for name, found in frames(home, token, hub).items():
        times = sorted(found["times"])
        late, worst = times[int(len(times) * 0.95)], times[-1]
        print(
            f"| {name} | {found['inside']} | {found['drawn']} of 240 | {statistics.median(times):.1f} | {late:.1f} | "
            f"{worst:.1f} |"
        )


def costs(registry: LocalRegistry, world: World, *, filters: bool = True) -> str:
    """A table of what one answer costs."""
    draw, near = random.Random(11), registry.lineage.near
    some = [world.ref(draw.randrange(world.size)) for _ in range(100)]
    hubs = [world.ref(i) for i in range(20)]
    page = Reach(UP, DOWN, EACH, LIMIT, most=COUNTED)
    children = Reach(up=0, down=1, each=1, limit=1, most=CHILDREN)
    questions: dict[str, tuple[list[str], Callable[[str], object]]] = {
        "page of a model at random": (some, lambda ref: near(ref, page)),
        "page of the biggest families": (hubs, lambda ref: near(ref, page)),
        "children on the page of a model, biggest families": (hubs, lambda ref: near(ref, children)),
        "next 12 of a fan-out": (hubs, lambda ref: near(ref, Reach(0, 1, 12, 36, "fine_tuning", 0, COUNTED))),
        "a filter over the biggest families": (
            hubs,
            lambda ref: near(ref, Reach(30, 30, 8, 200), only=Only(stage="production")),
        ),
    }
    if not filters:
        del questions["a filter over the biggest families"]
    lines = ["| question | statements, most | CPU ms p50 | p95 | most |", "|---|---|---|---|---|"]
    for name, (refs, ask) in questions.items():
        spent, asked = [], []
        for ref in refs:
            ask(ref)
            with counted() as count:
                start = time.process_time()
                ask(ref)
                spent.append(1000 * (time.process_time() - start))
            asked.append(count[0])
        spent.sort()
        lines.append(
            f"| {name} | {max(asked)} | {statistics.median(spent):.1f} | {spent[int(len(spent) * 0.95)]:.1f} | "
            f"{spent[-1]:.1f} |"
        )
    return "\n".join(lines)


@contextmanager
def counted() -> Iterator[list[int]]:
    """How many statements any engine sends while the block runs."""
    count = [0]

    def note(*_: object) -> None:
        count[0] += 1

    event.listen(Engine, "before_cursor_execute", note)
    try:
        yield count
    finally:
        event.remove(Engine, "before_cursor_execute", note)


def frames(home: Path, token: str, target: str) -> dict[str, dict[str, Any]]:
    """Open the page with much of the biggest fan-out in it, and move it, at each of `ZOOMS`."""
    with serving(home) as address, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        page: Page = browser.new_page(base_url=address, viewport={"width": 1440, "height": 900})
        page.goto("/sign-in")
        page.get_by_label("Token").fill(token)
        page.get_by_role("button", name="Sign in").click()
        page.goto(f"/lineage?target={target}#more={target}|down|fine_tuning|{PAGES}")
        page.wait_for_selector(".graph[data-ready]", timeout=60_000)
        found = {name: page.evaluate(MOVE, zoom) for name, zoom in ZOOMS.items()}
        browser.close()
    return found


if __name__ == "__main__":
    main()
