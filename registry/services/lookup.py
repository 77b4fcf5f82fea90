"""Looking things up: what a reference names now, or an error with the command that lists what there is."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, TypeVar

from registry.domain.catalog.models import VersionSummary
from registry.domain.catalog.statuses import STOPPED, Use, allows
from registry.domain.names import AssetKind, Name, Reference, VersionRef
from registry.domain.paging import every
from registry.domain.people.people import Actor, Permission
from registry.domain.people.teams import STAND_IN, fold
from registry.errors import DamagedError, NameTakenError, NotFoundError, RefusedError
from registry.services.unit_of_work import UnitOfWork
from registry.services.withholding import refuse_stopped

if TYPE_CHECKING:
    from datetime import datetime

    from registry.domain.data.datasets import DatasetVersionSummary
    from registry.services.context import Context

T = TypeVar("T")


def found(value: T | None, what: object, *, see: str | None = None) -> T:
    """`value`, unless it is None. `see` is the command that lists things of this kind, where `what` does not show it.

    Raises: NotFoundError.
    """
    if value is None:
        text = str(what)
        missing = f"There is no {text}" if " " in text else f"{text} does not exist"
        raise NotFoundError(missing, remedy=f"See what there is: forebear {see or _list_command(text)}")
    return value


def _list_command(what: str) -> str:
    """The command that lists things like `what`: a step id, a URI, or a sentence that ends in one."""
    if what.startswith("step-"):
        return "transfer list"
    return "dataset list" if f"{AssetKind.DATASETS}:/" in what else "model list"


def resolve(uow: UnitOfWork, reference: Reference) -> VersionRef:
    """The exact version that `reference` names now. Raises: NotFoundError."""
    ref = uow.catalog.resolve(reference)
    if ref is None:
        raise unresolved(reference)
    return ref


def unresolved(reference: Reference) -> NotFoundError:
    """What is said of a reference that names nothing."""
    word = "dataset" if reference.kind is AssetKind.DATASETS else "model"
    exact = reference.number is not None or reference.alias is not None
    listing = f"forebear {word} show {reference.name}, or forebear {word} list" if exact else f"forebear {word} list"
    return NotFoundError(f"{reference} does not exist", remedy=f"See what there is: {listing}")


def actor_of(uow: UnitOfWork, handle: str) -> Actor | None:
    """Somebody as they act here: with the roles that they hold now, and what they see of closed teams."""
    found = uow.teams.acting(handle)
    if found is None:
        return None
    person, sight = found
    return Actor(person.handle, frozenset(person.roles), person.service, sight=sight)


def refuse_taken(uow: UnitOfWork, kind: AssetKind, name: Name) -> None:
    """Raises: NameTakenError when nothing new can have this name. Ask only about names that nothing has now."""
    if fold(name.team) == STAND_IN:
        raise NameTakenError(
            f"{STAND_IN} stands for what is not shown, so nothing can be in a team of this name",
            remedy="Choose another name",
        )
    if uow.catalog.is_taken(kind, name):
        raise NameTakenError(
            f"{name} is taken: deleted names are never used again, and - counts as _ in names",
            remedy="Choose another name",
        )


def is_unused(uow: UnitOfWork, name: Name) -> bool:
    """True for a registered model that never had a version."""
    return uow.catalog.next_number(AssetKind.MODELS, name) == 1


def all_versions(uow: UnitOfWork, name: Name) -> Sequence[VersionSummary]:
    """Every live version, however many pages that takes."""
    return list(every(lambda page: uow.catalog.versions(name, page)))


def refuse_as_source(uow: UnitOfWork, version: VersionSummary | DatasetVersionSummary, now: datetime) -> None:
    """Raises: RefusedError for a version that no new version may be made from; DamagedError.

    Where its risk is accepted, new ones may be made; the role `forensics` reads, and makes nothing.
    """
    refuse_damaged(version)
    refuse_stopped(uow, version.ref, version.status, actor=None, now=now)
    if version.status not in STOPPED and not allows(version.status, Use.START):
        raise RefusedError(
            f"{version.ref} is {version.status}, so no new version can be made from it", remedy="Choose another version"
        )


def refuse_damaged(version: VersionSummary | DatasetVersionSummary) -> None:
    """Raises: DamagedError for a version with a stored object that is missing or changed."""
    if version.damaged:
        raise damaged(version.ref)


def damaged(ref: VersionRef) -> DamagedError:
    """What to raise for a version with a stored object that is missing or changed."""
    return DamagedError(
        f"Stored files of {ref} are missing or were changed, so it cannot be used",
        remedy="See which with forebear doctor, and restore them: forebear store repair --from BACKUP",
    )


def summary_of(uow: UnitOfWork, ref: VersionRef) -> VersionSummary | DatasetVersionSummary:
    """The summary of a live version of a model or dataset. Raises: NotFoundError."""
    if ref.kind is AssetKind.MODELS:
        return found(uow.catalog.summary(ref), ref)
    return found(uow.datasets.version(ref), ref).summary


def is_withheld(version: VersionSummary | DatasetVersionSummary) -> bool:
    """True for a version whose files cannot be read: by its status, or because they are damaged."""
    return version.damaged or not allows(version.status, Use.READ)


def refuse_withheld(context: Context, uow: UnitOfWork, version: VersionSummary | DatasetVersionSummary) -> None:
    """Raises: WithheldError, RecalledError for a version whose files cannot be read; DamagedError for a damaged one;
    PermissionDeniedError for a token that may only see what there is.
    """
    context.actor.require(Permission.USE)
    refuse_damaged(version)
    refuse_stopped(uow, version.ref, version.status, actor=context.actor, now=context.clock.now())
