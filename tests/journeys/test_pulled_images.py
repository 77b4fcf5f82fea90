"""An image model's whole story on the command line, up to a process that knows the pulled folder and transformers."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.image_families import hub_folder, stock
from tests.adapters.loop.worlds import image_data
from tests.command_line import command_line

RECIPE = """\
schema: forebear/recipe/v1
output: vision/bars
method: feature_extraction
source: models:/library/tiny/1
data: {train: datasets:/data/bars/1}
head: ridge
"""


@pytest.mark.slow
@pytest.mark.parametrize(("kind", "definition"), [("resnet", None), ("dinov3_vit", "transformers_mlp.py")])
def test_every_recorded_prediction_is_repeated_from_the_folder_that_was_pulled(
    kind: str, definition: str | None, tmp_path: Path
) -> None:
    said = ("--licence", "CC0-1.0", "--origin", "made up")
    with command_line(tmp_path) as typed:
        typed.ask("init")
        typed.ask("model", "import", "library/tiny", hub_folder(tmp_path / "hub", kind), *said)
        image_data(tmp_path)
        typed.ask("dataset", "add", "data/bars", tmp_path / "bars.npz", "--task", "image-classification", *said)
        (tmp_path / "bars.yaml").write_text(RECIPE, encoding="utf-8")
        done = typed.ask("transfer", "run", tmp_path / "bars.yaml")
        assert done["summary"]["state"] == "succeeded"
        pulled = tmp_path / "pulled"
        typed.ask("model", "pull", "models:/vision/bars/1", "--to", pulled)
    assert (pulled / "transformers_mlp.py").exists() is (definition is not None)
    predicted, recorded = stock().repeats(pulled, tmp_path / "bars.npz")
    assert predicted == recorded
    assert len(set(recorded)) == 3
