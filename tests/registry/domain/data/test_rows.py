"""The row index gives back the rows it was written from, and nothing else passes for one."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lineage import Digest
from registry.domain.data.datasets import Row
from registry.domain.data.rows import index_lines, read_index
from registry.errors import IntegrityError

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=30)
ROW = st.builds(
    Row,
    key=st.integers(0, 2**40),
    digest=st.binary(max_size=4).map(Digest.of),
    split=st.sampled_from(["train", "test"]),
    label=st.none() | TEXT,
    path=st.none() | st.sampled_from(["a.png", "b/ü 1.png", "b/c/d.txt"]),
    text=st.none() | TEXT,
    index=st.none() | st.integers(0, 2**40),
)


@given(st.lists(ROW, max_size=10))
def test_rows_come_back_as_they_were_written(rows: list[Row]) -> None:
    assert read_index(b"".join(index_lines(rows))) == rows


@pytest.mark.parametrize("body", [b"{}\n", b"[]\n", b"nonsense\n", b'{"digest":"ab","key":0,"split":"train"}\n'])
def test_what_is_no_row_is_refused(body: bytes) -> None:
    with pytest.raises(IntegrityError, match="Line 1 of the row index"):
        read_index(body)


def test_fields_that_are_not_set_are_left_out_of_the_row_index() -> None:
    row = Row(0, Digest.of(b"x"), "train", None, text="x")
    assert list(index_lines([row])) == [
        b'{"digest":"%b","key":0,"split":"train","text":"x"}\n' % row.digest.hex.encode()
    ]
