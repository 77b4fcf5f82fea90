"""Datasets."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from forebear.folders import imported, kept
from forebear.notebooks import shown
from forebear.reading import reading_through
from registry.domain.data.datasets import DataFormat, DatasetVersionDetail
from registry.domain.names import Reference
from registry.domain.verbs.registry import Registry as Verbs
from registry.errors import UsageError

READERS = {DataFormat.CSV: "read_csv", DataFormat.JSONL: "read_json", DataFormat.PARQUET: "read_parquet"}


@dataclass(frozen=True, slots=True)
class Dataset:
    """One version of a dataset. `detail` is all that the registry says of it."""

    detail: DatasetVersionDetail
    verbs: Verbs = field(repr=False, compare=False)

    @property
    def ref(self) -> str:
        """`datasets:/team/name/1`."""
        return str(self.detail.summary.ref)

    @property
    def digest(self) -> str:
        """The digest of its files, labels and splits."""
        return str(self.detail.summary.digest)

    @property
    def rows(self) -> int:
        """How many rows it has."""
        return self.detail.summary.rows

    @property
    def splits(self) -> Mapping[str, int]:
        """The number of rows of each split."""
        return {one.name: one.rows for one in self.detail.summary.splits}

    def pull(self, folder: str | Path) -> Path:
        """Write its files as they were registered into a new folder. Raises: ConflictError, RefusedError."""
        reading = reading_through(self.verbs)
        if reading is None:
            return self.verbs.datasets.pull(self._exact, Path(folder)).folder
        reading.pull_dataset(self._exact, self.detail.summary.ref, self.detail.files, Path(folder))
        return Path(folder)

    def to_pandas(self) -> Any:
        """The rows of a table (CSV, JSON Lines, Parquet) as they were registered, as a `pandas.DataFrame`.

        Raises: UsageError for pictures, folders of texts and arrays; MissingExtraError, RefusedError.
        """
        said = self.detail.summary
        reader = READERS.get(said.format)
        if reader is None:
            raise UsageError(f"{self.ref} is no table but of the format {said.format.value}", remedy="Use pull(FOLDER)")
        pandas = imported("pandas")
        # A version that was recalled since is refused, though its files are here.
        self.verbs.catalog.open_file(self._exact, self.detail.files[0].path, length=1).close()
        folder = kept(said.digest, self.pull)
        if (reading := reading_through(self.verbs)) is not None:
            reading.again(said.ref, self.detail.files)
        options = {"lines": True} if said.format is DataFormat.JSONL else {}
        tables = [getattr(pandas, reader)(folder / file.path, **options) for file in self.detail.files]
        return tables[0] if len(tables) == 1 else pandas.concat(tables, ignore_index=True)

    @property
    def _exact(self) -> Reference:
        return Reference.to(self.detail.summary.ref)

    def __repr__(self) -> str:
        return f"Dataset({self.ref!r})"

    def _repr_html_(self) -> str:
        said = self.detail.summary
        facts = {
            "description": self.detail.dataset.describing.description, "rows": said.rows, "splits": self.splits,
            "format": said.format.value, "licence": said.licence, "status": said.status.value, "digest": self.digest,
        }  # fmt: skip
        return shown(self.ref, facts)
