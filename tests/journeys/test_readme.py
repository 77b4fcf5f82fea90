"""The smallest example of the README runs as it is pasted."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.house.tree import ROOT

BLOCK = re.compile(r"^## The smallest example\n.*?^```sh\n(.*?)^```", re.MULTILINE | re.DOTALL)


@pytest.mark.journey
@pytest.mark.timeout(900)
def test_the_smallest_example_runs_as_it_is_pasted(tmp_path: Path) -> None:
    found = BLOCK.search((ROOT / "README.md").read_text(encoding="utf-8"))
    assert found, "the README has no smallest example"
    for name, words in (("forebear", "-m registry.cli"), ("python", "")):
        (tmp_path / name).write_text(f'#!/bin/sh\nexec "{sys.executable}" {words} "$@"\n')
        (tmp_path / name).chmod(0o755)
    around = {name: value for name, value in os.environ.items() if not name.startswith("FOREBEAR_")} | {
        "PATH": f"{tmp_path}:{os.environ['PATH']}",
        "PYTHONPATH": str(ROOT),
        "FOREBEAR_THREADS": "1",
    }
    script = found[1].replace(". .venv/bin/activate", "true").replace("forebear serve", "true")
    done = subprocess.run(
        ["/bin/sh", "-eu", "-c", script], cwd=tmp_path, env=around, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    assert (tmp_path / "news-model" / "model.safetensors").exists()
