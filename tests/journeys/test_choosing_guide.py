"""The whole way of docs/choosing.md runs as it is pasted, on real weights and data."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.house.tree import ROOT
from tests.journeys.pasting import paste

BLOCK = re.compile(r"^## The whole way\n.*?^```sh\n(.*?)^```", re.MULTILINE | re.DOTALL)


@pytest.mark.journey
@pytest.mark.timeout(900)
def test_the_whole_way_from_data_to_a_request_runs_as_it_is_pasted(tmp_path: Path) -> None:
    found = BLOCK.search((ROOT / "docs" / "choosing.md").read_text(encoding="utf-8"))
    assert found, "docs/choosing.md has no whole way"
    done = paste(found[1], tmp_path)
    assert "A linear model on TF-IDF does as well on these rows" in done.stdout
    assert "source: models:/library/minilm/1" in (tmp_path / "news.yaml").read_text(encoding="utf-8")
    assert "Created models:/data/news-minilm/1" in done.stdout
    assert "source: library/minilm/1" in done.stdout
    assert "candidate" in done.stdout
