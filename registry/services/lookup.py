"""Looking things up: what a reference names now, or a clear error that says where to look."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

from registry.domain.catalog.models import Status, VersionSummary
from registry.domain.names import AssetKind, Name, Reference, VersionRef
from registry.domain.paging import every
from registry.errors import BadReferenceError, NameTakenError, NotFoundError, RefusedError
from registry.services.unit_of_work import UnitOfWork

T = TypeVar("T")
WITHHELD = frozenset({Status.RECALLED, Status.SUSPENDED})
"""Versions whose bytes are given to nobody, and that no new version is made from."""


def found(value: T | None, what: object) -> T:
    """`value`, unless it is None. Raises: NotFoundError."""
    if value is None:
        command = "transfer list" if str(what).startswith("step-") else "model list"
        raise NotFoundError(f"there is no {what}", remedy=f"See what there is: forebear {command}")
    return value


def resolve(uow: UnitOfWork, reference: Reference) -> VersionRef:
    """The exact version that `reference` names now. Raises: NotFoundError."""
    ref = uow.catalog.resolve(reference)
    if ref is None:
        word = "dataset" if reference.kind is AssetKind.DATASETS else "model"
        remedy = f"See what there is: forebear {word} show {reference.name}, or forebear {word} list"
        raise NotFoundError(f"there is no {reference}", remedy=remedy)
    return ref


def model_only(reference: Reference) -> Reference:
    """`reference`, unless it names a dataset: the two share no names. Raises: BadReferenceError."""
    if reference.kind is not AssetKind.MODELS:
        raise BadReferenceError(f"{reference} is no model", remedy="Write models:/team/name/1")
    return reference


def refuse_taken(uow: UnitOfWork, kind: AssetKind, name: Name) -> None:
    """Raises: NameTakenError when nothing new can have this name. Ask only about names that nothing has now."""
    if uow.catalog.is_taken(kind, name):
        raise NameTakenError(
            f"{name} is taken: a deleted name is never used again, nor one that differs by - and _",
            remedy="Choose another name",
        )


def all_versions(uow: UnitOfWork, name: Name) -> Sequence[VersionSummary]:
    """Every live version, however many pages that takes."""
    return list(every(lambda page: uow.catalog.versions(name, page)))


def refuse_as_source(version: VersionSummary) -> None:
    """Raises: RefusedError for a version that nothing new may be made from: withheld, or put away."""
    refuse_withheld(version)
    if version.status is Status.ARCHIVED:
        raise RefusedError(f"{version.ref} is archived: nothing new is made from it", remedy="Choose another version")


def refuse_withheld(version: VersionSummary) -> None:
    """Raises: RefusedError for a version that was recalled or suspended."""
    if version.status in WITHHELD:
        raise RefusedError(f"{version.ref} is {version.status}: its bytes are not given out", remedy="Choose another")
