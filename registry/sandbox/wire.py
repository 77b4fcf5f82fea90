"""The request to the converting process and its answer: one JSON object each."""

from __future__ import annotations

import errno
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from registry import errors
from registry.domain.catalog.models import Modality
from registry.errors import RegistryError
from registry.ports.importing import ConvertedSource, SourceFacts

ANSWER = "answer.json"
"""The file in the scratch folder that the child writes its answer to."""

NO_ROOM = 75
"""The exit code of a process that could not write its answer because the disk is full (`EX_TEMPFAIL` of sysexits.h)."""


def is_full(error: BaseException) -> bool:
    """Whether `error` says that there is no room on the disk."""
    return isinstance(error, OSError) and error.errno in {errno.ENOSPC, errno.EDQUOT}


_ERRORS: Mapping[str, type[RegistryError]] = {
    kind.code: kind
    for kind in (
        errors.UsageError,
        errors.InvalidError,
        errors.BadArtifactError,
        errors.BadDataError,
        errors.DatasetChangedError,
        errors.NotFoundError,
        errors.TooLargeError,
        errors.UnsafeArtifactError,
        errors.MisfitError,
        errors.IntegrityError,
        errors.UnavailableError,
        errors.MissingExtraError,
        errors.AdapterError,
        errors.NoSpaceError,
    )
}


@dataclass(frozen=True, slots=True)
class Request:
    """What to convert, and the limits of the process. `memory` in bytes (0: no limit), `seconds` of processor time.

    `importers` are names of entry points in `forebear.importers`; empty: all that are installed, in order of name.
    """

    source: str
    target: str
    architecture: str | None
    pickles: bool
    memory: int
    seconds: int
    largest_file: int
    importers: tuple[str, ...] = ()

    def encode(self) -> str:
        """As one line of JSON."""
        return json.dumps(asdict(self))

    @classmethod
    def decode(cls, text: str) -> Request:
        """The inverse of `encode`."""
        fields = json.loads(text)
        return cls(**{**fields, "importers": tuple(fields["importers"])})


def encode_answer(answer: ConvertedSource | RegistryError) -> str:
    """As one line of JSON; an error travels by its code."""
    if isinstance(answer, RegistryError):
        return encode_error(answer)
    return json.dumps({"converted": {**asdict(answer), "folder": str(answer.folder)}})


def encode_error(error: RegistryError) -> str:
    """An error as one line of JSON."""
    fields = {"code": error.code, "message": error.message, "remedy": error.remedy, "facts": error.facts}
    return json.dumps({"error": fields}, default=str)


def decode_error(fields: Mapping[str, Any]) -> RegistryError:
    """The error that `encode_error` wrote. Raises: KeyError, TypeError, ValueError for anything else."""
    kind = _ERRORS.get(fields["code"], errors.AdapterError)
    return kind(str(fields["message"]), remedy=str(fields["remedy"]), facts=dict(fields["facts"]))


def decode_answer(text: str, folder: Path) -> ConvertedSource:
    """What the child converted into `folder`. Raises: the error that it answered with; AdapterError."""
    try:
        answer = json.loads(text)
        problem = answer.get("error")
        if problem is None:
            return _converted(answer["converted"], folder)
        error = decode_error(problem)
    except (ValueError, KeyError, TypeError, AttributeError) as nonsense:
        raise errors.AdapterError(
            f"The converting process gave an answer that cannot be read: {nonsense!r}"
        ) from nonsense
    raise error


def _converted(fields: Mapping[str, Any], folder: Path) -> ConvertedSource:
    facts = dict(fields["facts"])
    facts["modality"] = Modality(facts["modality"]) if facts["modality"] is not None else None
    return ConvertedSource(
        folder=folder,
        facts=SourceFacts(**facts),
        tensors=int(fields["tensors"]),
        parameters=int(fields["parameters"]),
        notes=tuple(str(note) for note in fields["notes"]),
        libraries={str(name): str(version) for name, version in fields["libraries"].items()},
    )
