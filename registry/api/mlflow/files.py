"""The files of a version as MLflow's clients download them: what `forebear model pull` writes, and `MLmodel`.

The gate stands here, for numbers and addresses alike: aliases are read by clients, and cannot guard anything.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from registry.api.approval import not_approved
from registry.api.contents import GivenFile
from registry.api.mlflow.flavours import described
from registry.domain.catalog.models import RETIRED, VersionDetail, was_approved
from registry.domain.names import Reference
from registry.domain.verbs.registry import Registry
from registry.errors import RefusedError

MAX_TEXT = 1024**2
"""Bytes of a stored text, at the end of which what a pull appends is added; a longer one is given as it is."""


def allowed(registry: Registry, reference: Reference, *, unapproved: bool) -> VersionDetail:
    """A version whose files may be given out. `unapproved`: whether those that nobody approved are, too.

    Raises: NotFoundError, RefusedError.
    """
    detail = registry.catalog.version(reference)
    one = detail.summary
    if one.stage == RETIRED:
        raise RefusedError(f"{one.ref} is retired", remedy="Choose another version")
    if not unapproved and not was_approved(one.stage):
        raise not_approved(one.ref, one.stage)
    return detail


def artifacts(registry: Registry, detail: VersionDetail) -> Mapping[str, GivenFile]:
    """Every file of a version by its path. Raises: RefusedError for one that is withheld, ParentChangedError."""
    plan = registry.catalog.pull_plan(Reference.to(detail.summary.ref))
    found: dict[str, GivenFile] = {}
    for part in plan.parts:
        for entry in part.files:
            path = f"{part.folder}/{entry.path}" if part.folder else entry.path
            found[path] = GivenFile.stored(registry, Reference.to(part.ref), entry, path=path)
    for path, text in plan.written.items():
        found[path] = GivenFile.made(path, text.encode())
    for path, text in plan.appended.items():
        before = found.get(path)
        if before is None or before.entry.size <= MAX_TEXT:
            found[path] = GivenFile.made(path, _all_of(before) + text.encode())
    found.update({file.path: file for file in described(found, detail.architecture)})
    return dict(sorted(found.items()))


def listed(files: Mapping[str, GivenFile], folder: str) -> list[dict[str, Any]]:
    """What lies in `folder`, each with its name there; nothing for a file, by which clients tell the two apart."""
    before = f"{folder}/" if folder else ""
    names: dict[str, dict[str, Any]] = {}
    for path, file in files.items():
        if path.startswith(before):
            name, below, _ = path[len(before) :].partition("/")
            size = {} if below else {"file_size": str(file.entry.size)}
            names.setdefault(name, {"path": name, "is_dir": bool(below), **size})
    return list(names.values())


def _all_of(file: GivenFile | None) -> bytes:
    if file is None:
        return b""
    with file.open_at(0, file.entry.size) as stream:
        return stream.read(file.entry.size)
