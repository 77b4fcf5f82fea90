"""Imports `.keras` archives: checked, loaded by Keras in `safe_mode`, rewritten as safetensors, and proved equal."""

from __future__ import annotations

from pathlib import Path

from adapters.keras.archive import archive_in, read_archive
from registry.errors import BadArtifactError, MissingExtraError
from registry.ports.importing import ConvertedSource, SourceFacts


class KerasImporter:
    """A model of Keras's own layers that says the shape of its inputs."""

    name = "keras"

    def detect(self, source: Path) -> SourceFacts | None:
        """A zip with config.json and metadata.json, alone or in a folder beside its card, labels and preprocessing."""
        if archive_in(source) is None:
            return None
        return SourceFacts(format=self.name, architecture="keras", modality=None, task=None)

    def convert(self, source: Path, target: Path, *, architecture: str | None) -> ConvertedSource:
        """Write model.safetensors, config.json and, for pictures, preprocessor_config.json.

        Raises: UnsafeArtifactError naming the layer that is code or comes from elsewhere, BadArtifactError for an
        archive that is damaged or whose rebuilt model answers otherwise, MissingExtraError.
        """
        del architecture  # the archive says it
        path = archive_in(source)
        if path is None:
            raise BadArtifactError(f"{source.name} is no Keras archive")
        try:
            archive = read_archive(path)
            from adapters.keras.conversion import convert  # noqa: PLC0415 - opens Keras, and most sources are others
        except ImportError as error:
            raise MissingExtraError(
                f"a .keras archive is read with Keras and h5py, which do not import: {error}",
                remedy='Run: pip install "forebear[keras]"',
            ) from error
        return convert(archive, path.parent if source.is_dir() else None, target)
