"""The inputs of a step on this machine, kept by digest, so that the next step with the same ones reads nothing."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from lineage import Digest
from registry.client.reading import read_files
from registry.domain.manifests import FileEntry
from registry.domain.names import Reference, VersionRef
from registry.domain.transfers.adapted import PIN, Pin
from registry.domain.transfers.work import Assignment, GivenData, GivenModel
from registry.domain.verbs.registry import Registry
from registry.errors import ConflictError
from registry.folders import new_folder
from registry.ports.transfers import DataInput, ModelInput


@dataclass(frozen=True, slots=True)
class Inputs:
    """Lays out what an assignment names in the cache `folder`."""

    registry: Registry
    assignment: Assignment
    folder: Path

    def models(self) -> tuple[ModelInput, ...]:
        """The models in the order of the recipe. Raises: DigestMismatchError, RefusedError, ParentChangedError."""
        return tuple(self._model(one) for one in self.assignment.models)

    def data(self) -> dict[str, DataInput]:
        """The datasets by role. Raises: DigestMismatchError, RefusedError."""
        found: dict[str, DataInput] = {}
        read: dict[VersionRef, DataInput] = {}
        for role, given in self.assignment.data.items():
            if given.ref not in read:
                read[given.ref] = self._dataset(role, given)
            found[role] = replace(read[given.ref], split=given.split)
        return found

    def _model(self, given: GivenModel) -> ModelInput:
        folder = self._kept(given.ref, given.digest, given.files)
        base = None
        if given.parent:
            base = self._model(self.assignment.parents[given.parent])
            Pin.read((folder / PIN).read_bytes()).check(base.digest)
        return ModelInput(folder, given.digest, given.role, given.architecture, given.ref.label, base)

    def _dataset(self, role: str, given: GivenData) -> DataInput:
        step_id = self.assignment.step.summary.id
        rows = self.registry.work.rows(step_id, self.assignment.worker, role)
        root = self._kept(given.ref, given.digest, given.files)
        return DataInput(
            root=root,
            digest=given.digest,
            label=given.ref.label,
            format=given.format,
            modality=given.modality,
            rows=rows,
            split="",
            labels=given.labels,
        )

    def _kept(self, ref: VersionRef, digest: Digest, files: Sequence[FileEntry]) -> Path:
        """The files in the cache; what lies there is checked before it is used, and read again if it was changed."""
        folder = self.folder / "inputs" / digest.hex
        if folder.is_dir() and not _is_whole(folder, files):
            shutil.rmtree(folder)
        if not folder.is_dir():
            self._read(lambda new: self._write(ref, files, new), folder)
        return folder

    def _write(self, ref: VersionRef, files: Sequence[FileEntry], folder: Path) -> None:
        read_files(self.registry.transfers, Reference.to(ref), self.assignment.worker, files, folder)

    @staticmethod
    def _read(write: Callable[[Path], None], folder: Path) -> None:
        try:
            with new_folder(folder) as staged:
                write(staged)
        except ConflictError:  # another worker of this machine was faster
            if not folder.is_dir():
                raise


def _is_whole(folder: Path, files: Sequence[FileEntry]) -> bool:
    for entry in files:
        path = folder / entry.path
        if not path.is_file() or path.stat().st_size != entry.size:
            return False
        with path.open("rb") as stream:
            if hashlib.file_digest(stream, "sha256").hexdigest() != entry.sha256.hex:
                return False
    return True
