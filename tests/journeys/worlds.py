"""What a journey starts from: a tiny source model and sentences that it can learn, as files."""

from __future__ import annotations

import csv
from pathlib import Path

from tests.adapters.loop.worlds import save_text_source, text_data

RECIPE = """\
schema: forebear/recipe/v1
output: text/fruit
method: feature_extraction
source: models:/library/tiny/1
data: {train: datasets:/data/fruit/1}
epochs: 4
params: {layer: last}
"""


def write_source(folder: Path) -> Path:
    """A BERT of three layers and sixteen numbers wide, as a Hugging Face folder."""
    source = folder / "tiny"
    save_text_source(source)
    return source


def write_sentences(folder: Path, *, text: str = "text", label: str = "label") -> Path:
    """Sentences about three fruits, as a CSV that brings its splits."""
    file = folder / "fruit.csv"
    with file.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.writer(stream)
        writer.writerow([text, label, "split"])
        writer.writerows([row.text, row.label, row.split] for row in text_data(folder).rows)
    return file


def write_recipe(folder: Path, text: str = RECIPE) -> Path:
    """The shortest useful recipe, unless another is given."""
    file = folder / "fruit.yaml"
    file.write_text(text, encoding="utf-8")
    return file
