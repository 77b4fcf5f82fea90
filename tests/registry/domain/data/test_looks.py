"""Data at a glance."""

from __future__ import annotations

from lineage import Digest
from registry.domain.data.datasets import LabelKind, Row
from registry.domain.data.looks import SHOWN, look
from registry.domain.names import AssetKind, Name, VersionRef
from registry.presenting.looks import remarks, where

REF = VersionRef(AssetKind.DATASETS, Name("data", "x"), 1)


def rows(*pairs: tuple[str, str | None]) -> list[Row]:
    return [Row(key, Digest.of(text.encode()), "train", label, text=text) for key, (text, label) in enumerate(pairs)]


def test_copies_are_counted_and_those_with_another_label_are_named() -> None:
    found = look(REF, LabelKind.CLASS, rows(("a", "x"), ("a", "x"), ("a", "y"), ("b", "y"), ("c", "x")))
    assert (found.rows, found.duplicates, found.contradictions) == (5, 2, 1)
    assert found.classes == {"x": 3, "y": 2}
    assert remarks(found) == [
        "The largest class has 1.5 times as many rows as the smallest (2 rows)",
        "2 rows are copies of earlier ones, 1 of them with another label",
    ]


def test_examples_are_of_all_classes_in_turn_and_always_the_same() -> None:
    data = rows(*((f"row {n}", "rare" if n == 7 else "common") for n in range(50)), ("y" * 999, "long"))
    found = look(REF, LabelKind.CLASS, data, examples=4)
    assert sorted(str(one.label) for one in found.examples) == ["common", "common", "long", "rare"]
    assert found == look(REF, LabelKind.CLASS, data[::-1], examples=4)
    assert next(len(one.text or "") for one in found.examples if one.label == "long") == SHOWN + 1


def test_a_row_of_several_classes_counts_for_each_and_numbers_have_none() -> None:
    found = look(REF, LabelKind.MANY, rows(("a", "x|y"), ("b", "x"), ("c", "")))
    assert (found.classes, found.smallest, found.balance) == ({"x": 2, "y": 1}, 1, 2.0)
    numbers = look(REF, LabelKind.NUMBER, rows(("a", "1.5"), ("b", "2")))
    assert (numbers.classes, numbers.balance, remarks(numbers)) == ({}, None, ["No row is a copy of another"])


def test_what_is_no_text_is_shown_by_its_place() -> None:
    found = look(REF, LabelKind.NONE, [Row(0, Digest.of(b"0"), "train", None, path="x.npz", index=3)])
    assert [where(one) for one in found.examples] == ["x.npz row 3"]
