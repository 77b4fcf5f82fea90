"""The files of a version as MLflow's clients download them: what `forebear model pull` writes, and `MLmodel`.

The gate stands here, for numbers and addresses alike: aliases are read by clients, and cannot guard anything.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from registry.api.approval import not_approved
from registry.api.contents import GivenFile
from registry.api.mlflow.flavours import COMPONENTS, DESCRIPTION, described
from registry.domain.catalog.models import RETIRED, VersionDetail, VersionSummary, was_approved
from registry.domain.names import Reference, no_file
from registry.domain.verbs.registry import Registry
from registry.errors import RefusedError

MAX_TEXT = 1024**2
"""Bytes of a stored text, at the end of which what a pull appends is added; a longer one is given as it is."""


def allowed(registry: Registry, reference: Reference, *, unapproved: bool) -> VersionDetail:
    """A version whose files may be given out. `unapproved`: whether those that nobody approved are, too.

    Raises: NotFoundError, RefusedError.
    """
    detail = registry.catalog.version(reference)
    check_given(detail.summary, unapproved=unapproved)
    return detail


def check_given(version: VersionSummary, *, unapproved: bool) -> None:
    """Raises: RefusedError for a version whose files are not given out."""
    if version.stage == RETIRED:
        raise RefusedError(f"{version.ref} is retired", remedy="Choose another version")
    if not unapproved and not was_approved(version.stage):
        raise not_approved(version.ref, version.stage)


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


def one_file(registry: Registry, reference: Reference, path: str, *, unapproved: bool) -> GivenFile:
    """One file of a version. One that is stored and given out as it is, is found without a list of the others.

    Raises: as `allowed` and `artifacts`, and NotFoundError.
    """
    if path != DESCRIPTION and not path.startswith(COMPONENTS):  # what `described` adds takes their place
        given = registry.catalog.given_file(reference, path)
        check_given(given.summary, unapproved=unapproved)
        if given.entry is not None:
            return GivenFile.stored(registry, Reference.to(given.summary.ref), given.entry)
    detail = allowed(registry, reference, unapproved=unapproved)
    found = artifacts(registry, detail).get(path)
    if found is None:
        raise no_file(detail.summary.ref, path)
    return found


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
