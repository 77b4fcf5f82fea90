"""Imports `.keras` archives: checks them, loads them with `safe_mode`, and rewrites them as safetensors."""

from __future__ import annotations

from pathlib import Path

from adapters.keras.archive import archive_in, read_archive
from registry.errors import BadArtifactError, MissingExtraError
from registry.ports.importing import ConvertedSource, SourceFacts


class KerasImporter:
    """Imports models of Keras's own layers with a known input shape."""

    name = "keras"

    def detect(self, source: Path) -> SourceFacts | None:
        """Recognises a zip of config.json and metadata.json, alone or in a folder with a card and labels."""
        if archive_in(source) is None:
            return None
        return SourceFacts(format=self.name, architecture="keras", modality=None, task=None)

    def convert(self, source: Path, target: Path, *, architecture: str | None) -> ConvertedSource:
        """Write model.safetensors, config.json and, for image models, preprocessor_config.json.

        Raises: UnsafeArtifactError naming a layer that is code or not one of Keras, BadArtifactError for a damaged
        archive or if the rebuilt model has other outputs, MissingExtraError.
        """
        del architecture  # the archive describes it
        path = archive_in(source)
        if path is None:
            raise BadArtifactError(f"The file {source.name} is not a Keras archive")
        try:
            archive = read_archive(path)
            from adapters.keras.conversion import convert  # noqa: PLC0415 - imports Keras, which most sources do not need
        except ImportError as error:
            raise MissingExtraError(
                f"Reading a .keras archive needs Keras and h5py, which cannot be imported: {error}",
                remedy='Run: pip install "forebear[keras]"',
            ) from error
        return convert(archive, path.parent if source.is_dir() else None, target)
