"""The request to the process that reads a dataset, and its answer: one JSON object each."""

from __future__ import annotations

import json
from base64 import b64decode, b64encode
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeVar

from registry.domain.codec import from_json, to_json
from registry.errors import AdapterError, RegistryError
from registry.limits import DataLimits
from registry.ports.data import DataSummary, FetchedData, HowToRead, Place
from registry.sandbox.wire import decode_error, encode_error

T = TypeVar("T")
SIDE = 192
"""Width and height of a small picture at most."""
INDEX = "index.jsonl"
"""The file in the scratch folder that the rows are written to."""
NOT_LOADED = "not-loaded"
"""In the facts of the error that is the answer when the libraries do not import."""


@dataclass(frozen=True, slots=True)
class DataRequest:
    """What to read, or to show.

    `memory` (bytes) and `seconds` are the limits of the process, `limits` those of the dataset.
    """

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
    shown: tuple[Place, ...] | None = None
    """The rows to make small pictures of; None: the dataset is read."""

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


def encode_thumbnails(pictures: Sequence[bytes]) -> str:
    """As one line of JSON."""
    return json.dumps({"thumbnails": [b64encode(one).decode() for one in pictures]})


def decode_thumbnails(text: str) -> list[bytes]:
    """The inverse of `encode_thumbnails`. Raises: the error that the process answered with; AdapterError."""
    return _answered(text, lambda answer: [b64decode(one, validate=True) for one in answer["thumbnails"]])


def decode_summary(text: str, *, root: Path, index: Path) -> DataSummary:
    """What was read from the files under `root`, with its rows in `index`.

    Raises: the error that the process answered with; AdapterError.
    """
    return _answered(text, lambda answer: replace(from_json(DataSummary, answer["summary"]), root=root, index=index))


def _answered(text: str, read: Callable[[Mapping[str, Any]], T]) -> T:
    try:
        answer = json.loads(text)
        problem = answer.get("error")
        if problem is None:
            return read(answer)
        error = decode_error(problem)
    except (ValueError, KeyError, TypeError, AttributeError, RegistryError) as nonsense:
        raise AdapterError(f"The reading process gave an answer that cannot be read: {nonsense!r}"[:500]) from nonsense
    raise error
