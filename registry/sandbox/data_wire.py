"""The request to the process that reads a dataset, and its answer: one JSON object each."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from pathlib import Path

from registry.domain.codec import from_json, to_json
from registry.errors import AdapterError, RegistryError
from registry.limits import DataLimits
from registry.ports.data import DataSummary, FetchedData, HowToRead
from registry.sandbox.wire import decode_error, encode_error

INDEX = "index.jsonl"
"""The file in the scratch folder that the rows are written to."""
NOT_LOADED = "not-loaded"
"""In the facts of the error that is the answer when the libraries do not import."""


@dataclass(frozen=True, slots=True)
class DataRequest:
    """What to read. `memory` (bytes) and `seconds` are the limits of the process, `limits` those of the dataset."""

    source: Path
    staging: Path
    cache: Path
    scratch: Path
    how: HowToRead
    limits: DataLimits
    fetched: FetchedData | None
    memory: int
    seconds: int
    largest_file: int

    @property
    def unpacked(self) -> Path:
        """The folder that an archive is written to."""
        return self.scratch / "unpacked"

    def encode(self) -> str:
        """As one line of JSON."""
        return json.dumps(to_json(self))

    @classmethod
    def decode(cls, text: str) -> DataRequest:
        """The inverse of `encode`."""
        return from_json(cls, json.loads(text))


def encode_summary(answer: DataSummary | RegistryError) -> str:
    """As one line of JSON; an error travels by its code."""
    if isinstance(answer, RegistryError):
        return encode_error(answer)
    return json.dumps({"summary": to_json(answer)})


def decode_summary(text: str, *, root: Path, index: Path) -> DataSummary:
    """What was read from the files under `root`, with its rows in `index`.

    Raises: the error that the process answered with; AdapterError.
    """
    try:
        answer = json.loads(text)
        problem = answer.get("error")
        if problem is None:
            return replace(from_json(DataSummary, answer["summary"]), root=root, index=index)
        error = decode_error(problem)
    except (ValueError, KeyError, TypeError, AttributeError, RegistryError) as nonsense:
        raise AdapterError(f"The reading process gave an answer that cannot be read: {nonsense!r}"[:500]) from nonsense
    raise error
