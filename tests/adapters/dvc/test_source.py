"""The data source as a whole: what it is given, and what it gives back."""

from __future__ import annotations

from pathlib import Path

import pytest

from registry.errors import BadDataError, InvalidError, NotFoundError
from tests.adapters.dvc.worlds import draw, paint_classes, read

TABLE = "text,label\ngood film,pos\nbad film,neg\nfine film,pos\npoor film,neg\n"


def test_one_class_only_is_no_dataset(tmp_path: Path) -> None:
    data = paint_classes(tmp_path / "data", {"cat": 2})
    with pytest.raises(BadDataError, match="Every row has the label 'cat'"):
        read(data, tmp_path / "scratch")


def test_a_source_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(NotFoundError, match="nowhere"):
        read(tmp_path / "nowhere", tmp_path / "scratch")


def test_only_a_pointer_of_dvc_has_revisions(tmp_path: Path) -> None:
    with pytest.raises(InvalidError, match="--rev"):
        read(draw(tmp_path, {"t.csv": TABLE}) / "t.csv", tmp_path / "scratch", rev="main")
