"""Importers of bare weights: torch state dicts and single safetensors files become folders of safe formats."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from adapters.torch.fitting import Fitted, fit, fit_entry, fit_timm_folder, known_architectures
from adapters.torch.networks.table import BESIDE, described_beside
from adapters.weights.claims import check_claims, check_config_size
from adapters.weights.pickled_weights import pieces_of as pickled_pieces
from adapters.weights.pickled_weights import read_state_dict
from adapters.weights.safetensors_files import (
    Header,
    Piece,
    keep_file,
    looks_untrained,
    pieces_of,
    read_header,
    write_pieces,
)
from adapters.weights.source_files import Kind, kind_of, only_file, read_json
from adapters.weights.wrappers import unwrapped_names
from registry.domain.catalog.models import Modality
from registry.errors import BadArtifactError, InvalidError
from registry.ports.importing import ConvertedSource, SourceFacts

WEIGHTS = "model.safetensors"
GENERIC = "generic"
"""The architecture of weights that are stored unchanged because no code here builds their model."""
UNTRAINED = "these weights look untrained: every running mean of their normalisations is zero"


class StateDictImporter:
    """A `.pt`, `.pth` or `.bin` with tensors by name, for an architecture that the caller names."""

    name = "torch-state-dict"

    def detect(self, source: Path) -> SourceFacts | None:
        """By its first bytes: any pickle or archive, to convert or to refuse."""
        file = only_file(source, besides=BESIDE)
        if file is None or kind_of(file) not in {Kind.PICKLE, Kind.ZIP}:
            return None
        return SourceFacts(format=self.name, architecture=None, modality=None, task=None)

    def convert(self, source: Path, target: Path, *, architecture: str | None) -> ConvertedSource:
        """Rewrite as safetensors. Raises: UnsafeArtifactError, BadArtifactError, InvalidError, MisfitError."""
        file = _file(source)
        tensors, notes = read_state_dict(file)  # an unsafe or broken file is refused first
        shapes = {name: tuple(tensor.shape) for name, tensor in tensors.items()}
        fitted = _fit(file, architecture, shapes)
        if fitted is None:
            raise InvalidError(
                f"The file {file.name!r} does not say which architecture its weights are for",
                remedy=f"Name one with --architecture: {known_architectures()}",
            )
        renamed = {ours: tensors[name] for name, ours in fitted.names.items()}
        return write_source(target, pickled_pieces(renamed), fitted, self.name, notes)


class SafetensorsImporter:
    """One safetensors file, for an architecture that the caller names, or kept as `generic`."""

    name = "safetensors"

    def detect(self, source: Path) -> SourceFacts | None:
        """By its first bytes; `convert` checks the whole file."""
        file = only_file(source, besides=BESIDE)
        if file is None or kind_of(file) is not Kind.SAFETENSORS:
            return None
        return SourceFacts(format=self.name, architecture=None, modality=None, task=None)

    def convert(self, source: Path, target: Path, *, architecture: str | None) -> ConvertedSource:
        """Keep the file as it is where no tensor changes its name. Raises: BadArtifactError, MisfitError."""
        file = _file(source)
        header = read_header(file)
        short, notes = unwrapped_names(header.shapes)
        fitted = _fit(file, architecture, {short[name]: shape for name, shape in header.shapes.items()})
        if fitted is None:
            return self._keep(file, header, target)
        names = {name: fitted.names[short[name]] for name in header.shapes if short[name] in fitted.names}
        if len(names) == len(header.shapes) and not fitted.added and all(ours == name for name, ours in names.items()):
            keep_file(file, target / WEIGHTS)
            return _converted(target, header, fitted, self.name, notes)
        used = replace(header, entries=tuple(entry for entry in header.entries if entry.name in names))
        return write_source(target, pieces_of(file, used, names), fitted, self.name, notes)

    def _keep(self, file: Path, header: Header, target: Path) -> ConvertedSource:
        keep_file(file, target / WEIGHTS)
        config = {"architectures": [GENERIC], "model_type": GENERIC}
        (target / "config.json").write_text(json.dumps(config, indent=2) + "\n", encoding="utf-8")
        facts = SourceFacts(format=self.name, architecture=GENERIC, modality=None, task=None)
        notes = (UNTRAINED,) if looks_untrained(target / WEIGHTS, header) else ()
        return ConvertedSource(target, facts, len(header.entries), header.parameters, notes)


class TimmFolderImporter:
    """A folder as timm writes it for the Hub: `architecture` and `pretrained_cfg` in config.json, one safetensors."""

    name = "timm"

    def detect(self, source: Path) -> SourceFacts | None:
        """By the config.json: it has timm's two keys and not those of transformers."""
        document = _config(source)
        if document is None or not {"architecture", "pretrained_cfg"} <= document.keys() or "model_type" in document:
            return None
        architecture = f"timm:{document['architecture']}"
        return SourceFacts(self.name, architecture, Modality.IMAGE, task=None)

    def convert(self, source: Path, target: Path, *, architecture: str | None) -> ConvertedSource:
        """Keep the weights. Raises: BadArtifactError, InvalidError, MisfitError, MissingExtraError."""
        document = _config(source) or {}
        named = f"timm:{document.get('architecture')}"
        if architecture not in {None, named}:
            raise InvalidError(f"The folder says that its architecture is {named}", remedy="Leave --architecture out")
        if not (source / WEIGHTS).is_file() or kind_of(source / WEIGHTS) is not Kind.SAFETENSORS:
            raise BadArtifactError(f"The folder has no {WEIGHTS}", remedy="Save the model with timm's save_for_hf")
        header = read_header(source / WEIGHTS)
        check_claims(document, len(header.entries))
        fitted = fit_timm_folder(document, header.shapes)
        keep_file(source / WEIGHTS, target / WEIGHTS)
        return _converted(target, header, fitted, self.name, [])


