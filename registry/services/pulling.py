"""Pull: a version's files in a folder of their own, ready to load with stock tools and without Forebear."""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path

from registry.domain.catalog import VersionDetail
from registry.domain.manifests import Manifest
from registry.domain.verbs import PullReport
from registry.errors import ConflictError, IntegrityError
from registry.services.context import Context
from registry.services.storing import write_files
from registry.services.unit_of_work import UnitOfWork


def pull_model(context: Context, uow: UnitOfWork, detail: VersionDetail, folder: Path) -> PullReport:
    """Write the payload, the card as README.md, and the one-file definition where stock tools have none.

    The folder appears whole or not at all. Raises: ConflictError when it is there and not empty, IntegrityError.
    """
    staged = stage_beside(folder)
    try:
        manifest = Manifest(detail.files)
        size = write_files(uow, context.blobs, detail.summary.ref, manifest, staged, changed=_changed)
        if detail.card is not None and not (staged / "README.md").exists():
            (staged / "README.md").write_text(detail.card.text, encoding="utf-8")
        definition = context.plugins.definition(detail.architecture)
        if definition is not None:
            name, source = definition
            (staged / name).write_bytes(source)
        files = sum(1 for path in staged.rglob("*") if path.is_file())
        publish_folder(staged, folder)
    finally:
        shutil.rmtree(staged, ignore_errors=True)
    return PullReport(detail.summary.ref, folder, files, size)


def stage_beside(folder: Path) -> Path:
    """An empty hidden folder next to `folder`, on the same disk. Raises: ConflictError when `folder` is in use."""
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise ConflictError(f"{folder} is there and not empty", remedy="Give a new folder")
    folder.parent.mkdir(parents=True, exist_ok=True)
    return Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))


def publish_folder(staged: Path, folder: Path) -> None:
    """Give `staged` its final name in one step, readable by those whom the umask lets read."""
    if folder.exists():
        folder.rmdir()
    mask = os.umask(0)
    os.umask(mask)
    staged.chmod(0o777 & ~mask)
    staged.rename(folder)


def _changed(path: str) -> IntegrityError:
    return IntegrityError(
        f"the stored bytes of {path!r} are not what was registered", remedy="Run forebear doctor, and restore a backup"
    )
