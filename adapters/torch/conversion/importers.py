"""Importers of weights that other tools wrote: read as plain arrays here, converted and checked in `converting`."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType

from adapters.weights.foreign import hdf5, onnx_graphs, pickles, tfjs
from adapters.weights.pickled_weights import is_of_torch
from adapters.weights.source_files import Kind, kind_of, only_file
from registry.errors import BadArtifactError, MissingExtraError
from registry.ports.importing import ConvertedSource, SourceFacts


class PickledArraysImporter:
    """A bare pickle of numpy arrays; one that asks for anything else is refused, and nothing in it is called."""

    name = "pickled-arrays"

    def detect(self, source: Path) -> SourceFacts | None:
        """Any bare pickle but torch's own: to convert or to refuse."""
        file = only_file(source)
        if file is None or kind_of(file) is not Kind.PICKLE or is_of_torch(file):
            return None
        return _facts(self.name)

    def convert(self, source: Path, target: Path, *, architecture: str | None) -> ConvertedSource:
        """Raises: UnsafeArtifactError naming what the pickle needs, BadArtifactError, InvalidError, MisfitError."""
        arrays = pickles.read_arrays(_file(source))
        converted: ConvertedSource = _converting().from_pickled_arrays(arrays, target, architecture)
        return converted


class KerasWeightsImporter:
    """A `.weights.h5` of Keras 3: HDF5, read with h5py."""

    name = "keras-weights"

    def detect(self, source: Path) -> SourceFacts | None:
        """By the signature of HDF5."""
        file = only_file(source)
        if file is None:
            return None
        with file.open("rb") as opened:
            return _facts(self.name) if opened.read(len(hdf5.MAGIC)) == hdf5.MAGIC else None

    def convert(self, source: Path, target: Path, *, architecture: str | None) -> ConvertedSource:
        """Raises: BadArtifactError, InvalidError, MisfitError, MissingExtraError."""
        arrays = hdf5.read_arrays(_file(source))
        converted: ConvertedSource = _converting().from_keras_weights(arrays, target, architecture)
        return converted


class TfjsImporter:
    """A layers model of TensorFlow.js: `model.json` or `model.min.js` with its shards beside it."""

    name = "tfjs-layers"

    def detect(self, source: Path) -> SourceFacts | None:
        """By the topology in the model's file."""
        return None if tfjs.model_file(source) is None else _facts(self.name)

    def convert(self, source: Path, target: Path, *, architecture: str | None) -> ConvertedSource:
        """Raises: BadArtifactError, InvalidError, MisfitError."""
        file = tfjs.model_file(source)
        if file is None:
            raise BadArtifactError(f"{source.name!r} is not a layers model of TensorFlow.js")
        model = tfjs.read_layers_model(file)
        converted: ConvertedSource = _converting().from_layers_model(model, target, architecture)
        return converted


class OnnxImporter:
    """The initialisers of an ONNX model; its graph says what the converted model must answer."""

    name = "onnx"

    def detect(self, source: Path) -> SourceFacts | None:
        """By the first fields of the message."""
        file = only_file(source)
        if file is None or kind_of(file) is not Kind.OTHER or not onnx_graphs.looks_like_onnx(file):
            return None
        return _facts(self.name)

    def convert(self, source: Path, target: Path, *, architecture: str | None) -> ConvertedSource:
        """Raises: BadArtifactError, InvalidError, MisfitError, MissingExtraError."""
        graph = onnx_graphs.read_graph(_file(source))
        converted: ConvertedSource = _converting().from_onnx(graph, target, architecture)
        return converted


def _facts(format: str) -> SourceFacts:
    return SourceFacts(format=format, architecture=None, modality=None, task=None)


def _file(source: Path) -> Path:
    file = only_file(source)
    if file is None:
        raise BadArtifactError(f"{source.name!r} is not one file of weights")
    return file


def _converting() -> ModuleType:
    try:
        from adapters.torch.conversion import converting  # noqa: PLC0415 - detecting needs no torch
    except ImportError as error:
        raise MissingExtraError(
            f"Proving a conversion needs torch, which cannot be imported: {error}",
            remedy='Run: pip install "forebear[torch]"',
        ) from error
    return converting
