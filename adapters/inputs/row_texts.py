"""The text of a row, from the row index or from its file."""

from __future__ import annotations

from registry.domain.data.datasets import Row
from registry.errors import BadDataError
from registry.ports.transfers import DataInput


def text_of(row: Row, data: DataInput) -> str:
    """The text of `row`, from the row itself or from its file (UTF-8). Raises: BadDataError."""
    if row.text is not None:
        return row.text
    if row.path is None or row.index is not None:
        raise BadDataError(f"Row {row.key} of {data.label} is not a text", remedy="Use a dataset of texts")
    try:
        return (data.root / row.path).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise BadDataError(f"Row {row.key} of {data.label} ({row.path}) cannot be read: {error}") from error
