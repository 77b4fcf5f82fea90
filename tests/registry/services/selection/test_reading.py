"""The rows of a dataset version on disk."""

from __future__ import annotations

from pathlib import Path

import pytest

from registry.domain.names import Reference
from registry.errors import BadReferenceError, InvalidError
from registry.services.context import Context
from registry.services.selection.reading import ALL, dataset_of, rows_of
from tests.registry.services.selection.worlds import DATA


def test_all_splits_together_have_a_digest_of_their_own(context: Context, tmp_path: Path) -> None:
    detail = dataset_of(context, DATA)
    whole, part = rows_of(context, detail, None, tmp_path / "whole"), rows_of(context, detail, "odd", tmp_path / "odd")
    assert (len(whole.chosen), whole.split) == (112, ALL)
    assert (len(part.chosen), part.digest) == (12, detail.summary.digest)
    assert whole.digest != part.digest


def test_what_is_no_dataset_or_no_split_of_it_is_refused(context: Context, tmp_path: Path) -> None:
    with pytest.raises(BadReferenceError, match="is not a dataset"):
        dataset_of(context, Reference.parse("models:/library/weak"))
    with pytest.raises(InvalidError, match="has no split 'dev'"):
        rows_of(context, dataset_of(context, DATA), "dev", tmp_path / "dev")
