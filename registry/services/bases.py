"""What an adapter is loaded on, and who may read it: whatever loads an adapter reads its parent's files with it."""

from __future__ import annotations

from collections.abc import Iterator

from registry.domain.catalog.models import VersionDetail
from registry.domain.names import AssetKind, VersionRef
from registry.domain.people.teams import Level, Sight
from registry.domain.recipes.methods import SOURCE
from registry.domain.transfers.adapted import is_adapter
from registry.domain.transfers.steps import StepInput
from registry.errors import BadArtifactError, NotFoundError, RefusedError
from registry.services.lookup import actor_of, found
from registry.services.unit_of_work import UnitOfWork


def may_load(uow: UnitOfWork, sight: Sight, ref: VersionRef) -> bool:
    """True where the person may read the files of every parent that comes with the model `ref`, if any does."""
    return not sight or all(sight.allows(one.name, Level.USE) for one in _bases(uow, ref))


def may_use(uow: UnitOfWork, handle: str, ref: VersionRef) -> bool:
    """True where this person may read the files of the version now, and of every parent that comes with it."""
    actor = actor_of(uow, handle)
    return actor is None or (actor.sight.allows(ref.name, Level.USE) and may_load(uow, actor.sight, ref))


def refuse_closed_bases(uow: UnitOfWork, sight: Sight, ref: VersionRef) -> None:
    """Raises: RefusedError where `may_load` is False."""
    if not may_load(uow, sight, ref):
        raise RefusedError(
            "This version is loaded on one of a closed team, whose files are not for you",
            remedy="Ask who manages that team for the level use in it",
        )


def _bases(uow: UnitOfWork, ref: VersionRef) -> Iterator[VersionRef]:
    """The parents that come with a model, as far as they are known: what loads it says what is missing."""
    detail = uow.catalog.version(ref) if ref.kind is AssetKind.MODELS else None
    while detail is not None and is_adapter(detail.files):
        try:
            base = parent_of(uow, detail).ref
        except (BadArtifactError, NotFoundError):
            return
        yield base
        detail = uow.catalog.version(base)


def parent_of(uow: UnitOfWork, adapter: VersionDetail) -> StepInput:
    """See `registry.services.artifacts.model_inputs.base_of`."""
    step = found(uow.steps.get(adapter.step), adapter.step)
    parents = [i for i in step.inputs if i.ref.kind is AssetKind.MODELS and i.role == SOURCE]
    copied = next((i for i in parents if i.digest == adapter.summary.digest), None)
    if copied is not None:
        return parent_of(uow, found(uow.catalog.version(copied.ref), copied.ref))
    if len(parents) != 1:
        raise BadArtifactError(
            f"{adapter.summary.ref} is an adapter, but its lineage names {len(parents)} parents instead of one",
            remedy="Train the adapter here, so that its parent is known",
        )
    return parents[0]
