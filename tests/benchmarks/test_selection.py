"""The benchmark of the ranking's kernel, at a small size."""

from __future__ import annotations

import pytest

from benchmarks.selection import EXACT, GRID, compared, from_exact


@pytest.mark.parametrize(("rows", "size", "kind"), GRID)
def test_the_evidence_is_exact_for_few_rows_low_rank_and_constant_columns(rows: int, size: int, kind: str) -> None:
    assert from_exact(rows, size, kind) < EXACT


def test_all_classes_at_once_give_what_one_after_another_gives() -> None:
    slow, fast, apart = compared(400, 32, 20)
    assert apart < 1e-9
    assert min(slow, fast) > 0
