"""Model registries of other tools, whose versions are imported."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol


@dataclass(frozen=True, slots=True)
class OtherVersion:
    """One version of a model in another registry."""

    name: str
    version: str
    run_id: str = ""
    """The run that made it, where the registry has one."""
    description: str = ""
    model_description: str = ""
    tags: Mapping[str, str] = field(default_factory=dict)
    standing: tuple[str, ...] = ()
    """Its aliases there and its stage: what somebody has decided about it."""
    why_not: str = ""
    """Why it cannot be fetched; empty where nothing is known against it."""

    def __str__(self) -> str:
        """`name/3`."""
        return f"{self.name}/{self.version}"


@dataclass(frozen=True, slots=True)
class FetchedVersion:
    """The files of a version: `source` is what an importer takes, `bases` what it says that it is made from."""

    source: Path
    bases: tuple[str, ...] = ()


class ModelRegistry(Protocol):
    """Reads the versions of another registry; nothing that comes from there is run or unpickled."""

    name: str

    def versions(self, uri: str, *, model: str | None = None) -> Sequence[OtherVersion]:
        """Every version, of one model or of all, oldest first. Raises: AdapterError, NotFoundError."""
        ...

    def fetch(self, uri: str, version: OtherVersion, folder: Path) -> FetchedVersion:
        """Write the files of a version into `folder`. Raises: AdapterError.

        UnsafeArtifactError where its weights are a pickle; BadArtifactError where there are none, or several.
        """
        ...
