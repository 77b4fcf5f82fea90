"""The smallest example of the README runs as it is pasted."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.house.tree import ROOT
from tests.journeys.pasting import paste

BLOCK = re.compile(r"^## The smallest example\n.*?^```sh\n(.*?)^```", re.MULTILINE | re.DOTALL)


@pytest.mark.journey
@pytest.mark.timeout(900)
def test_the_smallest_example_runs_as_it_is_pasted(tmp_path: Path) -> None:
    found = BLOCK.search((ROOT / "README.md").read_text(encoding="utf-8"))
    assert found, "the README has no smallest example"
    script = found[1].replace(". .venv/bin/activate", "true").replace("forebear serve", "true")
    paste(script, tmp_path)
    assert (tmp_path / "news-model" / "model.safetensors").exists()