def _config(source: Path) -> dict[str, Any] | None:
    file = source / "config.json"
    if not file.is_file() or kind_of(file) is not Kind.JSON:
        return None
    check_config_size(file)
    document = read_json(file, constants=[])
    return document if isinstance(document, dict) else None


def _file(source: Path) -> Path:
    file = only_file(source, besides=BESIDE)
    if file is None:
        raise BadArtifactError(f"{source.name!r} is not one file of weights")
    return file


def _fit(file: Path, architecture: str | None, shapes: Mapping[str, tuple[int, ...]]) -> Fitted | None:
    """How tensors fit `architecture`, or the one that is described beside `file`; None when neither says.

    Raises: InvalidError for both or an unknown one, BadArtifactError, MisfitError.
    """
    beside = described_beside(file)
    if beside is not None and architecture is not None:
        raise InvalidError(
            "The folder describes the architecture of its weights, and --architecture names another",
            remedy="Leave --architecture out, or import the file alone",
        )
    if beside is not None:
        return fit_entry(beside, shapes, ordered=True)
    return None if architecture in {None, GENERIC} else fit(str(architecture), shapes, ordered=True)


def write_source(target: Path, pieces: list[Piece], fitted: Fitted, format: str, notes: list[str]) -> ConvertedSource:
    """Write tensors and the two JSON files into `target`; weights that look untrained get a note."""
    if fitted.added:
        import numpy as np  # noqa: PLC0415 - most imports need no NumPy, which takes longer to load than they do

        from adapters.weights.foreign.arrays import pieces_of as array_pieces  # noqa: PLC0415 - as above

        pieces = [*pieces, *array_pieces({name: np.zeros((), np.int64) for name in fitted.added})]
    header = write_pieces(target / WEIGHTS, pieces)
    return _converted(target, header, fitted, format, notes)


def _converted(target: Path, header: Header, fitted: Fitted, format: str, notes: list[str]) -> ConvertedSource:
    fitted.write(target)
    notes = [*notes, *fitted.notes]
    if looks_untrained(target / WEIGHTS, header):
        notes = [*notes, UNTRAINED]
    if fitted.by_order:
        from adapters.torch.networks.evidence import prove_order  # noqa: PLC0415 - most imports need no torch

        notes = [*notes, prove_order(target, fitted.architecture)]
    return ConvertedSource(target, fitted.facts(format), len(header.entries), header.parameters, tuple(notes))
