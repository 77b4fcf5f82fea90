"""Takes the pictures of the README from a registry: `python -m examples.screenshots --home demo-home --actor ana`.

It needs Chromium (/usr/bin/chromium) and a version with a promotion request: its lineage and its newest request are
pictured. A token of a day is made for the actor.
"""

from __future__ import annotations

import argparse
import io
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from PIL import Image
from playwright.sync_api import sync_playwright

from registry import bootstrap
from registry.settings import Settings

IMAGES = Path(__file__).parent.parent / "docs" / "images"
WIDTH, HEIGHT = 1200, 860
COLOURS = 128


def main() -> None:
    """Take both pictures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--home", type=Path, default=Path("demo-home"))
    parser.add_argument("--actor", default="ana", help="who looks at the pages")
    parser.add_argument("--out", type=Path, default=IMAGES)
    words = parser.parse_args()
    registry = bootstrap.open(words.home, settings=Settings(home=words.home, mlflow_uri="off"), actor=words.actor)
    requests = registry.promotions.requests().items
    if not requests:
        sys.exit("This registry has no promotion request to picture")
    token = registry.people.create_token(words.actor, label="pictures of the README", days=1).secret
    pages = {"lineage": f"/lineage?target={requests[0].ref}", "review": f"/promotions/{requests[0].id}"}
    words.out.mkdir(parents=True, exist_ok=True)
    with serving(words.home) as address, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=["--no-sandbox"])
        page = browser.new_page(base_url=address, viewport={"width": WIDTH, "height": HEIGHT}, color_scheme="light")
        page.goto("/sign-in")
        page.get_by_label("Token").fill(token)
        page.get_by_role("button", name="Sign in").click()
        for name, path in pages.items():
            page.goto(path)
            if name == "lineage":
                page.wait_for_selector(".graph[data-ready]")
                page.wait_for_timeout(1000)  # the graph moves to its place
            picture = Image.open(io.BytesIO(page.screenshot())).convert("RGB").quantize(COLOURS)
            picture.save(words.out / f"{name}.png", optimize=True)
            print(f"{words.out / name}.png: {(words.out / f'{name}.png').stat().st_size:,} bytes")
        browser.close()


@contextmanager
def serving(home: Path) -> Iterator[str]:
    """The address of a server over `home`, for as long as the block runs."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    command = [sys.executable, "-m", "registry.cli", "serve", "--home", str(home), "--port", str(port)]
    with subprocess.Popen(command) as process:
        try:
            for _ in range(300):
                with socket.socket() as probe:
                    if probe.connect_ex(("127.0.0.1", port)) == 0:
                        break
                time.sleep(0.1)
            yield f"http://127.0.0.1:{port}"
        finally:
            process.terminate()


if __name__ == "__main__":
    main()
