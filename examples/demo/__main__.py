"""Run the demo; the exit code is 0 only when every claim holds."""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from pathlib import Path

from examples.demo import home, story
from examples.demo.narration import Narrator


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m examples.demo", description=__doc__)
    parser.add_argument("--home", type=Path, default=Path("demo-home"), help="where the demo's registry goes")
    given = parser.parse_args()
    begin = time.monotonic()
    narrator = Narrator()
    try:
        home.make_fresh(given.home, narrator)
    except home.NotOursError as error:
        narrator.console.print(f"[bold red]{error}[/]")
        return 2
    isolate(given.home)
    with tempfile.TemporaryDirectory(prefix="forebear-demo-") as scratch:
        token = story.tell(narrator, Path(scratch))
    narrator.finish(given.home, token, seconds=time.monotonic() - begin)
    return 0 if narrator.all_hold else 1


def isolate(folder: Path) -> None:
    """The demo's commands use its own registry folder only, whatever is set in the shell, and no network."""
    for name in list(os.environ):
        if name.startswith("FOREBEAR_"):
            del os.environ[name]
    os.environ.update(
        FOREBEAR_HOME=str(folder), FOREBEAR_ACTOR="ana", HF_HUB_OFFLINE="1", TOKENIZERS_PARALLELISM="false"
    )


if __name__ == "__main__":
    sys.exit(main())
