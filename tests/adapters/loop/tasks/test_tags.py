"""Tags of words: targets, loss and the usual metrics."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from adapters.loop.tasks.labelled import IGNORE_INDEX
from adapters.loop.tasks.tags import Tags, entities, tags_of
from lineage import Digest
from registry.domain.catalog.models import Modality
from registry.domain.data.datasets import DataFormat, LabelKind, Row
from registry.errors import BadDataError
from registry.ports.transfers import DataInput

ROWS = (
    Row(0, Digest.of(b"0"), "train", "O B-place I-place", text="to New York"),
    Row(1, Digest.of(b"1"), "train", "B-name O", text="Ann left"),
)
DATA = DataInput(Path(), Digest.of(b"d"), "test/tags/1", DataFormat.JSONL, Modality.TEXT, ROWS, "train", LabelKind.TAGS)
TASK = tags_of(DATA, ROWS, None)


def outputs(*answers: list[str | None]) -> np.ndarray:
    """Outputs that predict the given classes; None: truncated away."""
    found = np.zeros((len(answers), max(map(len, answers)), TASK.outputs), dtype=np.float32)
    for line, tags in enumerate(answers):
        for place, tag in enumerate(tags):
            if tag is not None:
                found[line, place] = -1.0
                found[line, place, TASK.classes.index(tag)] = 3.0
    return found


def test_each_word_has_a_number_and_the_rest_is_nothing() -> None:
    assert TASK.classes == ("B-name", "B-place", "I-place", "O")
    assert TASK.targets("train", DATA, ROWS).tolist() == [[3, 1, 2], [0, 3, IGNORE_INDEX]]


def test_a_word_without_an_answer_is_wrong_and_costs_no_loss() -> None:
    truth = TASK.targets("train", DATA, ROWS)
    whole = outputs(["O", "B-place", "I-place"], ["B-name", "O"])
    cut = outputs(["O", "B-place"], ["B-name", "O"])
    assert TASK.metrics["accuracy"](truth, whole) == 1.0
    assert TASK.metrics["accuracy"](truth, cut) == pytest.approx(4 / 5)
    assert TASK.metrics["macro_f1"](truth, cut) == pytest.approx(3 / 4)
    assert TASK.metrics["loss"](truth, cut) == pytest.approx(TASK.metrics["loss"](truth, whole))
    losses = [float(TASK.loss(torch.from_numpy(one), torch.from_numpy(truth))) for one in (whole, cut)]
    assert losses == pytest.approx([TASK.metrics["loss"](truth, whole)] * 2)
    assert [TASK.prediction(line) for line in cut] == [["O", "B-place"], ["B-name", "O"]]
    assert TASK.prediction(np.zeros((3, 4), dtype=np.float32)) == []


def test_entities_count_whole_or_not_at_all() -> None:
    truth = TASK.targets("train", DATA, ROWS)
    half = outputs(["O", "B-place", "O"], ["B-name", "O"])
    assert TASK.metrics["entity_f1"](truth, half) == pytest.approx(2 * 1 / (2 + 2))
    assert TASK.metrics["entity_f1"](np.full((1, 2), TASK.classes.index("O")), outputs(["O", "O"])) == 1.0
    assert "entity_f1" not in Tags(("noun", "verb")).metrics


@pytest.mark.parametrize(
    ("tags", "found"),
    [
        ("B-a I-a O B-a", {("a", 0, 2), ("a", 3, 4)}),
        ("B-a B-a", {("a", 0, 1), ("a", 1, 2)}),
        ("I-a I-b I-b", {("a", 0, 1), ("b", 1, 3)}),
        ("O O", set()),
    ],
)
def test_an_entity_ends_where_another_kind_or_a_new_one_begins(tags: str, found: set[tuple[str, int, int]]) -> None:
    assert entities(tags.split()) == found


def test_the_baseline_is_the_commonest_tag_of_training() -> None:
    truth = TASK.targets("train", DATA, ROWS)
    assert TASK.baseline(truth, truth) == {"baseline_accuracy": pytest.approx(2 / 5)}


def test_a_row_whose_words_and_tags_differ_in_number_is_named() -> None:
    odd = (replace(ROWS[0], label="O O"),)
    with pytest.raises(BadDataError, match="Row 0 of test/tags/1 has 3 words and 2 tags"):
        TASK.targets("train", DATA, odd)
    with pytest.raises(BadDataError, match="one tag only: 'O'"):
        tags_of(DATA, (replace(ROWS[0], label="O O O"),), None)
