"""The request to the process that reads a dataset, and its answer: one JSON object each."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from lineage import Digest, LineageError
from registry.domain.catalog.models import Modality
from registry.domain.data.datasets import DataFormat, DvcRecord, LabelKind, NumberSummary, SplitPlan, SplitSummary
from registry.domain.manifests import FileEntry
from registry.errors import AdapterError, InvalidError, RegistryError
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

    def encode(self) -> str:
        """As one line of JSON."""
        return json.dumps(asdict(self), default=str)

    @classmethod
    def decode(cls, text: str) -> DataRequest:
        """The inverse of `encode`."""
        fields = json.loads(text)
        how, fetched = fields["how"], fields["fetched"]
        how["split"] = SplitPlan(**how["split"])
        how["labels"] = LabelKind(how["labels"])
        how["format"] = DataFormat(how["format"]) if how["format"] is not None else None
        if fetched is not None:
            fetched = FetchedData(**{**fetched, "data": Path(fetched["data"]), "notes": tuple(fetched["notes"])})
        places = {name: Path(fields[name]) for name in ("source", "staging", "cache", "scratch")}
        return cls(
            **{
                **fields,
                **places,
                "how": HowToRead(**how),
                "limits": DataLimits(**fields["limits"]),
                "fetched": fetched,
            }
        )


def encode_summary(answer: DataSummary | RegistryError) -> str:
    """As one line of JSON; an error travels by its code."""
    if isinstance(answer, RegistryError):
        return encode_error(answer)
    files = [[entry.path, entry.size, entry.sha256.hex] for entry in answer.files]
    splits = [[one.name, one.rows, dict(one.classes), one.numbers and asdict(one.numbers)] for one in answer.splits]
    fields = {
        "format": answer.format,
        "modality": answer.modality,
        "files": files,
        "rows": answer.rows,
        "splits": splits,
        "split": asdict(answer.split),
        "dvc": answer.dvc and asdict(answer.dvc),
        "adapter": answer.adapter,
        "notes": answer.notes,
        "libraries": dict(answer.libraries),
    }
    return json.dumps({"summary": fields})


def decode_summary(text: str, *, root: Path, index: Path) -> DataSummary:
    """What was read from the files under `root`, with its rows in `index`.

    Raises: the error that the process answered with; AdapterError.
    """
    try:
        answer = json.loads(text)
        problem = answer.get("error")
        if problem is None:
            return _summary(answer["summary"], root, index)
        error = decode_error(problem)
    except (ValueError, KeyError, TypeError, AttributeError, LineageError, InvalidError) as nonsense:
        raise AdapterError(f"The reading process gave an answer that cannot be read: {nonsense!r}"[:500]) from nonsense
    raise error


def _summary(fields: Mapping[str, Any], root: Path, index: Path) -> DataSummary:
    dvc = fields["dvc"]
    return DataSummary(
        root=root,
        format=DataFormat(fields["format"]),
        modality=Modality(fields["modality"]),
        files=tuple(FileEntry(str(path), int(size), Digest(sha256)) for path, size, sha256 in fields["files"]),
        index=index,
        rows=int(fields["rows"]),
        splits=tuple(_split(*one) for one in fields["splits"]),
        split=SplitPlan(**fields["split"]),
        dvc=DvcRecord(**dvc) if dvc is not None else None,
        adapter=str(fields["adapter"]),
        notes=tuple(map(str, fields["notes"])),
        libraries={str(name): str(version) for name, version in fields["libraries"].items()},
    )


def _split(name: str, rows: int, classes: Mapping[str, int], numbers: Mapping[str, float] | None) -> SplitSummary:
    counted = {str(one): int(count) for one, count in classes.items()}
    return SplitSummary(str(name), int(rows), counted, NumberSummary(**numbers) if numbers is not None else None)
