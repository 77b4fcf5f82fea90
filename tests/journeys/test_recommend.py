"""Choosing a start on the command line: the ranking, a recipe from it, and that recipe run on warm features."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.adapters.loop.worlds import save_text_source
from tests.command_line import command_line
from tests.journeys.worlds import write_sentences

pytestmark = pytest.mark.slow


def test_the_recipe_that_follows_a_ranking_starts_from_its_features(tmp_path: Path) -> None:
    import torch
    from safetensors.torch import load_file, save_file

    with command_line(tmp_path) as forebear:
        forebear("init")
        for name in ("fresh", "moved"):
            save_text_source(tmp_path / name)
        weights = load_file(tmp_path / "moved/model.safetensors")
        torch.manual_seed(0)
        moved = {key: value + 0.05 * torch.randn_like(value) for key, value in weights.items()}
        save_file(moved, tmp_path / "moved/model.safetensors", metadata={"format": "pt"})
        for name in ("fresh", "moved"):
            forebear.ask("model", "import", f"library/{name}", tmp_path / name, "--licence", "mit")
        forebear.ask("dataset", "add", "data/fruit", write_sentences(tmp_path), "--licence", "cc0-1.0")
        report = forebear.ask("recommend", "data/fruit", "--recipes", tmp_path / "recipes")
        assert [one["ref"] for one in report["ranked"]] == ["models:/library/moved/1", "models:/library/fresh/1"]
        assert "it was never trained" in report["ranked"][1]["flag"]
        assert report["classical"]["features"] == "TF-IDF"
        (recipe,) = (tmp_path / "recipes").iterdir()
        step = forebear.ask("transfer", "run", recipe)
        assert step["summary"]["state"] == "succeeded"
        assert step["manifest"]["facts"]["feature_cache_hits"]["train"] is True
        assert forebear.ask("model", "show", "data/fruit-moved/1")["tags"]["selection"] == report["id"]
        again = forebear.ask("recommend", "data/fruit")
        (left,) = again["left_out"]  # it has seen these rows
        assert left["reason"].startswith("It was made with datasets:/data/fruit/1 itself")
        shown = forebear("recommend", "data/fruit", "--all", "--model", "library/moved", "--model", "library/fresh")
        assert "TF-IDF" in shown.out
        assert "cached" in shown.out
        assert "tags: {selection: sel-" in shown.out
