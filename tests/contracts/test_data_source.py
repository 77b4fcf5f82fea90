"""What every data source promises: rows in a stable order, labels of the requested kind, splits as planned."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import cast

import pytest

from lineage import Digest
from registry.domain.data.datasets import LabelKind, SplitPlan
from registry.domain.data.labels import classes_of, number_of
from registry.domain.data.splits import Content, assign_splits
from registry.errors import BadDataError
from registry.limits import DataLimits
from registry.plugins import load
from registry.ports.data import DataListing, DataSource, HowToRead
from tests.adapters.dvc.worlds import draw

TABLES = {
    LabelKind.CLASS: [("good film", "good"), ("bad film", "bad")],
    LabelKind.MANY: [("good film", "war|good"), ("bad film", ""), ("film", "war")],
    LabelKind.NUMBER: [("good film", "1.5"), ("bad film", "-2")],
    LabelKind.TAGS: [("good film", "ADJ NOUN"), ("bad old film", "ADJ ADJ NOUN")],
    LabelKind.NONE: [("good film", "ignored"), ("bad film", "")],
}
WRONG = {
    LabelKind.CLASS: "",
    LabelKind.MANY: "war|war",
    LabelKind.NUMBER: "many",
    LabelKind.TAGS: "NOUN",
}


@pytest.fixture
def source() -> DataSource:
    """The one that is installed."""
    return cast("DataSource", load("forebear.datasets", "dvc"))


def listed(
    source: DataSource, folder: Path, kind: LabelKind, extra: str = "", plan: SplitPlan | None = None
) -> DataListing:
    rows = "".join(
        f"{text} {n},{label}{' NUM' * (kind is LabelKind.TAGS)}\n" for n in range(30) for text, label in TABLES[kind]
    )
    file = draw(folder, {"t.csv": f"text,label\n{rows}{extra}"}) / "t.csv"
    staging = folder / "staging"
    staging.mkdir()
    how = HowToRead(plan or SplitPlan(), labels=kind)
    return source.read(file, how, staging=staging, cache=folder / "cache", limits=DataLimits())


@pytest.mark.parametrize("kind", list(LabelKind))
def test_rows_have_labels_of_the_kind_that_was_asked_for(kind: LabelKind, source: DataSource, tmp_path: Path) -> None:
    rows = listed(source, tmp_path, kind).rows
    assert [row.key for row in rows] == list(range(30 * len(TABLES[kind])))
    for row in rows:
        assert row.text is not None
        assert row.digest == Digest.of(row.text.encode())
        assert (row.label is None) == (kind is LabelKind.NONE)
        if kind is LabelKind.NUMBER:
            assert number_of(row.label) in {1.5, -2}
        if kind is LabelKind.TAGS:
            assert len(classes_of(row.label, kind)) == len(row.text.split())
        if kind is LabelKind.MANY:
            assert list(classes_of(row.label, kind)) == sorted(set(classes_of(row.label, kind)))


@pytest.mark.parametrize("kind", list(LabelKind))
def test_splits_follow_the_plan_for_each_kind_of_labels(kind: LabelKind, source: DataSource, tmp_path: Path) -> None:
    plan = SplitPlan({"train": 0.5, "test": 0.5}, seed=4)
    rows = listed(source, tmp_path, kind, plan=plan).rows
    assert [row.split for row in rows] == assign_splits([Content(row.digest, row.label) for row in rows], plan, kind)
    assert set(Counter(row.split for row in rows).values()) == {len(rows) // 2}


@pytest.mark.parametrize("kind", list(WRONG))
def test_a_label_of_another_kind_is_refused_by_its_row(kind: LabelKind, source: DataSource, tmp_path: Path) -> None:
    line = 30 * len(TABLES[kind]) + 2
    with pytest.raises(BadDataError, match=f"(?i:line {line} of 't.csv')"):
        listed(source, tmp_path, kind, extra=f"one more film,{WRONG[kind]}\n")
