"""The row index of a dataset version: canonical JSON Lines of its rows, one a line, in order of key."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator

from lineage import BadDigestError, Digest
from registry.domain.data.datasets import Row
from registry.domain.manifests import canonical_json, check_path
from registry.errors import IntegrityError, InvalidError


def index_lines(rows: Iterable[Row]) -> Iterator[bytes]:
    """RFC 8785 JSON of each row, without what is None, each followed by a newline. Raises: InvalidError."""
    for row in rows:
        yield canonical_json(_document(row)) + b"\n"


def _document(row: Row) -> dict[str, object]:
    document = {
        "key": row.key,
        "digest": row.digest.hex,
        "split": row.split,
        "label": row.label,
        "path": row.path,
        "text": row.text,
        "index": row.index,
        "group": row.group,
    }
    return {name: value for name, value in document.items() if value is not None}


def read_index(body: bytes) -> list[Row]:
    """The rows whose lines `index_lines` gave. Raises: IntegrityError for anything else."""
    rows = []
    for number, line in enumerate(body.split(b"\n")[:-1], start=1):
        try:
            document = json.loads(line)
            if "path" in document:
                check_path(document["path"])  # it is joined to the folder of the files
            rows.append(Row(**{"label": None, **document, "digest": Digest(document["digest"])}))
        except (ValueError, TypeError, KeyError, AttributeError, BadDigestError, InvalidError) as error:
            raise IntegrityError(f"Line {number} of the row index is not a row: {error}") from error
    return rows
