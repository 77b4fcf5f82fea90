"""What the commands about weights and test rows print: the evidence as a table, then whole sentences."""

from __future__ import annotations

import pytest

from lineage import Relation, WeightComparison
from registry.cli.views.lineage.kinship import show_identification
from registry.cli.views.lineage.leakage import show_leakage
from registry.domain.data.leakage import Leakage, NearCopies, NearOverlap, NearPair, Overlap, RowPair
from registry.domain.verbs.lineage import Candidate, Identification
from tests.builders import dataset_ref, model_ref


def test_test_rows_seen_in_training_are_told_with_examples(capsys: pytest.CaptureFixture[str]) -> None:
    pair = RowPair(test=3, train=14)
    one = Overlap(dataset_ref("a/again/1"), "test", dataset_ref("a/data/1"), "train", "step-1", 2, (pair,))
    show_leakage(Leakage(9, 2, (one,), (), looks=4, complete=True))
    said = " ".join(capsys.readouterr().out.split())
    assert "row 3 is row 14" in said
    assert "2 of 9 test rows were seen in training: the results on them are too good." in said
    assert said.endswith("Steps measured on these test rows so far: 4.")


def test_near_copies_are_shown_with_their_texts_as_they_are_and_what_was_left_out(
    capsys: pytest.CaptureFixture[str],
) -> None:
    pair = NearPair(3, 14, "a [red]boat[/red]", "a boat")
    one = NearOverlap(dataset_ref("a/t/1"), "test", dataset_ref("a/data/1"), "train", "step-1", 1, (pair,))
    near = NearCopies(1, 9, (one,), ("Of the 90 rows of a/data/1, 50 were compared for near-copies",))
    show_leakage(Leakage(9, 0, (), (), looks=1, complete=True, near=near))
    printed = capsys.readouterr()
    said = " ".join(printed.out.split())
    assert "a/t/1 row 3 a [red]boat[/red]" in said
    assert "1 of 9 test rows that were compared are nearly copies of training rows" in said
    assert "Of the 90 rows of a/data/1, 50 were compared" in printed.err


def test_nothing_is_said_of_rows_where_there_are_none(capsys: pytest.CaptureFixture[str]) -> None:
    show_leakage(Leakage(0, 0, (), (), looks=0, complete=True))
    assert capsys.readouterr().out == "It was not measured on test data.\n"


def test_kin_are_listed_and_strangers_counted(capsys: pytest.CaptureFixture[str]) -> None:
    kin = WeightComparison(Relation.FINE_TUNED, "Neurons agree", 1, 1, 1, distance=0.1)
    stranger = WeightComparison(Relation.UNRELATED, "By chance", 1, 1, 1)
    candidates = (
        Candidate(model_ref("a/kin/1"), 0.5, kin, None),
        Candidate(model_ref("a/adapter/1"), 0.1, None, "An adapter"),
        Candidate(model_ref("a/other/1"), 0.0, stranger, None),
    )
    show_identification(Identification("x.safetensors", 3, candidates, 0, ("A note",)))
    said = " ".join(capsys.readouterr().out.split())
    assert "a/kin/1 trained further" in said
    assert "a/adapter/1 not compared" in said
    assert "a/other/1" not in said
    assert said.endswith("1 more with layers of the same shapes were compared: the weights do not relate them.")
