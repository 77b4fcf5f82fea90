"""Test rows that are nearly copies of one another are noted when data is registered, unless their groups are named."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
from PIL import Image

from tests.adapters.dvc.worlds import read


def table(path: Path, *, copies: int, group: bool = False) -> Path:
    """Sixty test texts of 40 words, each `copies` times with one word replaced, and some texts to train on."""
    chance = np.random.default_rng(0)
    words = [f"word{number}" for number in range(1_000)]
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["text", "label", "split", *(["book"] if group else [])])
        for split, texts, times in (("train", 20, copies), ("test", 60, copies)):
            for number in range(texts):
                text = chance.choice(words, 40).tolist()
                for copy in range(times):
                    book = [f"{split}{number}"] if group else []
                    writer.writerow([" ".join([*text[:-1], f"end{copy}"]), number % 2, split, *book])
    return path


def test_texts_of_test_rows_that_are_nearly_copies_are_noted(tmp_path: Path) -> None:
    (note,) = read(table(tmp_path / "pages.csv", copies=3), tmp_path / "scratch").notes
    assert note.startswith("180 of 180 test rows are nearly copies of another test row (rows ")
    assert "--group-column" in note


def test_rows_whose_groups_are_named_and_rows_that_differ_are_not_noted(tmp_path: Path) -> None:
    named = table(tmp_path / "books.csv", copies=3, group=True)
    assert not read(named, tmp_path / "one", group="book").notes
    assert not read(table(tmp_path / "apart.csv", copies=1), tmp_path / "two").notes


def test_pictures_of_one_scene_are_noted(tmp_path: Path) -> None:
    chance = np.random.default_rng(0)
    for split in ("train", "test"):
        for scene in range(8):
            pixels = chance.integers(0, 200, (24, 24, 3)).repeat(2, axis=0).repeat(2, axis=1)
            for frame in range(2 if scene < 4 else 1):
                path = tmp_path / "data" / split / ("cat", "dog")[scene % 2] / f"{scene}-{frame}.png"
                path.parent.mkdir(parents=True, exist_ok=True)
                Image.fromarray((pixels + 20 * frame).astype(np.uint8)).save(path)
    (note,) = read(tmp_path / "data", tmp_path / "scratch").notes
    assert note.startswith("8 of 12 test rows are nearly copies of another test row (rows ")
