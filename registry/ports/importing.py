"""Reading source models of other tools."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from registry.domain.catalog.models import Modality


@dataclass(frozen=True, slots=True)
class SourceFacts:
    """What an importer saw in a source, before conversion."""

    format: str
    """The name of the importer, such as `huggingface`, `torch-state-dict` or `onnx`."""
    architecture: str | None
    modality: Modality | None
    task: str | None
    licence: str | None = None
    card: str | None = None


@dataclass(frozen=True, slots=True)
class ConvertedSource:
    """A source rewritten into a folder of accepted formats only (safetensors, JSON, text)."""

    folder: Path
    facts: SourceFacts
    tensors: int
    parameters: int
    notes: tuple[str, ...] = ()
    libraries: Mapping[str, str] = field(default_factory=dict)
    """Names and versions of what converted it; the converting process fills this in."""


class SourceImporter(Protocol):
    """Reads a foreign model. `convert` is always called in a subprocess of its own, with limits on memory and time."""

    name: str

    def detect(self, source: Path) -> SourceFacts | None:
        """What `source` (a file or folder) is, by content and without running any of it; None when not mine."""
        ...

    def convert(self, source: Path, target: Path, *, architecture: str | None) -> ConvertedSource:
        """Write the accepted form of `source` into the empty folder `target`, comparing every tensor.

        Raises: UnsafeArtifactError for a pickle that needs more than tensors, BadArtifactError for a corrupt file,
        MisfitError naming the tensors that do not fit `architecture`.
        """
        ...
