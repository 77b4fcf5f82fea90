"""Rows that a model learnt from, on disk."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from lineage import Assurance
from registry.domain.catalog.models import Modality
from registry.domain.data.datasets import LabelKind
from registry.domain.names import Name, Reference
from registry.domain.verbs.data import AddDataset
from registry.errors import DatasetChangedError, InvalidError, RefusedError
from registry.services.context import Context
from registry.services.data.verbs import Datasets
from registry.services.lineage.learnt_from import LearntFrom
from registry.services.selection import learnt_rows
from registry.services.selection.learnt_rows import rows_learnt_from
from tests.builders import digest


@pytest.fixture(scope="module")
def pictures(context: Context, tmp_path_factory: pytest.TempPathFactory) -> LearntFrom:
    folder = tmp_path_factory.mktemp("old") / "old"
    for number in range(20):
        place = folder / "ab"[number % 2]
        place.mkdir(parents=True, exist_ok=True)
        Image.fromarray(np.full((4, 4, 3), number * 9, np.uint8)).save(place / f"{number}.png")
    Datasets(context).add(AddDataset(Name("data", "old-pictures"), str(folder), licence="cc0-1.0"))
    found = Datasets(context).version(Reference.parse("datasets:/data/old-pictures")).summary
    return LearntFrom(found.ref, found.digest, "", 0, Assurance.OBSERVED)


def test_only_the_files_of_the_drawn_rows_are_written_and_no_label_is_told(
    context: Context, pictures: LearntFrom, tmp_path: Path
) -> None:
    data = rows_learnt_from(context, pictures, Modality.IMAGE, 6, tmp_path / "rows")
    assert len(data.chosen) == 6
    assert (data.labels, {row.label for row in data.chosen}) == (LabelKind.NONE, {None})
    written = {str(path.relative_to(data.root)) for path in data.root.rglob("*.png")}
    assert written == {row.path for row in data.chosen}
    again = rows_learnt_from(context, pictures, Modality.IMAGE, 7, tmp_path / "more")
    assert again.digest != data.digest, "features of a part are never taken for those of another"


def test_data_of_another_kind_changed_data_and_files_that_are_too_large_are_refused(
    context: Context, pictures: LearntFrom, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(InvalidError, match="holds image data, not text"):
        rows_learnt_from(context, pictures, Modality.TEXT, 6, tmp_path / "rows")
    other = LearntFrom(pictures.data, digest("other"), "", 0, Assurance.OBSERVED)
    with pytest.raises(DatasetChangedError, match="is not what it was when the model was trained on it"):
        rows_learnt_from(context, other, Modality.IMAGE, 6, tmp_path / "rows")
    monkeypatch.setattr(learnt_rows, "MOST_BYTES", 10)
    with pytest.raises(RefusedError, match=r"The files of 6 rows of .* have 0\.0 GiB"):
        rows_learnt_from(context, pictures, Modality.IMAGE, 6, tmp_path / "rows")
    assert not (tmp_path / "rows").exists()
